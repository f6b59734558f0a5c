#include "upstream_socks4.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define VERSION	 4
#define CONNECT	 1
#define REPLY	 8 /* bytes */
#define GRANTED	 90
#define IDENT_NO 92 /* the client runs no identd */
#define IDENT	 93 /* or that says another user */

/*
 * SOCKS 4 and 4A (no RFC; openssh.com/txt/socks4.protocol, socks4a.protocol): with 0.0.0.1 for an
 * address the name stands behind the user.
 *   +----+----+---------+--------+------+-----+------+-----+
 *   | VN | CD | DSTPORT | DSTIP  | USER | NUL | NAME | NUL |
 *   +----+----+---------+--------+------+-----+------+-----+
 *   | 1  | 1  |    2    |   4    |      |  1  |      |  1  |
 *   +----+----+---------+--------+------+-----+------+-----+
 */
int upstream_socks4_start(struct upstream *upstream, GByteArray *out)
{
	const struct address *target = &upstream->request.target;
	const gboolean v4 = target->type == ADDRESS_IPV4;
	const guint8 head[4] = { VERSION, CONNECT, target->port >> 8, target->port & 0xff };
	gsize length;
	g_autofree char *host = address_host(target, &length);

	if (strlen(host) != length || memchr(upstream->login.user, 0, upstream->login.user_length))
		return -EINVAL;
	g_byte_array_append(out, head, sizeof(head));
	g_byte_array_append(out, v4 ? target->bytes : (const guint8[]){ 0, 0, 0, 1 }, 4);
	g_byte_array_append(out, upstream->login.user, upstream->login.user_length);
	g_byte_array_append(out, (const guint8 *)"", 1);
	if (!v4)
		g_byte_array_append(out, (const guint8 *)host, (guint)length + 1);
	upstream->step = UPSTREAM_REPLY;
	return 0;
}

static guint8 translate(guint8 code)
{
	if (code == GRANTED)
		return REPLY_SUCCEEDED;
	return code == IDENT || code == IDENT_NO ? REPLY_NOT_ALLOWED : REPLY_GENERAL_FAILURE;
}

/* VN, which is 0 there, CD, and six octets that say nothing for a connect. */
int upstream_socks4_take(struct upstream *upstream, const guint8 *in, gsize length)
{
	if (upstream->step == UPSTREAM_DONE)
		return 0;
	if (length > 0 && in[0] != 0)
		return -EPROTO;
	if (length < 2 || (in[1] == GRANTED && length < REPLY))
		return 0;
	if (in[1] < GRANTED || in[1] > IDENT)
		return -EPROTO;
	upstream->reply = translate(in[1]);
	upstream->bound = (struct address){ .type = ADDRESS_IPV4, .length = 4 };
	upstream->step = UPSTREAM_DONE;
	if (in[1] == GRANTED)
		return REPLY;
	snprintf(upstream->why, sizeof(upstream->why), "SOCKS4 code %u", in[1]);
	return 2;
}
