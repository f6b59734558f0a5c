/*
 * explain: what would become of one connection, and which rule says so.
 */
#include "ctl.h"
#include "executable.h"
#include "explain.h"
#include "gather.h"
#include "json.h"
#include "launch.h"
#include "show.h"

#include "policy/url.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const verdicts[] = {
	[POLICY_PROXY] = "proxy",
	[POLICY_DIRECT] = "direct",
	[POLICY_DENY] = "deny",
};

/* HOST[:PORT], an IPv6 address in brackets or alone. false: the port is none. */
static gboolean split_target(const char *text, char **ret_host, uint16_t *ret_port)
{
	const char *end = *text == '[' ? strchr(text, ']') : NULL;
	const char *colon = end ? end + 1 : strchr(text, ':');
	guint64 port = 443;
	uint8_t address[16];

	*ret_port = (uint16_t)port;
	if (!end && url_parse_address(text, address) == 0) {
		*ret_host = g_strdup(text);
		return TRUE;
	}
	if (colon && *colon &&
	    (*colon != ':' || !g_ascii_string_to_unsigned(colon + 1, 10, 1, 65535, &port, NULL)))
		return FALSE;
	*ret_port = (uint16_t)port;
	*ret_host = end ? g_strndup(text + 1, (gsize)(end - text - 1))
			: g_strndup(text, colon ? (gsize)(colon - text) : strlen(text));
	return **ret_host != '\0' && strlen(*ret_host) <= 255;
}

static const char *method_name(uint8_t method)
{
	return method == 0x97 ? "extended" : method == 0x02 ? "password" : "none";
}

static char *list_methods(const struct explain *explain)
{
	GString *list = g_string_new(NULL);

	for (unsigned i = 0; i < explain->method_count; i++)
		g_string_append_printf(list, "%s%s (%02x)", i ? ", " : "",
				       method_name(explain->methods[i]), explain->methods[i]);
	if (explain->method_count == 0)
		g_string_append(list, "nothing is left to offer: EPROTONOSUPPORT");
	return g_string_free(list, FALSE);
}

static const char *explain_leash(const struct explain *explain)
{
	if (explain->is_leashed)
		return "holds: sockets are bound to the loopback device";
	return "holds but for sockets in use with what a direct rule, a proxy on another machine "
	       "or listen=any lets out";
}

static const char *explain_guard(const struct explain *explain)
{
	if (explain->application && explain->application->action == BLOB_ACTION_DIRECT)
		return "is not installed: the program is direct (its names fail where a program "
		       "under guard starts it)";
	if (explain->config->guard == CONFIG_GUARD_REQUIRED)
		return "is installed by isosocks, which runs nothing without it";
	return explain->config->guard ? "is installed by isosocks" : "is switched off";
}

static void print_entry(const char *name, const char *text)
{
	g_autofree char *label = g_strdup_printf("  %-7s  ", name);

	show_entry(stdout, SCREEN_PLAIN, label, "%s", text);
}

static char *program_text(const struct explain *explain)
{
	if (!explain->application)
		return g_strdup(explain->executable);
	return g_strdup_printf("%s, [application %s]", explain->executable,
			       explain->application->label);
}

static void print_text(const struct explain *explain)
{
	g_autofree char *program = program_text(explain);
	g_autofree char *methods = list_methods(explain);
	g_autofree char *url = config_url_text(
		explain->config, explain->application ? explain->application->proxy : BLOB_NONE);

	show_entry(stdout, explain->verdict == POLICY_DENY ? SCREEN_PROBLEM : SCREEN_HEADING, "",
		   "%s:%u: %s", explain->host, explain->port, verdicts[explain->verdict]);
	print_entry("rule", explain->rule ? explain->rule : "none");
	print_entry("program", program);
	print_entry("leash", explain_leash(explain));
	print_entry("guard", explain_guard(explain));
	if (explain->verdict != POLICY_PROXY)
		return;
	print_entry("proxy", url);
	print_entry("methods", methods);
	print_entry("keys", explain->keys->len == 0	? "none"
			    : explain->keys_must_arrive ? "must arrive"
							: "sent where the proxy takes them");
	for (guint i = 0; i < explain->keys->len; i++)
		print_entry("", explain->keys->pdata[i]);
}

static void add_lists(GString *json, const struct explain *explain)
{
	json_add_key(json, "methods");
	g_string_append_c(json, '[');
	for (unsigned i = 0; i < explain->method_count; i++) {
		json_next(json);
		json_put_text(json, method_name(explain->methods[i]),
			      strlen(method_name(explain->methods[i])));
	}
	g_string_append_c(json, ']');
	json_add_key(json, "keys");
	g_string_append_c(json, '[');
	for (guint i = 0; i < explain->keys->len; i++) {
		json_next(json);
		json_put_text(json, explain->keys->pdata[i], strlen(explain->keys->pdata[i]));
	}
	g_string_append_c(json, ']');
}

static void print_json(const struct explain *explain)
{
	g_autoptr(GString) json = g_string_new("{");
	g_autofree char *url = config_url_text(
		explain->config, explain->application ? explain->application->proxy : BLOB_NONE);

	json_add_text(json, "host", explain->host);
	json_add_number(json, "port", explain->port);
	json_add_text(json, "verdict", verdicts[explain->verdict]);
	json_add_text(json, "rule", explain->rule);
	json_add_text(json, "program", explain->executable);
	json_add_text(json, "application",
		      explain->application ? explain->application->label : NULL);
	json_add_text(json, "proxy", url);
	json_add_bool(json, "keys_must_arrive", explain->keys_must_arrive);
	add_lists(json, explain);
	json_add_bool(json, "leash", explain->is_leashed);
	json_add_bool(json, "guard", explain->config->guard);
	puts(g_string_append_c(json, '}')->str);
}

/* A program as the command would find it; whatever else it is, the path it would have. */
static char *find_executable(const char *program, GError **error)
{
	g_autofree char *path = launch_find(program, g_getenv("PATH"), error);

	return path ? executable_resolve(path) : NULL;
}

static int explain_target(struct explain *explain, const char *program, const char *file,
			  gboolean as_json)
{
	g_auto(GStrv) block = g_get_environ();
	g_autoptr(GError) error = NULL;
	CONFIG_AUTO config = gather_config(file, block, &error);
	g_autofree char *executable = config ? find_executable(program, &error) : NULL;
	gboolean good;

	if (!executable)
		return ctl_fail(CTL_NO, "explain", "%s", error->message);
	explain->config = config;
	explain->executable = executable;
	good = explain_decide(explain, &error);
	if (!good)
		ctl_fail(CTL_NO, "explain", "%s", error->message);
	else if (as_json)
		print_json(explain);
	else
		print_text(explain);
	explain_clear(explain);
	return good ? CTL_YES : CTL_NO;
}

int ctl_explain(int argc, char **argv)
{
	g_autofree char *program = NULL, *user = NULL, *file = NULL, *host = NULL;
	gboolean as_json = FALSE;
	const GOptionEntry entries[] = {
		{ "program", 'p', 0, G_OPTION_ARG_FILENAME, &program,
		  "for this program (the shell)", "PROGRAM" },
		{ "user", 'u', 0, G_OPTION_ARG_STRING, &user, "for this user (you)", "USER" },
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &file, "as isosocks -c", "FILE" },
		{ "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "for a program to read", NULL },
		{ 0 },
	};
	struct explain explain = { .user = getuid() };
	guint64 number;
	int status;

	if (!ctl_parse(&argc, argv, entries, "HOST[:PORT]", 1, 1, &status))
		return status;
	if (strstr(argv[1], "://"))
		return ctl_fail(CTL_USAGE, "explain",
				"%s is a URL: give its host alone, or HOST:PORT", argv[1]);
	if (!split_target(argv[1], &host, &explain.port))
		return ctl_fail(CTL_USAGE, "explain",
				"%s is no HOST[:PORT]: a name or an address, an IPv6 one in "
				"brackets, and a port from 1 to 65535",
				argv[1]);
	if (user && !config_parse_user(user, &number))
		return ctl_fail(CTL_USAGE, "explain", "%s is no user's number or name", user);
	if (user)
		explain.user = (uint32_t)number;
	explain.host = host;
	return explain_target(&explain, program ? program : "/bin/sh", file, as_json);
}
