/*
 * writer: bytes on their way into a non-blocking socket, all at once or in pieces. Embedded in its
 * owner, which hears when everything is written or why it cannot be. One thread, the main loop's.
 */
#ifndef PROXY_WRITER_H
#define PROXY_WRITER_H

#include <gio/gio.h>

struct writer {
	GSocket *socket; /* borrowed */
	GByteArray *queue;
	gsize piece; /* at most so many bytes a write, a turn of the main loop between; 0: no limit
		      */
	guint watch;
	void (*done)(void *data, gboolean failed);
	void *data;
};

void writer_init(struct writer *writer, GSocket *socket, void (*done)(void *data, gboolean failed),
		 void *data);
void writer_done(struct writer *writer);

/* Takes a copy. Calls `done` once the queue is empty, possibly before it returns. */
void writer_send(struct writer *writer, const GByteArray *bytes);

#endif
