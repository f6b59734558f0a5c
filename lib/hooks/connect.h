/*
 * connect: opens tunnels: for connect(2), and for the resolver's own questions to the proxy.
 */
#ifndef HOOKS_CONNECT_H
#define HOOKS_CONNECT_H

#include "hooks/route.h"
#include "tunnel/tunnel.h"

/* Fills the plan of a tunnel for one request. 0, or -EPROTONOSUPPORT, -EAFNOSUPPORT. */
int connect_plan(struct session *session, int domain, const struct socks5_request *request,
		 struct tunnel *tunnel);

/* What a finished tunnel has taught: the proxy's method is remembered, the log gets its line. */
void connect_learn(struct session *session, const struct tunnel *tunnel, int error);

#endif
