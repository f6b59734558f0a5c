/*
 * upstream: the client's side of SOCKS5 towards an upstream proxy, without I/O: bytes in, bytes
 * out. It waits for each answer before the next message and never offers "no authentication" when
 * it has something to authenticate with, so that isolation cannot be lost on the way. One
 * connection, one thread.
 */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include "message.h"

struct upstream {
	enum {
		UPSTREAM_METHOD,
		UPSTREAM_STATUS,
		UPSTREAM_REPLY,
		UPSTREAM_DONE,
	} step;
	gboolean has_login;
	struct credentials login;
	struct request request;
	/* once UPSTREAM_DONE */
	guint8 reply;
	struct address bound;
};

/* Starts with the greeting in `out`. `login` NULL: no authentication. */
void upstream_init(struct upstream *upstream, const struct credentials *login,
		   const struct request *request, GByteArray *out);

/*
 * Takes the next message and puts what follows from it into `out`. Returns the bytes used, 0 when
 * more are needed or the reply is complete, -EPROTO for what is not SOCKS5, -EACCES for a refusal
 * of our method or login. Never uses bytes behind the reply.
 */
int upstream_take(struct upstream *upstream, const guint8 *in, gsize length, GByteArray *out);

/*
 * Tor's own extended codes F0-F7 as a client of method 0x97 may see them, by their meaning:
 * proposal 229 has E0 (onion service not found) and E1 (not reachable), and its F0-F2 mean
 * something else. Other codes, and those for clients of other methods, stay.
 */
guint8 upstream_translate(guint8 reply, guint8 method);

#endif
