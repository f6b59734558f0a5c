/*
 * writer: bytes on their way into a socket, all at once or in pieces. Embedded in its owner, which
 * hears when everything is written or why it cannot be, and does not watch the socket meanwhile.
 * One thread, the main loop's.
 */
#ifndef PROXY_WRITER_H
#define PROXY_WRITER_H

#include "watch.h"

struct writer {
	struct watch watch;
	GByteArray *queue; /* NULL: nothing is on its way */
	gsize piece; /* at most so many bytes a write, a turn of the main loop between; 0: no limit
		      */
	void (*done)(void *data, gboolean failed);
	void *data;
};

void writer_init(struct writer *writer, int fd, void (*done)(void *data, gboolean failed),
		 void *data);
void writer_done(struct writer *writer);

/* Takes a copy. Calls `done` once the queue is empty, possibly before it returns. */
void writer_send(struct writer *writer, const GByteArray *bytes);

#endif
