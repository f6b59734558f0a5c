#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAITING_MAX (256 * 1024)

enum kind {
	SINK_FILE,   /* takes everything, or fails; there is nothing to wait for */
	SINK_OURS,   /* has O_NONBLOCK, and nobody else uses this opening of it */
	SINK_SHARED, /* must be asked before each write whether it takes one */
	SINK_SOCKET,
};

struct sink {
	int fd;
	enum kind kind;
	GByteArray *waiting; /* whole lines, the first perhaps begun already */
	guint watch;
	void (*room)(void *data);
	void *data;
};

/* Pipes and terminals are opened once more, for flags of our own: those of stdout are its
 * sharers'. */
static int open_again(int fd)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static enum kind choose_kind(int *fd)
{
	struct stat st;

	if (fstat(*fd, &st) != 0 || S_ISREG(st.st_mode))
		return SINK_FILE;
	if (S_ISSOCK(st.st_mode))
		return SINK_SOCKET;
	int again = open_again(*fd);
	if (again < 0)
		return SINK_SHARED;
	close(*fd);
	*fd = again;
	return SINK_OURS;
}

static struct sink *sink_new(int fd)
{
	struct sink *sink = g_new0(struct sink, 1);

	sink->kind = choose_kind(&fd);
	sink->fd = fd;
	sink->waiting = g_byte_array_new();
	return sink;
}

struct sink *sink_open_fd(int fd, int *ret)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	*ret = copy < 0 ? -errno : 0;
	return copy < 0 ? NULL : sink_new(copy);
}

/* O_NONBLOCK: a FIFO that nobody reads is an error, not a wait. */
static int open_path(const char *path)
{
	if (strcmp(path, "-") == 0)
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
}

struct sink *sink_open(const char *path, GError **error)
{
	int fd = open_path(path);
	int saved = errno;

	if (fd >= 0)
		return sink_new(fd);
	g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(saved), "%s: %s", path,
		    saved == ENXIO ? "nobody reads this FIFO" : g_strerror(saved));
	return NULL;
}

/* A pipe that says it has room takes PIPE_BUF bytes. */
static ssize_t write_shared(int fd, const guint8 *bytes, gsize length)
{
	struct pollfd poller = { .fd = fd, .events = POLLOUT };

	if (poll(&poller, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(fd, bytes, MIN(length, PIPE_BUF));
}

static ssize_t write_some(const struct sink *sink, const guint8 *bytes, gsize length)
{
	switch (sink->kind) {
	case SINK_SOCKET:
		return send(sink->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	case SINK_SHARED:
		return write_shared(sink->fd, bytes, length);
	default:
		return write(sink->fd, bytes, length);
	}
}

/* As much as is taken at once. */
static int flush(struct sink *sink)
{
	gsize done = 0;
	int r = 0;

	while (done < sink->waiting->len && r == 0) {
		ssize_t n = write_some(sink, sink->waiting->data + done, sink->waiting->len - done);
		if (n >= 0)
			done += (gsize)n;
		else if (errno != EINTR)
			r = -errno;
	}
	if (done > 0)
		g_byte_array_remove_range(sink->waiting, 0, (guint)done);
	return r;
}

static gboolean on_room(gint fd, GIOCondition condition, gpointer data)
{
	struct sink *sink = data;
	int r = flush(sink);

	(void)fd;
	(void)condition;
	if (r == -EAGAIN)
		return G_SOURCE_CONTINUE;
	sink->watch = 0;
	if (r == 0 && sink->room)
		sink->room(sink->data);
	return G_SOURCE_REMOVE;
}

/* A file that is full has room when somebody makes some, which nobody is told of. */
static void wait_for_room(struct sink *sink)
{
	if (sink->watch == 0 && sink->kind != SINK_FILE)
		sink->watch = g_unix_fd_add(sink->fd, G_IO_OUT, on_room, sink);
}

void sink_close(struct sink *sink)
{
	if (!sink)
		return;
	flush(sink);
	g_clear_handle_id(&sink->watch, g_source_remove);
	g_byte_array_unref(sink->waiting);
	close(sink->fd);
	g_free(sink);
}

/* The rest of a line of which a part is out must follow; one of which nothing is out was not taken.
 */
static int settle(struct sink *sink, gsize length, int r)
{
	if (r == -EAGAIN) {
		wait_for_room(sink);
		return 0;
	}
	if (r == 0 || sink->waiting->len < length)
		return 0;
	g_byte_array_set_size(sink->waiting, 0);
	return r;
}

int sink_write(struct sink *sink, const char *line, gsize length)
{
	int r = sink->watch == 0 ? flush(sink) : 0;

	if (r < 0 && r != -EAGAIN)
		return r;
	gsize before = sink->waiting->len;
	if (before > 0 && before + length > WAITING_MAX)
		return -EAGAIN;
	g_byte_array_append(sink->waiting, (const guint8 *)line, (guint)length);
	if (before > 0) {
		wait_for_room(sink);
		return 0;
	}
	return settle(sink, length, flush(sink));
}

void sink_set_room(struct sink *sink, void (*room)(void *data), void *data)
{
	sink->room = room;
	sink->data = data;
}
