#include "watch.h"

#include <errno.h>
#include <unistd.h>

#define BATCH 128

static struct {
	int fd;
	GSource *source;
	struct epoll_event batch[BATCH];
	int at; /* of the batch, the next to be told */
	int count;
} poller;

static void tell(const struct epoll_event *event)
{
	struct watch *watch = event->data.ptr;

	if (watch)
		watch->ready(watch->data, event->events);
}

static gboolean on_ready(GSource *source, GSourceFunc callback, gpointer data)
{
	int n = epoll_wait(poller.fd, poller.batch, BATCH, 0);

	(void)source;
	(void)callback;
	(void)data;
	poller.count = MAX(n, 0);
	for (poller.at = 0; poller.at < poller.count;)
		tell(&poller.batch[poller.at++]);
	return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { .dispatch = on_ready };

static int poller_fd(void)
{
	if (poller.source)
		return poller.fd;
	poller.fd = epoll_create1(EPOLL_CLOEXEC);
	if (poller.fd < 0)
		g_error("epoll_create1: %s", g_strerror(errno));
	poller.source = g_source_new(&source_funcs, sizeof(GSource));
	g_source_add_unix_fd(poller.source, poller.fd, G_IO_IN);
	g_source_attach(poller.source, NULL);
	return poller.fd;
}

void watch_init(struct watch *watch, int fd, void (*ready)(void *data, guint32 events), void *data)
{
	*watch = (struct watch){ .fd = fd, .ready = ready, .data = data };
}

gboolean watch_set(struct watch *watch, guint32 events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };
	int operation = watch->is_set ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (watch->is_set && watch->events == events)
		return TRUE;
	if (epoll_ctl(poller_fd(), operation, watch->fd, &event) != 0)
		return FALSE;
	watch->is_set = TRUE;
	watch->events = events;
	return TRUE;
}

void watch_stop(struct watch *watch)
{
	if (!watch->is_set)
		return;
	watch->is_set = FALSE;
	epoll_ctl(poller_fd(), EPOLL_CTL_DEL, watch->fd, NULL);
	for (int i = poller.at; i < poller.count; i++) {
		if (poller.batch[i].data.ptr == watch)
			poller.batch[i].data.ptr = NULL;
	}
}
