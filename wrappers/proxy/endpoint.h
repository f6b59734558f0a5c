/*
 * endpoint: "ADDR:PORT" as the command line has it, IPv6 in brackets. Pure; any thread.
 */
#ifndef PROXY_ENDPOINT_H
#define PROXY_ENDPOINT_H

#include <gio/gio.h>

/*
 * Splits HOST, HOST:PORT, [V6]:PORT and a bare V6. `ret_port` is -1 when there is none. FALSE:
 * empty, unclosed, or a port that is no number up to 65535. The host is freed with g_free.
 */
gboolean endpoint_split(const char *text, char **ret_host, int *ret_port);

/* A literal address with a port. The error names `option` and what would be right. */
GSocketAddress *endpoint_parse(const char *option, const char *text, GError **error);

/* ADDR:PORT again, for a log line. Freed with g_free. */
char *endpoint_text(GSocketAddress *address);

#endif
