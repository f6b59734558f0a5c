/*
 * sink: an output that is never waited for: a file, a pipe, a terminal, a socket. What it does not
 * take at once is kept up to a bound and goes out when there is room; what comes beyond that is not
 * taken. One thread, the default main context's.
 */
#ifndef PROXY_SINK_H
#define PROXY_SINK_H

#include <gio/gio.h>

struct sink;

/* Appends to the file, made for its owner alone; "-" is stdout, whose flags stay as they are. */
struct sink *sink_open(const char *path, GError **error);

/* A duplicate of this descriptor. -errno in `ret` when it cannot be had, and NULL. */
struct sink *sink_open_fd(int fd, int *ret);

/* What still waits goes out if it is taken at once, and is lost otherwise. */
void sink_close(struct sink *sink);

/*
 * A whole line or nothing of it. 0: it is on its way; -EAGAIN: there is no room; another -errno:
 * it cannot be written. `room` (NULL: nobody) is called once there is room again.
 */
int sink_write(struct sink *sink, const char *line, gsize length);
void sink_set_room(struct sink *sink, void (*room)(void *data), void *data);

#endif
