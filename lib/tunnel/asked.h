/*
 * asked: which nameserver a query of a datagram socket went to, so that its answer can be said to
 * come from there: by the socket's SO_COOKIE and the query's number. A few hundred of them, the
 * newest stay. Lock-free, without malloc; any thread and any signal handler.
 */
#ifndef TUNNEL_ASKED_H
#define TUNNEL_ASKED_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* A sockaddr_in, or a sockaddr_in6, in a sockaddr_in6's room. */
void asked_put(uint64_t cookie, uint16_t id, const struct sockaddr_in6 *server);
bool asked_find(uint64_t cookie, uint16_t id, struct sockaddr_in6 *ret_server);

#endif
