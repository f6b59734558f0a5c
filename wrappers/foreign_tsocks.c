/*
 * tsocks.conf(5), as tsocks 1.8 reads it: NAME = VALUE, three words, a word that begins
 * with '#' begins a comment, `path {` and `}` around what is for some destinations alone. What it
 * finds wrong it ignores. Names are asked of the machine's nameserver.
 */
#include "foreign.h"

#include <arpa/inet.h>
#include <string.h>

#define DEFAULT_PORT "1080"

struct tsocks {
	struct foreign_proxy server; /* the default one; its line 0: none */
	gboolean in_path;
	gboolean any;
};

typedef gboolean take_function(struct foreign *foreign, const char *value, GError **error);

static void set(struct foreign *foreign, char **field, const char *value)
{
	struct tsocks *state = foreign->state;

	g_free(*field);
	*field = g_strdup(value);
	state->server.line = foreign->line;
}

static gboolean take_server(struct foreign *foreign, const char *value, GError **error)
{
	struct tsocks *state = foreign->state;

	(void)error;
	set(foreign, &state->server.address, value);
	return TRUE;
}

static gboolean take_port(struct foreign *foreign, const char *value, GError **error)
{
	struct tsocks *state = foreign->state;

	(void)error;
	set(foreign, &state->server.port, value);
	return TRUE;
}

static gboolean take_type(struct foreign *foreign, const char *value, GError **error)
{
	struct tsocks *state = foreign->state;

	if (strcmp(value, "4") != 0 && strcmp(value, "5") != 0)
		return foreign_fail(foreign, error, "server_type %s: should be 4 or 5", value);
	set(foreign, &state->server.type, *value == '4' ? "socks4" : "socks5");
	return TRUE;
}

static gboolean take_user(struct foreign *foreign, const char *value, GError **error)
{
	struct tsocks *state = foreign->state;

	(void)error;
	set(foreign, &state->server.user, value);
	return TRUE;
}

static gboolean take_password(struct foreign *foreign, const char *value, GError **error)
{
	struct tsocks *state = foreign->state;

	(void)error;
	set(foreign, &state->server.password, value);
	return TRUE;
}

static gboolean has_host_bits(const char *address, const char *mask)
{
	struct in_addr network, bits;

	return inet_pton(AF_INET, address, &network) != 1 || inet_pton(AF_INET, mask, &bits) != 1 ||
	       (network.s_addr & ~bits.s_addr) != 0;
}

static gboolean take_local(struct foreign *foreign, const char *value, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(value, "/", 2);

	(void)error;
	if (!parts[0] || !parts[1] || has_host_bits(parts[0], parts[1]) ||
	    !foreign_add_direct(foreign, parts[0], parts[1], 0))
		foreign_remark(foreign, "local %s: ignored, as tsocks does: should be NETWORK/MASK",
			       value);
	return TRUE;
}

static gboolean take_fallback(struct foreign *foreign, const char *value, GError **error)
{
	(void)error;
	if (strcmp(value, "yes") == 0)
		foreign_remark(foreign, "fallback: nothing is direct that is not named");
	return TRUE;
}

static const struct {
	const char *name;
	take_function *take;
} rows[] = {
	{ "server", take_server },	   { "server_port", take_port },
	{ "server_type", take_type },	   { "default_user", take_user },
	{ "default_pass", take_password }, { "local", take_local },
	{ "fallback", take_fallback },
};

static gboolean knows(const char *line)
{
	const char *const path[] = { "path", NULL };

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		if (strchr(line, '=') &&
		    foreign_begins(line, (const char *const[]){ rows[i].name, NULL }))
			return TRUE;
	return foreign_begins(line, path) && strchr(line, '{');
}

static gboolean take_setting(struct foreign *foreign, char **words, GError **error)
{
	if (g_strv_length(words) != 3 || strcmp(words[1], "=") != 0) {
		foreign_remark(foreign,
			       "%s: ignored, as tsocks does: should be NAME = VALUE, with "
			       "blanks",
			       words[0]);
		return TRUE;
	}
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (strcmp(rows[i].name, words[0]) == 0)
			return rows[i].take(foreign, words[2], error);
	}
	foreign_remark(foreign, "%s: tsocks does not know it and ignores it", words[0]);
	return TRUE;
}

static void cut_comment(char **words)
{
	while (*words && **words != '#')
		words++;
	for (; *words; words++)
		g_clear_pointer(words, g_free);
}

static gboolean take(struct foreign *foreign, const char *line, GError **error)
{
	struct tsocks *state = foreign->state;
	g_auto(GStrv) words = foreign_words(line);

	cut_comment(words);
	if (!words[0])
		return TRUE;
	state->any = TRUE;
	if (strcmp(words[0], "path") == 0) {
		state->in_path = TRUE;
		foreign_remark(foreign, "path: one proxy is for all destinations, which is the "
					"default server");
		return TRUE;
	}
	if (state->in_path) {
		state->in_path = strcmp(words[0], "}") != 0;
		return TRUE;
	}
	return take_setting(foreign, words, error);
}

/* Only SOCKS5 has passwords; tsocks gives them when it is asked, and goes on without otherwise. */
static void give_login(struct foreign *foreign, const struct foreign_proxy *from,
		       struct foreign_proxy *to)
{
	if (!from->user && !from->password)
		return;
	if (strcmp(to->type, "socks5") != 0 || !from->user || !from->password) {
		foreign_remark(foreign, "default_user and default_pass count together, for "
					"server_type 5");
		return;
	}
	to->user = g_strdup(from->user);
	to->password = g_strdup(from->password);
	foreign_remark(foreign, "a proxy that asks for no password is refused; tsocks goes on "
				"without");
}

static void give_server(struct foreign *foreign, const struct foreign_proxy *server)
{
	const char *type = server->type ? server->type : "socks4";
	struct foreign_proxy *proxy;

	foreign->line = server->line;
	if (!server->address) {
		foreign_remark(foreign, "there is no server outside of a path");
		return;
	}
	proxy = foreign_add_proxy(foreign, type);
	proxy->address = g_strdup(server->address);
	proxy->port = g_strdup(server->port ? server->port : DEFAULT_PORT);
	give_login(foreign, server, proxy);
}

/* 127.0.0.0/8 is always local to it, and names are libc's. */
static gboolean end(struct foreign *foreign, gboolean ended, GError **error)
{
	struct tsocks *state = foreign->state;
	struct foreign_proxy *server = &state->server;

	(void)ended;
	(void)error;
	if (state->any)
		foreign_set(foreign, FOREIGN_LOOPBACK, "direct");
	if (server->line) {
		give_server(foreign, server);
		foreign_remark(foreign, "names were asked of the machine's own nameserver; they go "
					"to the proxy now");
	}
	g_free(server->type);
	g_free(server->address);
	g_free(server->port);
	g_free(server->user);
	g_free(server->password);
	return TRUE;
}

const struct foreign_kind foreign_tsocks = {
	.name = "tsocks",
	.state_size = sizeof(struct tsocks),
	.knows = knows,
	.take = take,
	.end = end,
};
