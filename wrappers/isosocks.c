/*
 * isosocks: runs a program with libisosocks.so preloaded and the policy in its environment. The
 * policy is gathered from the lowest source to the highest; nothing is run unless all of it is
 * good.
 */
#include "compile.h"
#include "config.h"
#include "environment.h"
#include "executable.h"
#include "explain.h"
#include "gather.h"
#include "guard.h"
#include "launch.h"
#include "library.h"
#include "neighbour.h"
#include "listener.h"
#include "reader.h"
#include "show.h"
#include "suggest.h"

#include "base/file.h"
#include "base/libc.h"
#include "base/log.h"
#include "keys/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define TOKEN_BYTES	  16
#define PASSWORD_FILE_MAX 4096

extern char **environ;

struct options {
	char *proxy;
	char *address;
	char *port;
	char *user;
	char *pass;
	char *pass_file;
	char **keys;
	char *by;
	char *config;
	char *log;
	char *log_format;
	gboolean isolate;
	gboolean quiet;
	gboolean debug;
	gboolean no_guard;
	gboolean require_guard;
	gboolean shell;
	gboolean explain;
	gboolean ipv6;
	gboolean version;
	gboolean help;
};

static const char help[] =
	"Usage: isosocks [OPTIONS] [--] PROGRAM [ARGS]\n"
	"       isosocks [OPTIONS] --shell [--] [ARGS]\n"
	"\n"
	"Runs PROGRAM with its TCP connections and its host names going through a SOCKS5\n"
	"proxy, under isolation keys of its own.\n"
	"\n"
	"Proxy:\n"
	"  -x, --proxy URL        socks5://[USER:PASS@]ADDRESS[:PORT]\n"
	"                         (socks5://127.0.0.1:9050)\n"
	"  -a, --address ADDRESS  another address in that URL\n"
	"  -P, --port PORT        another port in that URL\n"
	"  -u, --user NAME        credentials for the proxy; other users of this machine\n"
	"  -p, --pass PASSWORD    can see them in the list of processes\n"
	"      --pass-file FILE   the password is the first line of FILE\n"
	"\n"
	"Isolation:\n"
	"  -i, --isolate          isolate this run from every other, by a random token\n"
	"  -k, --key NAME=VALUE   send this key; may be repeated\n"
	"  -b, --by LIST          derive the key ISOLATION from any of user, application,\n"
	"                         session, process, destination; or none\n"
	"                         (user,application)\n"
	"\n"
	"Other:\n"
	"  -c, --config FILE      read settings from FILE\n"
	"  -6, --ipv6             names have IPv6 addresses too, for ssh -6 and its kin\n"
	"  -q, --quiet            write no log\n"
	"  -d, --debug            write a log with every detail, hostnames too\n"
	"      --log FILE         append the log to FILE instead of stderr\n"
	"      --log-format FORMAT\n"
	"                         text, or json for programs that read it\n"
	"      --no-guard         let the kernel refuse nothing that the library misses\n"
	"      --require-guard    run nothing where the kernel could refuse nothing\n"
	"      --shell            run $SHELL\n"
	"      --explain          print the policy that would be in force, run nothing\n"
	"      --version          print the version\n"
	"  -h, --help             print this\n"
	"\n"
	"Exit status: PROGRAM's own; 125 isosocks failed, 126 PROGRAM cannot be run with\n"
	"isosocks, 127 it was not found.\n"
	"\n"
	"EXAMPLES\n"
	"  isosocks curl https://example.org/\n"
	"  isosocks -k ISOLATION=bank firefox\n"
	"  ISOSOCKS_ISOLATION=work isosocks git fetch\n"
	"  isosocks -x 127.0.0.1:9150 -- ssh host\n"
	"  isosocks --shell\n";

static gboolean usage_error(GError **error, const char *problem)
{
	g_set_error(error, LAUNCH_ERROR, LAUNCH_FAILED, "%s; see isosocks --help", problem);
	return FALSE;
}

/* ---- options ---- */

static const GOptionEntry *find_long(const GOptionEntry *entries, const char *name, size_t length)
{
	for (; entries->long_name; entries++)
		if (strlen(entries->long_name) == length &&
		    strncmp(entries->long_name, name, length) == 0)
			return entries;
	return NULL;
}

/* Whether the last of these letters takes the next argument as its value. */
static gboolean takes_next(const GOptionEntry *entries, const char *letters)
{
	for (; *letters; letters++)
		for (const GOptionEntry *at = entries; at->long_name; at++)
			if (at->short_name == *letters && at->arg != G_OPTION_ARG_NONE)
				return letters[1] == '\0';
	return FALSE;
}

/* An option by its long name: whether the next argument is its value, or -EINVAL for a flag that
 * has one. */
static int check_long(const GOptionEntry *entries, const char *option)
{
	const size_t length = strcspn(option, "=");
	const GOptionEntry *entry = find_long(entries, option, length);

	if (!entry)
		return 0;
	if (entry->arg == G_OPTION_ARG_NONE)
		return option[length] == '=' ? -EINVAL : 0;
	return option[length] == '\0';
}

/* GOption takes --debug=no for --debug. */
static gboolean check_flags(const GOptionEntry *entries, char **argv, GError **error)
{
	for (char **at = argv + 1; *at && **at == '-' && strcmp(*at, "--") != 0; at++) {
		const bool is_long = (*at)[1] == '-';
		const int r = is_long ? check_long(entries, *at + 2) : takes_next(entries, *at + 1);

		if (r < 0) {
			g_autofree char *problem = g_strdup_printf("%s: takes no value", *at);
			return usage_error(error, problem);
		}
		if (r > 0 && !*++at)
			break;
	}
	return TRUE;
}

/* Options end at the program; argv keeps it and what follows, behind argv[0] and maybe `--`. */
static gboolean parse_options(struct options *options, int *argc, char ***argv, GError **error)
{
	const GOptionArg text = G_OPTION_ARG_FILENAME, flag = G_OPTION_ARG_NONE;
	const GOptionEntry entries[] = {
		{ "proxy", 'x', 0, text, &options->proxy, NULL, NULL },
		{ "address", 'a', 0, text, &options->address, NULL, NULL },
		{ "port", 'P', 0, text, &options->port, NULL, NULL },
		{ "user", 'u', 0, text, &options->user, NULL, NULL },
		{ "pass", 'p', 0, text, &options->pass, NULL, NULL },
		{ "pass-file", 0, 0, text, &options->pass_file, NULL, NULL },
		{ "isolate", 'i', 0, flag, &options->isolate, NULL, NULL },
		{ "key", 'k', 0, G_OPTION_ARG_FILENAME_ARRAY, &options->keys, NULL, NULL },
		{ "by", 'b', 0, text, &options->by, NULL, NULL },
		{ "config", 'c', 0, text, &options->config, NULL, NULL },
		{ "quiet", 'q', 0, flag, &options->quiet, NULL, NULL },
		{ "debug", 'd', 0, flag, &options->debug, NULL, NULL },
		{ "log", 0, 0, text, &options->log, NULL, NULL },
		{ "log-format", 0, 0, text, &options->log_format, NULL, NULL },
		{ "no-guard", 0, 0, flag, &options->no_guard, NULL, NULL },
		{ "require-guard", 0, 0, flag, &options->require_guard, NULL, NULL },
		{ "shell", 0, 0, flag, &options->shell, NULL, NULL },
		{ "explain", 0, 0, flag, &options->explain, NULL, NULL },
		{ "ipv6", '6', 0, flag, &options->ipv6, NULL, NULL },
		{ "version", 0, 0, flag, &options->version, NULL, NULL },
		{ "help", 'h', 0, flag, &options->help, NULL, NULL },
		{ 0 },
	};
	g_autoptr(GOptionContext) context = g_option_context_new(NULL);
	g_autoptr(GError) problem = NULL;

	if (!check_flags(entries, *argv, error))
		return FALSE;
	g_option_context_set_strict_posix(context, TRUE);
	g_option_context_set_help_enabled(context, FALSE);
	g_option_context_add_main_entries(context, entries, NULL);
	if (!g_option_context_parse(context, argc, argv, &problem)) {
		g_autofree char *said = suggest_option(problem, entries);
		return usage_error(error, said);
	}
	return TRUE;
}

static void options_clear(struct options *options)
{
	char *texts[] = { options->proxy,      options->address,  options->port,   options->user,
			  options->pass,       options->by,	  options->config, options->log,
			  options->log_format, options->pass_file };

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
		g_free(texts[i]);
	g_strfreev(options->keys);
}

/* ---- the highest source: the command line ---- */

static gboolean prefix(gboolean good, const char *option, GError **error)
{
	if (!good)
		g_prefix_error(error, "%s: ", option);
	return good;
}

static gboolean apply_setting(struct config *config, const char *option, const char *value,
			      const char *group, const char *key, GError **error)
{
	return !value || prefix(config_set(config, CONFIG_COMMAND_LINE, group, key, value, error),
				option, error);
}

/* The first line of a file, or of what a pipe says. */
static char *read_password(const char *path, GError **error)
{
	size_t length;
	g_autofree char *text = reader_read(path, PASSWORD_FILE_MAX, &length, error);

	if (!text)
		return NULL;
	text[strcspn(text, "\r\n")] = '\0';
	return g_steal_pointer(&text);
}

static gboolean apply_both(struct config *config, const char *user, const char *pass,
			   const char *pass_option, GError **error)
{
	g_autofree char *options = g_strconcat("--user, ", pass_option, NULL);

	return prefix(config_set_credentials(config, user, pass, error), options, error);
}

static gboolean apply_credentials(struct config *config, const struct options *options,
				  GError **error)
{
	g_autofree char *pass = NULL;

	if (!options->user && !options->pass && !options->pass_file)
		return TRUE;
	if (options->pass && options->pass_file)
		return usage_error(error, "--pass and --pass-file: one password is enough");
	if (!options->pass && !options->pass_file)
		return usage_error(error,
				   "--user: is given without --pass or --pass-file: the proxy "
				   "needs both");
	if (!options->user)
		return usage_error(error,
				   options->pass
					   ? "--pass: is given without --user: the proxy needs both"
					   : "--pass-file: is given without --user: the proxy "
					     "needs both");
	if (options->pass)
		return apply_both(config, options->user, options->pass, "--pass", error);
	pass = read_password(options->pass_file, error);
	return prefix(pass != NULL, "--pass-file", error) &&
	       apply_both(config, options->user, pass, "--pass-file", error);
}

static gboolean apply_proxy(struct config *config, const struct options *options, GError **error)
{
	if (!apply_setting(config, "--proxy", options->proxy, "proxy", "url", error))
		return FALSE;
	if (options->address &&
	    !prefix(config_set_address(config, options->address, error), "--address", error))
		return FALSE;
	if (options->port &&
	    !prefix(config_set_port(config, options->port, error), "--port", error))
		return FALSE;
	return apply_credentials(config, options, error);
}

static gboolean apply_key(struct config *config, const char *key, GError **error)
{
	const char *equals = strchr(key, '=');
	g_autofree char *name = NULL;

	if (!equals) {
		g_autofree char *quoted = config_quote(key);
		g_autofree char *problem = g_strdup_printf("--key: %s must be NAME=VALUE", quoted);
		return usage_error(error, problem);
	}
	name = g_strndup(key, (gsize)(equals - key));
	return prefix(config_set_pair(config, CONFIG_COMMAND_LINE, name, equals + 1,
				      strlen(equals + 1), error),
		      "--key", error);
}

/* A token that nobody else has. */
static gboolean apply_isolate(struct config *config, GError **error)
{
	guint8 random[TOKEN_BYTES];
	g_autoptr(GString) token = g_string_new(NULL);

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return usage_error(error, "--isolate: the kernel gives no random bytes");
	for (size_t i = 0; i < sizeof(random); i++)
		g_string_append_printf(token, "%02x", random[i]);
	return config_set_token(config, CONFIG_COMMAND_LINE, token->str, error);
}

static gboolean apply_isolation(struct config *config, const struct options *options,
				GError **error)
{
	if (!apply_setting(config, "--by", options->by, "isolation", "by", error))
		return FALSE;
	for (guint i = 0; options->keys && options->keys[i]; i++)
		if (!apply_key(config, options->keys[i], error))
			return FALSE;
	return !options->isolate || apply_isolate(config, error);
}

static gboolean apply_options(struct config *config, const struct options *options, GError **error)
{
	if (options->debug) {
		config->log_level = LOG_DEBUG;
		config->log_wanted = true;
	}
	config->quiet = options->quiet;
	if (options->ipv6)
		config->family = BLOB_FAMILY_BOTH;
	return apply_setting(config, "--log", options->log, "log", "file", error) &&
	       apply_setting(config, "--log-format", options->log_format, "log", "format", error) &&
	       apply_proxy(config, options, error) && apply_isolation(config, options, error);
}

/* ---- all sources ---- */

/* As in `isosocks --shell -c 'echo hi'`. */
static void hint_at_shell(const struct options *options, GError **error)
{
	if (options->config && options->shell && error &&
	    g_str_has_prefix((*error)->message, "--config: "))
		g_prefix_error(error, "options of the shell come after --, as in isosocks --shell "
				      "-- -c COMMAND: ");
}

static struct config *gather(const struct options *options, GError **error)
{
	struct config *config = gather_config(options->config, environ, error);

	if (!config)
		hint_at_shell(options, error);
	if (!config || apply_options(config, options, error))
		return config;
	config_free(config);
	return NULL;
}

/* ---- what has to hold before anything runs ---- */

static const char *explain_log(int r)
{
	switch (r) {
	case -ELOOP:
		return "it is a symbolic link, or another user's one leads to it";
	case -EPERM:
		return "it is another user's";
	case -EMLINK:
		return "it is a hard link: the file has another name as well";
	case -EINVAL:
		return "it is no file: give a regular file, a FIFO or a terminal of yours, "
		       "/dev/stderr or /dev/null";
	default:
		return g_strerror(-r);
	}
}

/* The library opens the file anew for each line, and has nobody to tell when it cannot. */
static gboolean check_log(struct config *config, GError **error)
{
	char path[PATH_MAX] = "";
	int r;

	if (!config->log_file || config_log_level(config) == LOG_NONE ||
	    strcmp(config->log_file, LOG_STANDARD_ERROR) == 0)
		return TRUE;
	g_strlcpy(path, config->log_file, sizeof(path));
	r = file_settle(path);
	if (r == 0)
		r = file_open(path, O_WRONLY | O_APPEND | O_CREAT, true);
	if (r >= 0) {
		close(r);
		g_free(config->log_file);
		config->log_file = g_strdup(path);
		return TRUE;
	}
	g_set_error(error, LAUNCH_ERROR, LAUNCH_FAILED, "the log file %s cannot be written: %s",
		    config->log_file, explain_log(r));
	return FALSE;
}

/* A policy that this program cannot send is no use to it. */
static gboolean check_keys(const struct config *config, const char *executable, GError **error)
{
	struct keys keys = { 0 };

	if (explain_set_keys(config, executable, getuid(), &keys) == 0)
		return TRUE;
	g_set_error(error, LAUNCH_ERROR, LAUNCH_FAILED,
		    "the keys, with ISOLATION and the token in it, have more than the %d bytes "
		    "accepted",
		    KEYS_PAYLOAD_MAX);
	return FALSE;
}

/* ---- the guard ---- */

static void warn(const struct config *config, const char *text, const char *reason)
{
	struct log_line line;

	log_configure(config_log_level(config), (enum log_format)config->log_format,
		      config->log_file);
	if (!log_wants(LOG_WARNING))
		return;
	log_begin(&line, LOG_WARNING);
	bytes_put_text(&line.text, text);
	bytes_put_text(&line.text, reason);
	log_end(&line);
}

/* An outer isosocks has installed a guard: nobody can take it off, and a second one is of no use.
 */
static gboolean keep_guard(const struct config *config, const struct options *options,
			   GError **error)
{
	if (!guard_refuses(config->cookie)) {
		if (options->no_guard)
			warn(config, "--no-guard: the guard of the outer isosocks stays", "");
		return TRUE;
	}
	g_set_error(error, LAUNCH_ERROR, LAUNCH_FAILED,
		    "this process is under the guard of another isosocks, whose policy has gone "
		    "from the environment (env -i, sudo): nothing it runs could connect");
	return FALSE;
}

/* A promise that this kernel does not keep: said in a line, unless nothing is to be said. */
static gboolean do_without(const struct config *config, bool is_required, const char *what, int r,
			   GError **error)
{
	if (is_required) {
		g_set_error(error, LAUNCH_ERROR, LAUNCH_FAILED,
			    "%s: %s; nothing is run, since the guard is required", what,
			    g_strerror(-r));
		return FALSE;
	}
	if (!config->quiet && config->log_level != LOG_NONE)
		show_line(stderr, "isosocks: %s: %s; see THE GUARD in isosocks(1)", what,
			  g_strerror(-r));
	return TRUE;
}

static gboolean make_guard(struct config *config, GError **error)
{
	const bool is_required = config->guard == CONFIG_GUARD_REQUIRED;
	int r;

	if (getrandom(config->cookie, sizeof(config->cookie), 0) != sizeof(config->cookie))
		return usage_error(error, "the kernel gives no random bytes");
	r = guard_install(config->cookie);
	if (r == 0)
		return TRUE;
	memset(config->cookie, 0, sizeof(config->cookie));
	config->guard = CONFIG_GUARD_OFF;
	return do_without(config, is_required,
			  "there is no guard, and what goes past the library goes past the proxy: "
			  "the kernel takes no seccomp filter",
			  r, error);
}

/* Of a program that the policy lets go directly the kernel has nothing to refuse. */
static bool is_direct(const struct config *config, const char *program)
{
	g_autofree char *executable =
		config->applications->len ? executable_resolve(program) : NULL;

	return executable && config_is_direct(config, executable, getuid());
}

static gboolean check_leash(const struct config *config, GError **error)
{
	const int r = guard_try_leash(config->cookie);

	return r == 0 ||
	       do_without(config, config->guard == CONFIG_GUARD_REQUIRED,
			  config->guard ? "there is no leash, and sockets that escape the library "
					  "are held back by the guard alone: none can be bound to "
					  "the loopback device"
					: "there is no leash, and sockets that escape the library "
					  "go anywhere: none can be bound to the loopback device",
			  r, error);
}

static gboolean check_guard_options(const struct config *config, const struct options *options,
				    GError **error)
{
	if (options->no_guard && options->require_guard)
		return usage_error(error, "--no-guard, --require-guard: one of the two");
	if (options->no_guard && config->guard_is_bound)
		return usage_error(error, "--no-guard: " CONFIG_SYSTEM_FILE
					  " has [guard] enabled=require, which holds");
	return TRUE;
}

static gboolean raise_guard(struct config *config, const struct options *options,
			    const char *program, GError **error)
{
	if (!check_guard_options(config, options, error))
		return FALSE;
	if (guard_refuses(NULL))
		return keep_guard(config, options, error);
	/* The cookie of a filter that is not in force: the environment came here by another way. */
	memset(config->cookie, 0, sizeof(config->cookie));
	if (options->require_guard)
		config->guard = CONFIG_GUARD_REQUIRED;
	if (options->no_guard || is_direct(config, program))
		config->guard = CONFIG_GUARD_OFF;
	if (is_direct(config, program))
		return TRUE;
	return (!config->guard || make_guard(config, error)) && check_leash(config, error);
}

/* An environment is printed, logged and sent with reports: it is a password's last place. */
static char *make_policy(const struct config *config, GError **error)
{
	const char *outer = g_environ_getenv(environ, "ISOSOCKS_POLICY");
	g_autoptr(GByteArray) blob = NULL;
	char *sealed = NULL;

	if (config_has_credentials(config))
		blob = compile_policy(config, NULL);
	if (blob)
		sealed = launch_seal_policy(blob, outer);
	return sealed ? sealed : compile_text(config, error);
}

static char **make_environment(const struct config *config, const char *runtime, GError **error)
{
	const char *others = g_environ_getenv(environ, "LD_PRELOAD");
	const char *outer = g_environ_getenv(environ, "ISOSOCKS_NAMES");
	g_autofree char *library = library_find_own(error);
	g_autofree char *policy = library ? make_policy(config, error) : NULL;
	g_autofree char *names = policy ? launch_open_names(outer, error) : NULL;
	g_autofree char *preload = NULL;

	if (!names)
		return NULL;
	if (!*names)
		warn(config,
		     "RLIMIT_FSIZE (ulimit -f) leaves no room for shared names: programs "
		     "do not know those that others looked up",
		     "");
	preload = library_preload(library, runtime, others);
	return environment_compose(environ, policy, names, preload);
}

/* Where a person is at the terminal, and would only be told that the program cannot connect. */
static void look_for_listener(const struct config *config, const char *executable)
{
	const struct config_application *application =
		config_find_application(config, executable, getuid());
	const guint index = application && application->proxy != BLOB_NONE ? application->proxy : 0;
	g_autofree char *url = NULL;

	if (config->quiet || !isatty(STDERR_FILENO) ||
	    (application && application->action != BLOB_ACTION_PROXY) ||
	    !listener_is_missing(&g_array_index(config->proxies, struct url, index),
				 config->cookie))
		return;
	url = config_url_text(config, index);
	show_line(stderr,
		  "isosocks: nothing listens on %s: is the proxy, such as Tor, running? See "
		  "isosocksctl doctor",
		  url);
}

static unsigned what_is_said(const struct options *options)
{
	const bool where = options->proxy || options->address || options->port || options->config;
	const bool isolated = options->isolate || options->keys || options->by || options->user;

	return (where ? NEIGHBOUR_WHERE : 0) | (isolated ? NEIGHBOUR_ISOLATED : 0);
}

static gboolean run(const struct options *options, char **arguments, GError **error)
{
	CONFIG_AUTO config = gather(options, error);
	g_autofree char *program = NULL;
	g_autofree char *executable = NULL;
	g_autofree char *runtime = NULL;
	g_autofree char *proxy = NULL;
	g_auto(GStrv) environment = NULL;

	if (!config || !neighbour_check(environ, what_is_said(options), error) ||
	    !check_log(config, error))
		return FALSE;
	proxy = config_proxy_text(config);
	program = launch_find(arguments[0], g_environ_getenv(environ, "PATH"), error);
	if (!program || !raise_guard(config, options, program, error) ||
	    !launch_inspect(program, proxy, &executable, &runtime, error) ||
	    !check_keys(config, executable, error))
		return FALSE;
	environment = make_environment(config, runtime, error);
	if (!environment)
		return FALSE;
	look_for_listener(config, executable);
	launch_run(program, arguments, environment, error);
	return FALSE;
}

/* Turns what the options left of argv, in place, into the program's own. NULL: there is none. */
static char **find_arguments(const struct options *options, char **argv)
{
	const char *shell = g_environ_getenv(environ, "SHELL");

	if (argv[1] && strcmp(argv[1], "--") == 0)
		argv++;
	if (!options->shell)
		return argv[1] ? argv + 1 : NULL;
	argv[0] = (char *)(shell && *shell ? shell : "/bin/sh");
	return argv;
}

static gboolean print_policy(const struct options *options, GError **error)
{
	CONFIG_AUTO config = gather(options, error);
	g_autofree char *text = config ? explain_config(config) : NULL;

	if (text)
		show_lines(stdout, text);
	return text != NULL;
}

static gboolean act(struct options *options, int argc, char **argv, GError **error)
{
	char **arguments;

	if (!parse_options(options, &argc, &argv, error))
		return FALSE;
	if (options->help)
		return fputs(help, stdout) >= 0;
	if (options->version)
		return puts("isosocks " ISOSOCKS_VERSION) >= 0;
	if (options->explain)
		return print_policy(options, error);
	arguments = find_arguments(options, argv);
	if (!arguments)
		return usage_error(error, "no PROGRAM is given");
	return run(options, arguments, error);
}

/* A static program has no dynamic linker to ask for libc's functions, which the shared parts call
 * by this table. */
static const struct libc functions = {
	.close = close,
	.poll = poll,
	.read = read,
	.send = send,
	.syscall = syscall,
	.write = write,
};

int main(int argc, char **argv)
{
	struct options options = { 0 };
	g_autoptr(GError) error = NULL;

	libc_install(&functions);
	gboolean good = act(&options, argc, argv, &error);

	options_clear(&options);
	if (good && fflush(stdout) == 0)
		return 0;
	show_line(stderr, "isosocks: %s", error ? error->message : g_strerror(errno));
	return error ? launch_status(error) : LAUNCH_FAILED;
}
