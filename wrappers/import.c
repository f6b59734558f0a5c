#include "import.h"

#include "config.h"
#include "foreign.h"

#include <string.h>

static const struct foreign_kind *const kinds[] = { &foreign_torsocks, &foreign_proxychains,
						    &foreign_tsocks, &foreign_dante };

/* Where each setting goes. */
static const struct {
	const char *group;
	const char *key;
} places[FOREIGN_KEYS] = {
	[FOREIGN_TIMEOUT] = { "proxy", "timeout" },
	[FOREIGN_BY] = { "isolation", "by" },
	[FOREIGN_LISTEN] = { "network", "listen" },
	[FOREIGN_LOOPBACK] = { "network", "loopback" },
};

static const char *const groups[] = { "proxy", "isolation", "network" };

/* ---- what kind of file ---- */

static gboolean is_meant(const char *line)
{
	line += strspn(line, " \t\r");
	return *line && *line != '#';
}

static guint count_known(const struct foreign_kind *kind, char **lines)
{
	guint count = 0;

	for (; *lines; lines++)
		count += is_meant(*lines) && kind->knows(*lines);
	return count;
}

/* The one that knows the most of its lines; NULL when nobody knows any. */
static const struct foreign_kind *find_kind(char **lines)
{
	const struct foreign_kind *best = NULL;
	guint most = 0;

	for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
		const guint count = count_known(kinds[i], lines);
		if (count > most)
			best = kinds[i];
		most = MAX(most, count);
	}
	return best;
}

/* ---- from one to the other ---- */

/* What is written has to be what is read: the line of the file stands for that of the result. */
static gboolean add_setting(GString *to, unsigned line, const char *group, const char *key,
			    const char *value, GError **error)
{
	CONFIG_AUTO config = config_new();
	g_autoptr(GError) cause = NULL;
	g_autofree char *text = g_strdup_printf("[%s]\n%s=%s\n", group, key, value);

	if (config_load_text(config, CONFIG_FILE, "", text, strlen(text), &cause)) {
		g_string_append_printf(to, "%s=%s\n", key, value);
		return TRUE;
	}
	const char *what = strchr(cause->message, '[');
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, "%u: %s", line,
		    what ? what : cause->message);
	return FALSE;
}

static char *escape(const char *text)
{
	return g_uri_escape_string(text, NULL, FALSE);
}

/* SOCKS4 has no password. */
static char *proxy_url(const struct foreign_proxy *proxy)
{
	const char *kind = strcmp(proxy->type, "socks4") == 0 ? "socks4a" : proxy->type;
	const gboolean has_password = strcmp(kind, "socks4a") != 0;
	g_autofree char *user = proxy->user ? escape(proxy->user) : NULL;
	g_autofree char *password =
		proxy->password && has_password ? escape(proxy->password) : NULL;
	g_autofree char *login = g_strdup("");
	const gboolean is_ipv6 = strchr(proxy->address, ':') != NULL;

	if (user && !has_password)
		login = g_strdup_printf("%s@", user);
	else if (user && password)
		login = g_strdup_printf("%s:%s@", user, password);
	return g_strdup_printf(is_ipv6 ? "%s://%s[%s]:%s" : "%s://%s%s:%s", kind, login,
			       proxy->address, proxy->port);
}

/* ---- what isosocks-proxy has to do in between ---- */

#define HUB "127.0.0.1:1080"

static gboolean is_alone(const struct foreign *foreign)
{
	const struct foreign_proxy *first = foreign->proxies->pdata[0];

	return strcmp(first->type, "socks5") == 0 &&
	       (foreign->proxies->len == 1 || foreign->chain == FOREIGN_FIRST);
}

/* It becomes a word of a shell's. */
static gboolean is_place(const char *address)
{
	g_autofree char *suffix = g_strconcat(".", address, NULL);

	return config_is_suffix(suffix) ||
	       strspn(address, "0123456789abcdefABCDEF.:") == strlen(address);
}

static gboolean check_proxy(struct foreign *foreign, const struct foreign_proxy *proxy,
			    GError **error)
{
	static const char *const kinds_of_proxy[] = { "socks5", "socks4", "http", NULL };

	foreign->line = proxy->line;
	if (!g_strv_contains(kinds_of_proxy, proxy->type))
		return foreign_fail(foreign, error, "%s: should be socks5, socks4 or http",
				    proxy->type);
	if (!g_ascii_string_to_unsigned(proxy->port, 10, 1, 65535, NULL, NULL))
		return foreign_fail(foreign, error, "%s: the port should be from 1 to 65535",
				    proxy->port);
	if (!is_place(proxy->address))
		return foreign_fail(foreign, error, "%s: should be an address or a name",
				    proxy->address);
	if (proxy == foreign->proxies->pdata[0] && !g_hostname_is_ip_address(proxy->address))
		return foreign_fail(foreign, error,
				    "%s: the first proxy should be an address; nobody is there to "
				    "be asked for a name",
				    proxy->address);
	return TRUE;
}

/* --upstream A --upstream B, or for a choice --upstream A,B as often as the chain is long. */
static void append_chain(const struct foreign *foreign, GPtrArray *urls, GString *to)
{
	const unsigned stages = MAX(foreign->chain_length, 1);

	if (foreign->chain == FOREIGN_ALL || foreign->chain == FOREIGN_FIRST) {
		for (guint i = 0; urls->pdata[i]; i++)
			g_string_append_printf(to, " --upstream '%s'", (char *)urls->pdata[i]);
		return;
	}
	g_autofree char *all = g_strjoinv(",", (char **)urls->pdata);
	for (unsigned i = 0; i < stages; i++)
		g_string_append_printf(to, " --upstream '%s'", all);
	g_string_append_printf(to, " --pick %s",
			       foreign->chain == FOREIGN_RANDOM ? "random" : "rotate");
}

/* A line for a shell in front of the settings, which lead to what it starts. */
static gboolean put_hub(struct foreign *foreign, GString *to, GError **error)
{
	g_autoptr(GPtrArray) urls = g_ptr_array_new_with_free_func(g_free);
	const guint count = foreign->chain == FOREIGN_FIRST ? 1 : foreign->proxies->len;

	for (guint i = 0; i < count; i++) {
		const struct foreign_proxy *proxy = foreign->proxies->pdata[i];
		if (!check_proxy(foreign, proxy, error))
			return FALSE;
		g_ptr_array_add(urls, proxy_url(proxy));
	}
	g_ptr_array_add(urls, NULL);
	g_string_append(to, "# isosocks-proxy --listen " HUB);
	append_chain(foreign, urls, to);
	g_string_append_c(to, '\n');
	foreign->line = ((struct foreign_proxy *)foreign->proxies->pdata[0])->line;
	foreign_remark(foreign, "isosocks-proxy has to stand in between; the result's first line "
				"is how it is started");
	return TRUE;
}

static gboolean put_proxy(struct foreign *foreign, GString *to, GError **error)
{
	g_autofree char *url = NULL;

	if (foreign->proxies->len == 0)
		return TRUE;
	const struct foreign_proxy *first = foreign->proxies->pdata[0];
	if (!is_alone(foreign))
		return add_setting(to, first->line, "proxy", "url", "socks5://" HUB, error);
	url = proxy_url(first);
	return add_setting(to, first->line, "proxy", "url", url, error);
}

static gboolean put_settings(struct foreign *foreign, const char *group, GString *to,
			     GError **error)
{
	for (int i = 0; i < FOREIGN_KEYS; i++) {
		const struct foreign_setting *setting = &foreign->settings[i];
		if (setting->value && strcmp(places[i].group, group) == 0 &&
		    !add_setting(to, setting->line, group, places[i].key, setting->value, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean put_group(struct foreign *foreign, const char *group, GString *all, GError **error)
{
	g_autoptr(GString) lines = g_string_new(NULL);

	if (strcmp(group, "proxy") == 0 && !put_proxy(foreign, lines, error))
		return FALSE;
	if (!put_settings(foreign, group, lines, error))
		return FALSE;
	if (strcmp(group, "network") == 0 && foreign->direct->len > 0 &&
	    !add_setting(lines, foreign->line, group, "direct", foreign->direct->str, error))
		return FALSE;
	if (lines->len > 0)
		g_string_append_printf(all, "%s[%s]\n%s", all->len ? "\n" : "", group, lines->str);
	return TRUE;
}

static char *compose(struct foreign *foreign, GError **error)
{
	g_autoptr(GString) all = g_string_new(NULL);

	if (foreign->proxies->len > 0 && !is_alone(foreign) && !put_hub(foreign, all, error))
		return NULL;
	for (gsize i = 0; i < G_N_ELEMENTS(groups); i++)
		if (!put_group(foreign, groups[i], all, error))
			return NULL;
	return g_strdup(all->str);
}

/* ---- the whole ---- */

static void proxy_free(gpointer data)
{
	struct foreign_proxy *proxy = data;
	g_free(proxy->type);
	g_free(proxy->address);
	g_free(proxy->port);
	g_free(proxy->user);
	g_free(proxy->password);
	g_free(proxy);
}

static void foreign_done(struct foreign *foreign)
{
	g_ptr_array_unref(foreign->proxies);
	for (int i = 0; i < FOREIGN_KEYS; i++)
		g_free(foreign->settings[i].value);
	g_string_free(foreign->direct, TRUE);
	g_free(foreign->state);
}

static gboolean read_lines(const struct foreign_kind *kind, char **lines, struct foreign *foreign,
			   GError **error)
{
	const guint count = g_strv_length(lines);
	const gboolean ended = count > 0 && *lines[count - 1] == '\0';

	for (guint i = 0; i < count; i++) {
		foreign->line = i + 1;
		if (!(ended && i + 1 == count) && !kind->take(foreign, lines[i], error)) {
			kind->end(foreign, TRUE, NULL);
			return FALSE;
		}
	}
	return kind->end(foreign, ended || count == 0, error);
}

static gboolean fail_of_kind(char **lines, GError **error)
{
	unsigned line = 1;

	for (; *lines && !is_meant(*lines); lines++)
		line++;
	if (!*lines)
		return FALSE;
	g_auto(GStrv) words = foreign_words(*lines);
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
		    "%u: %s is a setting of neither torsocks, proxychains, tsocks nor dante", line,
		    words[0]);
	return TRUE;
}

char *import_text(const char *text, GPtrArray *remarks, GError **error)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	const struct foreign_kind *kind = find_kind(lines);
	char *result = NULL;

	if (!kind)
		return fail_of_kind(lines, error) ? NULL : g_strdup("");
	struct foreign foreign = {
		.proxies = g_ptr_array_new_with_free_func(proxy_free),
		.direct = g_string_new(NULL),
		.remarks = remarks,
		.state = g_malloc0(kind->state_size),
	};
	if (read_lines(kind, lines, &foreign, error))
		result = compose(&foreign, error);
	foreign_done(&foreign);
	return result;
}
