#include "options.h"

#include "endpoint.h"
#include "fault.h"
#include "jsonlog.h"
#include "map.h"
#include "route.h"
#include "settings.h"

#include <string.h>

#define CREDENTIAL_MAX 255 /* RFC 1929 §2 */
#define SECONDS_MAX    86400
#define CLIENTS_MAX    1000000

struct raw {
	char **listen;
	char **upstream;
	char *pick;
	char *pick_by;
	char *hop;
	char *methods;
	char *user;
	char *log;
	char *handshake;
	char *clients;
	char **map;
	char **fault;
	char **rest;
	gboolean public;
};

static void raw_clear(struct raw *raw)
{
	g_strfreev(raw->listen);
	g_strfreev(raw->upstream);
	g_free(raw->pick);
	g_free(raw->pick_by);
	g_free(raw->hop);
	g_free(raw->methods);
	g_free(raw->user);
	g_free(raw->log);
	g_free(raw->handshake);
	g_free(raw->clients);
	g_strfreev(raw->map);
	g_strfreev(raw->fault);
	g_strfreev(raw->rest);
}

static gboolean fail(GError **error, const char *option, const char *value, const char *right)
{
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s %s: %s", option, value,
		    right);
	return FALSE;
}

static gboolean read_command_line(char ***argv, struct raw *raw, struct settings *settings,
				  GError **error)
{
	const GOptionEntry entries[] = {
		{ "listen", 'l', 0, G_OPTION_ARG_STRING_ARRAY, &raw->listen,
		  "Listen there, port 0 for any; repeatable (127.0.0.1:9050)", "ADDR:PORT" },
		{ "public", 0, 0, G_OPTION_ARG_NONE, &raw->public,
		  "Allow addresses that other machines can reach", NULL },
		{ "print-port", 0, 0, G_OPTION_ARG_NONE, &settings->print_port,
		  "Print each listener's port once it listens", NULL },
		{ "upstream", 0, 0, G_OPTION_ARG_STRING_ARRAY, &raw->upstream,
		  "Connect through this proxy, or one of these; repeatable, for a chain",
		  "URL[,URL...]" },
		{ "pick", 0, 0, G_OPTION_ARG_STRING, &raw->pick,
		  "Which of several: first, random or rotate (first)", "WHICH" },
		{ "pick-by", 0, 0, G_OPTION_ARG_STRING, &raw->pick_by,
		  "For each connection, or for each isolation key (connection)", "connection|key" },
		{ "hop-timeout", 0, 0, G_OPTION_ARG_STRING, &raw->hop,
		  "How long each proxy, and the target, is waited for (120)", "SECONDS" },
		{ "methods", 0, 0, G_OPTION_ARG_STRING, &raw->methods,
		  "Methods to take, the first one preferred (extended;password;none)", "LIST" },
		{ "user", 0, 0, G_OPTION_ARG_STRING, &raw->user,
		  "Credentials that clients must have", "USER:PASS" },
		{ "map", 0, 0, G_OPTION_ARG_STRING_ARRAY, &raw->map,
		  "Connect there instead; repeatable", "HOST[:PORT]=ADDRESS[:PORT]" },
		{ "log-json", 0, 0, G_OPTION_ARG_STRING, &raw->log,
		  "Append one JSON object a line, passwords included; - is stdout", "FILE" },
		{ "handshake-timeout", 0, 0, G_OPTION_ARG_STRING, &raw->handshake,
		  "What a client may take to say what it wants, 0 for no end (30)", "SECONDS" },
		{ "max-clients", 0, 0, G_OPTION_ARG_STRING, &raw->clients,
		  "Clients at once (as many as there are descriptors for)", "NUMBER" },
		{ "fault", 0, 0, G_OPTION_ARG_STRING_ARRAY, &raw->fault,
		  "Do something wrong; repeatable; \"help\" lists the kinds",
		  "[HOST=]KIND[:ARG][*TIMES]" },
		{ "version", 0, 0, G_OPTION_ARG_NONE, &settings->show_version, "Print the version",
		  NULL },
		{ G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &raw->rest, NULL, NULL },
		G_OPTION_ENTRY_NULL,
	};
	g_autoptr(GOptionContext) context =
		g_option_context_new("- reference SOCKS5 proxy with isolation keys");

	g_option_context_add_main_entries(context, entries, NULL);
	if (g_option_context_parse_strv(context, argv, error))
		return TRUE;
	if (error && g_error_matches(*error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION)) {
		g_autoptr(GError) bare = g_steal_pointer(error);
		g_set_error(error, bare->domain, bare->code,
			    "%s; \"isosocks-proxy --help\" lists the options", bare->message);
	}
	return FALSE;
}

static gboolean set_listen(const struct raw *raw, struct settings *settings, GError **error)
{
	static const char *const fallback[] = { "127.0.0.1:9050", NULL };
	const char *const *list = raw->listen ? (const char *const *)raw->listen : fallback;

	if (!raw->listen && settings->inherited > 0)
		return TRUE;
	for (; *list; list++) {
		GSocketAddress *address = endpoint_parse("--listen", *list, error);
		if (!address)
			return FALSE;
		g_ptr_array_add(settings->listen, address);
		GInetAddress *inet =
			g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(address));
		if (!g_inet_address_get_is_loopback(inet) && !raw->public)
			return fail(error, "--listen", *list,
				    "other machines could reach it; should be a loopback address, "
				    "or be confirmed with --public");
	}
	return TRUE;
}

static gboolean find_method(const char *name, guint8 *ret)
{
	static const struct {
		const char *name;
		guint8 method;
	} rows[] = {
		{ "extended", METHOD_PAIRS },
		{ "password", METHOD_PASSWORD },
		{ "none", METHOD_NONE },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (strcmp(rows[i].name, name) == 0) {
			*ret = rows[i].method;
			return TRUE;
		}
	}
	return FALSE;
}

/* A password that all must have is no password when "none" is taken too, unless that was asked for.
 */
static void set_default_methods(struct settings *settings)
{
	if (settings->user)
		settings->method_count = 2;
}

static gboolean set_methods(const struct raw *raw, struct settings *settings, GError **error)
{
	if (!raw->methods) {
		set_default_methods(settings);
		return TRUE;
	}
	g_auto(GStrv) names = g_strsplit_set(raw->methods, ";,", -1);
	settings->method_count = 0;
	for (char **name = names; *name; name++) {
		guint8 method;
		if (!find_method(*name, &method) ||
		    memchr(settings->methods, method, settings->method_count))
			return fail(error, "--methods", raw->methods,
				    "should be some of extended;password;none, each once");
		settings->methods[settings->method_count++] = method;
	}
	if (settings->method_count == 0)
		return fail(error, "--methods", "\"\"", "should be some of extended;password;none");
	return TRUE;
}

static gboolean set_user(const struct raw *raw, struct settings *settings, GError **error)
{
	const char *colon = raw->user ? strchr(raw->user, ':') : NULL;

	if (!raw->user)
		return TRUE;
	if (!colon || colon == raw->user || colon - raw->user > CREDENTIAL_MAX ||
	    strlen(colon + 1) > CREDENTIAL_MAX) {
		g_set_error_literal(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
				    "--user: should be USER:PASS, each up to 255 bytes");
		return FALSE;
	}
	settings->user = g_strndup(raw->user, (gsize)(colon - raw->user));
	settings->password = g_strdup(colon + 1);
	return TRUE;
}

static gboolean parse_pick(const char *text, enum route_pick *ret, GError **error)
{
	static const char *const names[] = { "first", "random", "rotate" };

	*ret = PICK_FIRST;
	if (!text)
		return TRUE;
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		if (strcmp(names[i], text) == 0) {
			*ret = (enum route_pick)i;
			return TRUE;
		}
	}
	return fail(error, "--pick", text, "should be first, random or rotate");
}

static gboolean set_pick(const struct raw *raw, struct settings *settings, GError **error)
{
	const char *by = raw->pick_by ? raw->pick_by : "connection";
	enum route_pick pick;

	if (!parse_pick(raw->pick, &pick, error))
		return FALSE;
	if (strcmp(by, "connection") != 0 && strcmp(by, "key") != 0)
		return fail(error, "--pick-by", by, "should be connection or key");
	if ((raw->pick || raw->pick_by) && !raw->upstream)
		return fail(error, "--pick", pick == PICK_FIRST ? by : raw->pick,
			    "there is no --upstream to pick from");
	route_set_pick(settings->route, pick, strcmp(by, "key") == 0);
	return TRUE;
}

static gboolean set_upstream(const struct raw *raw, struct settings *settings, GError **error)
{
	for (char **text = raw->upstream; text && *text; text++)
		if (!route_add(settings->route, *text, error))
			return FALSE;
	return set_pick(raw, settings, error);
}

static gboolean set_map(const struct raw *raw, struct settings *settings, GError **error)
{
	for (char **text = raw->map; text && *text; text++) {
		if (!map_add(settings->map, *text, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean set_faults(const struct raw *raw, struct settings *settings, GError **error)
{
	for (char **text = raw->fault; text && *text; text++) {
		if (strcmp(*text, "help") == 0)
			settings->show_faults = TRUE;
		else if (!faults_add(settings->faults, *text, error))
			return FALSE;
	}
	return TRUE;
}

static gboolean set_log(const struct raw *raw, struct settings *settings, GError **error)
{
	if (!raw->log || settings->show_faults || settings->show_version)
		return TRUE;
	settings->log = jsonlog_open(raw->log, error);
	g_prefix_error(error, "--log-json ");
	return settings->log != NULL;
}

static gboolean set_number(const char *option, const char *text, guint least, guint most,
			   guint *ret, GError **error)
{
	g_autofree char *right = NULL;
	guint64 value;

	if (!text)
		return TRUE;
	if (g_ascii_string_to_unsigned(text, 10, least, most, &value, NULL)) {
		*ret = (guint)value;
		return TRUE;
	}
	right = g_strdup_printf("should be a number from %u to %u", least, most);
	return fail(error, option, text, right);
}

static gboolean set_bounds(const struct raw *raw, struct settings *settings, GError **error)
{
	return set_number("--handshake-timeout", raw->handshake, 0, SECONDS_MAX,
			  &settings->handshake_seconds, error) &&
	       set_number("--hop-timeout", raw->hop, 0, SECONDS_MAX, &settings->hop_seconds,
			  error) &&
	       set_number("--max-clients", raw->clients, 1, CLIENTS_MAX, &settings->clients_max,
			  error);
}

static gboolean set_rest(const struct raw *raw, GError **error)
{
	if (!raw->rest)
		return TRUE;
	return fail(error, "argument", raw->rest[0], "should not be there: only options are taken");
}

gboolean options_parse(char ***argv, struct settings *settings, GError **error)
{
	struct raw raw = { .listen = NULL };
	gboolean good = read_command_line(argv, &raw, settings, error) && set_rest(&raw, error) &&
			set_listen(&raw, settings, error) && set_user(&raw, settings, error) &&
			set_methods(&raw, settings, error) && set_upstream(&raw, settings, error) &&
			set_map(&raw, settings, error) && set_faults(&raw, settings, error) &&
			set_bounds(&raw, settings, error) && set_log(&raw, settings, error);

	raw_clear(&raw);
	return good;
}
