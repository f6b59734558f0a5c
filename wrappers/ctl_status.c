/*
 * status: whether the proxy is there, what it takes, and which policy would be in force.
 */
#include "ctl.h"
#include "explain.h"
#include "gather.h"
#include "json.h"
#include "probe.h"
#include "show.h"

#include "policy/url.h"

#include <stdio.h>

static void print_method(const char *label, enum probe_verdict verdict)
{
	show_entry(stdout, verdict == PROBE_TAKEN ? SCREEN_FINE : SCREEN_NOTE, label, "%s",
		   probe_explain(verdict));
}

/* As a file has it, which is copied and so not folded. */
static void print_policy(const struct config *config)
{
	g_autofree char *text = explain_config(config);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line && (**line || line[1]); line++)
		show_entry(stdout, **line == '[' ? SCREEN_HEADING : SCREEN_PLAIN, *line, "%s", "");
}

static void print_text(const char *url, int r, const struct probe *probe,
		       const struct config *config)
{
	if (r < 0) {
		show_entry(stdout, SCREEN_PROBLEM, "proxy     ", "%s: %s", url, g_strerror(-r));
	} else {
		show_entry(stdout, SCREEN_FINE, "proxy     ", "%s: answers", url);
		print_method("extended  ", probe->extended);
		print_method("password  ", probe->password);
		print_method("none      ", probe->none);
		show_entry(stdout, probe->resolves ? SCREEN_FINE : SCREEN_NOTE, "RESOLVE   ", "%s",
			   probe->resolves ? "known" : "not known");
	}
	show_line(stdout, "%s", "");
	print_policy(config);
}

/* The same text as an object for each group, with the values as a file has them. */
static void add_policy(GString *json, const struct config *config)
{
	g_autofree char *text = explain_config(config);
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_auto(GStrv) groups = NULL;

	g_key_file_load_from_data(file, text, (gsize)-1, G_KEY_FILE_NONE, NULL);
	groups = g_key_file_get_groups(file, NULL);
	json_add_key(json, "policy");
	g_string_append_c(json, '{');
	for (char **group = groups; *group; group++) {
		g_auto(GStrv) keys = g_key_file_get_keys(file, *group, NULL, NULL);
		json_add_key(json, *group);
		g_string_append_c(json, '{');
		for (char **key = keys; *key; key++) {
			g_autofree char *value = g_key_file_get_value(file, *group, *key, NULL);
			json_add_text(json, *key, value);
		}
		g_string_append_c(json, '}');
	}
	g_string_append_c(json, '}');
}

static void print_json(const char *url, int r, const struct probe *probe,
		       const struct config *config)
{
	g_autoptr(GString) json = g_string_new("{");

	json_add_text(json, "proxy", url);
	json_add_text(json, "error", r < 0 ? g_strerror(-r) : NULL);
	if (r >= 0) {
		json_add_bool(json, "extended", probe->extended == PROBE_TAKEN);
		json_add_bool(json, "password", probe->password == PROBE_TAKEN);
		json_add_bool(json, "none", probe->none == PROBE_TAKEN);
		json_add_bool(json, "resolve", probe->resolves);
	}
	add_policy(json, config);
	puts(g_string_append_c(json, '}')->str);
}

int ctl_status(int argc, char **argv)
{
	g_auto(GStrv) block = g_get_environ();
	g_autofree char *file = NULL, *url = NULL;
	gboolean as_json = FALSE;
	g_autoptr(GError) error = NULL;
	CONFIG_AUTO config = NULL;
	struct probe probe = { 0 };
	const GOptionEntry entries[] = {
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &file, "as isosocks -c", "FILE" },
		{ "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "for a program to read", NULL },
		{ 0 },
	};
	int status, r;

	if (!ctl_parse(&argc, argv, entries, NULL, 0, 0, &status))
		return status;
	config = gather_config(file, block, &error);
	if (!config)
		return ctl_fail(CTL_NO, "status", "%s", error->message);
	url = config_proxy_text(config);
	r = probe_proxy(&g_array_index(config->proxies, struct url, 0), PROBE_MILLISECONDS, &probe);
	if (as_json)
		print_json(url, r, &probe, config);
	else
		print_text(url, r, &probe, config);
	return r < 0 ? CTL_NO : CTL_YES;
}
