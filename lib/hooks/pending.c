#include "hooks/pending.h"
#include "base/error.h"
#include "base/libc.h"
#include "base/question.h"
#include "hooks/connect.h"
#include "tunnel/slots.h"
#include "tunnel/watch.h"

#include <pthread.h>
#include <sys/single_threaded.h>

#define A_NAP 10 /* ms */

/* Two processes may have a set together: what one of them begins wakes the other. */
#define RELATIVES_MEET 50000000u   /* ns */
#define LOST_AT_MOST   1000000000u /* ns */

static _Atomic bool ever LIBC_WITH_DATA;
static _Atomic bool mixed LIBC_WITH_DATA;
static _Atomic bool forked LIBC_WITH_DATA;

/*
 * A child of vfork() runs in its parent's memory, on its own descriptors: what it closes or
 * duplicates is not the parent's.
 */
static _Atomic pid_t owner LIBC_WITH_DATA;

static void renew_owner(void)
{
	atomic_store_explicit(&owner, getpid(), memory_order_relaxed);
}

/* From now on two processes have each of them. */
static void share_tunnels(void)
{
	if (watch_any_set())
		atomic_store_explicit(&mixed, true, memory_order_relaxed);
	if (watch_any_set() || pending_ever())
		atomic_store_explicit(&forked, true, memory_order_relaxed);
	for (int fd = table_next(-1); fd >= 0; fd = table_next(fd)) {
		struct tunnel *tunnel = atomic_load(&table_find(fd)->tunnel);
		if (tunnel)
			atomic_fetch_or(&tunnel->shared, TUNNEL_FORKED);
	}
}

__attribute__((constructor)) static void watch_forks(void)
{
	renew_owner();
	pthread_atfork(share_tunnels, NULL, renew_owner);
}

bool pending_is_ours(void)
{
	return !question_is_allowed(QUESTION_PROCESS) ||
	       getpid() == atomic_load_explicit(&owner, memory_order_relaxed);
}

/*
 * The earliest deadline of all that are under way; 0 when there is none. Never too late, sometimes
 * too early. While somebody goes through them all it is LOOKING and his number, which is later than
 * any: so what begins meanwhile stays in it, and nobody's end of looking is taken for another's.
 */
static _Atomic uint64_t earliest LIBC_WITH_DATA;
static _Atomic uint64_t looks LIBC_WITH_DATA;

#define LOOKING (UINT64_C(1) << 63)

bool pending_ever(void)
{
	return atomic_load_explicit(&ever, memory_order_relaxed);
}

bool pending_may_be_ours(void)
{
	return atomic_load_explicit(&mixed, memory_order_acquire);
}

uint64_t pending_deadline(void)
{
	const uint64_t due = atomic_load_explicit(&earliest, memory_order_relaxed);
	return due & LOOKING ? 1 : due; /* not known: who asks looks himself */
}

/* Tunnels begun here and not told yet, as a hint: closed sockets stay in it until their deadline,
 * and threads that begin while it is counted anew may be missing. */
static _Atomic int outstanding LIBC_WITH_DATA;

/*
 * Tunnels that began with nobody waiting for them, or were left by who did; and how many there had
 * been when all were last found awaited or over. A number, so that what begins meanwhile is not
 * missed.
 */
static _Atomic unsigned lonely LIBC_WITH_DATA;
static _Atomic unsigned lonely_seen LIBC_WITH_DATA;

static void expect(uint64_t deadline)
{
	uint64_t seen = atomic_load_explicit(&earliest, memory_order_relaxed);
	while ((seen == 0 || deadline < seen) &&
	       !atomic_compare_exchange_weak(&earliest, &seen, deadline))
		;
}

/*
 * What the last user of this descriptor left: its socket was closed while under way. One that a
 * duplicate or another process may have still is left alone; its slot is taken again behind its
 * deadline.
 */
static void clear_away(int fd, uint64_t cookie)
{
	const struct table_entry *entry = table_find(fd);
	const uint64_t old = entry ? atomic_load_explicit(&entry->cookie, memory_order_acquire) : 0;
	struct tunnel *tunnel = old != 0 && old != cookie ? table_find_tunnel(fd, old) : NULL;

	/* Nor may it be given away while another thread is still in its connect(2). */
	if (tunnel && tunnel_has_started(tunnel) &&
	    !atomic_load_explicit(&tunnel->shared, memory_order_acquire))
		slots_give(tunnel, old);
}

/* Duplicates that were made before: from now on they are on the way too. */
static void begin_duplicates(const struct pending *p, const struct sockaddr *target)
{
	int fd = -1;

	while ((fd = table_next_duplicate(p->fd, p->cookie, fd)) >= 0) {
		atomic_fetch_or(&p->tunnel->shared, TUNNEL_DUPLICATED);
		clear_away(fd, p->cookie);
		table_put(fd, p->cookie, p->tunnel, target);
		watch_update(fd, p->cookie);
	}
}

int pending_begin(struct pending *p, const struct sockaddr *target)
{
	if (!table_get(p->fd)) {
		slots_give(p->tunnel, 0);
		return -ENOBUFS;
	}
	clear_away(p->fd, p->cookie);
	tunnel_begin(p->tunnel, p->cookie);
	atomic_store_explicit(&p->tunnel->owner, pthread_self(), memory_order_relaxed);
	pending_leave(p);
	atomic_fetch_add(&outstanding, 1); /* whoever claims its end counts it out */
	table_put(p->fd, p->cookie, p->tunnel, target);
	atomic_store_explicit(&ever, true, memory_order_release);
	atomic_store_explicit(&mixed, true, memory_order_release);
	expect(tunnel_deadline(p->tunnel));
	watch_update(p->fd, p->cookie);
	begin_duplicates(p, target);
	return 0;
}

bool pending_find(int fd, struct pending *ret)
{
	if (!table_may_be_pending(fd))
		return false;
	const uint64_t cookie = table_cookie(fd);
	struct tunnel *tunnel = table_find_tunnel(fd, cookie);

	*ret = (struct pending){ fd, cookie, tunnel };
	return tunnel != NULL;
}

/* Applies to the descriptor and to its duplicates, which share the tunnel. */
static void for_each_duplicate(const struct pending *p,
			       void (*apply)(int fd, const struct pending *p))
{
	apply(p->fd, p);
	if (!atomic_load_explicit(&p->tunnel->shared, memory_order_relaxed))
		return;
	for (int fd = table_next(-1); fd >= 0; fd = table_next(fd)) {
		if (fd != p->fd && table_may_be_pending(fd) &&
		    table_find_tunnel(fd, p->cookie) == p->tunnel)
			apply(fd, p);
	}
}

/* Finds the earliest deadline anew. */
static void look(void)
{
	uint64_t mine = LOOKING | atomic_fetch_add(&looks, 1);
	struct pending p;
	int left = 0;

	atomic_exchange(&earliest, mine);
	for (int fd = table_next(-1); fd >= 0; fd = table_next(fd)) {
		if (!pending_find(fd, &p))
			continue;
		if (tunnel_is_under_way(p.tunnel))
			expect(tunnel_deadline(p.tunnel));
		left++;
	}
	atomic_store(&outstanding, left);
	atomic_compare_exchange_strong(&earliest, &mine, 0);
}

/* The last one told takes the deadline along, so that waits are the kernel's alone again. */
static void count_out(void)
{
	if (atomic_fetch_sub(&outstanding, 1) == 1)
		look();
}

static void update_one(int fd, const struct pending *p)
{
	if (table_knows(fd, p->cookie))
		watch_update(fd, p->cookie);
}

static void end_one(int fd, const struct pending *p, bool keep_target)
{
	if (!table_knows(fd, p->cookie))
		return; /* another socket has the number by now */
	table_end(fd, p->cookie, keep_target);
	watch_update(fd, p->cookie);
}

static void forget_one(int fd, const struct pending *p)
{
	end_one(fd, p, true);
}

static void forget_all_of_one(int fd, const struct pending *p)
{
	end_one(fd, p, false);
}

static void abandon_claimed(const struct pending *p)
{
	for_each_duplicate(p, forget_all_of_one);
	slots_give(p->tunnel, TUNNEL_CLAIMED(p->cookie));
	count_out();
}

void pending_abandon(const struct pending *p, int error)
{
	if (!tunnel_claim(p->tunnel, p->cookie))
		return;
	/* The others are the application's own, not what became of a connection. */
	if (error == -ENETDOWN)
		connect_learn(session_get(), p->tunnel, error);
	abandon_claimed(p);
}

/* The end of a tunnel, for the one caller that takes it upon itself. */
static bool retire(const struct pending *p, int error,
		   void (*forget)(int fd, const struct pending *p))
{
	if (!tunnel_claim(p->tunnel, p->cookie))
		return false;
	connect_learn(session_get(), p->tunnel, error);
	for_each_duplicate(p, forget);
	slots_give(p->tunnel, TUNNEL_CLAIMED(p->cookie));
	count_out();
	return true;
}

/*
 * What follows from an answer of the tunnel, whoever got it. Whoever has taken a step asks the sets
 * for the next event: what came before may have been said to another one, who found him at it.
 */
static int settle(const struct pending *p, int r)
{
	switch (r) {
	case -EBUSY:
		return -EINPROGRESS;
	case -EINTR:
		return r;
	case -EBADF: /* closed meanwhile; what has the number now is none of ours */
		if (tunnel_claim(p->tunnel, p->cookie)) {
			slots_give(p->tunnel, TUNNEL_CLAIMED(p->cookie));
			count_out();
		}
		return r;
	case -EINPROGRESS:
		for_each_duplicate(p, update_one);
		return r;
	case -ESTALE: /* somebody else was told */
		table_end(p->fd, p->cookie, true);
		watch_update(p->fd, p->cookie);
		return 0;
	case 0:
		retire(p, 0, forget_one);
		return 0;
	default:
		for_each_duplicate(p, update_one);
		return r;
	}
}

/* Once it has started another thread may end it, and its slot be another socket's: only the answer
 * is looked at. */
int pending_start(const struct pending *p, struct tunnel_start *ret)
{
	const int r = tunnel_start(p->tunnel, p->fd, ret);

	return ret->started ? settle(p, r) : r;
}

int pending_step(const struct pending *p)
{
	return settle(p, tunnel_step(p->tunnel, p->fd, p->cookie));
}

static int finish(const struct pending *p, int option)
{
	pending_await(p->tunnel);
	return settle(p, tunnel_finish(p->tunnel, p->fd, p->cookie, option));
}

int pending_finish(const struct pending *p)
{
	return finish(p, SO_SNDTIMEO);
}

void pending_collect(const struct pending *p)
{
	socklen_t length = sizeof(int);
	int error;

	if (!retire(p, atomic_load(&p->tunnel->error), forget_all_of_one))
		return;
	/* The refusal that stood for it in the kernel goes with it. */
	libc()->getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &length);
}

static bool must_not_wait(int fd, int flags)
{
	return (flags & MSG_DONTWAIT) || (libc()->fcntl(fd, F_GETFL) & O_NONBLOCK);
}

int pending_gate(int fd, enum pending_use use, int flags)
{
	struct pending p;

	if (!pending_find(fd, &p))
		return 0;
	int r = pending_step(&p);
	if (r == -EINPROGRESS)
		r = must_not_wait(fd, flags)
			    ? -EAGAIN
			    : finish(&p, use == PENDING_READ ? SO_RCVTIMEO : SO_SNDTIMEO);
	if (r == -EINPROGRESS)
		return -EAGAIN; /* that time ended */
	if (r < 0 && r != -EAGAIN && r != -EINTR)
		pending_collect(&p);
	return r;
}

/* ---- handed to somebody who knows nothing of the handshake ---- */

int pending_hand_over(int fd, bool may_wait)
{
	struct pending p;

	if (!pending_find(fd, &p))
		return 0;
	int r = pending_step(&p);
	if (r == -EINPROGRESS && may_wait)
		r = pending_finish(&p);
	if (r == -EINPROGRESS && !may_wait) {
		/* The caller waits for something else, which is ready: it must not spin. */
		struct pollfd ready = { .fd = fd, .events = tunnel_events(p.tunnel) };
		libc()->poll(&ready, 1, A_NAP);
		r = pending_step(&p);
	}
	return r == -EINPROGRESS ? -EAGAIN : r == -EINTR ? r : 0;
}

/* Whether the new program is meant to have it: it alone would, or in an expected place. */
static bool is_handed_down(const struct pending *p)
{
	const uint8_t shared = atomic_load_explicit(&p->tunnel->shared, memory_order_acquire);
	return p->fd <= STDERR_FILENO || (!(shared & TUNNEL_FORKED) && pending_is_ours());
}

static void hand_down(const struct pending *p)
{
	int r;

	do
		r = pending_finish(p);
	while (r == -EINPROGRESS || r == -EINTR);
}

static void keep_back(struct pending_kept *kept, const struct pending *p, int flags)
{
	if (libc()->fcntl(p->fd, F_SETFD, flags | FD_CLOEXEC) == 0 &&
	    kept->count < PENDING_KEPT_MAX)
		kept->fds[kept->count++] = p->fd;
}

void pending_before_exec(struct pending_kept *kept, bool replaces)
{
	ERROR_PROTECT;
	struct pending p;

	kept->count = 0;
	if (!pending_ever())
		return;
	for (int fd = table_next(-1); fd >= 0; fd = table_next(fd)) {
		if (!pending_find(fd, &p) || pending_step(&p) != -EINPROGRESS)
			continue;
		const int flags = libc()->fcntl(fd, F_GETFD);
		if (flags < 0 || (flags & FD_CLOEXEC))
			continue;
		if (replaces && is_handed_down(&p))
			hand_down(&p);
		else
			keep_back(kept, &p, flags);
	}
}

void pending_after_exec(const struct pending_kept *kept)
{
	ERROR_PROTECT;

	for (unsigned i = 0; i < kept->count; i++) {
		const int flags = libc()->fcntl(kept->fds[i], F_GETFD);
		if (flags >= 0)
			libc()->fcntl(kept->fds[i], F_SETFD, flags & ~FD_CLOEXEC);
	}
}

void pending_let_go(int fd)
{
	struct pending p;

	if (!pending_is_ours())
		return;
	/* A relative that has it still goes on with it, and with the registration too. */
	if (pending_find(fd, &p) &&
	    atomic_load_explicit(&p.tunnel->shared, memory_order_relaxed) == TUNNEL_DUPLICATED)
		watch_restore(fd);
	watch_forget(fd);
}

bool pending_cancel(int fd)
{
	struct pending p;

	if (!pending_find(fd, &p) || !tunnel_cancel(p.tunnel, fd, p.cookie))
		return false;
	abandon_claimed(&p);
	return true;
}

void pending_await(struct tunnel *tunnel)
{
	if (!atomic_load_explicit(&tunnel->awaited, memory_order_relaxed))
		atomic_store_explicit(&tunnel->awaited, true, memory_order_relaxed);
}

void pending_leave(const struct pending *p)
{
	const bool awaited = watch_has_any(p->fd);

	atomic_store_explicit(&p->tunnel->awaited, awaited, memory_order_relaxed);
	if (!awaited)
		atomic_fetch_add(&lonely, 1);
}

bool pending_any_lonely(void)
{
	return atomic_load_explicit(&lonely, memory_order_relaxed) !=
	       atomic_load_explicit(&lonely_seen, memory_order_relaxed);
}

/*
 * Steps one whose owner may be another thread, which may close the descriptor at any moment and
 * make another socket with its number: so through a duplicate, which stays what it is.
 */
static int step_from_aside(const struct pending *p)
{
	if (__libc_single_threaded)
		return pending_step(p);
	const int own = libc()->fcntl(p->fd, F_DUPFD_CLOEXEC, 0);
	int r = -EBADF;

	if (own >= 0 && table_cookie(own) == p->cookie)
		r = settle(p, tunnel_step(p->tunnel, own, p->cookie));
	if (own >= 0)
		libc()->close(own);
	return r;
}

/* Of one that has an entry. Without a system call where the answer is no. */
static struct tunnel *find_under_way(int fd)
{
	struct tunnel *tunnel = atomic_load_explicit(&table_find(fd)->tunnel, memory_order_acquire);

	return tunnel && tunnel_is_under_way(tunnel) ? tunnel : NULL;
}

static bool is_lonely(const struct tunnel *tunnel)
{
	return !atomic_load_explicit(&tunnel->awaited, memory_order_relaxed);
}

static bool is_mine(const struct tunnel *tunnel)
{
	return pthread_equal(atomic_load_explicit(&tunnel->owner, memory_order_relaxed),
			     pthread_self());
}

static bool is_left(int fd)
{
	struct pending p;
	return pending_find(fd, &p) && step_from_aside(&p) == -EINPROGRESS;
}

uint64_t pending_help(void)
{
	const unsigned begun = atomic_load(&lonely);
	bool mine = false, any = false;

	if (!pending_any_lonely())
		return UINT64_MAX;
	for (int fd = table_next(-1); fd >= 0; fd = table_next(fd)) {
		const struct tunnel *tunnel = find_under_way(fd);
		if (!tunnel || !is_lonely(tunnel))
			continue;
		if (!is_mine(tunnel))
			any = true;
		else if (is_left(fd))
			mine = true;
	}
	if (!mine && !any)
		atomic_store(&lonely_seen, begun);
	return mine ? A_NAP * 1000000u : UINT64_MAX;
}

bool pending_step_mine(void)
{
	bool left = false;

	for (int fd = table_next(-1); fd >= 0; fd = table_next(fd)) {
		const struct tunnel *tunnel = find_under_way(fd);
		if (tunnel && is_mine(tunnel) && is_left(fd))
			left = true;
	}
	return left;
}

/* Steps all whose deadline is not behind this. */
static void step_due(uint64_t now)
{
	struct pending p;

	for (int fd = table_next(-1); fd >= 0; fd = table_next(fd)) {
		if (pending_find(fd, &p) && now >= tunnel_deadline(p.tunnel))
			step_from_aside(&p);
	}
}

uint64_t pending_patience(void)
{
	const bool alone = !atomic_load_explicit(&forked, memory_order_relaxed);
	uint64_t now = tunnel_now();

	if (pending_deadline() == 0)
		return UINT64_MAX;
	if (now >= pending_deadline()) {
		step_due(now);
		look();
	}
	const uint64_t due = pending_deadline(), most = alone ? LOST_AT_MOST : RELATIVES_MEET;
	if (due == 0)
		return UINT64_MAX;
	return due > now && due - now < most ? due - now : most;
}

void pending_look_after(void)
{
	step_due(UINT64_MAX);
}
