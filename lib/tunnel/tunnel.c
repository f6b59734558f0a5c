#include "tunnel/tunnel.h"
#include "base/error.h"
#include "base/libc.h"
#include "base/pass.h"
#include "socks5/reply.h"
#include "tunnel/table.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <time.h>

enum tunnel_over { OVER_NOT, OVER_DONE, OVER_FAILED, OVER_STARTING };

/* UNOWNED: the slot was given back while somebody drove it, who frees it when done. */
enum tunnel_lock { LOCK_FREE, LOCK_HELD, LOCK_UNOWNED };

enum tunnel_waits { WAITS_UNKNOWN, WAITS_NOT, WAITS };

enum tunnel_attempt {
	ATTEMPT_KNOWN, /* only the method the proxy is known to take */
	ATTEMPT_FULL,  /* all methods of the plan, waiting at every step */
	ATTEMPT_BARE,  /* no authentication, after the proxy refused the keys */
};

/* The kernel gives up on a silent SYN by itself after about 127 s (tcp(7), tcp_syn_retries).
 * Seconds. */
#define KERNEL_PATIENCE 130

/* Somebody else may have read the reply this poll waits for, so none lasts longer. Milliseconds. */
#define POLL_AT_MOST  100
#define POLL_AT_FIRST 5

/* A connect(2) that takes no longer has not waited. ns */
#define A_MOMENT 1000000u

uint64_t tunnel_now(void)
{
	struct timespec t = { 0 };
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- attempts ---- */

static bool may_pipeline(const struct tunnel_plan *plan, uint8_t method)
{
	switch (plan->pipeline) {
	case TUNNEL_PIPELINE_NO:
		return false;
	case TUNNEL_PIPELINE_YES:
		return true;
	default: /* 0x02 in its key form is understood by Tor alone, which is known to take it so */
		return method == SOCKS5_EXTENDED ||
		       (method == SOCKS5_PASSWORD && !plan->has_credentials);
	}
}

static void offer_only(struct socks5_offer *offer, uint8_t method)
{
	offer->methods[0] = method;
	offer->count = 1;
}

static void prepare_attempt(struct tunnel *t, enum tunnel_attempt attempt)
{
	struct socks5_offer offer = t->plan.offer;

	t->attempt = (uint8_t)attempt;
	t->established = false;
	t->muted = false;
	if (attempt == ATTEMPT_KNOWN) {
		offer_only(&offer, t->plan.known);
		offer.pipelined = may_pipeline(&t->plan, t->plan.known);
	} else if (attempt == ATTEMPT_BARE) {
		offer_only(&offer, SOCKS5_NO_AUTHENTICATION);
	}
	socks5_client_init(&t->client, &offer, &t->plan.request);
	atomic_store_explicit(&t->events, POLLOUT, memory_order_relaxed);
}

static bool may_offer(const struct tunnel *t, uint8_t method)
{
	return memchr(t->plan.offer.methods, method, t->plan.offer.count) != NULL;
}

/* The kernel's refusals that are about the application's own socket, not about the proxy. */
static bool is_applications_fault(int error)
{
	switch (-error) {
	case EBADF:
	case ENOTSOCK:
	case EISCONN:
	case EALREADY:
	case EINVAL:
	case EAFNOSUPPORT:
	case EADDRINUSE:
	case EADDRNOTAVAIL:
	case ECONNABORTED: /* the failure of the connect before this one */
	case ENOBUFS:
	case ENOMEM:
		return true;
	default:
		return false;
	}
}

static int proxy_error(int error)
{
	return is_applications_fault(error) ? error : -ENETDOWN;
}

static int connect_proxy(struct tunnel *t, int fd)
{
	return error_or(
		libc()->connect(fd, (const struct sockaddr *)&t->plan.proxy, t->plan.proxy_length));
}

/*
 * A blocking socket waits for the proxy inside connect(2), where nothing bounds it but its own
 * SO_SNDTIMEO. With the shortest one it goes on in the background, and the waiting is ours: in
 * poll(2), by our deadline, with signals.
 */
static int dial(struct tunnel *t, int fd)
{
	const struct timeval shortest = { .tv_usec = 1 };
	struct timeval own = { 0 };
	socklen_t length = sizeof(own);

	if (libc()->getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &own, &length) < 0 ||
	    libc()->setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &shortest, sizeof(shortest)) < 0)
		return error_last();
	const int r = connect_proxy(t, fd);
	libc()->setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &own, sizeof(own));
	return r;
}

/*
 * Whether the socket blocks. Asked as late as can be: once the greeting is out the time for it is
 * the proxy's.
 */
static bool waits(struct tunnel *t, int fd)
{
	if (t->waits == WAITS_UNKNOWN)
		t->waits = libc()->fcntl(fd, F_GETFL) & O_NONBLOCK ? WAITS_NOT : WAITS;
	return t->waits == WAITS;
}

/* A connect that the kernel itself gives up on before we would, or that cannot wait, needs no such
 * care. */
static bool needs_bound(struct tunnel *t, int fd)
{
	return t->plan.timeout < KERNEL_PATIENCE && waits(t, fd);
}

void tunnel_disconnect(int fd)
{
	const struct sockaddr unspecified = { .sa_family = AF_UNSPEC };
	socklen_t length = sizeof(int);
	int error;

	libc()->connect(fd, &unspecified, sizeof(unspecified));
	/* A connection cut short leaves ECONNRESET pending; reading it takes it away. */
	libc()->getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
}

static int start_again(struct tunnel *t, int fd, enum tunnel_attempt attempt)
{
	tunnel_disconnect(fd);
	prepare_attempt(t, attempt);
	const int r = dial(t, fd);
	return r == 0 || r == -EINPROGRESS ? 0 : proxy_error(r);
}

static bool should_negotiate_in_full(const struct tunnel *t, enum socks5_stage stage, uint8_t code)
{
	return t->attempt == ATTEMPT_KNOWN &&
	       (stage == SOCKS5_STAGE_METHOD ||
		(stage == SOCKS5_STAGE_END && code == SOCKS5_STAGE_METHOD));
}

/* dante and 3proxy take 0x02 and then refuse keys, or close. Where nothing must arrive that is no
 * reason to fail. */
static bool should_go_bare(const struct tunnel *t, enum socks5_stage stage, uint8_t code)
{
	return t->attempt != ATTEMPT_BARE && !t->plan.keys_must_arrive &&
	       !t->plan.has_credentials && socks5_client_method(&t->client) == SOCKS5_PASSWORD &&
	       may_offer(t, SOCKS5_NO_AUTHENTICATION) &&
	       (stage == SOCKS5_STAGE_AUTHENTICATION ||
		(stage == SOCKS5_STAGE_END && code == SOCKS5_STAGE_AUTHENTICATION));
}

static bool should_retry(const struct tunnel *t, enum socks5_stage stage, uint8_t code)
{
	return stage == SOCKS5_STAGE_REPLY && code == SOCKS5_229_TEMPORARY && t->retries > 0 &&
	       socks5_client_method(&t->client) == SOCKS5_EXTENDED;
}

/* After an attempt failed: 0 when another one is under way, or the final -errno. */
static int try_again(struct tunnel *t, int fd, int error)
{
	uint8_t code;
	const enum socks5_stage stage = socks5_client_stage(&t->client, &code);

	if (should_negotiate_in_full(t, stage, code))
		return start_again(t, fd, ATTEMPT_FULL);
	if (should_go_bare(t, stage, code)) {
		t->fell_back = true;
		return start_again(t, fd, ATTEMPT_BARE);
	}
	if (should_retry(t, stage, code)) {
		t->retries--;
		return start_again(t, fd, (enum tunnel_attempt)t->attempt);
	}
	return error;
}

/* ---- one attempt ---- */

/* Whatever the handshake is waiting for, before it the proxy's answer to the SYN. */
static int wait_more(struct tunnel *t)
{
	const unsigned want = socks5_client_want(&t->client);
	int events = POLLOUT;

	if (t->established)
		events = (want & SOCKS5_WANT_RECV ? POLLIN : 0) |
			 (want & SOCKS5_WANT_SEND ? POLLOUT : 0);
	atomic_store_explicit(&t->events, events, memory_order_relaxed);
	return -EINPROGRESS;
}

/* What the kernel has still to send is lost; what the proxy said before it hung up may not be. */
static void mute(struct tunnel *t)
{
	t->muted = true;
	socks5_client_commit_output(&t->client, SIZE_MAX);
}

static int send_output(struct tunnel *t, int fd)
{
	const struct iovec *pieces;
	struct msghdr message = { 0 };

	message.msg_iovlen = socks5_client_peek_output(&t->client, &pieces);
	message.msg_iov = (struct iovec *)pieces;
	const ssize_t sent = pass_sendmsg_at_once(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent >= 0) {
		t->established = true;
		socks5_client_commit_output(&t->client, (size_t)sent);
		return 0;
	}
	const int error = error_last();
	if (error == -EINTR)
		return 0;
	if (error == -EAGAIN)
		return wait_more(t);
	const bool was_reset = error == -ECONNRESET || error == -EPIPE;
	if (!t->established && !was_reset)
		return proxy_error(error);
	mute(t);
	return 0;
}

static int receive_input(struct tunnel *t, int fd)
{
	uint8_t *window;
	const size_t room = socks5_client_lend_input(&t->client, &window);
	const ssize_t got = libc()->recv(fd, window, room, MSG_DONTWAIT);

	if (got < 0) {
		const int error = error_last();
		if (error == -EINTR)
			return 0;
		/* Where nothing can be sent, nothing comes: the application has shut this side
		 * down. */
		if (error == -EAGAIN && !t->muted)
			return wait_more(t);
	}
	if (got <= 0) {
		socks5_client_end_input(&t->client);
		return 0;
	}
	socks5_client_commit_input(&t->client, (size_t)got);
	/* A short read has emptied the socket: asking once more would only be told so. */
	if ((size_t)got < room && socks5_client_want(&t->client) == SOCKS5_WANT_RECV)
		return wait_more(t);
	return 0;
}

/* 0: the proxy said yes. -EINPROGRESS: wait. Otherwise this attempt failed. */
static int drive(struct tunnel *t, int fd)
{
	unsigned want;

	while ((want = socks5_client_want(&t->client)) != SOCKS5_WANT_NOTHING) {
		int r;

		if (want & SOCKS5_WANT_SEND) {
			r = send_output(t, fd);
			/* The answer cannot be here yet. */
			if (r == 0 && !t->muted &&
			    socks5_client_want(&t->client) == SOCKS5_WANT_RECV)
				r = wait_more(t);
			/* A proxy that refuses may say so before it has read everything. */
			if (r == -EINPROGRESS && t->established &&
			    (socks5_client_want(&t->client) & SOCKS5_WANT_SEND))
				r = receive_input(t, fd);
		} else {
			r = receive_input(t, fd);
		}
		if (r < 0)
			return r;
	}
	return socks5_client_error(&t->client);
}

/* ---- the lock ---- */

/*
 * Held only while driving, which never waits; signals are blocked meanwhile, so that a handler that
 * jumps out of connect() (wget -T does) cannot take it along. A holder that was killed is robbed at
 * the deadline.
 *
 * It also keeps the slot: one that is given back meanwhile becomes free when its holder is done, so
 * that nobody plans another tunnel in memory that is still being driven.
 */
#define ROBBERY 1000000000u /* ns */

static bool try_lock(struct tunnel *t)
{
	uint32_t is_free = LOCK_FREE;
	return atomic_compare_exchange_strong_explicit(&t->lock, &is_free, LOCK_HELD,
						       memory_order_acquire, memory_order_relaxed);
}

/* For a new tunnel: who may have it still is late, and finds out at once. */
static void take_lock(struct tunnel *t)
{
	for (unsigned tries = 0; tries < 64 && !try_lock(t); tries++)
		sched_yield();
	atomic_store_explicit(&t->lock, LOCK_HELD, memory_order_relaxed);
}

static void set_free(struct tunnel *t)
{
	atomic_store_explicit(&t->lock, LOCK_FREE, memory_order_relaxed);
	atomic_store_explicit(&t->taken, 0, memory_order_release);
}

static void let_go(struct tunnel *t)
{
	uint32_t held = LOCK_HELD;

	if (!atomic_compare_exchange_strong_explicit(&t->lock, &held, LOCK_FREE,
						     memory_order_acq_rel, memory_order_acquire) &&
	    held == LOCK_UNOWNED)
		set_free(t);
}

static bool lock(struct tunnel *t, sigset_t *saved)
{
	static const sigset_t all = { .__val = { [0 ... sizeof(all) / sizeof(unsigned long) - 1] =
							 ULONG_MAX } };

	/* The raw call: libc's leaves the signal out that pthread_cancel sends. */
	libc()->syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, saved, _NSIG / 8);
	for (unsigned tries = 0; tries < 64; tries++) {
		if (try_lock(t))
			return true;
		sched_yield();
	}
	if (tunnel_now() > tunnel_deadline(t) + ROBBERY)
		return true;
	libc()->syscall(SYS_rt_sigprocmask, SIG_SETMASK, saved, NULL, _NSIG / 8);
	return false;
}

static void unlock(struct tunnel *t, const sigset_t *saved)
{
	let_go(t);
	libc()->syscall(SYS_rt_sigprocmask, SIG_SETMASK, saved, NULL, _NSIG / 8);
}

bool tunnel_release(struct tunnel *t)
{
	while (!try_lock(t)) {
		uint32_t held = LOCK_HELD;
		if (atomic_compare_exchange_strong_explicit(&t->lock, &held, LOCK_UNOWNED,
							    memory_order_acq_rel,
							    memory_order_acquire) ||
		    held == LOCK_UNOWNED)
			return false;
	}
	set_free(t);
	return true;
}

bool tunnel_release_lost(struct tunnel *t)
{
	uint32_t unowned = LOCK_UNOWNED;
	return atomic_compare_exchange_strong_explicit(&t->lock, &unowned, LOCK_FREE,
						       memory_order_acquire, memory_order_relaxed);
}

/* ---- the tunnel ---- */

/*
 * A failed non-blocking connect leaves its socket readable, writable, hung up and in error, and
 * keeps it registered. Another connect that is refused at once gives it just that shape, whatever
 * happened before.
 */
static void refuse(const struct tunnel *t, int fd)
{
	struct sockaddr_in6 nowhere = t->plan.proxy;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&nowhere;

	if (nowhere.sin6_family == AF_INET) {
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		v4->sin_port = 0;
	} else if (IN6_IS_ADDR_V4MAPPED(&nowhere.sin6_addr)) {
		memcpy(nowhere.sin6_addr.s6_addr + 12, (const uint8_t[]){ 127, 0, 0, 1 }, 4);
		nowhere.sin6_port = 0;
	} else {
		nowhere.sin6_addr = in6addr_loopback;
		nowhere.sin6_port = 0;
	}
	libc()->connect(fd, (const struct sockaddr *)&nowhere, t->plan.proxy_length);
}

/* Possible while the socket has no port, as after a refusal. */
static void set_v6only(const struct tunnel *t, int fd)
{
	const int on = 1;

	if (t->plan.was_v6only)
		libc()->setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
}

/* The kernel may take less than was asked for, so it is asked what it has. */
static void lower_mark(struct tunnel *t, int fd)
{
	const int least = 1;
	int mark = 1;
	socklen_t length = sizeof(mark);

	if (libc()->getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, &length) < 0)
		return;
	atomic_store_explicit(&t->low_mark, mark, memory_order_release);
	if (mark > 1)
		libc()->setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &least, sizeof(least));
}

static void restore_mark(const struct tunnel *t, int fd)
{
	const int mark = atomic_load_explicit(&t->low_mark, memory_order_relaxed);

	if (mark > 1)
		libc()->setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark));
}

static int end(struct tunnel *t, int fd, int error)
{
	if (error)
		tunnel_disconnect(fd);
	if (error && !waits(t, fd))
		refuse(t, fd);
	if (error)
		set_v6only(t, fd);
	restore_mark(t, fd);
	atomic_store_explicit(&t->error, error, memory_order_release);
	atomic_store_explicit(&t->over, error ? OVER_FAILED : OVER_DONE, memory_order_release);
	return error;
}

/*
 * The answer that needs no driving, if there is one. The slot may be given back, and taken for
 * another socket, between any two of these looks: what was read counts only if it is still this
 * socket's afterwards. No cookie comes twice.
 */
static bool is_settled(const struct tunnel *t, uint64_t cookie, int *ret_answer)
{
	const uint32_t over = atomic_load_explicit(&t->over, memory_order_acquire);
	const int error = atomic_load_explicit(&t->error, memory_order_acquire);

	if (!tunnel_is_of(t, cookie)) {
		*ret_answer = -ESTALE;
		return true;
	}
	*ret_answer = over == OVER_STARTING ? -EBUSY : error;
	return over != OVER_NOT;
}

void tunnel_begin(struct tunnel *t, uint64_t cookie)
{
	t->waits = WAITS_UNKNOWN;
	atomic_store_explicit(&t->shared, 0, memory_order_relaxed);
	atomic_store_explicit(&t->low_mark, 1, memory_order_relaxed);
	t->retries = t->plan.retry;
	t->fell_back = false;
	atomic_store_explicit(&t->error, 0, memory_order_release);
	atomic_store_explicit(&t->events, POLLOUT, memory_order_relaxed);
	atomic_store_explicit(&t->deadline, tunnel_now() + t->plan.timeout * 1000000000ull,
			      memory_order_relaxed);
	take_lock(t);
	atomic_store_explicit(&t->over, OVER_STARTING, memory_order_release);
	atomic_store_explicit(&t->cookie, cookie, memory_order_release);
}

/* A known 0x00 is no reason to offer nothing else: the proxy may be another one by now, and take
 * keys. */
static bool should_offer_alone(const struct tunnel *t, uint8_t method)
{
	return may_offer(t, method) &&
	       (method != SOCKS5_NO_AUTHENTICATION || t->plan.offer.count == 1 ||
		t->plan.pipeline == TUNNEL_PIPELINE_YES);
}

static int step_alone(struct tunnel *t, int fd)
{
	for (;;) {
		int r = drive(t, fd);
		if (r == 0)
			return end(t, fd, 0);
		if (r == -EINPROGRESS)
			return tunnel_now() < tunnel_deadline(t) ? r : end(t, fd, -ETIMEDOUT);
		r = try_again(t, fd, r);
		if (r < 0)
			return end(t, fd, r);
	}
}

/*
 * Another thread may close a descriptor that this one waits for, and the next socket gets its
 * number: not one byte of ours is to go there.
 */
static bool was_replaced(int fd, uint64_t cookie)
{
	return !__libc_single_threaded && cookie != TUNNEL_OWN_SOCKET && table_cookie(fd) != cookie;
}

static int start(struct tunnel *t, int fd, struct tunnel_start *ret)
{
	prepare_attempt(t, should_offer_alone(t, t->plan.known) ? ATTEMPT_KNOWN : ATTEMPT_FULL);
	if (t->plan.has_low_mark)
		lower_mark(t, fd);
	const uint64_t cookie = atomic_load_explicit(&t->cookie, memory_order_relaxed);
	const uint64_t before = tunnel_now();
	const int dialled = needs_bound(t, fd) ? dial(t, fd) : connect_proxy(t, fd);

	if (tunnel_now() - before > A_MOMENT && was_replaced(fd, cookie))
		return -EBADF;
	if (dialled < 0 && dialled != -EINPROGRESS && dialled != -EINTR) {
		set_v6only(t, fd);
		restore_mark(t, fd);
		return proxy_error(dialled);
	}
	ret->started = true;
	const int r = step_alone(t, fd);
	if (r != -EINPROGRESS)
		return r;
	ret->waits = waits(t, fd);
	atomic_store_explicit(&t->over, OVER_NOT, memory_order_release);
	return dialled == -EINTR ? dialled : r;
}

/*
 * It has the lock from tunnel_begin on, with signals open: so a blocking connect(2) can be
 * interrupted here as anywhere.
 */
int tunnel_start(struct tunnel *t, int fd, struct tunnel_start *ret)
{
	*ret = (struct tunnel_start){ 0 };
	const int r = start(t, fd, ret);
	let_go(t);
	return r;
}

bool tunnel_has_started(const struct tunnel *t)
{
	return atomic_load_explicit(&t->over, memory_order_acquire) != OVER_STARTING;
}

int tunnel_step(struct tunnel *t, int fd, uint64_t cookie)
{
	sigset_t saved;
	int r;

	if (is_settled(t, cookie, &r))
		return r;
	if (!lock(t, &saved))
		return -EBUSY;
	if (!is_settled(t, cookie, &r))
		r = step_alone(t, fd);
	unlock(t, &saved);
	return r;
}

int tunnel_get_low_mark(const struct tunnel *t, uint64_t cookie)
{
	const int mark = atomic_load_explicit(&t->low_mark, memory_order_acquire);
	return tunnel_is_under_way(t) && tunnel_is_of(t, cookie) ? mark : -ESTALE;
}

int tunnel_put_low_mark(struct tunnel *t, int fd, uint64_t cookie, const void *value,
			socklen_t length)
{
	sigset_t saved;
	int r;

	if (is_settled(t, cookie, &r) || !lock(t, &saved))
		return -ESTALE;
	if (is_settled(t, cookie, &r))
		r = -ESTALE;
	else
		r = error_or(libc()->setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, value, length));
	if (r == 0)
		lower_mark(t, fd);
	unlock(t, &saved);
	return r;
}

bool tunnel_is_of(const struct tunnel *t, uint64_t cookie)
{
	return atomic_load_explicit(&t->cookie, memory_order_acquire) == cookie;
}

bool tunnel_claim(struct tunnel *t, uint64_t cookie)
{
	return atomic_compare_exchange_strong(&t->cookie, &cookie, TUNNEL_CLAIMED(cookie));
}

/*
 * Under the lock, or who drives it would take the end for the proxy's, and try again. A holder who
 * waits in connect(2) is no reason to wait for him.
 */
bool tunnel_cancel(struct tunnel *t, int fd, uint64_t cookie)
{
	sigset_t saved;
	const bool locked = lock(t, &saved);
	const bool under_way = tunnel_is_under_way(t), mine = tunnel_claim(t, cookie);

	if (mine)
		tunnel_disconnect(fd);
	if (mine && under_way) {
		set_v6only(t, fd);
		restore_mark(t, fd);
	}
	if (locked)
		unlock(t, &saved);
	return mine;
}

bool tunnel_is_under_way(const struct tunnel *t)
{
	const uint32_t over = atomic_load_explicit(&t->over, memory_order_acquire);
	return over == OVER_NOT || over == OVER_STARTING;
}

short tunnel_events(const struct tunnel *t)
{
	return (short)atomic_load_explicit(&t->events, memory_order_relaxed);
}

uint64_t tunnel_deadline(const struct tunnel *t)
{
	return atomic_load_explicit(&t->deadline, memory_order_relaxed);
}

/* ---- blocking ---- */

/*
 * connect(2) goes on by itself after a handler installed with SA_RESTART, poll(2) never does, and
 * nobody tells which handler has run. When every handler restarts, it was one of those.
 */
bool tunnel_waits_on(void)
{
	for (int signal = 1; signal < _NSIG; signal++) {
		struct sigaction action;
		if (sigaction(signal, NULL, &action) < 0)
			continue;
		if (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN &&
		    !(action.sa_flags & SA_RESTART))
			return false;
	}
	return true;
}

/* Milliseconds until a deadline, rounded up, POLL_AT_MOST at most. */
static int until(uint64_t deadline)
{
	const uint64_t at = tunnel_now();
	if (at >= deadline)
		return 0;
	const uint64_t left = (deadline - at + 999999) / 1000000;
	return left < POLL_AT_MOST ? (int)left : POLL_AT_MOST;
}

/* When the socket's SO_SNDTIMEO or SO_RCVTIMEO ends; a socket without one waits for ever. */
static uint64_t own_deadline(int fd, int option, uint64_t began)
{
	struct timeval limit = { 0 };
	socklen_t length = sizeof(limit);

	if (libc()->getsockopt(fd, SOL_SOCKET, option, &limit, &length) < 0 ||
	    (limit.tv_sec == 0 && limit.tv_usec == 0))
		return UINT64_MAX;
	return began + (uint64_t)limit.tv_sec * 1000000000u + (uint64_t)limit.tv_usec * 1000u;
}

/* Waits for the tunnel's events. -EINTR when a handler ran that does not restart. */
static int wait_ready(const struct tunnel *t, int fd, int patience)
{
	struct pollfd ready = { .fd = fd, .events = tunnel_events(t) };

	if (libc()->poll(&ready, 1, patience) >= 0)
		return 0;
	if (errno !=
	    EINTR) /* ENOMEM, or no descriptor allowed at all: the steps go on by the clock */
		libc()->poll(NULL, 0, patience);
	else if (!tunnel_waits_on())
		return -EINTR;
	return 0;
}

int tunnel_finish(struct tunnel *t, int fd, uint64_t cookie, int option)
{
	const uint64_t deadline = tunnel_deadline(t);
	const uint64_t began = tunnel_now();
	uint64_t limit = 0;

	/* Most are over before anybody need know how long they may last. */
	for (int patience = POLL_AT_FIRST;; patience = until(limit < deadline ? limit : deadline)) {
		if (wait_ready(t, fd, patience) < 0)
			return -EINTR;
		if (was_replaced(fd, cookie))
			return -EBADF;
		const int r = tunnel_step(t, fd, cookie);
		if (r != -EINPROGRESS && r != -EBUSY)
			return r;
		if (limit == 0)
			limit = own_deadline(fd, option, began);
		if (tunnel_now() >= limit)
			return -EINPROGRESS;
	}
}
