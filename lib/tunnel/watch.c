#include "tunnel/watch.h"
#include "base/error.h"
#include "base/libc.h"
#include "tunnel/table.h"

#include <string.h>

/* The upper half of a marker's data; a pointer never looks like this. */
#define MARKER 0x15050c95u

static struct table_watch *find(struct table_entry *entry, int set)
{
	for (unsigned i = 0; entry && i < TABLE_WATCHES; i++) {
		if (atomic_load_explicit(&entry->watches[i].set, memory_order_acquire) == set + 1)
			return &entry->watches[i];
	}
	return NULL;
}

static struct table_watch *claim(struct table_entry *entry, int set)
{
	struct table_watch *watch = find(entry, set);

	for (unsigned i = 0; entry && !watch && i < TABLE_WATCHES; i++) {
		int none = 0;
		/* -1 is no set's number: nobody finds the record before it is whole. */
		if (atomic_compare_exchange_strong(&entry->watches[i].set, &none, -1))
			watch = &entry->watches[i];
	}
	return watch;
}

static void record(struct table_watch *watch, int set, const struct epoll_event *event)
{
	atomic_store_explicit(&watch->events, event->events, memory_order_relaxed);
	atomic_store_explicit(&watch->data, event->data.u64, memory_order_relaxed);
	atomic_store_explicit(&watch->set, set + 1, memory_order_release);
}

void watch_put(int fd, int set, const struct epoll_event *event)
{
	struct table_watch *watch = claim(table_get(fd), set);

	if (watch)
		record(watch, set, event);
}

static void forget(struct table_watch *watch)
{
	atomic_store_explicit(&watch->armed, false, memory_order_relaxed);
	atomic_store_explicit(&watch->set, 0, memory_order_release);
}

void watch_remove(int fd, int set)
{
	struct table_watch *watch = find(table_find(fd), set);

	if (watch)
		forget(watch);
}

bool watch_has_any(int fd)
{
	const struct table_entry *entry = table_find(fd);

	for (unsigned i = 0; entry && i < TABLE_WATCHES; i++) {
		if (atomic_load_explicit(&entry->watches[i].set, memory_order_relaxed) != 0)
			return true;
	}
	return false;
}

void watch_forget(int fd)
{
	struct table_entry *entry = table_find(fd);

	for (unsigned i = 0; entry && i < TABLE_WATCHES; i++)
		forget(&entry->watches[i]);
}

static int control(int set, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };
	return error_or(libc()->epoll_ctl(set, op, fd, &event));
}

/* EPOLLEXCLUSIVE registrations cannot be changed, only made anew (epoll_ctl(2)). */
static int change(int set, int fd, uint32_t events, uint64_t data, bool exclusive)
{
	if (!exclusive)
		return control(set, EPOLL_CTL_MOD, fd, events, data);
	const int r = control(set, EPOLL_CTL_DEL, fd, 0, 0);
	return r < 0 ? r : control(set, EPOLL_CTL_ADD, fd, events, data);
}

void watch_withdraw(int fd)
{
	struct table_entry *entry = table_find(fd);

	for (unsigned i = 0; entry && i < TABLE_WATCHES; i++) {
		struct table_watch *watch = &entry->watches[i];
		const int set = atomic_load_explicit(&watch->set, memory_order_acquire) - 1;
		if (set >= 0 && control(set, EPOLL_CTL_DEL, fd, 0, 0) < 0)
			forget(watch);
	}
}

void watch_return(int fd)
{
	struct table_entry *entry = table_find(fd);

	for (unsigned i = 0; entry && i < TABLE_WATCHES; i++) {
		struct table_watch *watch = &entry->watches[i];
		const int set = atomic_load_explicit(&watch->set, memory_order_acquire) - 1;
		if (set >= 0 && control(set, EPOLL_CTL_ADD, fd, atomic_load(&watch->events),
					atomic_load(&watch->data)) < 0)
			forget(watch);
	}
}

static uint64_t marker(int fd)
{
	return (uint64_t)MARKER << 32 | (uint32_t)fd;
}

static bool is_exclusive(const struct table_watch *watch)
{
	return atomic_load_explicit(&watch->events, memory_order_relaxed) & EPOLLEXCLUSIVE;
}

static void arm(struct table_watch *watch, int fd, short events)
{
	const int set = atomic_load_explicit(&watch->set, memory_order_acquire) - 1;
	const bool was_armed = atomic_exchange(&watch->armed, true);

	if (set >= 0 &&
	    change(set, fd, (uint32_t)events, marker(fd), is_exclusive(watch) && !was_armed) < 0)
		forget(watch);
}

void watch_arm(int fd, short events)
{
	struct table_entry *entry = table_find(fd);

	for (unsigned i = 0; entry && i < TABLE_WATCHES; i++) {
		if (atomic_load_explicit(&entry->watches[i].set, memory_order_acquire) > 0)
			arm(&entry->watches[i], fd, events);
	}
}

int watch_arm_new(int fd, int set, int op, short events, const struct epoll_event *event)
{
	struct table_watch *watch = claim(table_get(fd), set);

	if (!watch)
		return -ENOSPC;
	const int r = control(set, op, fd, (uint32_t)events, marker(fd));
	if (r < 0) {
		if (op == EPOLL_CTL_ADD && r != -EEXIST)
			forget(watch);
		return r;
	}
	record(watch, set, event);
	atomic_store_explicit(&watch->armed, true, memory_order_release);
	return 0;
}

static void restore(struct table_watch *watch, int fd)
{
	const int set = atomic_load_explicit(&watch->set, memory_order_acquire) - 1;
	const uint32_t events = atomic_load_explicit(&watch->events, memory_order_relaxed);
	const uint64_t data = atomic_load_explicit(&watch->data, memory_order_relaxed);

	if (set >= 0 && change(set, fd, events, data, events & EPOLLEXCLUSIVE) < 0)
		forget(watch);
}

void watch_restore(int fd)
{
	struct table_entry *entry = table_find(fd);

	for (unsigned i = 0; entry && i < TABLE_WATCHES; i++) {
		if (atomic_exchange(&entry->watches[i].armed, false))
			restore(&entry->watches[i], fd);
	}
}

bool watch_is_marker(const struct epoll_event *event, int *ret_fd)
{
	uint64_t data;

	memcpy(&data, &event->data, sizeof(data)); /* the structure is packed */
	if (data >> 32 != MARKER)
		return false;
	*ret_fd = (int)(uint32_t)data;
	return true;
}
