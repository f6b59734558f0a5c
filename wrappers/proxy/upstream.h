/*
 * upstream: the client's side of SOCKS5, SOCKS4A or HTTP's CONNECT towards an upstream proxy,
 * without I/O: bytes in, bytes out. With SOCKS5 it waits for each answer before the next message
 * and never offers "no authentication" when it has something to authenticate with, so that
 * isolation cannot be lost on the way. One connection, one thread.
 */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include "hop.h"

#define UPSTREAM_WHY_MAX 48

struct upstream {
	enum hop_kind kind;
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
	char why[UPSTREAM_WHY_MAX]; /* in the protocol's own words, when it refused */
};

/*
 * Starts with the first message in `out`. `login` NULL: no authentication. -EOPNOTSUPP for a
 * command that this kind of proxy has not, -EINVAL for a name or a login that it cannot be told.
 */
int upstream_init(struct upstream *upstream, enum hop_kind kind, const struct credentials *login,
		  const struct request *request, GByteArray *out);

/*
 * Takes the next message and puts what follows from it into `out`. Returns the bytes used, 0 when
 * more are needed or the reply is complete, -EPROTO for what is not its protocol, -EACCES for a
 * refusal of our method or login. Never uses bytes behind the reply.
 */
int upstream_take(struct upstream *upstream, const guint8 *in, gsize length, GByteArray *out);

/*
 * Tor's own extended codes F0-F7 as a client of method 0x97 may see them, by their meaning:
 * proposal 229 has E0 (onion service not found) and E1 (not reachable), and its F0-F2 mean
 * something else. Other codes, and those for clients of other methods, stay.
 */
guint8 upstream_translate(guint8 reply, guint8 method);

#endif
