/*
 * pending: a descriptor whose socket is on its way through the proxy, as the other hooks see it.
 * They ask table_may_be_pending first, which costs nothing where nothing is; the rest is decided
 * here: drive it, hide it, and when it is over give the application what the kernel would have
 * given. Any thread and any signal handler.
 */
#ifndef HOOKS_PENDING_H
#define HOOKS_PENDING_H

#include "session/session.h"
#include "tunnel/table.h"
#include "tunnel/tunnel.h"

struct pending {
	int fd;
	uint64_t cookie;
	struct tunnel *tunnel;
};

/* Publishes a tunnel whose plan stands, before it starts. -ENOBUFS: it is given back. */
int pending_begin(struct pending *pending, const struct sockaddr *target);

/* tunnel_start, and what follows from it. */
int pending_start(const struct pending *pending, struct tunnel_start *ret);

/* It could not start, with this -errno: the descriptor is as it was. */
void pending_abandon(const struct pending *pending, int error);

/* Whether the descriptor has a tunnel, under way or failed and not yet told. */
bool pending_find(int fd, struct pending *ret_pending);

/*
 * Drives it. 0: the descriptor is the kernel's and the application's alone. -EINPROGRESS: still
 * under way. Another -errno: it has failed; the kernel shows the failure, pending_collect takes it
 * away.
 */
int pending_step(const struct pending *pending);

/* The same, waiting for its end; besides, -EINTR and -EINPROGRESS as tunnel_finish. */
int pending_finish(const struct pending *pending);

/* The failure has been told: once, as SO_ERROR is. */
void pending_collect(const struct pending *pending);

/*
 * May this call use the descriptor now? 0: it goes to libc. Otherwise -errno: -EAGAIN while a
 * non-blocking socket (or call, with MSG_DONTWAIT) is under way, or the failure, collected. A
 * blocking one waits, as long as a call of this direction does.
 */
enum pending_use { PENDING_READ, PENDING_WRITE };
int pending_gate(int fd, enum pending_use use, int flags);

/*
 * The descriptor is about to go to another process, which knows nothing of the handshake: that must
 * be over before. 0: it is, one way or the other. -EINTR; -EAGAIN where the caller may not wait.
 */
int pending_hand_over(int fd, bool may_wait);

/*
 * Before an exec, and after one that failed. The new program would take a socket on its way for a
 * connected one, and the proxy its bytes for a part of the handshake. So what it is to have is
 * brought to an end before; what it only happens to have, a child's copy of its parent's, is kept
 * from it. replaces: this process becomes the new program (exec); otherwise it starts one
 * (posix_spawn), and keeps and drives what it has.
 */
#define PENDING_KEPT_MAX 64
struct pending_kept {
	unsigned count;
	int fds[PENDING_KEPT_MAX];
};
void pending_before_exec(struct pending_kept *ret_kept, bool replaces);
void pending_after_exec(const struct pending_kept *kept);

/*
 * The descriptor is being closed, and forgotten. Its epoll sets get their own back where a
 * duplicate has the socket still: nobody could do so later.
 */
void pending_let_go(int fd);

/* Whether this is the process whose memory this is: not so in a child of vfork(). */
bool pending_is_ours(void);

/* The application ends the attempt itself, by shutdown() or an AF_UNSPEC connect. false: there is
 * none. */
bool pending_cancel(int fd);

/* Whether any tunnel was ever under way; whether one may be now; and when the next deadline is (ns,
 * 0: none). */
bool pending_ever(void);
uint64_t pending_deadline(void);

/* Whether what comes back from a set may be a handshake's, of this process or of a relative. */
bool pending_may_be_ours(void);

/*
 * A program may begin a connection and wait for others: the kernel's needs no help on its way, and
 * a tunnel that nobody waits for does, from the thread that began it. Somebody waits for this one
 * now; nobody does any more.
 */
void pending_await(struct tunnel *tunnel);
void pending_leave(const struct pending *pending);

/* Whether there may be one that nobody waits for. */
bool pending_any_lonely(void);

/* Steps this thread's. Returns how long a wait may last before the next time (ns), UINT64_MAX: none
 * is left. */
uint64_t pending_help(void);

/* Steps all that this thread began, awaited or not: it is to wait for another thing. false: none is
 * under way. */
bool pending_step_mine(void);

/*
 * How long a wait may last (ns) in which nothing is under way that it looks after itself,
 * UINT64_MAX: for ever. Steps what has passed its deadline. An event may have been lost: to a wait
 * that no hook sees, or to a process that was killed; behind a wait that was as long as this all
 * are stepped.
 */
uint64_t pending_patience(void);
void pending_look_after(void);

#endif
