/*
 * doors: local services that ask the network for names on behalf of whoever connects to them.
 * Values on the stack; any thread.
 */
#ifndef HOOKS_DOORS_H
#define HOOKS_DOORS_H

#include "session/session.h"

#include <sys/socket.h>

/* 0, or -ECONNREFUSED for the socket of such a service: its clients then do without it, as where it
 * does not run. */
int doors_check(const struct session *session, const struct sockaddr *addr, socklen_t length);

#endif
