#include "writer.h"

#include "stream.h"

#include <errno.h>

static void on_writable(void *data, guint32 events);

void writer_init(struct writer *writer, int fd, void (*done)(void *data, gboolean failed),
		 void *data)
{
	*writer = (struct writer){ .done = done, .data = data };
	watch_init(&writer->watch, fd, on_writable, writer);
}

void writer_done(struct writer *writer)
{
	watch_stop(&writer->watch);
	g_clear_pointer(&writer->queue, g_byte_array_unref);
}

/* One write. FALSE when the socket is broken, or cannot be waited for. */
static gboolean write_piece(struct writer *writer, gboolean *ret_full)
{
	gsize length = writer->queue->len;

	if (writer->piece > 0)
		length = MIN(length, writer->piece);
	gssize n = stream_send(writer->watch.fd, writer->queue->data, length);
	*ret_full = n == -EAGAIN;
	if (n > 0)
		g_byte_array_remove_range(writer->queue, 0, (guint)n);
	return n >= 0 || *ret_full;
}

static void finish(struct writer *writer, gboolean failed)
{
	writer_done(writer);
	writer->done(writer->data, failed);
}

static void on_writable(void *data, guint32 events)
{
	struct writer *writer = data;
	gboolean full;
	gboolean good = write_piece(writer, &full);

	(void)events;
	if (!good || writer->queue->len == 0)
		finish(writer, !good);
}

void writer_send(struct writer *writer, const GByteArray *bytes)
{
	gboolean full = FALSE;
	gboolean good = TRUE;

	if (!writer->queue)
		writer->queue = g_byte_array_new();
	g_byte_array_append(writer->queue, bytes->data, bytes->len);
	while (writer->piece == 0 && good && !full && writer->queue->len > 0)
		good = write_piece(writer, &full);
	if (good && writer->queue->len > 0)
		good = watch_set(&writer->watch, EPOLLOUT);
	if (!good || writer->queue->len == 0)
		finish(writer, !good);
}
