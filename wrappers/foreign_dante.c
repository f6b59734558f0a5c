/*
 * socks.conf(5), the configuration of dante's client: KEYWORD: VALUE, '#' begins a comment, and
 * blocks `route { from: A to: B via: C … }` of which the first that fits decides.
 */
#include "foreign.h"

#include <string.h>

struct dante {
	GString *block; /* a route that has begun and not ended; NULL: none */
	unsigned block_line;
	gboolean has_default;
	gboolean any;
};

static const char *const globals[] = { "debug",		  "logoutput",	  "errorlog",
				       "resolveprotocol", "local",	  "timeout.connect",
				       "maxretries",	  "srchost",	  "method",
				       "route",		  "clientmethod", NULL };

static gboolean knows(const char *line)
{
	const char *const route[] = { "route", NULL };
	const char *colon = strchr(line, ':');

	if (foreign_begins(line, route))
		return TRUE;
	return colon && colon - line < 24 && foreign_begins(line, globals);
}

/* The words of a block with ':' and '=' as blanks: "to 0.0.0.0/0 port 80 via direct". */
static char **block_words(const char *block)
{
	g_autofree char *copy = g_strdup(block);

	g_strdelimit(copy, "{}=", ' ');
	for (char *at = copy; *at; at++)
		if (*at == ':' && (g_ascii_isspace(at[1]) || at[1] == '\0'))
			*at = ' ';
	return foreign_words(copy);
}

struct route {
	const char *from;
	const char *to;
	const char *to_port;
	const char *via;
	const char *via_port;
	const char *protocols; /* proxyprotocol's first */
	gboolean takes_socks5;
	gboolean only_udp;
	gboolean only_bind;
};

static gboolean is_keyword(const char *word)
{
	static const char *const keywords[] = { "from",		  "to",	       "via",
						"command",	  "protocol",  "proxyprotocol",
						"method",	  "extension", "clientmethod",
						"gssapi.enctype", NULL };

	return g_strv_contains(keywords, word);
}

/* Whether VALUE is among those behind a keyword. */
static gboolean has_value(char **values, const char *value)
{
	for (; *values && !is_keyword(*values); values++)
		if (strcmp(*values, value) == 0)
			return TRUE;
	return FALSE;
}

/* "port 80", "port eq 80", or "port = 80", which is the first by now. */
static const char *find_port(char **values)
{
	for (; *values && !is_keyword(*values); values++)
		if (strcmp(*values, "port") == 0 && values[1])
			return strcmp(values[1], "eq") == 0 ? values[2] : values[1];
	return NULL;
}

static void read_place(struct route *route, char **values)
{
	if (strcmp(values[-1], "from") == 0)
		route->from = values[0];
	if (strcmp(values[-1], "to") == 0) {
		route->to = values[0];
		route->to_port = find_port(values);
	}
	if (strcmp(values[-1], "via") == 0) {
		route->via = values[0];
		route->via_port = find_port(values);
	}
}

static struct route read_route(char **words)
{
	struct route route = { .takes_socks5 = TRUE };

	for (; words[0] && words[1]; words++) {
		if (!is_keyword(words[0]))
			continue;
		read_place(&route, words + 1);
		if (strcmp(words[0], "proxyprotocol") == 0) {
			route.protocols = words[1];
			route.takes_socks5 = has_value(words + 1, "socks_v5");
		}
		if (strcmp(words[0], "protocol") == 0)
			route.only_udp = !has_value(words + 1, "tcp");
		if (strcmp(words[0], "command") == 0)
			route.only_bind = !has_value(words + 1, "connect");
	}
	return route;
}

static gboolean is_everything(const char *network)
{
	return !network || strcmp(network, "0.0.0.0/0") == 0 || strcmp(network, "0/0") == 0;
}

static void take_direct(struct foreign *foreign, const struct route *route)
{
	g_auto(GStrv) parts = g_strsplit(route->to ? route->to : "0.0.0.0/0", "/", 2);
	guint64 port = 0;

	if (route->to_port &&
	    !g_ascii_string_to_unsigned(route->to_port, 10, 1, 65535, &port, NULL))
		foreign_remark(foreign, "port %s: should be a number; the route is left out",
			       route->to_port);
	else if (!foreign_add_direct(foreign, parts[0], parts[1] ? parts[1] : "32", (unsigned)port))
		foreign_remark(foreign, "to %s: goes to the proxy; only a network can be direct",
			       route->to);
}

static const char *proxy_type(const struct route *route)
{
	if (route->takes_socks5)
		return "socks5";
	if (strcmp(route->protocols, "socks_v4") == 0)
		return "socks4";
	return g_str_has_prefix(route->protocols, "http") ? "http" : route->protocols;
}

static void take_via(struct foreign *foreign, const struct route *route)
{
	struct dante *state = foreign->state;
	struct foreign_proxy *proxy;

	if (state->has_default) {
		foreign_remark(foreign, "via %s: one proxy is for all destinations, the first",
			       route->via);
		return;
	}
	if (!is_everything(route->to) || route->to_port)
		foreign_remark(foreign, "to %s: the proxy is for all destinations", route->to);
	state->has_default = TRUE;
	proxy = foreign_add_proxy(foreign, proxy_type(route));
	proxy->address = g_strdup(route->via);
	proxy->port = g_strdup(route->via_port ? route->via_port : "1080");
}

static gboolean take_route(struct foreign *foreign, const struct route *route, GError **error)
{
	if (!route->via)
		return foreign_fail(foreign, error, "the route has no via");
	if (route->only_udp || route->only_bind) {
		foreign_remark(foreign, "the route is left out: only connects of TCP are proxied");
		return TRUE;
	}
	if (!is_everything(route->from))
		foreign_remark(foreign, "from %s: the route is for all of this machine's addresses",
			       route->from);
	if (strcmp(route->via, "direct") == 0)
		take_direct(foreign, route);
	else
		take_via(foreign, route);
	return TRUE;
}

static gboolean end_block(struct foreign *foreign, GError **error)
{
	struct dante *state = foreign->state;
	const unsigned last = foreign->line;
	g_auto(GStrv) words = block_words(state->block->str);
	const struct route route = read_route(words);

	g_string_free(state->block, TRUE);
	state->block = NULL;
	foreign->line = state->block_line;
	const gboolean good = take_route(foreign, &route, error);
	foreign->line = good ? last : foreign->line;
	return good;
}

static gboolean take_global(struct foreign *foreign, const char *line)
{
	static const char *const quiet[] = { "debug", "logoutput", "errorlog", NULL };
	g_auto(GStrv) words = block_words(line);

	if (words[0] && strcmp(words[0], "resolveprotocol") == 0)
		foreign_remark(foreign, "resolveprotocol: names always go to the proxy");
	else if (words[0] && !g_strv_contains(quiet, words[0]))
		foreign_remark(foreign, "%s: there is nothing like it", words[0]);
	return TRUE;
}

static gboolean take(struct foreign *foreign, const char *line, GError **error)
{
	struct dante *state = foreign->state;
	const char *const route[] = { "route", NULL };
	g_autofree char *meant = g_strndup(line, strcspn(line, "#"));

	if (*g_strstrip(meant) == '\0')
		return TRUE;
	state->any = TRUE;
	if (!state->block && !foreign_begins(meant, route))
		return take_global(foreign, meant);
	if (!state->block) {
		state->block = g_string_new(NULL);
		state->block_line = foreign->line;
	}
	g_string_append_printf(state->block, " %s", meant);
	return strchr(meant, '}') ? end_block(foreign, error) : TRUE;
}

/* Loopback is a network of the machine's, to which dante adds a direct route by itself. */
static gboolean end(struct foreign *foreign, gboolean ended, GError **error)
{
	struct dante *state = foreign->state;

	(void)ended;
	if (state->block) {
		foreign->line = state->block_line;
		g_string_free(state->block, TRUE);
		return foreign_fail(foreign, error, "the route has no }");
	}
	if (state->any)
		foreign_set(foreign, FOREIGN_LOOPBACK, "direct");
	return TRUE;
}

const struct foreign_kind foreign_dante = {
	.name = "dante",
	.state_size = sizeof(struct dante),
	.knows = knows,
	.take = take,
	.end = end,
};
