/*
 * route: where a call with an address wants to go, and what the policy says to it. One decision for
 * streams and datagrams, made from the caller's own bytes. Values on the stack; any thread.
 */
#ifndef HOOKS_ROUTE_H
#define HOOKS_ROUTE_H

#include "policy/policy.h"
#include "session/session.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum route_verdict {
	ROUTE_LIBC,	  /* not a call of ours, or one that the policy lets go directly */
	ROUTE_PROXY,	  /* by a tunnel */
	ROUTE_NAMESERVER, /* a datagram socket and port 53: answered here (hooks/nameserver.h) */
};

struct route {
	bool is_the_proxy;	    /* the program speaks SOCKS itself */
	bool is_local;		    /* the target is where the hosts file has the name */
	bool leaves;		    /* directly, to another machine */
	struct sockaddr_in6 target; /* what the application passed, or means, in its own form */
	struct policy_target destination;
	char name[256]; /* the hostname behind a placeholder; destination.name points here */
};

/* Whether the address is one that the kernel would look at: it refuses others by itself. */
bool route_is_readable(const struct sockaddr *addr, socklen_t length);

/* The address, copied to `own` where the kernel would look at it: what was asked about is what the
 * kernel gets, though another thread writes the caller's meanwhile. */
const struct sockaddr *route_copy(const struct sockaddr *addr, socklen_t length,
				  struct sockaddr_storage *own);

/*
 * The verdict on a connect of fd to addr. -EACCES: denied, or the policy is unusable.
 * -EHOSTUNREACH: a placeholder nobody knows. Addresses and descriptors that the kernel itself
 * refuses are ROUTE_LIBC.
 */
int route_connect(struct session *session, int fd, const struct sockaddr *addr, socklen_t length,
		  struct route *ret_route);

/* The same for a datagram sent to addr: ROUTE_LIBC, ROUTE_NAMESERVER or a refusal. */
int route_datagram(struct session *session, int fd, const struct sockaddr *addr, socklen_t length,
		   struct route *ret_route);

#endif
