/*
 * leash: internet sockets that can reach this machine alone. Each one the library makes is bound to
 * the loopback device, so that what the hooks do not see goes nowhere; an unprivileged process
 * cannot undo it. For what the policy lets go elsewhere another socket takes its place
 * (hooks/successor.h). Any thread; async-signal-safe.
 */
#ifndef HOOKS_LEASH_H
#define HOOKS_LEASH_H

#include "session/session.h"

#include <sys/socket.h>

/* A new socket, on the leash where the session wants it: the descriptor, or -errno. */
int leash_socket(const struct session *session, int domain, int type, int protocol);

/* A stream of the library's own to the proxy, wherever that is. */
int leash_socket_for_proxy(const struct session *session, int domain);

/* Whether this session keeps its sockets on the leash. */
bool leash_is_wanted(const struct session *session);

/* Puts a socket on the leash: 0, or -errno. -EPERM: the kernel is older than 5.7. */
int leash_put(int fd);

/*
 * connect(2) to no address: 0, or -errno. It takes what a datagram socket is bound to away, the
 * leash among that, which is put on again.
 */
int leash_disconnect(int fd, const struct sockaddr *addr, socklen_t length);

/* Whether it is on the leash. */
bool leash_has(int fd);

#endif
