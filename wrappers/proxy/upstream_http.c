#include "upstream_http.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEAD_MAX (16 * 1024)

/* A name with a blank or the end of a line in it would be more than a name. */
static gboolean is_plain(const char *host, gsize length)
{
	for (gsize i = 0; i < length; i++)
		if (!g_ascii_isgraph(host[i]))
			return FALSE;
	return length > 0;
}

static char *authority(const struct address *target)
{
	gsize length;
	g_autofree char *host = address_host(target, &length);

	if (!is_plain(host, length))
		return NULL;
	return g_strdup_printf(target->type == ADDRESS_IPV6 ? "[%s]:%u" : "%s:%u", host,
			       target->port);
}

static char *basic(const struct credentials *login)
{
	g_autoptr(GByteArray) pair = g_byte_array_new();

	g_byte_array_append(pair, login->user, login->user_length);
	g_byte_array_append(pair, (const guint8 *)":", 1);
	g_byte_array_append(pair, login->password, login->password_length);
	g_autofree char *text = g_base64_encode(pair->data, pair->len);
	return g_strdup_printf("Proxy-Authorization: Basic %s\r\n", text);
}

int upstream_http_start(struct upstream *upstream, GByteArray *out)
{
	g_autofree char *to = authority(&upstream->request.target);
	g_autofree char *login = upstream->has_login ? basic(&upstream->login) : g_strdup("");

	/* RFC 7617 §2: the first colon ends the username. */
	if (!to || memchr(upstream->login.user, ':', upstream->login.user_length))
		return -EINVAL;
	g_autofree char *text =
		g_strdup_printf("CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n", to, to, login);
	g_byte_array_append(out, (const guint8 *)text, (guint)strlen(text));
	upstream->step = UPSTREAM_REPLY;
	return 0;
}

/* What of RFC 9110 §15 says as much as a reply of SOCKS5 does. */
static guint8 translate(guint status)
{
	static const struct {
		guint status;
		guint8 reply;
	} rows[] = {
		{ 401, REPLY_NOT_ALLOWED },	      { 403, REPLY_NOT_ALLOWED },
		{ 404, REPLY_HOST_UNREACHABLE },      { 405, REPLY_COMMAND_NOT_SUPPORTED },
		{ 407, REPLY_NOT_ALLOWED },	      { 408, REPLY_TTL_EXPIRED },
		{ 501, REPLY_COMMAND_NOT_SUPPORTED }, { 502, REPLY_HOST_UNREACHABLE },
		{ 503, REPLY_HOST_UNREACHABLE },      { 504, REPLY_TTL_EXPIRED },
	};

	if (status >= 200 && status < 300)
		return REPLY_SUCCEEDED;
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		if (rows[i].status == status)
			return rows[i].reply;
	return REPLY_GENERAL_FAILURE;
}

/* The length of the head with the empty line behind it, 0 when that is not there yet. */
static gsize head_length(const guint8 *in, gsize length)
{
	for (gsize i = 1; i < length; i++) {
		if (in[i] != '\n')
			continue;
		if (in[i - 1] == '\n' || (i > 1 && in[i - 1] == '\r' && in[i - 2] == '\n'))
			return i + 1;
	}
	return 0;
}

/* "HTTP/1.x NNN". */
static gboolean parse_status(const guint8 *in, gsize length, guint *ret_status)
{
	if (length < 13 || in[8] != ' ' || !g_ascii_isdigit(in[9]) || !g_ascii_isdigit(in[10]) ||
	    !g_ascii_isdigit(in[11]))
		return FALSE;
	*ret_status = (guint)((in[9] - '0') * 100 + (in[10] - '0') * 10 + in[11] - '0');
	return TRUE;
}

int upstream_http_take(struct upstream *upstream, const guint8 *in, gsize length)
{
	static const char begin[] = "HTTP/1.";
	gsize head;
	guint status;

	if (upstream->step == UPSTREAM_DONE)
		return 0;
	if (memcmp(in, begin, MIN(length, sizeof(begin) - 1)) != 0)
		return -EPROTO;
	head = head_length(in, MIN(length, HEAD_MAX));
	if (head == 0)
		return length >= HEAD_MAX ? -EPROTO : 0;
	if (!parse_status(in, head, &status))
		return -EPROTO;
	upstream->reply = translate(status);
	upstream->bound = (struct address){ .type = ADDRESS_IPV4, .length = 4 };
	upstream->step = UPSTREAM_DONE;
	if (upstream->reply != REPLY_SUCCEEDED)
		snprintf(upstream->why, sizeof(upstream->why), "HTTP status %u", status);
	return (int)head;
}
