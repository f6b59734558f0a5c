#include "writer.h"

#include <glib-unix.h>

void writer_init(struct writer *writer, GSocket *socket, void (*done)(void *data, gboolean failed),
		 void *data)
{
	*writer = (struct writer){
		.socket = socket,
		.queue = g_byte_array_new(),
		.done = done,
		.data = data,
	};
}

void writer_done(struct writer *writer)
{
	g_clear_handle_id(&writer->watch, g_source_remove);
	g_clear_pointer(&writer->queue, g_byte_array_unref);
}

/* One write. Returns FALSE when the socket is broken. */
static gboolean write_piece(struct writer *writer, gboolean *ret_full)
{
	g_autoptr(GError) error = NULL;
	gsize length = writer->queue->len;

	if (writer->piece > 0)
		length = MIN(length, writer->piece);
	gssize n = g_socket_send(writer->socket, (const char *)writer->queue->data, length, NULL,
				 &error);
	*ret_full = g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK);
	if (n > 0)
		g_byte_array_remove_range(writer->queue, 0, (guint)n);
	return n >= 0 || *ret_full;
}

static gboolean on_writable(gint fd, GIOCondition condition, gpointer data)
{
	struct writer *writer = data;
	gboolean full;
	gboolean good = write_piece(writer, &full);

	(void)fd;
	(void)condition;
	if (good && writer->queue->len > 0)
		return G_SOURCE_CONTINUE;
	writer->watch = 0;
	writer->done(writer->data, !good);
	return G_SOURCE_REMOVE;
}

void writer_send(struct writer *writer, const GByteArray *bytes)
{
	gboolean full = FALSE;
	gboolean good = TRUE;

	g_byte_array_append(writer->queue, bytes->data, bytes->len);
	while (writer->piece == 0 && good && !full && writer->queue->len > 0)
		good = write_piece(writer, &full);
	if (!good || writer->queue->len == 0) {
		writer->done(writer->data, !good);
		return;
	}
	if (writer->watch == 0)
		writer->watch = g_unix_fd_add(g_socket_get_fd(writer->socket), G_IO_OUT,
					      on_writable, writer);
}
