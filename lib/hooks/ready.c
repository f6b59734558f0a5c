/*
 * ready: poll, select and epoll. They wait for what a handshake needs in place of what the
 * application asked of a descriptor that is on its way, drive it when that comes, and say nothing
 * of it until it is over; then they ask the kernel again with the application's own question.
 */
#include "base/memory.h"
#include "base/pass.h"
#include "hooks/hook.h"
#include "hooks/pending.h"
#include "hooks/sets.h"
#include "tunnel/watch.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>
#include <time.h>

/*
 * Two threads, or a process and its child, may wait for one descriptor, and only one reads the
 * reply: the other would sleep on. epoll needs no such bound: changing the registration wakes who
 * waits.
 */
#define AT_MOST 50000000u /* ns */

/* Room on the stack; larger sets are rare and get a mapping. */
#define FEW_BYTES 1024

/* ---- time ---- */

/* Longer is for ever, but for what select() says is left. */
#define CENTURY 3155760000 /* s */

/* Where time_t has 32 bits it is always less. */
static bool is_less_than_century(int64_t seconds)
{
	return seconds < CENTURY;
}

static uint64_t deadline_in(const struct timespec *timeout)
{
	if (!timeout)
		return UINT64_MAX;
	if (!is_less_than_century(timeout->tv_sec))
		return tunnel_now() + CENTURY * UINT64_C(1000000000);
	const uint64_t wait = (uint64_t)timeout->tv_sec * 1000000000u + (uint64_t)timeout->tv_nsec;
	return wait ? tunnel_now() + wait : 0;
}

/* What is left until the deadline (0: do not wait, UINT64_MAX: for ever), bounded; NULL for ever.
 */
static struct timespec *time_left(uint64_t deadline, uint64_t bound, struct timespec *ret)
{
	uint64_t left = UINT64_MAX;

	if (deadline != UINT64_MAX) {
		const uint64_t now = deadline ? tunnel_now() : 0;
		left = deadline > now ? deadline - now : 0;
	}
	if (bound < left)
		left = bound;
	if (left == UINT64_MAX)
		return NULL;
	*ret = (struct timespec){ (time_t)(left / 1000000000u), (long)(left % 1000000000u) };
	return ret;
}

/* What is not is the kernel's to refuse. */
static bool is_valid(const struct timespec *timeout)
{
	return !timeout ||
	       (timeout->tv_sec >= 0 && timeout->tv_nsec >= 0 && timeout->tv_nsec < 1000000000);
}

static bool is_past(uint64_t deadline)
{
	return deadline != UINT64_MAX && (deadline == 0 || tunnel_now() >= deadline);
}

static uint64_t sooner(uint64_t one, uint64_t other)
{
	return one < other ? one : other;
}

/*
 * A wait for this tunnel among others, bounded so far by bound: until its deadline, and no longer
 * than AT_MOST where somebody else can read the reply, or where it was not looked at yet whether
 * the descriptor is still the tunnel's.
 */
static uint64_t shorter(uint64_t bound, const struct tunnel *tunnel, bool looked)
{
	const uint8_t shared = atomic_load_explicit(&tunnel->shared, memory_order_relaxed);
	const uint64_t now = tunnel_now(), due = tunnel_deadline(tunnel);
	const bool alone = __libc_single_threaded && !(shared & TUNNEL_FORKED);
	uint64_t own = due > now ? due - now : 0;

	if (own > AT_MOST && !(alone && looked))
		own = AT_MOST;
	return sooner(own, bound);
}

/* ---- memory ---- */

static void *get_room(void *few, size_t size)
{
	if (size <= FEW_BYTES)
		return few;
	void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return room == MAP_FAILED ? NULL : room;
}

static void put_room(void *room, const void *few, size_t size)
{
	if (room && room != few)
		munmap(room, size);
}

/* An epoll set, while anything is under way. */
static bool is_set_with_any(int fd)
{
	return table_set(fd) != 0 && pending_deadline() != 0;
}

/* ---- poll ---- */

/* Whether there is something to do: a descriptor on its way in the set, or an epoll set that may
 * have one, or one that nobody waits for anywhere. What cannot be read is the kernel's to refuse.
 */
static bool any_pending(const struct pollfd *fds, nfds_t count)
{
	if (!fds || count > INT_MAX || !memory_is_readable(fds, count * sizeof(*fds)))
		return false;
	if (pending_any_lonely())
		return true;
	for (nfds_t i = 0; i < count; i++) {
		if (table_may_be_pending(fds[i].fd) || is_set_with_any(fds[i].fd))
			return true;
	}
	return false;
}

/* Descriptors on their way in one set that are looked at each time. */
#define FEW 4

/* Set in asked[].events of a descriptor on its way; the kernel ignores the bit. */
#define HIDDEN 0x4000

/*
 * The tunnel to wait for. Behind the first few without a system call, since there may be a
 * thousand: an entry of those that is out of date is found out when something becomes ready, or at
 * the bound.
 */
static const struct tunnel *peek(int fd, unsigned number)
{
	const struct table_entry *entry = table_find(fd);
	struct tunnel *tunnel =
		entry ? atomic_load_explicit(&entry->tunnel, memory_order_acquire) : NULL;
	struct pending p;

	if (tunnel && number < FEW && !pending_find(fd, &p))
		return NULL;
	if (!tunnel || !tunnel_is_under_way(tunnel))
		return NULL;
	pending_await(tunnel);
	return tunnel;
}

/* One that has ended elsewhere still has to be told. */
static void settle_ended(int fd)
{
	struct pending p;

	if (pending_find(fd, &p))
		pending_step(&p);
}

/* Fills the set that the kernel is asked about; returns for how long it may be: UINT64_MAX when no
 * descriptor in it is on its way. */
static uint64_t fill_poll(const struct pollfd *fds, struct pollfd *asked, nfds_t count, bool looked,
			  bool *sets)
{
	uint64_t bound = UINT64_MAX;
	unsigned number = 0;

	*sets = false;

	for (nfds_t i = 0; i < count; i++) {
		asked[i] = fds[i];
		*sets = *sets || is_set_with_any(fds[i].fd);
		if (!table_may_be_pending(fds[i].fd))
			continue;
		const struct tunnel *tunnel = peek(fds[i].fd, number);
		if (!tunnel) {
			settle_ended(fds[i].fd);
			continue;
		}
		asked[i].events = (short)(tunnel_events(tunnel) | HIDDEN);
		bound = shorter(bound, tunnel, looked || number++ < FEW);
	}
	return bound;
}

/* Takes epoll sets away that are ready for a handshake alone; returns how many are left. */
static int sort_sets(struct pollfd *fds, nfds_t count, int ready)
{
	for (nfds_t i = 0; watch_any_set() && ready > 0 && i < count; i++) {
		if (fds[i].revents && table_set(fds[i].fd) && !sets_is_ready(fds[i].fd)) {
			fds[i].revents = 0;
			ready--;
		}
	}
	return ready;
}

/*
 * Drives what became ready, or everything when nothing did. true: something is over, and the kernel
 * must be asked anew. *ret_ready counts what is the application's to see; the rest is wiped.
 */
static bool sort_poll(struct pollfd *asked, nfds_t count, int *ready)
{
	const bool all = *ready == 0;
	bool ended = false;

	*ready = 0;
	for (nfds_t i = 0; i < count; i++) {
		struct pending p;
		if (!(asked[i].events & HIDDEN)) {
			*ready += asked[i].revents != 0;
			continue;
		}
		if ((all || asked[i].revents) &&
		    (!pending_find(asked[i].fd, &p) || pending_step(&p) != -EINPROGRESS))
			ended = true;
		asked[i].revents = 0;
	}
	return ended;
}

/* How long a wait may last that would last so long but for what it does not ask for itself. */
static uint64_t for_sets(bool any, uint64_t bound)
{
	return sooner(sooner(bound, pending_help()), any ? pending_patience() : UINT64_MAX);
}

static int poll_hidden(struct pollfd *fds, struct pollfd *asked, nfds_t count, uint64_t deadline,
		       const sigset_t *mask)
{
	bool looked = false; /* once nothing was ready, everything was driven */

	for (;;) {
		bool sets;
		const uint64_t bound = fill_poll(fds, asked, count, looked, &sets);
		struct timespec left;
		const struct timespec *wait = time_left(deadline, for_sets(sets, bound), &left);
		const int r = libc()->ppoll(asked, count, wait, mask);
		int ready = r;

		if (r < 0)
			return error_last();
		looked = looked || r == 0;
		const bool ended = bound != UINT64_MAX && sort_poll(asked, count, &ready);
		ready = sort_sets(asked, count, ready);
		if (sets && r == 0 && !is_past(deadline))
			pending_look_after();
		if (ready > 0 || (!ended && is_past(deadline))) {
			for (nfds_t i = 0; i < count; i++)
				fds[i].revents = asked[i].revents;
			return ready;
		}
	}
}

static int poll_by(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		   const sigset_t *mask)
{
	const size_t size = count * sizeof(*fds);
	struct pollfd few[FEW_BYTES / sizeof(struct pollfd)];
	struct pollfd *asked = get_room(few, size);

	if (!asked)
		return -ENOMEM;
	const int r = poll_hidden(fds, asked, count, deadline_in(timeout), mask);
	put_room(asked, few, size);
	return r;
}

static struct timespec *from_milliseconds(int milliseconds, struct timespec *ret)
{
	if (milliseconds < 0)
		return NULL;
	*ret = (struct timespec){ milliseconds / 1000, milliseconds % 1000 * 1000000l };
	return ret;
}

/* A wait that asked for nothing under way may have found epoll sets ready for handshakes that began
 * meanwhile. */
static int sort_behind(struct pollfd *fds, nfds_t count, int ready)
{
	return ready > 0 && pending_ever() ? sort_sets(fds, count, ready) : ready;
}

HOOK int poll(struct pollfd *fds, nfds_t count, int timeout)
{
	const int saved = errno;
	struct timespec time;

	if (!pending_ever() || !any_pending(fds, count)) {
		const int r = libc()->poll(fds, count, timeout);
		const int left = sort_behind(fds, count, r);
		if (left != 0 || r == 0)
			return left;
	}
	return hook_return(poll_by(fds, count, from_milliseconds(timeout, &time), NULL), saved);
}

HOOK int ppoll(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
	       const sigset_t *mask)
{
	const int saved = errno;

	if (!pending_ever() || !is_valid(timeout) || !any_pending(fds, count)) {
		const int r = libc()->ppoll(fds, count, timeout, mask);
		const int left = sort_behind(fds, count, r);
		if (left != 0 || r == 0)
			return left;
	}
	return hook_return(poll_by(fds, count, timeout, mask), saved);
}

HOOK int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
	if (size / sizeof(*fds) < count)
		return libc()->__poll_chk(fds, count, timeout, size);
	return poll(fds, count, timeout);
}

HOOK int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		     const sigset_t *mask, size_t size)
{
	if (size / sizeof(*fds) < count)
		return libc()->__ppoll_chk(fds, count, timeout, mask, size);
	return ppoll(fds, count, timeout, mask);
}

/* ---- select ---- */

/* Sets of any size: programs with more than 1024 descriptors allocate larger ones. */
typedef unsigned long select_word;
#define WORD_BITS (8 * (int)sizeof(select_word))

struct select_sets {
	select_word *sets[3]; /* read, write, exceptional; NULL: not asked */
	select_word *hidden;  /* descriptors on their way */
};

static bool has(const select_word *set, int fd)
{
	return set && (set[fd / WORD_BITS] >> (fd % WORD_BITS) & 1);
}

static void put(select_word *set, int fd, bool value)
{
	const select_word bit = (select_word)1 << (fd % WORD_BITS);

	if (!set)
		return;
	set[fd / WORD_BITS] = value ? set[fd / WORD_BITS] | bit : set[fd / WORD_BITS] & ~bit;
}

static bool is_asked(const struct select_sets *s, int fd)
{
	return has(s->sets[0], fd) || has(s->sets[1], fd) || has(s->sets[2], fd);
}

/* Whether the part that is looked at can be read: the kernel reads no more than there are
 * descriptors. */
static bool is_readable(const struct select_sets *s, int count)
{
	const size_t size = ((size_t)count + WORD_BITS - 1) / WORD_BITS * sizeof(select_word);

	for (unsigned i = 0; i < 3; i++) {
		if (s->sets[i] && !memory_is_readable(s->sets[i], size))
			return false;
	}
	return true;
}

/* "FDSize:" of /proc/self/status: 0 when that cannot be read. */
static int read_table_size(void)
{
	static const char label[] = "\nFDSize:\t";
	char text[512]; /* it is among the first lines */
	const int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	const ssize_t length = fd < 0 ? -1 : libc()->read(fd, text, sizeof(text));
	int size = 0;

	if (fd >= 0)
		libc()->close(fd);
	const char *at = length > 0 ? memmem(text, (size_t)length, label, sizeof(label) - 1) : NULL;
	for (at = at ? at + sizeof(label) - 1 : NULL;
	     at && at < text + length && *at >= '0' && *at <= '9' && size < INT_MAX / 10; at++)
		size = 10 * size + (*at - '0');
	return size;
}

/*
 * How many bits of the sets the kernel looks at: no more than the process's table has room for,
 * which is little beside the most that it might ever have. Programs give that, and smaller sets.
 */
static int cut(int count)
{
	const int size = count > FD_SETSIZE ? read_table_size() : 0;

	return size > 0 && size < count ? size : count;
}

static bool any_pending_in(const struct select_sets *s, int count)
{
	if (count > table_highest())
		count = table_highest() + 1;
	if (!is_readable(s, count))
		return false;
	if (pending_any_lonely())
		return true;
	for (int fd = 0; fd < count; fd++) {
		if ((table_may_be_pending(fd) || table_set(fd)) && is_asked(s, fd))
			return true;
	}
	return false;
}

/* Takes a descriptor on its way out of the question, and asks for the handshake's events instead.
 */
static void ask_for_handshake(struct select_sets *asked, int fd, short events)
{
	put(asked->sets[0], fd, events & POLLIN);
	put(asked->sets[1], fd, events & POLLOUT);
	put(asked->sets[2], fd, false);
}

static uint64_t fill_select(const struct select_sets *own, struct select_sets *asked, int count,
			    bool looked, bool *sets)
{
	uint64_t bound = UINT64_MAX;
	unsigned number = 0;

	*sets = false;
	for (int fd = 0; fd < count; fd++) {
		*sets = *sets || (has(own->sets[0], fd) && is_set_with_any(fd));
		if (!table_may_be_pending(fd) || !is_asked(own, fd))
			continue;
		const struct tunnel *tunnel = peek(fd, number);
		if (!tunnel) {
			settle_ended(fd);
			continue;
		}
		ask_for_handshake(asked, fd, tunnel_events(tunnel));
		put(asked->hidden, fd, true);
		bound = shorter(bound, tunnel, looked || number++ < FEW);
	}
	return bound;
}

/* As sort_poll. */
static bool sort_select(struct select_sets *asked, int count, int *ready)
{
	const bool all = *ready == 0;
	bool ended = false;

	for (int fd = 0; fd < count; fd++) {
		struct pending p;
		if (!has(asked->hidden, fd))
			continue;
		const int bits =
			has(asked->sets[0], fd) + has(asked->sets[1], fd) + has(asked->sets[2], fd);
		*ready -= bits;
		ask_for_handshake(asked, fd, 0);
		if ((all || bits) && (!pending_find(fd, &p) || pending_step(&p) != -EINPROGRESS))
			ended = true;
	}
	return ended;
}

static void sort_readable_sets(struct select_sets *asked, int count, int *ready)
{
	for (int fd = 0; *ready > 0 && fd < count; fd++) {
		if (table_set(fd) && has(asked->sets[0], fd) && !sets_is_ready(fd)) {
			put(asked->sets[0], fd, false);
			(*ready)--;
		}
	}
}

static fd_set *as_set(select_word *words)
{
	return (fd_set *)(void *)words;
}

/* asked: sets of `size` bytes each, which the kernel may write to. */
static int select_hidden(int count, const struct select_sets *own, struct select_sets *asked,
			 size_t size, uint64_t deadline, const sigset_t *mask)
{
	bool looked = false;

	for (;;) {
		for (unsigned i = 0; i < 3; i++) {
			if (own->sets[i])
				memcpy(asked->sets[i], own->sets[i], size);
			else
				memset(asked->sets[i], 0, size);
		}
		memset(asked->hidden, 0, size);
		bool sets;
		const uint64_t bound = fill_select(own, asked, count, looked, &sets);
		struct timespec left;
		const struct timespec *wait = time_left(deadline, for_sets(sets, bound), &left);
		int ready = libc()->pselect(count, as_set(asked->sets[0]), as_set(asked->sets[1]),
					    as_set(asked->sets[2]), wait, mask);
		if (ready < 0)
			return error_last();
		looked = looked || ready == 0;
		const bool none = ready == 0;
		const bool ended = bound != UINT64_MAX && sort_select(asked, count, &ready);
		sort_readable_sets(asked, count, &ready);
		if (sets && none && !is_past(deadline))
			pending_look_after();
		if (ready > 0 || (!ended && is_past(deadline)))
			return ready;
	}
}

static int select_by(int asked_count, const struct select_sets *own, const struct timespec *timeout,
		     const sigset_t *mask)
{
	const int count = cut(asked_count);
	const size_t size = ((size_t)count + WORD_BITS - 1) / WORD_BITS * sizeof(select_word);
	select_word few[FEW_BYTES / sizeof(select_word)];
	select_word *room = get_room(few, 4 * size);

	if (!room)
		return -ENOMEM;
	const size_t words = size / sizeof(*room);
	struct select_sets asked = { { room, room + words, room + 2 * words }, room + 3 * words };
	const int r = select_hidden(count, own, &asked, size, deadline_in(timeout), mask);
	for (unsigned i = 0; i < 3 && r >= 0; i++) {
		if (own->sets[i])
			memcpy(own->sets[i], asked.sets[i], size);
	}
	put_room(room, few, 4 * size);
	return r;
}

static struct select_sets own_sets(fd_set *readable, fd_set *writable, fd_set *exceptional)
{
	return (struct select_sets){
		.sets = { (select_word *)(void *)readable, (select_word *)(void *)writable,
			  (select_word *)(void *)exceptional },
	};
}

/* A wait for an epoll set, too, in which a handshake may begin meanwhile: the question is lost in
 * the answer. */
static bool may_be_asked(void)
{
	return pending_ever() || watch_any_set();
}

HOOK int pselect(int count, fd_set *restrict readable, fd_set *restrict writable,
		 fd_set *restrict exceptional, const struct timespec *restrict timeout,
		 const sigset_t *restrict mask)
{
	const int saved = errno;
	const struct select_sets own = own_sets(readable, writable, exceptional);

	if (!may_be_asked() || count <= 0 || !is_valid(timeout) || !any_pending_in(&own, count))
		return libc()->pselect(count, readable, writable, exceptional, timeout, mask);
	return hook_return(select_by(count, &own, timeout, mask), saved);
}

/* Linux writes the time not slept back (select(2)). */
static void put_time_left(struct timeval *timeout, uint64_t deadline)
{
	struct timespec left = { 0 };

	time_left(deadline, UINT64_MAX, &left);
	*timeout = (struct timeval){ left.tv_sec, left.tv_nsec / 1000 };
}

HOOK int select(int count, fd_set *restrict readable, fd_set *restrict writable,
		fd_set *restrict exceptional, struct timeval *restrict timeout)
{
	const int saved = errno;
	const struct select_sets own = own_sets(readable, writable, exceptional);
	struct timespec time;

	if (!may_be_asked() || count <= 0 || !any_pending_in(&own, count) ||
	    (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0)))
		return libc()->select(count, readable, writable, exceptional, timeout);
	if (timeout)
		time = (struct timespec){ is_less_than_century(timeout->tv_sec)
						  ? timeout->tv_sec + timeout->tv_usec / 1000000
						  : timeout->tv_sec,
					  timeout->tv_usec % 1000000 * 1000 };
	const uint64_t deadline = deadline_in(timeout ? &time : NULL);
	const int r = select_by(count, &own, timeout ? &time : NULL, NULL);
	if (timeout)
		put_time_left(timeout, deadline);
	return hook_return(r, saved);
}

/* ---- epoll ---- */

static int control_deleted(int set, int fd, struct epoll_event *event)
{
	const int r = error_or(libc()->epoll_ctl(set, EPOLL_CTL_DEL, fd, event));
	struct pending p;

	if (r < 0)
		return r;
	watch_remove(fd, set);
	if (pending_find(fd, &p))
		pending_leave(&p);
	return r;
}

static int control_settled(int set, int op, int fd, struct epoll_event *event)
{
	const struct watch_before before =
		op == EPOLL_CTL_MOD ? watch_look(fd, set) : (struct watch_before){ 0 };
	const int r = error_or(libc()->epoll_ctl(set, op, fd, event));
	struct pending p;

	if (r < 0)
		return r;
	watch_put(fd, set, event, before);
	/* Another thread's connect() may have looked at the sets just before. */
	if (!table_may_be_pending(fd) && !watch_is_armed(fd))
		return r;
	if (pending_find(fd, &p) && pending_step(&p) == -EINPROGRESS)
		pending_await(p.tunnel);
	watch_update(fd, table_cookie(fd));
	return r;
}

/* Whether the kernel may have a handshake's events for it, or is to have them. */
static bool may_be_hidden(int fd, uint64_t *ret_cookie)
{
	struct pending p;

	if (table_may_be_pending(fd) && pending_find(fd, &p) && pending_step(&p) == -EINPROGRESS) {
		pending_await(p.tunnel);
		*ret_cookie = p.cookie;
		return true;
	}
	if (!watch_is_armed(fd))
		return false;
	*ret_cookie = table_cookie(fd);
	return true;
}

static int control(int set, int op, int fd, struct epoll_event *event)
{
	uint64_t cookie;

	if (op == EPOLL_CTL_DEL)
		return control_deleted(set, fd, event);
	if (!event || !(table_may_be_pending(fd) || watch_is_armed(fd)) ||
	    !memory_is_readable(event, sizeof(*event)) || !may_be_hidden(fd, &cookie))
		return control_settled(set, op, fd, event);
	return watch_control(set, op, fd, event, cookie);
}

HOOK int epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
	const int saved = errno;
	return hook_return(control(set, op, fd, event), saved);
}

/* One of the three calls, with what is left of its time. */
struct epoll_call {
	int set;
	struct epoll_event *events;
	int most;
	const sigset_t *mask;
	int (*wait)(const struct epoll_call *call, const struct timespec *timeout);
};

static int to_milliseconds(const struct timespec *timeout)
{
	if (!timeout)
		return -1;
	const uint64_t ms =
		(uint64_t)timeout->tv_sec * 1000 + ((uint64_t)timeout->tv_nsec + 999999) / 1000000;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static int wait_plain(const struct epoll_call *c, const struct timespec *timeout)
{
	return error_or(libc()->epoll_wait(c->set, c->events, c->most, to_milliseconds(timeout)));
}

static int wait_masked(const struct epoll_call *c, const struct timespec *timeout)
{
	return error_or(
		libc()->epoll_pwait(c->set, c->events, c->most, to_milliseconds(timeout), c->mask));
}

/* The guard refuses the call that libc makes; whole milliseconds do without, as does a part of one
 * where there is a mask. */
static int wait_exact(const struct epoll_call *c, const struct timespec *timeout)
{
	const bool is_part = timeout && !c->mask && timeout->tv_nsec % 1000000 != 0;

	if (!pass_has_cookie())
		return error_or(libc()->epoll_pwait2(c->set, c->events, c->most, timeout, c->mask));
	return is_part || !is_valid(timeout)
		       ? error_or(pass_epoll_pwait2(c->set, c->events, c->most, timeout))
		       : wait_masked(c, timeout);
}

static int epoll_hidden(const struct epoll_call *call, uint64_t deadline)
{
	for (;;) {
		struct timespec left;
		const uint64_t bound = sooner(pending_patience(), pending_help());
		const int r = call->wait(call, time_left(deadline, bound, &left));
		bool ended = false;

		if (r < 0)
			return r;
		const int kept = sets_sort(call->set, call->events, r, &ended);
		/* Something just ended may be ready: a wait for nothing asks once more. */
		if (kept > 0 || (!ended && is_past(deadline)))
			return kept;
		if (r == 0 && bound != UINT64_MAX)
			pending_look_after();
	}
}

/*
 * The end of a wait that is the kernel's alone, since nothing is under way: the clock is looked at
 * only where there is another thread, which may begin something meanwhile. 0: it was not.
 */
static uint64_t deadline_among_threads(int milliseconds)
{
	struct timespec time;

	return milliseconds > 0 && !__libc_single_threaded
		       ? deadline_in(from_milliseconds(milliseconds, &time))
		       : 0;
}

/* ready: what such a wait has come to; 0: there was none. */
static int epoll_by(const struct epoll_call *call, int ready, const struct timespec *timeout,
		    uint64_t deadline)
{
	bool ended;

	if (ready > 0)
		ready = sets_sort(call->set, call->events, ready, &ended);
	return ready > 0 ? ready : epoll_hidden(call, deadline ? deadline : deadline_in(timeout));
}

HOOK int epoll_wait(int set, struct epoll_event *events, int most, int timeout)
{
	const struct epoll_call call = { set, events, most, NULL, wait_plain };
	const int saved = errno;
	struct timespec time;
	uint64_t deadline = 0;
	int r = 0;

	if (pending_deadline() == 0) {
		deadline = deadline_among_threads(timeout);
		r = libc()->epoll_wait(set, events, most, timeout);
		if (r <= 0 || !pending_may_be_ours())
			return r;
	}
	return hook_return(epoll_by(&call, r, from_milliseconds(timeout, &time), deadline), saved);
}

HOOK int epoll_pwait(int set, struct epoll_event *events, int most, int timeout,
		     const sigset_t *mask)
{
	const struct epoll_call call = { set, events, most, mask, wait_masked };
	const int saved = errno;
	struct timespec time;
	uint64_t deadline = 0;
	int r = 0;

	if (pending_deadline() == 0) {
		deadline = deadline_among_threads(timeout);
		r = libc()->epoll_pwait(set, events, most, timeout, mask);
		if (r <= 0 || !pending_may_be_ours())
			return r;
	}
	return hook_return(epoll_by(&call, r, from_milliseconds(timeout, &time), deadline), saved);
}

HOOK int epoll_pwait2(int set, struct epoll_event *events, int most, const struct timespec *timeout,
		      const sigset_t *mask)
{
	const struct epoll_call call = { set, events, most, mask, wait_exact };
	const int saved = errno;
	uint64_t deadline = 0;
	int r = 0;

	if (pending_deadline() == 0 || !is_valid(timeout)) {
		if (timeout && is_valid(timeout) && !__libc_single_threaded)
			deadline = deadline_in(timeout);
		r = wait_exact(&call, timeout);
		if (r <= 0 || !pending_may_be_ours())
			return hook_return(r, saved);
	}
	return hook_return(epoll_by(&call, r, timeout, deadline), saved);
}
