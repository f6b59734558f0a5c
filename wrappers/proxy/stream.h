/*
 * stream: a connected socket's bytes, without waiting whatever its flags say. The descriptor is
 * borrowed, but for stream_close. Any thread.
 */
#ifndef PROXY_STREAM_H
#define PROXY_STREAM_H

#include <gio/gio.h>

/* Bytes received, 0 at the end, -EAGAIN when there are none yet, another -errno. */
gssize stream_receive(int fd, void *bytes, gsize length);

/* The same, and they stay where they are until they are discarded. */
gssize stream_peek(int fd, void *bytes, gsize length);
void stream_discard(int fd, gsize length);

/* Bytes taken, -EAGAIN when there is no room, another -errno. */
gssize stream_send(int fd, const void *bytes, gsize length);

/* A non-blocking TCP socket on its way there: the descriptor, or -errno. `ret_pending`: it is to be
 * waited for. */
int stream_connect(GSocketAddress *to, gboolean *ret_pending);

/* Small writes of either side are sent at once: what arrives together and what not is the peers'
 * word. A peer that is gone without a word is noticed some day. */
void stream_tune(int fd);

/* Closes it and makes it -1; nothing for -1. */
void stream_close(int *fd);

/* The same, by a reset. */
void stream_reset(int *fd);

#endif
