/*
 * upstream_http: HTTP's CONNECT as an upstream speaks it (RFC 9110 §9.3.6), with Basic (RFC 7617).
 * Without I/O; for upstream.c alone.
 */
#ifndef PROXY_UPSTREAM_HTTP_H
#define PROXY_UPSTREAM_HTTP_H

#include "upstream.h"

int upstream_http_start(struct upstream *upstream, GByteArray *out);
int upstream_http_take(struct upstream *upstream, const guint8 *in, gsize length);

#endif
