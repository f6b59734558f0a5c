#include "hooks/sets.h"
#include "base/error.h"
#include "base/libc.h"
#include "hooks/pending.h"
#include "tunnel/watch.h"

#include <string.h>

#define SETS_DEEP 5   /* the kernel's own limit (epoll_ctl(2), ELOOP) */
#define IN_A_ROW  100 /* looks at a set that another thread is just at */

/* What poll(2) calls an event of epoll has the same bits. */
static bool shows(int fd, uint32_t events)
{
	struct pollfd now = { .fd = fd, .events = (short)(events & 0xffff) };

	return libc()->poll(&now, 1, 0) > 0 && ((uint32_t)now.revents & (events & 0xffff));
}

/* Whether the application may be told so of it. */
static bool is_so(int fd, uint32_t events)
{
	return table_set(fd) ? sets_is_ready(fd) : shows(fd, events);
}

/* Where a handshake is under way. */
static bool find_under_way(int fd, struct pending *ret)
{
	return table_may_be_pending(fd) && pending_find(fd, ret) &&
	       tunnel_is_under_way(ret->tunnel);
}

static void drive(int fd, bool *ended)
{
	struct pending p;

	/* It may have ended elsewhere, in a forked process perhaps. */
	if (!pending_find(fd, &p))
		watch_update(fd, table_cookie(fd));
	else if (pending_step(&p) == -EINPROGRESS)
		return;
	*ended = true;
}

static bool was_ours(int fd)
{
	return atomic_load_explicit(&table_find(fd)->cookie, memory_order_relaxed) != 0;
}

/*
 * Nothing but answers to a handshake's question, which may be told as the application's own where
 * several descriptors have the same data, where it asked in the same words, or where it is in error
 * or hung up and no more: then the kernel says what is so now.
 */
static bool is_handshakes(uint32_t set, uint64_t data, uint32_t events, bool *ended)
{
	struct pending p;
	bool ours = (events & WATCH_SIGNS) && set != 0, own = false;
	int fd = (events & WATCH_SIGNS) ? watch_find_only(set, data) : -1;

	if (fd >= 0) {
		drive(fd, ended);
		return true;
	}
	for (fd = watch_next(set, data, -1); fd >= 0; fd = watch_next(set, data, fd)) {
		ours = ours || (events & WATCH_SIGNS) || was_ours(fd);
		if (find_under_way(fd, &p) || watch_is_armed(fd))
			drive(fd, ended);
		if (!find_under_way(fd, &p) && watch_asks(fd, data, events) && is_so(fd, events))
			own = true;
	}
	return ours && !own;
}

/* A set in this set that has nothing for the application. */
static bool is_quiet_set(uint32_t set, uint64_t data, uint32_t events)
{
	bool quiet = false;

	for (int fd = watch_next(set, data, -1); fd >= 0; fd = watch_next(set, data, fd)) {
		if (is_so(fd, events))
			return false;
		quiet = quiet || table_set(fd);
	}
	for (int fd = watch_next(set, data, -1); quiet && fd >= 0; fd = watch_next(set, data, fd))
		watch_renew(fd, set);
	return quiet;
}

static bool is_of_a_handshake(uint32_t set, const struct epoll_event *event, bool *ended)
{
	const uint32_t events = event->events;
	uint64_t data;

	memcpy(&data, &event->data, sizeof(data)); /* the structure is packed */
	if (!(events & ~WATCH_ANSWERS))
		return is_handshakes(set, data, events, ended);
	return watch_any_nested() && pending_deadline() != 0 &&
	       !(events & ~(uint32_t)(EPOLLIN | EPOLLRDNORM)) && is_quiet_set(set, data, events);
}

int sets_sort(int set, struct epoll_event *events, int count, bool *ret_ended)
{
	const uint32_t number = table_set(set);
	int kept = 0;

	*ret_ended = false;
	for (int i = 0; i < count; i++) {
		if (!is_of_a_handshake(number, &events[i], ret_ended))
			events[kept++] = events[i];
	}
	return kept;
}

/* Steps those in a set, and in the sets in it, whose proxy has said something; returns how many. */
static unsigned drive_all(uint32_t set, unsigned depth)
{
	struct pending p;
	unsigned driven = 0;

	for (int fd = table_next(-1); fd >= 0; fd = table_next(fd)) {
		if (!watch_is_in(fd, set))
			continue;
		if (table_set(fd) && depth > 0)
			driven += drive_all(table_set(fd), depth - 1);
		if (find_under_way(fd, &p) && shows(fd, (uint32_t)tunnel_events(p.tunnel))) {
			pending_step(&p);
			driven++;
		}
	}
	return driven;
}

bool sets_is_ready(int set)
{
	if (pending_deadline() == 0)
		return true;
	for (unsigned looks = 0; looks < IN_A_ROW; looks++) {
		if (!shows(set, EPOLLIN))
			return false;
		if (drive_all(table_set(set), SETS_DEEP) == 0)
			return shows(set, EPOLLIN);
	}
	return true;
}
