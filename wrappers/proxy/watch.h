/*
 * watch: one descriptor that the main loop waits for. All of them are in one epoll set, which is a
 * single source of the loop, so that a thousand clients that are silent cost the others nothing.
 * Embedded in its owner, who borrows the descriptor to it and stops it before closing. A descriptor
 * has one watch that is set at a time. One thread, the default main context's.
 */
#ifndef PROXY_WATCH_H
#define PROXY_WATCH_H

#include <glib.h>
#include <sys/epoll.h>

struct watch {
	int fd;
	guint32 events;
	gboolean is_set;
	void (*ready)(void *data, guint32 events);
	void *data;
};

void watch_init(struct watch *watch, int fd, void (*ready)(void *data, guint32 events), void *data);

/* EPOLLIN, EPOLLOUT or 0: EPOLLERR and EPOLLHUP are told in any case. FALSE: it cannot be waited
 * for. */
gboolean watch_set(struct watch *watch, guint32 events);

/* Nothing is told any more, not even of what has happened already. */
void watch_stop(struct watch *watch);

#endif
