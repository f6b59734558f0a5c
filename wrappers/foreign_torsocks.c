/*
 * torsocks.conf(5), as torsocks 2 reads it (src/common/config-file.c): a line whose first character
 * is '#' is a comment, the first word is a setting and the second its value, whatever signs are in
 * it; what stands behind is ignored. Settings that it does not know are too.
 */
#include "foreign.h"

#include <string.h>

#define LOCAL_ADDRESS "127.0.0.1"
#define LOCAL_PORT    "9050"

struct torsocks {
	char *address;
	char *port;
	unsigned place; /* the line of the one that came last */
	char *user;
	char *password;
	unsigned user_line;
	gboolean any; /* a setting of its own was there */
	gboolean localhost;
};

typedef gboolean take_function(struct foreign *foreign, char **words, GError **error);

static void set(char **field, const char *value)
{
	g_free(*field);
	*field = g_strdup(value);
}

static gboolean take_address(struct foreign *foreign, char **words, GError **error)
{
	struct torsocks *state = foreign->state;

	if (!g_hostname_is_ip_address(words[1]))
		return foreign_fail(foreign, error,
				    "TorAddress %s: should be an address; torsocks takes no name "
				    "either",
				    words[1]);
	set(&state->address, words[1]);
	state->place = foreign->line;
	return TRUE;
}

static gboolean take_port(struct foreign *foreign, char **words, GError **error)
{
	struct torsocks *state = foreign->state;

	if (!g_ascii_string_to_unsigned(words[1], 10, 1, 65535, NULL, NULL))
		return foreign_fail(foreign, error, "TorPort %s: should be from 1 to 65535",
				    words[1]);
	set(&state->port, words[1]);
	state->place = foreign->line;
	return TRUE;
}

static gboolean take_user(struct foreign *foreign, char **words, GError **error)
{
	struct torsocks *state = foreign->state;

	(void)error;
	set(&state->user, words[1]);
	state->user_line = foreign->line;
	return TRUE;
}

static gboolean take_password(struct foreign *foreign, char **words, GError **error)
{
	struct torsocks *state = foreign->state;

	(void)error;
	set(&state->password, words[1]);
	state->user_line = foreign->line;
	return TRUE;
}

static gboolean is_one_of(struct foreign *foreign, char **words, const char *digits,
			  const char *right, GError **error)
{
	if (strlen(words[1]) == 1 && strchr(digits, *words[1]))
		return TRUE;
	return foreign_fail(foreign, error, "%s %s: give %s", words[0], words[1], right);
}

static gboolean take_inbound(struct foreign *foreign, char **words, GError **error)
{
	if (!is_one_of(foreign, words, "01", "0 or 1", error))
		return FALSE;
	foreign_set(foreign, FOREIGN_LISTEN, *words[1] == '1' ? "any" : "loopback");
	return TRUE;
}

/* 1 lets TCP through and UDP not; here what is direct is so for both. */
static gboolean take_localhost(struct foreign *foreign, char **words, GError **error)
{
	struct torsocks *state = foreign->state;

	if (!is_one_of(foreign, words, "012", "0, 1 or 2", error))
		return FALSE;
	if (*words[1] == '1')
		foreign_remark(foreign,
			       "AllowOutboundLocalhost 1: UDP to this machine is direct as well");
	foreign_set(foreign, FOREIGN_LOOPBACK, *words[1] == '0' ? "deny" : "direct");
	state->localhost = TRUE;
	return TRUE;
}

static gboolean take_isolate(struct foreign *foreign, char **words, GError **error)
{
	if (!is_one_of(foreign, words, "01", "0 or 1", error))
		return FALSE;
	foreign_set(foreign, FOREIGN_BY, *words[1] == '1' ? "user;application;process" : NULL);
	return TRUE;
}

static gboolean take_range(struct foreign *foreign, char **words, GError **error)
{
	(void)error;
	foreign_remark(foreign, "%s: placeholders have a range of their own; see [names] pool",
		       words[0]);
	return TRUE;
}

static gboolean take_ipv6(struct foreign *foreign, char **words, GError **error)
{
	(void)error;
	foreign_remark(foreign, "%s: IPv6 is always on", words[0]);
	return TRUE;
}

static const struct {
	const char *name;
	take_function *take;
} rows[] = {
	{ "TorAddress", take_address },	  { "TorPort", take_port },
	{ "SOCKS5Username", take_user },  { "SOCKS5Password", take_password },
	{ "AllowInbound", take_inbound }, { "AllowOutboundLocalhost", take_localhost },
	{ "IsolatePID", take_isolate },	  { "OnionAddrRange", take_range },
	{ "EnableIPv6", take_ipv6 },
};

static gboolean knows(const char *line)
{
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		if (foreign_begins(line, (const char *const[]){ rows[i].name, NULL }))
			return TRUE;
	return FALSE;
}

static gboolean take(struct foreign *foreign, const char *line, GError **error)
{
	struct torsocks *state = foreign->state;
	g_auto(GStrv) words = foreign_words(line);

	if (*line == '#' || !words[0])
		return TRUE;
	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (strcmp(rows[i].name, words[0]) != 0)
			continue;
		state->any = TRUE;
		if (!words[1])
			return foreign_fail(foreign, error, "%s has no value", words[0]);
		return rows[i].take(foreign, words, error);
	}
	foreign_remark(foreign, "%s: torsocks does not know it and ignores it", words[0]);
	return TRUE;
}

/* It authenticates with both or not at all. */
static void give_login(struct foreign *foreign, struct foreign_proxy *proxy)
{
	struct torsocks *state = foreign->state;
	const unsigned last = foreign->line;

	if (state->user && state->password) {
		proxy->user = g_strdup(state->user);
		proxy->password = g_strdup(state->password);
		return;
	}
	foreign->line = state->user_line;
	foreign_remark(foreign, "torsocks sends neither SOCKS5Username nor SOCKS5Password without "
				"the other");
	foreign->line = last;
}

static gboolean end(struct foreign *foreign, gboolean ended, GError **error)
{
	struct torsocks *state = foreign->state;
	const gboolean has_login = state->user || state->password;

	(void)error;
	if (!ended)
		foreign_remark(foreign, "the last line does not end; torsocks takes its last "
					"character for the end");
	if (state->address || state->port || has_login) {
		struct foreign_proxy *proxy = foreign_add_proxy(foreign, "socks5");
		proxy->address = g_strdup(state->address ? state->address : LOCAL_ADDRESS);
		proxy->port = g_strdup(state->port ? state->port : LOCAL_PORT);
		proxy->line = state->place ? state->place : state->user_line;
		if (has_login)
			give_login(foreign, proxy);
	}
	if (state->any && !state->localhost)
		foreign_set(foreign, FOREIGN_LOOPBACK, "deny");
	g_free(state->address);
	g_free(state->port);
	g_free(state->user);
	g_free(state->password);
	return TRUE;
}

const struct foreign_kind foreign_torsocks = {
	.name = "torsocks",
	.state_size = sizeof(struct torsocks),
	.knows = knows,
	.take = take,
	.end = end,
};
