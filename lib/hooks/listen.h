/*
 * listen: what a bound socket was asked to be bound to, where it is bound to all addresses instead.
 * Any thread; async-signal-safe.
 */
#ifndef HOOKS_LISTEN_H
#define HOOKS_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* By its SO_COOKIE; the port is as asked, 0 for any. */
bool listen_find_asked(uint64_t cookie, struct sockaddr_in6 *ret, socklen_t *ret_length);

#endif
