/*
 * doctor: whether isosocks can do its work on this machine, by this proxy, and for this program;
 * and who else could work for a program behind its back.
 */
#include "compile.h"
#include "config.h"
#include "ctl.h"
#include "door.h"
#include "executable.h"
#include "explain.h"
#include "finding.h"
#include "gather.h"
#include "launch.h"
#include "library.h"
#include "machine.h"
#include "probe.h"
#include "program.h"
#include "show.h"

#include "policy/policy.h"
#include "socks5/wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

/* Besides those of ctl.h. */
enum doctor_status {
	DOCTOR_PROXY = 3,
	DOCTOR_GUARD = 4,
};

/* ---- settings, as isosocks would have them ---- */

static struct config *gather(const char *file, const char *proxy, GError **error)
{
	struct config *config = gather_config(file, environ, error);

	if (!config || !proxy ||
	    config_set(config, CONFIG_COMMAND_LINE, "proxy", "url", proxy, error))
		return config;
	g_prefix_error(error, "--proxy: ");
	config_free(config);
	return NULL;
}

/* The rule for the program, or NULL. */
static const struct config_application *find_application(const struct config *config,
							 const char *path)
{
	g_autofree char *executable = path ? executable_resolve(path) : NULL;

	return executable ? config_find_application(config, executable, getuid()) : NULL;
}

/* ---- the proxy ---- */

static guint proxy_index(const struct config_application *application)
{
	return application && application->proxy != BLOB_NONE ? application->proxy : 0;
}

/* What isosocks would offer, by the library's own rule. */
static unsigned find_offer(const struct config *config,
			   const struct config_application *application, uint8_t methods[3])
{
	const struct url *proxy =
		&g_array_index(config->proxies, struct url, proxy_index(application));
	g_autoptr(GByteArray) blob = compile_policy(config, NULL);
	struct policy policy;

	if (!blob || policy_open(&policy, blob->data, blob->len) < 0)
		return 0;
	return policy_methods(&policy, explain_keys_must_arrive(config, application),
			      proxy->has_credentials, methods);
}

static enum probe_verdict verdict_of(const struct probe *probe, uint8_t method)
{
	switch (method) {
	case SOCKS5_EXTENDED:
		return probe->extended;
	case SOCKS5_PASSWORD:
		return probe->password;
	default:
		return probe->none;
	}
}

static gboolean is_suitable(const struct config *config,
			    const struct config_application *application, const struct probe *probe)
{
	uint8_t methods[3];
	const unsigned count = find_offer(config, application, methods);

	for (unsigned i = 0; i < count; i++)
		if (verdict_of(probe, methods[i]) == PROBE_TAKEN)
			return TRUE;
	return FALSE;
}

static void add_method(GPtrArray *findings, const char *what, const char *name,
		       enum probe_verdict verdict)
{
	findings_add(findings, "proxy", verdict == PROBE_TAKEN ? FINDING_FINE : FINDING_NOTE, what,
		     "%s: %s", name, probe_explain(verdict));
}

static void add_unreachable(GPtrArray *findings, const char *url, int r)
{
	if (r == -EPROTO)
		findings_add(findings, "proxy", FINDING_PROBLEM, "not-socks5",
			     "%s answers, but not in SOCKS5", url);
	else if (r == -ETIMEDOUT)
		findings_add(findings, "proxy", FINDING_PROBLEM, "silent", "%s says nothing", url);
	else
		findings_add(findings, "proxy", FINDING_PROBLEM, "unreachable",
			     "%s cannot be reached: %s", url, g_strerror(-r));
}

static void add_resolve(GPtrArray *findings, const struct probe *probe)
{
	if (probe->resolves)
		findings_add(findings, "proxy", FINDING_FINE, "resolve",
			     "RESOLVE: known, resolve=proxy can be used");
	else
		findings_add(findings, "proxy", FINDING_NOTE, "no-resolve",
			     "RESOLVE: not known; names go as placeholders, also with "
			     "resolve=proxy");
}

static void inspect_proxy(GPtrArray *findings, const struct config *config,
			  const struct config_application *application)
{
	const guint index = proxy_index(application);
	const struct url *proxy = &g_array_index(config->proxies, struct url, index);
	g_autofree char *url = config_url_text(config, index);
	struct probe probe;
	const int r = probe_proxy(proxy, PROBE_MILLISECONDS, &probe);

	if (r < 0) {
		add_unreachable(findings, url, r);
		return;
	}
	findings_add(findings, "proxy", FINDING_FINE, "reachable", "%s speaks SOCKS5", url);
	add_method(findings, "extended", "method 97, extended", probe.extended);
	add_method(findings, "password", "method 02, username and password", probe.password);
	add_method(findings, "none", "method 00, no authentication", probe.none);
	add_resolve(findings, &probe);
	if (!is_suitable(config, application, &probe))
		findings_add(findings, "proxy", FINDING_PROBLEM, "unsuitable",
			     "it takes no method by which all that must arrive can go");
	else if (probe.extended != PROBE_TAKEN && probe.password != PROBE_TAKEN)
		findings_add(findings, "proxy", FINDING_NOTE, "no-keys",
			     "it takes no keys: programs are not isolated from each other");
}

/* ---- ourselves ---- */

/* Whether every user can get there; *ret_closed what stands in the way. */
static gboolean is_public(const char *path, char **ret_closed)
{
	g_autofree char *at = g_strdup(path);
	mode_t needed = S_IROTH;
	struct stat file;

	while (stat(at, &file) == 0 && (file.st_mode & needed)) {
		char *above = g_path_get_dirname(at);
		if (strcmp(above, at) == 0) {
			g_free(above);
			return TRUE;
		}
		g_free(at);
		at = above;
		needed = S_IXOTH;
	}
	*ret_closed = g_steal_pointer(&at);
	return FALSE;
}

static void inspect_library(GPtrArray *findings)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = library_find_own(&error);
	g_autofree char *closed = NULL;

	if (!path)
		findings_add(findings, "library", FINDING_PROBLEM, "missing", "%s", error->message);
	else if (!is_public(path, &closed))
		findings_add(findings, "library", FINDING_NOTE, "private",
			     "%s: not every user may read %s, and children of another user would "
			     "run without the library",
			     path, closed);
	else
		findings_add(findings, "library", FINDING_FINE, "found", "%s", path);
}

static void add_rule(GPtrArray *findings, const struct config_application *application,
		     const char *path)
{
	if (application && application->action == BLOB_ACTION_DIRECT)
		findings_add(findings, "program", FINDING_NOTE, "direct",
			     "%s is let go past the proxy, by [application %s]", path,
			     application->label);
	if (application && application->action == BLOB_ACTION_DENY)
		findings_add(findings, "program", FINDING_PROBLEM, "denied",
			     "%s has no network, by [application %s]", path, application->label);
}

/* The rule for it, or NULL. */
static const struct config_application *
inspect_program(GPtrArray *findings, const struct config *config, const char *name)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *path = launch_find(name, g_environ_getenv(environ, "PATH"), &error);
	const struct config_application *application = find_application(config, path);

	add_rule(findings, application, path);
	if (path)
		program_inspect(findings, path, config->guard);
	else
		findings_add(findings, "program", FINDING_PROBLEM, "not-found", "%s",
			     error->message);
	return application;
}

/* The first that applies, in the order of their numbers. */
static int status_of(GPtrArray *findings)
{
	if (findings_have_problem(findings, "program") ||
	    findings_have_problem(findings, "library"))
		return CTL_NO;
	if (findings_have_problem(findings, "proxy"))
		return DOCTOR_PROXY;
	if (findings_have_problem(findings, "guard") || findings_have_problem(findings, "leash"))
		return DOCTOR_GUARD;
	return CTL_YES;
}

static int examine(const struct config *config, const char *program, gboolean as_json)
{
	g_autoptr(GPtrArray) findings = findings_new();
	const struct config_application *application = NULL;
	int status;

	if (program)
		application = inspect_program(findings, config, program);
	inspect_library(findings);
	inspect_proxy(findings, config, application);
	machine_inspect(findings, config->guard);
	door_inspect(findings, "", environ);
	status = status_of(findings);
	if (as_json) {
		g_autofree char *json = findings_json(findings, status);
		show_lines(stdout, json);
	} else {
		findings_show(findings, stdout);
	}
	return status;
}

int ctl_doctor(int argc, char **argv)
{
	g_autofree char *proxy = NULL;
	g_autofree char *file = NULL;
	g_autoptr(GError) error = NULL;
	CONFIG_AUTO config = NULL;
	gboolean as_json = FALSE;
	const GOptionEntry entries[] = {
		{ "proxy", 'x', 0, G_OPTION_ARG_STRING, &proxy, "the proxy to ask", "URL" },
		{ "config", 'c', 0, G_OPTION_ARG_FILENAME, &file, "read settings from FILE",
		  "FILE" },
		{ "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "for a program to read", NULL },
		{ 0 },
	};
	int status;

	if (!ctl_parse(&argc, argv, entries, "[PROGRAM]", 0, 1, &status))
		return status;
	config = gather(file, proxy, &error);
	if (!config)
		return ctl_fail(CTL_USAGE, "doctor", "%s", error->message);
	return examine(config, argv[1], as_json);
}
