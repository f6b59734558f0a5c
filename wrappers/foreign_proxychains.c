/*
 * proxychains.conf, as proxychains-ng 4 reads it (get_chain_data in src/libproxychains.c): '#'
 * makes a comment at the beginning of a line alone; what it does not know is ignored; behind
 * [ProxyList] each line is a proxy.
 */
#include "foreign.h"

#include <stdio.h>
#include <string.h>

#define LENGTH_MAX 16 /* stages of isosocks-proxy */

struct proxychains {
	gboolean in_list;
	unsigned list_line;
	unsigned dynamic_line; /* dynamic_chain's, or where it would be as the default */
	gboolean remote_names; /* proxy_dns */
	gboolean any;
};

typedef gboolean take_function(struct foreign *foreign, char **words, GError **error);

/* Milliseconds there, seconds here, for all steps of a connection together. */
static gboolean take_timeout(struct foreign *foreign, char **words, GError **error)
{
	guint64 milliseconds;

	if (!words[1] ||
	    !g_ascii_string_to_unsigned(words[1], 10, 1, 86400000, &milliseconds, NULL))
		return foreign_fail(foreign, error, "%s %s: should be a number of milliseconds",
				    words[0], words[1] ? words[1] : "");
	if (strcmp(words[0], "tcp_read_time_out") != 0) {
		foreign_remark(foreign, "%s: one timeout is for all steps of a connection",
			       words[0]);
		return TRUE;
	}
	g_autofree char *seconds = g_strdup_printf("%u", (unsigned)((milliseconds + 999) / 1000));
	foreign_set(foreign, FOREIGN_TIMEOUT, seconds);
	return TRUE;
}

/* ADDR, ADDR:PORT or [ADDR]:PORT. */
static gboolean split_port(const char *text, char **ret_address, unsigned *ret_port)
{
	const char *colon = strchr(text, ':');
	const char *close = *text == '[' ? strchr(text, ']') : NULL;
	guint64 port = 0;

	if (close)
		colon = close[1] == ':' ? close + 1 : NULL;
	else if (colon && strchr(colon + 1, ':'))
		colon = NULL;
	if (colon && !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL))
		return FALSE;
	*ret_port = (unsigned)port;
	if (close)
		*ret_address = g_strndup(text + 1, (gsize)(close - text - 1));
	else
		*ret_address = colon ? g_strndup(text, (gsize)(colon - text)) : g_strdup(text);
	return TRUE;
}

static gboolean take_localnet(struct foreign *foreign, char **words, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(words[1] ? words[1] : "", "/", 2);
	g_autofree char *address = NULL;
	unsigned port;

	if (!parts[0] || !parts[1])
		return foreign_fail(foreign, error, "localnet %s: a mask or a length is missing",
				    words[1] ? words[1] : "");
	if (split_port(parts[0], &address, &port) &&
	    foreign_add_direct(foreign, address, parts[1], port))
		return TRUE;
	return foreign_fail(foreign, error,
			    "localnet %s: should be ADDRESS[:PORT]/LENGTH or "
			    "ADDRESS[:PORT]/MASK, the mask's bits in a row",
			    words[1]);
}

static gboolean take_all(struct foreign *foreign, char **words, GError **error)
{
	struct proxychains *state = foreign->state;

	(void)error;
	foreign->chain = FOREIGN_ALL;
	state->dynamic_line = strcmp(words[0], "dynamic_chain") == 0 ? foreign->line : 0;
	return TRUE;
}

static gboolean take_random(struct foreign *foreign, char **words, GError **error)
{
	(void)words;
	(void)error;
	foreign->chain = FOREIGN_RANDOM;
	((struct proxychains *)foreign->state)->dynamic_line = 0;
	return TRUE;
}

static gboolean take_rotate(struct foreign *foreign, char **words, GError **error)
{
	(void)words;
	(void)error;
	foreign->chain = FOREIGN_ROTATE;
	((struct proxychains *)foreign->state)->dynamic_line = 0;
	return TRUE;
}

/* chain_len = N, with blanks or without. */
static gboolean take_length(struct foreign *foreign, char **words, GError **error)
{
	g_autofree char *all = g_strjoinv("", words);
	const char *equals = strchr(all, '=');
	guint64 length;

	if (!equals || !g_ascii_string_to_unsigned(equals + 1, 10, 0, LENGTH_MAX, &length, NULL))
		return foreign_fail(foreign, error, "%s: should be chain_len = N, up to %d", all,
				    LENGTH_MAX);
	foreign->chain_length = (unsigned)length;
	return TRUE;
}

/* Quiet is what we are. */
static gboolean take_nothing(struct foreign *foreign, char **words, GError **error)
{
	(void)foreign;
	(void)words;
	(void)error;
	return TRUE;
}

static gboolean take_names(struct foreign *foreign, char **words, GError **error)
{
	struct proxychains *state = foreign->state;

	(void)words;
	(void)error;
	state->remote_names = TRUE;
	return TRUE;
}

static gboolean take_range(struct foreign *foreign, char **words, GError **error)
{
	(void)error;
	foreign_remark(foreign, "%s: placeholders have a range of their own; see [names] pool",
		       words[0]);
	return TRUE;
}

static gboolean take_unsupported(struct foreign *foreign, char **words, GError **error)
{
	(void)error;
	foreign_remark(foreign, "%s: there is nothing like it", words[0]);
	return TRUE;
}

static gboolean take_list(struct foreign *foreign, char **words, GError **error)
{
	struct proxychains *state = foreign->state;

	(void)words;
	(void)error;
	state->in_list = TRUE;
	state->list_line = foreign->line;
	return TRUE;
}

static const struct {
	const char *name;
	take_function *take;
} rows[] = {
	{ "strict_chain", take_all },	       { "dynamic_chain", take_all },
	{ "random_chain", take_random },       { "round_robin_chain", take_rotate },
	{ "chain_len", take_length },	       { "quiet_mode", take_nothing },
	{ "proxy_dns", take_names },	       { "proxy_dns_old", take_names },
	{ "proxy_dns_daemon", take_names },    { "remote_dns_subnet", take_range },
	{ "tcp_read_time_out", take_timeout }, { "tcp_connect_time_out", take_timeout },
	{ "localnet", take_localnet },	       { "dnat", take_unsupported },
	{ "[ProxyList]", take_list },
};

static gboolean knows(const char *line)
{
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		if (foreign_begins(line, (const char *const[]){ rows[i].name, NULL }))
			return TRUE;
	return FALSE;
}

/* ---- the list ---- */

static void give_login(struct foreign *foreign, struct foreign_proxy *proxy, const char *user,
		       const char *password)
{
	if (!user || strcmp(proxy->type, "socks4") == 0) {
		proxy->user = g_strdup(user);
		return;
	}
	if (*user == '#')
		foreign_remark(foreign,
			       "%s: proxychains knows no comment behind a proxy, and takes "
			       "this for a username",
			       user);
	if (!password && strcmp(proxy->type, "socks5") == 0) {
		foreign_remark(foreign,
			       "%s: left out; proxychains sends an empty password with "
			       "it, which RFC 1929 does not have",
			       user);
		return;
	}
	proxy->user = g_strdup(user);
	proxy->password = g_strdup(password ? password : "");
	if (strcmp(proxy->type, "socks5") == 0)
		foreign_remark(foreign, "a proxy that asks for no password is refused; proxychains "
					"goes on without");
}

/* TYPE://[USER:PASSWORD@]ADDRESS:PORT, the other form of a proxy. */
static char **split_url(const char *text)
{
	g_autofree char *copy = g_strdup(text);
	char *place = strstr(copy, "://");
	char *at = place ? strrchr(place, '@') : NULL;
	char *login = at ? place + 3 : NULL;
	char *host = at ? at + 1 : place ? place + 3 : NULL;
	char *port = host ? strrchr(host, ':') : NULL;
	char *password = at ? memchr(login, ':', (gsize)(at - login)) : NULL;
	GStrvBuilder *words = g_strv_builder_new();

	if (port && (!at || password)) {
		*place = *port = '\0';
		if (at)
			*at = *password = '\0';
		g_strv_builder_add_many(words, copy, host, port + 1, login,
					password ? password + 1 : NULL, NULL);
	}
	char **split = g_strv_builder_end(words);
	g_strv_builder_unref(words);
	return split;
}

static gboolean take_proxy_words(struct foreign *foreign, char **words, GError **error)
{
	const guint count = g_strv_length(words);
	struct foreign_proxy *proxy;

	if (count < 3)
		return foreign_fail(foreign, error, "a proxy is TYPE ADDRESS PORT, which %s is not",
				    words[0] ? words[0] : "this");
	if (strcmp(words[2], "0") == 0) {
		foreign_remark(foreign, "%s: proxychains leaves out a proxy with port 0", words[1]);
		return TRUE;
	}
	proxy = foreign_add_proxy(foreign, words[0]);
	proxy->address = g_strdup(words[1]);
	proxy->port = g_strdup(words[2]);
	give_login(foreign, proxy, count > 3 ? words[3] : NULL, count > 4 ? words[4] : NULL);
	return TRUE;
}

static gboolean take_proxy(struct foreign *foreign, char **words, GError **error)
{
	if (g_strv_length(words) >= 3)
		return take_proxy_words(foreign, words, error);
	g_auto(GStrv) parts = split_url(words[0]);
	return take_proxy_words(foreign, parts[0] ? parts : words, error);
}

static gboolean take(struct foreign *foreign, const char *line, GError **error)
{
	struct proxychains *state = foreign->state;
	g_auto(GStrv) words = foreign_words(line);

	if (!words[0] || *words[0] == '#')
		return TRUE;
	if (state->in_list)
		return take_proxy(foreign, words, error);
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (!foreign_begins(words[0], (const char *const[]){ rows[i].name, NULL }))
			continue;
		state->any = TRUE;
		return rows[i].take(foreign, words, error);
	}
	foreign_remark(foreign, "%s: proxychains does not know it and ignores it", words[0]);
	return TRUE;
}

static gboolean end(struct foreign *foreign, gboolean ended, GError **error)
{
	struct proxychains *state = foreign->state;

	(void)ended;
	(void)error;
	if (!state->any)
		return TRUE;
	if (foreign->chain == FOREIGN_FIRST) { /* dynamic_chain is the default */
		foreign->chain = FOREIGN_ALL;
		state->dynamic_line = state->list_line;
	}
	if (state->dynamic_line && foreign->proxies->len > 1) {
		foreign->line = state->dynamic_line;
		foreign_remark(foreign,
			       "dynamic_chain: a proxy that is dead is not left out of the "
			       "chain");
	}
	foreign_set(foreign, FOREIGN_LOOPBACK, foreign_has_loopback(foreign) ? "direct" : "proxy");
	if (state->list_line && !state->remote_names) {
		foreign->line = state->list_line;
		foreign_remark(foreign, "without proxy_dns, names were asked of the machine's own "
					"nameserver; they go to the proxy now");
	}
	return TRUE;
}

const struct foreign_kind foreign_proxychains = {
	.name = "proxychains",
	.state_size = sizeof(struct proxychains),
	.knows = knows,
	.take = take,
	.end = end,
};
