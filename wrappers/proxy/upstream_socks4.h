/*
 * upstream_socks4: SOCKS4A as an upstream speaks it: one message there, one back. Without I/O; for
 * upstream.c alone.
 */
#ifndef PROXY_UPSTREAM_SOCKS4_H
#define PROXY_UPSTREAM_SOCKS4_H

#include "upstream.h"

int upstream_socks4_start(struct upstream *upstream, GByteArray *out);
int upstream_socks4_take(struct upstream *upstream, const guint8 *in, gsize length);

#endif
