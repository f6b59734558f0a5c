/*
 * leash: internet sockets that can reach this machine alone. Each one the library makes is bound to
 * the loopback device, so that what the hooks do not see goes nowhere; an unprivileged process
 * cannot undo it. Not where the policy needs another device. The cookie by which the guard's filter
 * knows the library is passed here and nowhere else. Any thread; async-signal-safe.
 */
#ifndef HOOKS_LEASH_H
#define HOOKS_LEASH_H

#include "session/session.h"

#include <sys/socket.h>

/* socket(2) with the cookie: the descriptor, or -errno. */
int leash_open(const struct session *session, int domain, int type, int protocol);

/* The same, on the leash where the session wants it. */
int leash_socket(const struct session *session, int domain, int type, int protocol);

/* Whether this session keeps its sockets on the leash. */
bool leash_is_wanted(const struct session *session);

/* Puts a socket on the leash: 0, or -errno. -EPERM: the kernel is older than 5.7. */
int leash_put(const struct session *session, int fd);

/* Whether it is on the leash. */
bool leash_has(int fd);

/* setsockopt(2) of an option that names a device, with the cookie. */
int leash_set_option(const struct session *session, int fd, int name, const void *value,
		     socklen_t length);

#endif
