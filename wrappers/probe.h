/*
 * probe: asks a proxy what it takes: each method alone, on a connection of its own, with Tor's
 * RESOLVE of a literal behind it, which a proxy that knows it answers by itself. Nothing is
 * connected to and no name is asked. A Tor notes in its log that it was offered a method it does
 * not know. One thread; waits, but never longer than it is told.
 */
#ifndef WRAPPERS_PROBE_H
#define WRAPPERS_PROBE_H

#include "policy/url.h"

enum probe_verdict {
	PROBE_REFUSED,	       /* the proxy does not take this method */
	PROBE_UNAUTHENTICATED, /* it does, but not what we authenticate with */
	PROBE_TAKEN,
};

struct probe {
	enum probe_verdict extended; /* 0x97 */
	enum probe_verdict password; /* 0x02, with the proxy's credentials or else with keys */
	enum probe_verdict none;     /* 0x00 */
	bool resolves;		     /* knows Tor's RESOLVE */
};

#define PROBE_MILLISECONDS 5000 /* for each method */

/*
 * 0 and what the proxy takes, or why it could not be asked: -ECONNREFUSED and the like, -ETIMEDOUT
 * when it says nothing, -EPROTO when it does not speak SOCKS5.
 */
int probe_proxy(const struct url *proxy, int milliseconds, struct probe *ret_probe);

/* "takes it", "refuses it", ...: the verdict in words. */
const char *probe_explain(enum probe_verdict verdict);

#endif
