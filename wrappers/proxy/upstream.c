#include "upstream.h"

#include "upstream_http.h"
#include "upstream_socks4.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void greet(const struct upstream *upstream, GByteArray *out)
{
	const guint8 greeting[3] = { MESSAGE_VERSION, 1,
				     upstream->has_login ? METHOD_PASSWORD : METHOD_NONE };

	g_byte_array_append(out, greeting, sizeof(greeting));
}

int upstream_init(struct upstream *upstream, enum hop_kind kind, const struct credentials *login,
		  const struct request *request, GByteArray *out)
{
	*upstream = (struct upstream){
		.kind = kind,
		.has_login = login != NULL,
		.request = *request,
	};
	if (login)
		upstream->login = *login;
	if (kind != HOP_SOCKS5 && request->command != COMMAND_CONNECT)
		return -EOPNOTSUPP;
	if (kind == HOP_SOCKS4A)
		return upstream_socks4_start(upstream, out);
	if (kind == HOP_HTTP)
		return upstream_http_start(upstream, out);
	greet(upstream, out);
	return 0;
}

/* RFC 1929 §2, drawn in message.c. */
static void append_login(const struct credentials *login, GByteArray *out)
{
	const guint8 head[2] = { MESSAGE_AUTH_VERSION, login->user_length };

	g_byte_array_append(out, head, sizeof(head));
	g_byte_array_append(out, login->user, login->user_length);
	g_byte_array_append(out, &login->password_length, 1);
	g_byte_array_append(out, login->password, login->password_length);
}

/* RFC 1928 §4, drawn in message.c. */
static void append_request(const struct request *request, GByteArray *out)
{
	const guint8 head[3] = { MESSAGE_VERSION, request->command, 0 };

	g_byte_array_append(out, head, sizeof(head));
	address_append(&request->target, out);
}

static int take_method(struct upstream *upstream, const guint8 *in, gsize length, GByteArray *out)
{
	if (length < 2)
		return 0;
	if (in[0] != MESSAGE_VERSION)
		return -EPROTO;
	if (in[1] != (upstream->has_login ? METHOD_PASSWORD : METHOD_NONE))
		return -EACCES;
	if (upstream->has_login)
		append_login(&upstream->login, out);
	else
		append_request(&upstream->request, out);
	upstream->step = upstream->has_login ? UPSTREAM_STATUS : UPSTREAM_REPLY;
	return 2;
}

/* A Tor refuses a username with 05 01 …, which is no answer of RFC 1929 at all. */
static int take_status(struct upstream *upstream, const guint8 *in, gsize length, GByteArray *out)
{
	if (length < 2)
		return 0;
	if (in[0] != MESSAGE_AUTH_VERSION)
		return -EPROTO;
	if (in[1] != STATUS_OK)
		return -EACCES;
	append_request(&upstream->request, out);
	upstream->step = UPSTREAM_REPLY;
	return 2;
}

static int end(struct upstream *upstream, guint8 reply, int used)
{
	upstream->reply = reply;
	upstream->step = UPSTREAM_DONE;
	return used;
}

/*
 * A refusal decides at its own byte: what stands behind it says nothing (a failed RESOLVE of Tor's
 * has ATYP 00 there), and a server that closes at once may not have said it.
 */
static int take_reply(struct upstream *upstream, const guint8 *in, gsize length)
{
	if (length > 0 && in[0] != MESSAGE_VERSION)
		return -EPROTO;
	if (length < 2)
		return 0;
	if (in[1] != REPLY_SUCCEEDED) {
		snprintf(upstream->why, sizeof(upstream->why), "SOCKS5 reply %02X", in[1]);
		return end(upstream, in[1], 2);
	}
	if (length < 4)
		return 0;
	int used = address_parse(in + 3, length - 3, &upstream->bound);
	if (used <= 0)
		return used < 0 ? -EPROTO : 0;
	return end(upstream, REPLY_SUCCEEDED, 3 + used);
}

int upstream_take(struct upstream *upstream, const guint8 *in, gsize length, GByteArray *out)
{
	if (upstream->kind == HOP_SOCKS4A)
		return upstream_socks4_take(upstream, in, length);
	if (upstream->kind == HOP_HTTP)
		return upstream_http_take(upstream, in, length);
	switch (upstream->step) {
	case UPSTREAM_METHOD:
		return take_method(upstream, in, length, out);
	case UPSTREAM_STATUS:
		return take_status(upstream, in, length, out);
	case UPSTREAM_REPLY:
		return take_reply(upstream, in, length);
	default:
		return 0;
	}
}

/* Tor's side: proposal 304. F1 and F6 are names that cannot be found as they stand. */
guint8 upstream_translate(guint8 reply, guint8 method)
{
	static const guint8 extended[8] = {
		[0] = REPLY_ONION_NOT_FOUND,	 /* descriptor not found */
		[1] = REPLY_ONION_NOT_FOUND,	 /* descriptor invalid */
		[2] = REPLY_ONION_NOT_REACHABLE, /* introduction failed */
		[3] = REPLY_ONION_NOT_REACHABLE, /* rendezvous failed */
		[4] = REPLY_NOT_ALLOWED,	 /* client authorisation missing */
		[5] = REPLY_NOT_ALLOWED,	 /* client authorisation wrong */
		[6] = REPLY_ONION_NOT_FOUND,	 /* bad onion address */
		[7] = REPLY_ONION_NOT_REACHABLE, /* introduction timed out */
	};

	if (method != METHOD_PAIRS || reply < 0xf0 || reply > 0xf7)
		return reply;
	return extended[reply - 0xf0];
}
