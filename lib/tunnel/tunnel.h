/*
 * tunnel: one application socket on its way through the proxy: the real connect to the proxy, the
 * handshake on the same descriptor, and the next attempt where one is due. It never blocks and
 * never changes a flag of the socket; blocking connect is tunnel_step in a loop around poll.
 *
 * A tunnel lives in shared memory (slots.h), so that a forked child can drive it on. Any thread may
 * step it: one drives, with signals blocked and for a bounded time, the others see it still under
 * way.
 */
#ifndef TUNNEL_TUNNEL_H
#define TUNNEL_TUNNEL_H

#include "socks5/client.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

/*
 * The cookie of a socket that nobody else sees: the library's own. The kernel counts the others up
 * from 1.
 */
#define TUNNEL_OWN_SOCKET UINT64_MAX

/* Who else may have the socket, as far as is known. */
enum tunnel_shared { TUNNEL_DUPLICATED = 1u << 0, TUNNEL_FORKED = 1u << 1 };

enum tunnel_pipeline { TUNNEL_PIPELINE_AUTO, TUNNEL_PIPELINE_YES, TUNNEL_PIPELINE_NO };

/* Room in a tunnel for what its plan's pairs and password point at. */
#define TUNNEL_SCRATCH 1184

/* What a tunnel is to do. What it points at must stay until the tunnel ends. */
struct tunnel_plan {
	struct sockaddr_in6 proxy; /* a sockaddr_in where the socket is AF_INET */
	socklen_t proxy_length;
	struct socks5_request request;
	struct socks5_offer offer; /* all that may be offered; `pipelined` is set by each attempt */
	uint8_t known;	  /* the method this proxy is known to take, SOCKS5_NO_ACCEPTABLE: none */
	uint8_t pipeline; /* enum tunnel_pipeline */
	uint8_t retry;	  /* attempts after proposal 229's F0 */
	bool keys_must_arrive;
	bool has_credentials;
	bool was_v6only;   /* the socket, which must not be on the way to an IPv4 proxy */
	bool has_low_mark; /* its SO_RCVLOWAT may be another than 1 */
	uint32_t timeout;  /* seconds, for all attempts together */
};

struct tunnel {
	/* private to lib/tunnel */
	_Atomic uint32_t taken;	   /* the slot is in use */
	_Atomic uint32_t lock;	   /* enum tunnel_lock */
	_Atomic uint64_t cookie;   /* SO_COOKIE of the socket */
	_Atomic uint32_t over;	   /* enum tunnel_over */
	_Atomic int error;	   /* once over: 0 or -errno */
	_Atomic int events;	   /* poll(2) events that the next step waits for */
	_Atomic uint64_t deadline; /* CLOCK_MONOTONIC, ns */
	uint8_t attempt;	   /* enum tunnel_attempt */
	uint8_t retries;
	bool established;	 /* with the proxy */
	bool muted;		 /* the proxy takes no more; what it said is still to be read */
	bool fell_back;		 /* to no authentication: derived keys did not arrive */
	uint8_t waits;		 /* enum tunnel_waits: the socket, when it began */
	_Atomic uint8_t shared;	 /* enum tunnel_shared */
	_Atomic bool awaited;	 /* somebody waits for the socket, or has once */
	_Atomic pthread_t owner; /* the thread that called connect() */
	_Atomic int low_mark;	 /* SO_RCVLOWAT as the application has it; on the way it is 1 */
	struct tunnel_plan plan;
	struct socks5_client client;
	uint8_t scratch[TUNNEL_SCRATCH];
};

/*
 * The plan stands in tunnel->plan: the tunnel is the socket's from now on. Until tunnel_start has
 * returned, a step by another thread sees it under way.
 */
void tunnel_begin(struct tunnel *tunnel, uint64_t cookie);

/*
 * Starts the connection of fd and does what can be done at once: tunnel_step's answers, and -EINTR
 * when a signal interrupted a blocking connect, which goes on. When not even a connection to the
 * proxy could be begun (started is false), the socket is as before, and the error is the
 * application's own (EISCONN, EALREADY, EADDRNOTAVAIL, …) as the kernel said it, or -ENETDOWN.
 */
struct tunnel_start {
	bool started;
	bool waits; /* with -EINPROGRESS: the socket blocks, so its connect(2) is to wait */
};
int tunnel_start(struct tunnel *tunnel, int fd, struct tunnel_start *ret);

/* Whether tunnel_start has done its part. */
bool tunnel_has_started(const struct tunnel *tunnel);

/*
 * Does what can be done now. 0: the tunnel stands and the descriptor is the application's.
 * -EINPROGRESS: wait for tunnel_events. -EBUSY: it is under way, and another thread at it just now.
 * -ESTALE: the tunnel is no longer this socket's. Any other -errno is final, and the socket has the
 * shape of one whose connect failed: the reply table of socks5/reply.h, proxy not reachable
 * -ENETDOWN, broken off -ECONNRESET, silent until the deadline -ETIMEDOUT. Repeats its answer once
 * it is over.
 */
int tunnel_step(struct tunnel *tunnel, int fd, uint64_t cookie);

/*
 * Steps until it is over, blocking in poll. Besides tunnel_step's answers: -EINTR when a signal
 * handler without SA_RESTART ran, -EINPROGRESS when the time ended that is in the option,
 * SO_SNDTIMEO or SO_RCVTIMEO (connect(2) says so too, for the former); the tunnel then goes on.
 */
int tunnel_finish(struct tunnel *tunnel, int fd, uint64_t cookie, int option);

/*
 * SO_RCVLOWAT of a socket on its way, where the kernel's is 1: a proxy's answers are short, and
 * nobody would be woken by them. The application's comes back at the end, however that is. get: the
 * value; put: 0 or what setsockopt(2) says. -ESTALE from both: it is the kernel's own.
 */
int tunnel_get_low_mark(const struct tunnel *tunnel, uint64_t cookie);
int tunnel_put_low_mark(struct tunnel *tunnel, int fd, uint64_t cookie, const void *value,
			socklen_t length);

/* Whether it is (still) this socket's, and nobody has claimed its end. */
bool tunnel_is_of(const struct tunnel *tunnel, uint64_t cookie);

/*
 * Takes the end of a tunnel upon oneself: true for exactly one caller, to whom it then belongs
 * under the cookie TUNNEL_CLAIMED(cookie); for everybody else it is stale.
 */
#define TUNNEL_CLAIMED(cookie) ((cookie) | 1ull << 63)
bool tunnel_claim(struct tunnel *tunnel, uint64_t cookie);

/*
 * The application takes its connect(2) back. true: the socket is unconnected, and the tunnel
 * belongs to the caller as if claimed.
 */
bool tunnel_cancel(struct tunnel *tunnel, int fd, uint64_t cookie);

/* Gives a failed socket the shape a failed blocking connect leaves: unconnected, no error pending.
 */
void tunnel_disconnect(int fd);

/*
 * The end of a slot that is no socket's any more. true: it is free. false: somebody is driving it
 * and frees it when done. tunnel_release_lost: one whose driver was killed meanwhile; true for
 * exactly one caller, to whom it belongs.
 */
bool tunnel_release(struct tunnel *tunnel);
bool tunnel_release_lost(struct tunnel *tunnel);

/*
 * Whether a wait that a signal has interrupted goes on, as it does behind a handler that was
 * installed with SA_RESTART.
 */
bool tunnel_waits_on(void);

/* CLOCK_MONOTONIC in ns, as deadlines count it, and when this tunnel's is. */
uint64_t tunnel_now(void);
uint64_t tunnel_deadline(const struct tunnel *tunnel);

/* Whether it is not over yet, and poll(2) events to wait for. */
bool tunnel_is_under_way(const struct tunnel *tunnel);
short tunnel_events(const struct tunnel *tunnel);

#endif
