/*
 * isolation: proposal 351's form of the pairs, in which Tor understands them: the username says
 * that the password is an isolation token, the password is the token. Pure; any thread.
 */
#ifndef PROXY_ISOLATION_H
#define PROXY_ISOLATION_H

#include <gio/gio.h>

#define ISOLATION_USER "<torS0X>0"

struct pairs;

/*
 * NAME=value&NAME=value, sorted by the bytes of the names, values escaped as RFC 3986 has it but
 * for unreserved bytes; above 255 bytes, which is all a password can hold, "sha256:" and the hex
 * digest of that text. `with_credentials` FALSE leaves out USERNAME and PASSWD. NULL when no pair
 * is left. Freed with g_free.
 */
char *isolation_password(const struct pairs *pairs, gboolean with_credentials);

#endif
