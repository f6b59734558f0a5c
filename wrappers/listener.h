/*
 * listener: whether anything listens where the proxy should be, for the person who starts a program
 * at a terminal. One connect on loopback, which the kernel answers at once; nothing is sent.
 */
#ifndef WRAPPERS_LISTENER_H
#define WRAPPERS_LISTENER_H

#include "policy/url.h"

/* Whether the proxy is on loopback and the kernel refuses to connect to its port. false where it is
 * on another machine, which is not asked, or where this process may make no socket: cookie is the
 * guard's, zeros where there is none. */
bool listener_is_missing(const struct url *proxy, const uint8_t cookie[16]);

#endif
