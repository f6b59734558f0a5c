#include "import.h"

#include "config.h"

#include <stdlib.h>
#include <string.h>

/* What has been understood so far. */
struct import {
	char *address;
	char *port;
	char *username;
	char *password;
	GString *proxy; /* further lines of [proxy] */
	GString *isolation;
	GString *network;
	GString *direct; /* items of direct= */
	GPtrArray *remarks;
	unsigned line;
	gboolean in_list; /* behind [ProxyList] */
};

typedef gboolean import_function(struct import *import, char **words, GError **error);

static gboolean fail(const struct import *import, GError **error, const char *format,
		     const char *what)
{
	g_autofree char *text = g_strdup_printf(format, what);

	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, "%u: %s", import->line, text);
	return FALSE;
}

static void remark(struct import *import, const char *what, const char *why)
{
	g_ptr_array_add(import->remarks, g_strdup_printf("%u: %s: %s", import->line, what, why));
}

static void set(char **field, const char *value)
{
	g_free(*field);
	*field = g_strdup(value);
}

/* ---- torsocks.conf(5) ---- */

static gboolean take_address(struct import *import, char **words, GError **error)
{
	(void)error;
	set(&import->address, words[1]);
	return TRUE;
}

static gboolean take_port(struct import *import, char **words, GError **error)
{
	(void)error;
	set(&import->port, words[1]);
	return TRUE;
}

static gboolean take_username(struct import *import, char **words, GError **error)
{
	(void)error;
	set(&import->username, words[1]);
	return TRUE;
}

static gboolean take_password(struct import *import, char **words, GError **error)
{
	(void)error;
	set(&import->password, words[1]);
	return TRUE;
}

static gboolean take_inbound(struct import *import, char **words, GError **error)
{
	if (strcmp(words[1], "0") != 0 && strcmp(words[1], "1") != 0)
		return fail(import, error, "AllowInbound %s: give 0 or 1", words[1]);
	g_string_append_printf(import->network, "listen=%s\n",
			       *words[1] == '1' ? "any" : "loopback");
	return TRUE;
}

/* 1 lets TCP through and UDP not; here what is direct is so for both. */
static gboolean take_localhost(struct import *import, char **words, GError **error)
{
	if (strlen(words[1]) != 1 || !strchr("012", *words[1]))
		return fail(import, error, "AllowOutboundLocalhost %s: give 0, 1 or 2", words[1]);
	if (*words[1] == '1')
		remark(import, "AllowOutboundLocalhost 1", "UDP to this machine is direct as well");
	g_string_append_printf(import->network, "loopback=%s\n",
			       *words[1] == '0' ? "deny" : "direct");
	return TRUE;
}

static gboolean take_isolate(struct import *import, char **words, GError **error)
{
	if (strcmp(words[1], "0") != 0 && strcmp(words[1], "1") != 0)
		return fail(import, error, "IsolatePID %s: give 0 or 1", words[1]);
	if (*words[1] == '1')
		g_string_append(import->isolation, "by=user;application;process\n");
	return TRUE;
}

static gboolean take_range(struct import *import, char **words, GError **error)
{
	(void)error;
	remark(import, words[0], "placeholders have a range of their own; see [names] pool");
	return TRUE;
}

static gboolean take_ipv6(struct import *import, char **words, GError **error)
{
	(void)error;
	remark(import, words[0], "IPv6 is always on");
	return TRUE;
}

/* ---- proxychains.conf ---- */

/* Milliseconds there, seconds here, for all steps of a connection together. */
static gboolean take_timeout(struct import *import, char **words, GError **error)
{
	guint64 milliseconds;

	if (!g_ascii_string_to_unsigned(words[1], 10, 1, 86400000, &milliseconds, NULL))
		return fail(import, error, "%s is no number of milliseconds", words[1]);
	if (strcmp(words[0], "tcp_read_time_out") != 0)
		remark(import, words[0], "one timeout is for all steps of a connection");
	else
		g_string_append_printf(import->proxy, "timeout=%u\n",
				       (unsigned)((milliseconds + 999) / 1000));
	return TRUE;
}

/* ADDR/MASK, ADDR/LEN or ADDR:PORT/MASK; the loopback network is `loopback=`. */
static gboolean take_localnet(struct import *import, char **words, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(words[1], "/", 2);
	const char *colon = strchr(parts[0], ':');
	const gboolean has_port = colon && !strchr(colon + 1, ':');
	g_autofree char *address =
		has_port ? g_strndup(parts[0], (gsize)(colon - parts[0])) : g_strdup(parts[0]);
	g_autofree char *length = NULL;

	if (!parts[1])
		return fail(import, error, "localnet %s: a mask or a length is missing", words[1]);
	if (g_str_has_prefix(address, "127.") || strcmp(address, "::1") == 0) {
		if (!strstr(import->network->str, "loopback="))
			g_string_append(import->network, "loopback=direct\n");
		return TRUE;
	}
	if (strchr(parts[1], '.')) {
		g_auto(GStrv) bytes = g_strsplit(parts[1], ".", 4);
		unsigned bits = 0;
		for (unsigned i = 0; bytes[i]; i++)
			bits += (unsigned)__builtin_popcount((unsigned)atoi(bytes[i]) & 255);
		length = g_strdup_printf("%u", bits);
	} else {
		length = g_strdup(parts[1]);
	}
	g_string_append_printf(import->direct, strchr(address, ':') ? "%s[%s/%s]" : "%s%s/%s",
			       import->direct->len ? ";" : "", address, length);
	if (has_port)
		g_string_append(import->direct, colon);
	return TRUE;
}

static gboolean take_chain(struct import *import, char **words, GError **error)
{
	(void)error;
	if (strcmp(words[0], "strict_chain") != 0 && strcmp(words[0], "dynamic_chain") != 0)
		remark(import, words[0], "there is one proxy, the first of the list");
	return TRUE;
}

static gboolean take_nothing(struct import *import, char **words, GError **error)
{
	(void)import;
	(void)words;
	(void)error;
	return TRUE;
}

static gboolean take_unsupported(struct import *import, char **words, GError **error)
{
	(void)error;
	remark(import, words[0], "there is nothing like it");
	return TRUE;
}

static const struct directive {
	const char *name;
	guint values; /* that it must have at least */
	import_function *take;
} directives[] = {
	{ "TorAddress", 1, take_address },
	{ "TorPort", 1, take_port },
	{ "SOCKS5Username", 1, take_username },
	{ "SOCKS5Password", 1, take_password },
	{ "AllowInbound", 1, take_inbound },
	{ "AllowOutboundLocalhost", 1, take_localhost },
	{ "IsolatePID", 1, take_isolate },
	{ "OnionAddrRange", 1, take_range },
	{ "EnableIPv6", 1, take_ipv6 },
	{ "strict_chain", 0, take_chain },
	{ "dynamic_chain", 0, take_chain },
	{ "random_chain", 0, take_chain },
	{ "round_robin_chain", 0, take_chain },
	{ "chain_len", 0, take_unsupported },
	{ "quiet_mode", 0, take_nothing }, /* quiet is what we are */
	{ "proxy_dns", 0, take_nothing },  /* and names always go to the proxy */
	{ "proxy_dns_old", 0, take_nothing },
	{ "proxy_dns_daemon", 0, take_nothing },
	{ "remote_dns_subnet", 1, take_range },
	{ "tcp_read_time_out", 1, take_timeout },
	{ "tcp_connect_time_out", 1, take_timeout },
	{ "localnet", 1, take_localnet },
	{ "dnat", 0, take_unsupported },
	{ "[ProxyList]", 0, take_nothing },
};

/* TYPE ADDRESS PORT [USER PASSWORD] */
static gboolean take_proxy(struct import *import, char **words, GError **error)
{
	const guint count = g_strv_length(words);

	if (count < 3)
		return fail(import, error, "a proxy is TYPE ADDRESS PORT, which %s is not",
			    words[0]);
	if (import->address) {
		remark(import, words[1], "there is one proxy, the first of the list");
		return TRUE;
	}
	if (strcmp(words[0], "socks5") != 0)
		return fail(import, error,
			    "the proxy is a %s one; isosocks speaks socks5 alone (Tor takes both)",
			    words[0]);
	set(&import->address, words[1]);
	set(&import->port, words[2]);
	if (count >= 5) {
		set(&import->username, words[3]);
		set(&import->password, words[4]);
	}
	return TRUE;
}

/* ---- the text ---- */

static gboolean take_words(struct import *import, char **words, GError **error)
{
	for (gsize i = 0; i < G_N_ELEMENTS(directives); i++) {
		if (strcmp(directives[i].name, words[0]) != 0)
			continue;
		import->in_list |= strcmp(words[0], "[ProxyList]") == 0;
		if (g_strv_length(words) - 1 < directives[i].values)
			return fail(import, error, "%s has no value", words[0]);
		return directives[i].take(import, words, error);
	}
	if (import->in_list)
		return take_proxy(import, words, error);
	return fail(import, error, "%s is a setting of neither torsocks nor proxychains", words[0]);
}

static gboolean take_line(struct import *import, const char *line, GError **error)
{
	g_autofree char *meant = g_strndup(line, strcspn(line, "#\r"));
	g_auto(GStrv) all = g_strsplit_set(meant, " \t", -1);
	g_autoptr(GPtrArray) words = g_ptr_array_new();

	for (char **word = all; *word; word++)
		if (**word)
			g_ptr_array_add(words, *word);
	if (words->len == 0)
		return TRUE;
	g_ptr_array_add(words, NULL);
	return take_words(import, (char **)words->pdata, error);
}

static char *escape(const char *text)
{
	return g_uri_escape_string(text, NULL, FALSE);
}

static void put_url(const struct import *import, GString *to)
{
	g_autofree char *username = import->username ? escape(import->username) : NULL;
	g_autofree char *password = import->password ? escape(import->password) : NULL;
	const gboolean is_ipv6 = import->address && strchr(import->address, ':');

	if (!import->address && !import->port && !username)
		return;
	g_string_append(to, "url=socks5://");
	if (username && password)
		g_string_append_printf(to, "%s:%s@", username, password);
	g_string_append_printf(to, is_ipv6 ? "[%s]" : "%s",
			       import->address ? import->address : "127.0.0.1");
	g_string_append_printf(to, ":%s\n", import->port ? import->port : "9050");
}

static void put_group(GString *to, const char *name, const char *lines)
{
	if (*lines)
		g_string_append_printf(to, "%s[%s]\n%s", to->len ? "\n" : "", name, lines);
}

static char *compose(struct import *import)
{
	GString *all = g_string_new(NULL);
	g_autoptr(GString) proxy = g_string_new(NULL);

	put_url(import, proxy);
	g_string_append(proxy, import->proxy->str);
	if (import->direct->len)
		g_string_append_printf(import->network, "direct=%s\n", import->direct->str);
	put_group(all, "proxy", proxy->str);
	put_group(all, "isolation", import->isolation->str);
	put_group(all, "network", import->network->str);
	return g_string_free(all, FALSE);
}

/* What we write has to be what we read. */
static gboolean check(const char *text, GError **error)
{
	CONFIG_AUTO config = config_new();

	return config_load_text(config, CONFIG_FILE, "the result", text, strlen(text), error);
}

static void import_done(struct import *import)
{
	g_free(import->address);
	g_free(import->port);
	g_free(import->username);
	g_free(import->password);
	g_string_free(import->proxy, TRUE);
	g_string_free(import->isolation, TRUE);
	g_string_free(import->network, TRUE);
	g_string_free(import->direct, TRUE);
}

char *import_text(const char *text, GPtrArray *remarks, GError **error)
{
	struct import import = {
		.proxy = g_string_new(NULL),
		.isolation = g_string_new(NULL),
		.network = g_string_new(NULL),
		.direct = g_string_new(NULL),
		.remarks = remarks,
	};
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	char *result = NULL;
	gboolean good = TRUE;

	for (char **line = lines; *line && good; line++) {
		import.line++;
		good = take_line(&import, *line, error);
	}
	if (good)
		result = compose(&import);
	if (result && !check(result, error))
		g_clear_pointer(&result, g_free);
	import_done(&import);
	return result;
}
