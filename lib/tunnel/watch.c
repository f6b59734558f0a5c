#include "tunnel/watch.h"
#include "base/error.h"
#include "base/libc.h"
#include "tunnel/tunnel.h"

#include <sched.h>
#include <string.h>
#include <sys/mman.h>

/* What epoll_ctl(2) takes together with EPOLLEXCLUSIVE. */
#define GOES_WITH_EXCLUSIVE                                                                        \
	((uint32_t)(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP) | (uint32_t)EPOLLET |  \
	 (uint32_t)EPOLLEXCLUSIVE)

/* ---- sets ---- */

static _Atomic uint32_t sets LIBC_WITH_DATA; /* numbers given to sets */
static _Atomic bool nested LIBC_WITH_DATA;

bool watch_any_set(void)
{
	return atomic_load_explicit(&sets, memory_order_relaxed) != 0;
}

bool watch_any_nested(void)
{
	return atomic_load_explicit(&nested, memory_order_relaxed);
}

/* The number of a set, given if need be; 0: no memory. */
static uint32_t number_set(int set)
{
	struct table_entry *entry = table_get(set);
	uint32_t number = entry ? atomic_load_explicit(&entry->set, memory_order_relaxed) : 0;

	if (!entry || number)
		return number;
	const uint32_t next = atomic_fetch_add(&sets, 1) + 1;
	table_raise(set);
	return atomic_compare_exchange_strong(&entry->set, &number, next) ? next : number;
}

void watch_put_duplicate(int fd, int duplicate)
{
	const uint32_t set = table_set(fd);
	struct table_entry *entry = set ? table_get(duplicate) : table_find(duplicate);

	if (!entry)
		return;
	atomic_store_explicit(&entry->set, set, memory_order_relaxed);
	table_raise(duplicate);
}

/* ---- records ---- */

/* Those of a descriptor's second set and of more; a descriptor keeps what it has once got. */
#define CHUNK_RECORDS 1024
#define CHUNKS	      4096

static struct table_watch *_Atomic chunks[CHUNKS];
static _Atomic uint32_t given;

/* A number that no set has: nobody finds the record before it is whole. */
#define UNFINISHED UINT32_MAX

#define EACH_WATCH(watch, entry)                                                                   \
	for (struct table_watch *watch = (entry) ? &(entry)->watch : NULL; (watch) != NULL;        \
	     (watch) = atomic_load_explicit(&(watch)->next, memory_order_acquire))

static uint32_t set_of(const struct table_watch *watch)
{
	const uint32_t set = atomic_load_explicit(&watch->set, memory_order_acquire);
	return set == UNFINISHED ? 0 : set;
}

static uint64_t data_of(const struct table_watch *watch)
{
	return atomic_load_explicit(&watch->data, memory_order_relaxed);
}

static uint32_t events_of(const struct table_watch *watch)
{
	return atomic_load_explicit(&watch->events, memory_order_relaxed);
}

static bool is_armed(const struct table_watch *watch)
{
	return atomic_load_explicit(&watch->armed, memory_order_acquire);
}

static struct table_watch *find(struct table_entry *entry, uint32_t set)
{
	EACH_WATCH(watch, set ? entry : NULL)
	{
		if (set_of(watch) == set)
			return watch;
	}
	return NULL;
}

static struct table_watch *new_record(void)
{
	const uint32_t number = atomic_fetch_add(&given, 1);
	const size_t size = CHUNK_RECORDS * sizeof(struct table_watch);
	struct table_watch *none = NULL;

	if (number >= CHUNKS * CHUNK_RECORDS)
		return NULL;
	struct table_watch *_Atomic *at = &chunks[number / CHUNK_RECORDS];
	if (!atomic_load_explicit(at, memory_order_acquire)) {
		void *chunk = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (chunk == MAP_FAILED)
			return NULL;
		if (!atomic_compare_exchange_strong(at, &none, chunk))
			munmap(chunk, size);
	}
	return &atomic_load_explicit(at, memory_order_acquire)[number % CHUNK_RECORDS];
}

static struct table_watch *add_record(struct table_entry *entry)
{
	struct table_watch *watch = new_record();

	if (!watch)
		return NULL;
	atomic_store_explicit(&watch->set, UNFINISHED, memory_order_relaxed);
	struct table_watch *next = atomic_load(&entry->watch.next);
	do
		atomic_store_explicit(&watch->next, next, memory_order_relaxed);
	while (!atomic_compare_exchange_weak(&entry->watch.next, &next, watch));
	return watch;
}

static struct table_watch *claim(struct table_entry *entry, uint32_t set)
{
	if (!entry || !set)
		return NULL;
	struct table_watch *found = find(entry, set);
	if (found)
		return found;
	EACH_WATCH(watch, entry)
	{
		uint32_t none = 0;
		if (atomic_compare_exchange_strong(&watch->set, &none, UNFINISHED))
			return watch;
	}
	return add_record(entry);
}

/*
 * Held for as long as the kernel's registration is brought in line with what is due, so that the
 * last who does so knows the latest. Not for ever: a signal handler may have come in between, or
 * have jumped out of there, or the other thread is not there after a fork.
 */
static void hold(struct table_watch *watch)
{
	for (unsigned tries = 0;
	     tries < 64 && atomic_exchange_explicit(&watch->held, true, memory_order_acquire);
	     tries++)
		sched_yield();
}

static void let(struct table_watch *watch)
{
	atomic_store_explicit(&watch->held, false, memory_order_release);
}

/* ---- whose data it is ---- */

/* How many armed records have data that falls here, and the latest of their descriptors: where it
 * is one, nobody need be looked for. */
#define PLACES_BITS 12
static struct place {
	_Atomic uint32_t count;
	_Atomic int last;
} places[1u << PLACES_BITS];

static struct place *place_of(uint64_t data)
{
	return &places[data * UINT64_C(0x9e3779b97f4a7c15) >> (64 - PLACES_BITS)];
}

static void set_armed(struct table_watch *watch, int fd, bool armed)
{
	struct place *place = place_of(data_of(watch));

	if (armed) {
		atomic_fetch_add(&place->count, 1);
		atomic_store_explicit(&place->last, fd, memory_order_relaxed);
	}
	const bool was = atomic_exchange(&watch->armed, armed);
	if (was)
		atomic_fetch_sub(&place->count, 1);
}

static bool has_data(const struct table_watch *watch, uint32_t set, uint64_t data)
{
	const uint32_t own = set_of(watch);
	return own != 0 && (set == 0 || own == set) && data_of(watch) == data;
}

int watch_find_only(uint32_t set, uint64_t data)
{
	const struct place *place = place_of(data);
	const int fd = atomic_load_explicit(&place->last, memory_order_relaxed);

	EACH_WATCH(watch, table_find(fd))
	{
		if (has_data(watch, set, data) && is_armed(watch))
			return atomic_load(&place->count) == 1 ? fd : -1;
	}
	return -1;
}

int watch_next(uint32_t set, uint64_t data, int last)
{
	for (int fd = table_next(last); fd >= 0; fd = table_next(fd)) {
		EACH_WATCH(watch, table_find(fd))
		{
			if (has_data(watch, set, data))
				return fd;
		}
	}
	return -1;
}

bool watch_asks(int fd, uint64_t data, uint32_t events)
{
	EACH_WATCH(watch, table_find(fd))
	{
		if (has_data(watch, 0, data) &&
		    ((events_of(watch) & events) || !(events & WATCH_SIGNS)))
			return true;
	}
	return false;
}

/* ---- what the application does ---- */

static void record(struct table_watch *watch, int fd, int set, uint32_t number,
		   const struct epoll_event *event)
{
	const bool armed = is_armed(watch);

	if (armed)
		set_armed(watch, fd, false);
	atomic_store_explicit(&watch->events, event->events, memory_order_relaxed);
	atomic_store_explicit(&watch->data, event->data.u64, memory_order_relaxed);
	atomic_store_explicit(&watch->through, set, memory_order_relaxed);
	if (armed)
		set_armed(watch, fd, true);
	atomic_store_explicit(&watch->set, number, memory_order_release);
	table_raise(fd);
	if (table_set(fd))
		atomic_store_explicit(&nested, true, memory_order_relaxed);
}

static void forget(struct table_watch *watch)
{
	if (is_armed(watch))
		set_armed(watch, -1, false);
	atomic_store_explicit(&watch->set, 0, memory_order_release);
}

struct watch_before watch_look(int fd, int set)
{
	struct table_watch *watch = find(table_find(fd), table_set(set));

	return (struct watch_before){
		watch, watch ? atomic_load_explicit(&watch->version, memory_order_acquire) : 0
	};
}

void watch_remove(int fd, int set)
{
	struct table_watch *watch = find(table_find(fd), table_set(set));

	if (watch)
		forget(watch);
}

bool watch_has_any(int fd)
{
	EACH_WATCH(watch, table_find(fd))
	{
		if (atomic_load_explicit(&watch->set, memory_order_relaxed) != 0)
			return true;
	}
	return false;
}

bool watch_is_armed(int fd)
{
	EACH_WATCH(watch, table_find(fd))
	{
		if (is_armed(watch))
			return true;
	}
	return false;
}

bool watch_is_in(int fd, uint32_t set)
{
	return find(table_find(fd), set) != NULL;
}

void watch_forget(int fd)
{
	struct table_entry *entry = table_find(fd);

	EACH_WATCH(watch, entry)
	{
		if (set_of(watch))
			forget(watch);
	}
	if (entry && table_set(fd))
		atomic_store_explicit(&entry->set, 0, memory_order_relaxed);
}

/* ---- what the kernel has ---- */

static int control(int set, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };
	return error_or(libc()->epoll_ctl(set, op, fd, &event));
}

/* A descriptor of the record's set: the one it was made by, or where that was closed a duplicate;
 * -1: none. */
static int descriptor_of(struct table_watch *watch)
{
	const uint32_t set = set_of(watch);
	int fd = atomic_load_explicit(&watch->through, memory_order_relaxed);

	if (set == 0 || table_set(fd) == set)
		return set ? fd : -1;
	fd = table_next(-1);
	while (fd >= 0 && table_set(fd) != set)
		fd = table_next(fd);
	atomic_store_explicit(&watch->through, fd, memory_order_relaxed);
	return fd;
}

/* EPOLLEXCLUSIVE registrations cannot be changed, only made anew (epoll_ctl(2)). */
static int change(struct table_watch *watch, int fd, uint32_t events, bool anew)
{
	const int set = descriptor_of(watch);

	if (!anew)
		return control(set, EPOLL_CTL_MOD, fd, events, data_of(watch));
	const int r = control(set, EPOLL_CTL_DEL, fd, 0, 0);
	return r < 0 ? r : control(set, EPOLL_CTL_ADD, fd, events, data_of(watch));
}

void watch_withdraw(int fd)
{
	EACH_WATCH(watch, table_find(fd))
	{
		if (set_of(watch) && control(descriptor_of(watch), EPOLL_CTL_DEL, fd, 0, 0) < 0)
			forget(watch);
	}
}

void watch_return(int fd)
{
	EACH_WATCH(watch, table_find(fd))
	{
		if (set_of(watch) && control(descriptor_of(watch), EPOLL_CTL_ADD, fd,
					     events_of(watch), data_of(watch)) < 0)
			forget(watch);
	}
}

/* cookie: of the socket that the descriptor has now; its entry may still be about another. */
static const struct tunnel *find_under_way(const struct table_entry *entry, uint64_t cookie)
{
	const struct tunnel *tunnel = atomic_load_explicit(&entry->tunnel, memory_order_acquire);

	return tunnel && cookie != 0 && tunnel_is_under_way(tunnel) && tunnel_is_of(tunnel, cookie)
		       ? tunnel
		       : NULL;
}

/*
 * TCP reports both bits of each pair (tcp_poll). Edge-triggered, so that a wait which the library
 * does not see is woken by each message once, and does not spin.
 */
static uint32_t signature(const struct tunnel *tunnel)
{
	const short events = tunnel_events(tunnel);
	return (events & POLLIN ? (uint32_t)EPOLLRDNORM : 0) |
	       (events & POLLOUT ? (uint32_t)EPOLLWRNORM : 0) | (uint32_t)EPOLLET;
}

/* tunnel: NULL for what the application has asked. */
static void tell(struct table_watch *watch, int fd, const struct tunnel *tunnel)
{
	const uint32_t events = events_of(watch);
	const bool was_armed = is_armed(watch);

	if (!tunnel != !was_armed)
		set_armed(watch, fd, tunnel != NULL);
	atomic_fetch_add_explicit(&watch->version, 1, memory_order_release);
	if (change(watch, fd, tunnel ? signature(tunnel) : events,
		   (events & EPOLLEXCLUSIVE) && !(tunnel && was_armed)) < 0)
		forget(watch);
}

static void update(struct table_entry *entry, struct table_watch *watch, int fd, uint64_t cookie)
{
	hold(watch);
	const struct tunnel *tunnel = find_under_way(entry, cookie);
	if (set_of(watch) && (tunnel || is_armed(watch)))
		tell(watch, fd, tunnel);
	let(watch);
}

void watch_update(int fd, uint64_t cookie)
{
	struct table_entry *entry = table_find(fd);

	EACH_WATCH(watch, entry)
	{
		if (set_of(watch))
			update(entry, watch, fd, cookie);
	}
}

void watch_restore(int fd)
{
	EACH_WATCH(watch, table_find(fd))
	{
		hold(watch);
		if (set_of(watch) && is_armed(watch))
			tell(watch, fd, NULL);
		let(watch);
	}
}

void watch_put(int fd, int set, const struct epoll_event *event, struct watch_before before)
{
	const uint32_t number = before.watch ? table_set(set) : number_set(set);
	struct table_watch *watch = before.watch ? before.watch : claim(table_get(fd), number);

	if (!watch)
		return;
	record(watch, fd, set, number, event);
	if (!before.watch ||
	    before.version == atomic_load_explicit(&watch->version, memory_order_acquire))
		return;
	hold(watch);
	if (set_of(watch) && !is_armed(watch))
		tell(watch, fd, NULL);
	let(watch);
}

void watch_renew(int fd, uint32_t set)
{
	struct table_watch *watch = find(table_find(fd), set);

	if (watch && (events_of(watch) & EPOLLONESHOT))
		change(watch, fd, events_of(watch), false);
}

/* What the kernel refuses with an EPOLLEXCLUSIVE in it or before it: it is not told of that one
 * meanwhile. */
static bool is_misuse(const struct table_watch *watch, int op, const struct epoll_event *event)
{
	if (op == EPOLL_CTL_MOD)
		return (event->events | (is_armed(watch) ? events_of(watch) : 0)) & EPOLLEXCLUSIVE;
	return (event->events & EPOLLEXCLUSIVE) && (event->events & ~GOES_WITH_EXCLUSIVE);
}

static int control_held(struct table_entry *entry, struct table_watch *watch, int set, int op,
			int fd, const struct epoll_event *event, uint64_t cookie)
{
	const struct tunnel *tunnel = find_under_way(entry, cookie);
	const uint32_t events = tunnel ? signature(tunnel) : event->events;

	if (is_misuse(watch, op, event))
		return -EINVAL;
	const int r = control(set, op, fd, events, event->data.u64);
	if (r < 0)
		return r;
	record(watch, fd, set, table_set(set), event);
	if (!tunnel != !is_armed(watch))
		set_armed(watch, fd, tunnel != NULL);
	return 0;
}

int watch_control(int set, int op, int fd, const struct epoll_event *event, uint64_t cookie)
{
	const bool was_known = table_set(set) != 0;
	struct table_entry *entry = table_get(fd);
	struct table_watch *watch = claim(entry, number_set(set));

	if (!watch)
		return -ENOMEM;
	hold(watch);
	const int r = control_held(entry, watch, set, op, fd, event, cookie);
	if (r < 0 && !set_of(watch))
		forget(watch);
	let(watch);
	if (r < 0 && !was_known)
		atomic_store_explicit(&table_find(set)->set, 0, memory_order_relaxed);
	/* An edge that came before the record was there has been told to nobody. */
	if (r == 0 && (!was_known || !find_under_way(entry, cookie) != !is_armed(watch)))
		update(entry, watch, fd, cookie);
	return r;
}
