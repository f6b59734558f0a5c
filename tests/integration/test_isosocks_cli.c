/*
 * The command isosocks as a shell sees it: what it says, how it ends, and what the program it runs
 * is given. No network is used: the programs make no connection.
 */
#include "compile.h"

#include "base/log.h"
#include "keys/keys.h"
#include "policy/blob.h"
#include "policy/url.h"
#include "support/scratch.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the rows below may contain. */
#define LONG_VALUE "LONG_VALUE" /* 8193 bytes */

struct result {
	int status;
	char *out;
	char *err;
};

static void result_clear(struct result *result)
{
	g_free(result->out);
	g_free(result->err);
}

#define RESULT_AUTO __attribute__((cleanup(result_clear))) struct result

static char *isosocks_path(void)
{
	const char *build = g_getenv("BUILD");
	g_autofree char *path = g_build_filename(build ? build : "build/release", "isosocks", NULL);

	return g_canonicalize_filename(path, NULL);
}

/* A sanitizer in the library wants to be first in processes that are not ours. */
static char **environment_new(void)
{
	char **block = NULL;

	block = g_environ_setenv(block, "PATH", "/usr/bin:/bin", TRUE);
	return g_environ_setenv(block, "ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0",
				TRUE);
}

/* Runs `isosocks ARGUMENTS`, as a shell would read them, with these variables (may be NULL) added.
 */
static struct result run(const char *variables, const char *arguments)
{
	g_autofree char *path = isosocks_path();
	g_autofree char *command = g_strconcat(path, " ", arguments, NULL);
	g_auto(GStrv) block = environment_new();
	g_auto(GStrv) added = NULL;
	g_auto(GStrv) words = NULL;
	struct result result;
	int status;

	cr_assert(g_shell_parse_argv(command, NULL, &words, NULL), "%s", command);
	if (variables)
		cr_assert(g_shell_parse_argv(variables, NULL, &added, NULL), "%s", variables);
	for (guint i = 0; added && added[i]; i++) {
		g_auto(GStrv) parts = g_strsplit(added[i], "=", 2);
		block = g_environ_setenv(block, parts[0], parts[1], TRUE);
	}
	cr_assert(g_spawn_sync(NULL, words, block, G_SPAWN_DEFAULT, NULL, NULL, &result.out,
			       &result.err, &status, NULL));
	result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return result;
}

static void assert_status(const struct result *result, int status)
{
	cr_assert_eq(result->status, status, "%d instead of %d\n%s%s", result->status, status,
		     result->out, result->err);
}

static void assert_out(const struct result *result, const char *out)
{
	assert_status(result, 0);
	cr_assert_str_eq(result->out, out, "%s%s", result->out, result->err);
}

static void assert_says(const struct result *result, int status, const char *start,
			const char *part)
{
	assert_status(result, status);
	cr_assert(g_str_has_prefix(result->err, start), "%s", result->err);
	cr_assert_not_null(strstr(result->err, part), "%s", result->err);
	cr_assert_str_eq(strchr(result->err, '\n'), "\n", "more than a line: %s", result->err);
}

/* Prints the policy as text, be it on a descriptor. */
#define PRINT_POLICY                                                                               \
	" sh -c 'p=${ISOSOCKS_POLICY#@}; test $p = $ISOSOCKS_POLICY && echo $p || "                \
	"base64 -w0 /proc/self/fd/${p%:*} | tr +/ -_ | tr -d ='"

/* The policy that the program is given. */
static struct config *run_for_policy(const char *variables, const char *arguments)
{
	g_autofree char *whole = g_strconcat(arguments, PRINT_POLICY, NULL);
	RESULT_AUTO result = run(variables, whole);
	struct config *config;

	assert_status(&result, 0);
	config = compile_restore_text(g_strchomp(result.out), NULL);
	cr_assert_not_null(config);
	return config;
}

static const struct url *proxy_of(const struct config *config)
{
	return &g_array_index(config->proxies, struct url, 0);
}

static const char *pair_value(const struct config *config, const char *name)
{
	for (guint i = 0; i < config->pairs->len; i++) {
		const struct config_pair *pair = config->pairs->pdata[i];
		if (strcmp(pair->name, name) == 0)
			return pair->value;
	}
	return NULL;
}

/* ---- bad input ---- */

static const struct {
	const char *variables;
	const char *options;
	const char *start; /* behind `isosocks: ` */
	const char *contains;
} refused[] = {
	{ NULL, "-x http://127.0.0.1:1", "--proxy: ", "http://" },
	{ NULL, "--proxy=socks4://127.0.0.1", "--proxy: ", "socks4" },
	{ NULL, "-x unix:/run/tor/socks", "--proxy: ", "unix:" },
	{ NULL, "-x proxy.example:9050", "--proxy: ", "IP address" },
	{ NULL, "-x 127.0.0.1:0", "--proxy: ", "1 to 65535" },
	{ NULL, "-x ''", "--proxy: ", "empty" },
	{ NULL, "-a localhost", "--address: ", "\"localhost\"" },
	{ NULL, "-P 65536", "--port: ", "\"65536\"" },
	{ NULL, "-P ''", "--port: ", "1 to 65535" },
	{ NULL, "-u me", "--user: ", "--pass" },
	{ NULL, "-p secret", "--pass: ", "--user" },
	{ NULL, "-u '' -p x", "--user, --pass: ", "1 to 255" },
	{ NULL, "-u x -p " LONG_VALUE, "--user, --pass: ", "1 to 255" },
	{ NULL, "-k nothing", "--key: ", "NAME=VALUE" },
	{ NULL, "-k =x", "--key: ", "1 to 255" },
	{ NULL, "-k 'a b=x'", "--key: ", "\"a b\"" },
	{ NULL, "-k 'k\xc3\xa4=x'", "--key: ", "A-Z a-z 0-9" },
	{ NULL, "-k USERNAME=x", "--key: ", "credentials" },
	{ NULL, "-k PASSWD=x", "--key: ", "credentials" },
	{ NULL, "-k a=1 -k a=2", "--key: ", "\"a\" is given twice" },
	{ NULL, "-k big=" LONG_VALUE, "--key: ", "at most 8192" },
	{ NULL, "-b host", "--by: ", "\"host\"" },
	{ NULL, "-c /nonexistent", "--config: /nonexistent: ", "No such file" },
	{ NULL, "-c /", "--config: /: ", "directory" },
	{ NULL, "--log /nonexistent/log", "the log file /nonexistent/log ", "No such file" },
	{ NULL, "-c ''", "--config: ", "empty" },
	{ NULL, "--shell -c 'echo hi'", "options of the shell come after --", "--config: echo hi" },
	{ NULL, "--debug=3", "--debug=3: ", "takes no value" },
	{ NULL, "-x 127.0.0.1 --shell=bash", "--shell=bash: ", "see isosocks --help" },
	{ NULL, "--no-such-option", "Unknown option --no-such-option", "--help" },
	{ NULL, "-Z", "Unknown option -Z", "--help" },
	{ NULL, "--explian", "Unknown option --explian", "--help" },
	{ NULL, "--pass-file /dev/null", "--pass-file: is given without --user", "needs both" },
	{ NULL, "-u a -p b --pass-file /dev/null", "--pass and --pass-file", "one password" },
	{ NULL, "-u a --pass-file /nonexistent", "--pass-file: ", "cannot be read" },
	{ NULL, "-u a --pass-file /dev/null", "--user, --pass-file: ", "1 to 255 bytes" },
	{ "ISOSOCKS_PROXY=http://127.0.0.1", "", "ISOSOCKS_PROXY: ", "http://" },
	{ "ISOSOCKS_ISOLATION=", "", "ISOSOCKS_ISOLATION: ", "1 to" },
	{ "ISOSOCKS_ISOLATION=" LONG_VALUE, "", "ISOSOCKS_ISOLATION: ", "8192" },
	{ "ISOSOCKS_KEY_lower=x", "", "ISOSOCKS_KEY_lower: ", "A-Z" },
	{ "ISOSOCKS_KEY_BIG=" LONG_VALUE, "", "ISOSOCKS_KEY_BIG: ", "at most 8192" },
	{ "ISOSOCKS_KEYS=a", "", "ISOSOCKS_KEYS: ", "NAME=VALUE" },
	{ "ISOSOCKS_KEYS=A=1 ISOSOCKS_KEY_A=1", "", "ISOSOCKS_KEYS: ", "twice" },
	{ "ISOSOCKS_BY=x", "", "ISOSOCKS_BY: ", "application" },
	{ "ISOSOCKS_CONFIG=/nonexistent", "", "ISOSOCKS_CONFIG: ", "/nonexistent" },
	{ "ISOSOCKS_CONFIG=", "", "ISOSOCKS_CONFIG: ", "empty" },
	{ "ISOSOCKS_LOG=x", "", "ISOSOCKS_LOG: ", "warning" },
	{ "ISOSOCKS_LOG_FILE=/nonexistent/l", "", "the log file /nonexistent/l", "No such file" },
	{ "ISOSOCKS_USERNAME=x", "", "ISOSOCKS_USERNAME: ", "ISOSOCKS_PASSWORD" },
	{ "ISOSOCKS_ISOLATON=x", "", "ISOSOCKS_ISOLATON: ", "ISOSOCKS_ISOLATION, " },
	{ "ISOSOCKS_KEY=x", "", "ISOSOCKS_KEY: ", "ISOSOCKS_KEY_NAME" },
	{ "ISOSOCKS_POLICY=", "", "ISOSOCKS_POLICY: ", "damaged" },
	{ "ISOSOCKS_POLICY=aXNvc29ja3M", "", "ISOSOCKS_POLICY: ", "damaged" },
	{ "ISOSOCKS_POLICY='*'", "", "ISOSOCKS_POLICY: ", "damaged" },
	{ "ISOSOCKS_POLICY=@", "", "ISOSOCKS_POLICY: ", "descriptor" },
	{ "ISOSOCKS_POLICY=@0:1", "", "ISOSOCKS_POLICY: ", "descriptor" },
	{ "ISOSOCKS_POLICY=@1000:1", "", "ISOSOCKS_POLICY: ", "descriptor" },
};

ParameterizedTestParameters(isosocks_cli, refuses_bad_input_by_name_and_runs_nothing)
{
	static size_t rows[G_N_ELEMENTS(refused)];

	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, G_N_ELEMENTS(refused));
}

static char *expand(const char *text)
{
	g_autofree char *value = g_strnfill(8193, 'v');
	GString *expanded = g_string_new(text ? text : "");

	g_string_replace(expanded, LONG_VALUE, value, 0);
	return g_string_free(expanded, FALSE);
}

ParameterizedTest(size_t *row, isosocks_cli, refuses_bad_input_by_name_and_runs_nothing)
{
	g_autofree char *variables = expand(refused[*row].variables);
	g_autofree char *options = expand(refused[*row].options);
	g_autofree char *arguments = g_strconcat(options, " echo it ran", NULL);
	g_autofree char *start = g_strconcat("isosocks: ", refused[*row].start, NULL);
	RESULT_AUTO result = run(refused[*row].variables ? variables : NULL, arguments);

	assert_says(&result, 125, start, refused[*row].contains);
	cr_assert_str_empty(result.out);
}

Test(isosocks_cli, names_file_line_and_key_of_a_bad_setting)
{
	g_autofree char *path = scratch_make("[isolation]\nby=user\nrequire=maybe\n", 0600);
	g_autofree char *arguments = g_strconcat("-c ", path, " echo it ran", NULL);
	g_autofree char *start =
		g_strconcat("isosocks: --config: ", path, ":3: [isolation] require: ", NULL);
	RESULT_AUTO result = run(NULL, arguments);

	scratch_remove(path);
	assert_says(&result, 125, start, "never, explicit or always");
	cr_assert_str_empty(result.out);
}

Test(isosocks_cli, needs_a_program)
{
	RESULT_AUTO nothing = run(NULL, "");
	RESULT_AUTO separator = run(NULL, "-q --");

	assert_says(&nothing, 125, "isosocks: ", "PROGRAM");
	assert_says(&separator, 125, "isosocks: ", "PROGRAM");
}

/* ---- how it ends ---- */

Test(isosocks_cli, exits_as_the_program_does)
{
	RESULT_AUTO good = run(NULL, "true");
	RESULT_AUTO bad = run(NULL, "sh -c 'exit 42'");
	RESULT_AUTO killed = run(NULL, "sh -c 'kill -9 $$'");

	assert_status(&good, 0);
	assert_status(&bad, 42);
	assert_status(&killed, 128 + 9);
}

Test(isosocks_cli, exits_127_when_there_is_no_such_program)
{
	RESULT_AUTO searched = run(NULL, "no-such-program");
	RESULT_AUTO path = run(NULL, "/nonexistent/program");

	assert_says(&searched, 127, "isosocks: no-such-program: ", "not found");
	assert_says(&path, 127, "isosocks: /nonexistent/program: ", "No such file");
}

Test(isosocks_cli, exits_126_for_what_cannot_be_executed)
{
	g_autofree char *path = scratch_make("text", 0644);
	RESULT_AUTO file = run(NULL, path);
	RESULT_AUTO folder = run(NULL, "/");

	scratch_remove(path);
	assert_says(&file, 126, "isosocks: ", "Permission denied");
	assert_says(&folder, 126, "isosocks: /: ", "directory");
}

/* An ELF header of this machine without an interpreter: a static program, as far as anyone can
 * tell. */
static char *make_elf(guint8 machine_high, guint8 machine_low)
{
	guint8 head[64 + 56] = { 0x7f, 'E', 'L', 'F', 2, 1, 1 };
	g_autofree char *self = NULL;
	char *path = scratch_make("", 0755);

	cr_assert(g_file_get_contents("/proc/self/exe", &self, NULL, NULL));
	memcpy(head, self, 64);
	head[16] = 2; /* e_type: ET_EXEC */
	if (machine_high || machine_low) {
		head[18] = machine_low;
		head[19] = machine_high;
	}
	memset(head + 24, 0, 40);
	head[32] = 64; /* e_phoff */
	head[52] = 64; /* e_ehsize */
	head[54] = 56; /* e_phentsize */
	head[56] = 1;  /* e_phnum */
	head[58] = 64; /* e_shentsize */
	head[64] = 1;  /* PT_LOAD */
	cr_assert(g_file_set_contents_full(path, (char *)head, sizeof(head),
					   G_FILE_SET_CONTENTS_NONE, 0755, NULL));
	return path;
}

Test(isosocks_cli, exits_126_for_a_static_program_and_says_why)
{
	g_autofree char *path = make_elf(0, 0);
	g_autofree char *start = g_strconcat("isosocks: ", path, " ", NULL);
	RESULT_AUTO result = run(NULL, path);

	scratch_remove(path);
	assert_says(&result, 126, start, "static");
}

Test(isosocks_cli, exits_126_for_a_program_of_another_machine)
{
	g_autofree char *path = make_elf(0, 8); /* EM_MIPS */
	g_autofree char *start = g_strconcat("isosocks: ", path, " ", NULL);
	RESULT_AUTO result = run(NULL, path);

	scratch_remove(path);
	assert_says(&result, 126, start, "machine");
}

Test(isosocks_cli, exits_126_for_a_script_whose_interpreter_is_static)
{
	g_autofree char *elf = make_elf(0, 0);
	g_autofree char *text = g_strconcat("#!", elf, "\n", NULL);
	g_autofree char *path = scratch_make(text, 0755);
	RESULT_AUTO result = run(NULL, path);

	scratch_remove(path);
	scratch_remove(elf);
	assert_says(&result, 126, "isosocks: ", "its interpreter");
}

Test(isosocks_cli, exits_126_for_a_setuid_program_without_the_guard)
{
	g_autofree char *program = NULL;
	g_autofree char *path = scratch_make("", 0755);
	gsize length;
	struct stat file;

	cr_assert(g_file_get_contents("/bin/true", &program, &length, NULL));
	cr_assert(g_file_set_contents_full(path, program, (gssize)length, G_FILE_SET_CONTENTS_NONE,
					   0755, NULL));
	if (chown(path, getuid() == 0 ? 65534 : 0, (gid_t)-1) < 0)
		cr_skip_test("only root can give a file away");
	cr_assert_eq(chmod(path, 04755), 0);
	cr_assert_eq(stat(path, &file), 0);
	g_autofree char *unguarded = g_strconcat("--no-guard ", path, NULL);
	RESULT_AUTO result = run(NULL, unguarded);
	RESULT_AUTO guarded = run(NULL, path);

	scratch_remove(path);
	cr_assert_eq(guarded.status, 0);
	assert_says(&result, 126, "isosocks: ", "setuid");
	cr_assert_not_null(strstr(result.err, "LD_PRELOAD"));
}

/* ---- what it says ---- */

Test(isosocks_cli, prints_its_version)
{
	RESULT_AUTO result = run(NULL, "--version");

	assert_out(&result, "isosocks " ISOSOCKS_VERSION "\n");
}

Test(isosocks_cli, prints_help_in_eighty_columns_on_stdout)
{
	RESULT_AUTO result = run(NULL, "--help");
	g_auto(GStrv) lines = g_strsplit(result.out, "\n", -1);

	assert_status(&result, 0);
	cr_assert_str_empty(result.err);
	cr_assert(g_str_has_prefix(result.out, "Usage: isosocks [OPTIONS] [--] PROGRAM [ARGS]\n"));
	cr_assert_not_null(strstr(result.out, "\nEXAMPLES\n"));
	for (guint i = 0; lines[i]; i++)
		cr_assert_leq(strlen(lines[i]), 80, "%s", lines[i]);
}

static const char *const options[] = {
	"-x, --proxy",	 "-a, --address", "-P, --port", "-u, --user",	"-p, --pass",
	"-i, --isolate", "-k, --key",	  "-b, --by",	"-c, --config", "-q, --quiet",
	"-d, --debug",	 "--log",	  "--shell",	"--version",	"-h, --help",
};

Test(isosocks_cli, explains_every_option_in_its_help)
{
	RESULT_AUTO result = run(NULL, "-h");

	assert_status(&result, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(options); i++)
		cr_assert_not_null(strstr(result.out, options[i]), "%s", options[i]);
}

/* ---- what is the program's ---- */

Test(isosocks_cli, leaves_the_programs_own_options_alone)
{
	RESULT_AUTO plain = run(NULL, "-q echo -x --version -- -k");
	RESULT_AUTO separated = run(NULL, "-q -- echo -- -i");

	assert_out(&plain, "-x --version -- -k\n");
	assert_out(&separated, "-- -i\n");
}

Test(isosocks_cli, runs_programs_of_any_name)
{
	RESULT_AUTO result = run(NULL, "sh -c 'echo $0' on");

	assert_out(&result, "on\n");
}

Test(isosocks_cli, accepts_the_options_of_torsocks)
{
	RESULT_AUTO result = run(NULL, "-6 -iq -a 127.0.0.1 -P 9050 -u me -p secret echo ran");

	assert_out(&result, "ran\n");
}

Test(isosocks_cli, runs_the_users_shell_with_its_arguments)
{
	RESULT_AUTO plain = run("SHELL=/bin/echo", "--shell one two");
	RESULT_AUTO separated = run("SHELL=/bin/echo", "--shell -- -n -i");
	RESULT_AUTO fallback = run("SHELL=", "--shell -- -c 'echo $0'");

	assert_out(&plain, "one two\n");
	assert_out(&separated, "-i");
	assert_out(&fallback, "/bin/sh\n");
}

Test(isosocks_cli, runs_a_script_without_an_interpreter_as_the_shell_would)
{
	g_autofree char *path = scratch_make("echo by the shell\n", 0755);
	RESULT_AUTO result = run(NULL, path);

	scratch_remove(path);
	assert_out(&result, "by the shell\n");
}

Test(isosocks_cli, consumes_its_variables)
{
	RESULT_AUTO result = run("ISOSOCKS_PROXY=127.0.0.1 ISOSOCKS_USERNAME=u "
				 "ISOSOCKS_PASSWORD=p ISOSOCKS_ISOLATION=t ISOSOCKS_KEY_A=1 "
				 "ISOSOCKS_KEYS=b=2 ISOSOCKS_BY=none ISOSOCKS_CONFIG=/dev/null "
				 "ISOSOCKS_LOG=none ISOSOCKS_LOG_FILE=/dev/null",
				 "sh -c 'env | grep ^ISOSOCKS_ | cut -d= -f1 | sort'");

	assert_out(&result, "ISOSOCKS_NAMES\nISOSOCKS_POLICY\n");
}

Test(isosocks_cli, preloads_the_library_before_all_others)
{
	g_autofree char *isosocks = isosocks_path();
	g_autofree char *folder = g_path_get_dirname(isosocks);
	g_autofree char *expected =
		g_strconcat(folder, "/libisosocks.so:libm.so.6:libdl.so.2\n", NULL);
	RESULT_AUTO result = run("LD_PRELOAD='libm.so.6 libdl.so.2'", "printenv LD_PRELOAD");

	assert_out(&result, expected);
}

Test(isosocks_cli, finds_its_library_when_started_by_a_link_or_a_relative_path)
{
	g_autofree char *isosocks = isosocks_path();
	g_autofree char *folder = g_path_get_dirname(isosocks);
	g_autofree char *expected = g_strconcat(folder, "/libisosocks.so\n", NULL);
	g_autofree char *script = g_strdup_printf("sh -c 'd=$(mktemp -d) && ln -s %s $d/i && "
						  "$d/i printenv LD_PRELOAD; rm -r $d; cd %s && "
						  "./isosocks printenv LD_PRELOAD'",
						  isosocks, folder);
	g_auto(GStrv) words = NULL;
	g_auto(GStrv) block = environment_new();
	g_autofree char *out = NULL;
	g_autofree char *twice = g_strconcat(expected, expected, NULL);

	cr_assert(g_shell_parse_argv(script, NULL, &words, NULL));
	cr_assert(g_spawn_sync(NULL, words, block, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL,
			       NULL, NULL));
	cr_assert_str_eq(out, twice);
}

Test(isosocks_cli, passes_the_names_map_on_under_its_number)
{
	RESULT_AUTO result = run(NULL, "sh -c 'fd=${ISOSOCKS_NAMES%:*}; echo ${ISOSOCKS_NAMES#*:}; "
				       "stat -L -c %i /proc/self/fd/$fd'");
	g_auto(GStrv) lines = g_strsplit(result.out, "\n", -1);

	assert_status(&result, 0);
	cr_assert_eq(g_strv_length(lines), 3);
	cr_assert_str_eq(lines[0], lines[1]);
}

/* ---- what goes into the policy ---- */

Test(isosocks_cli, needs_no_option)
{
	CONFIG_AUTO config = run_for_policy(NULL, "");

	cr_assert_eq(proxy_of(config)->port, 9050);
	cr_assert_eq(config->by, KEYS_BY_USER | KEYS_BY_APPLICATION);
	cr_assert_eq(config->pairs->len, 0);
	cr_assert_null(config->token);
	cr_assert_eq(config_log_level(config), LOG_NONE);
	cr_assert_eq(config->guard, 1);
}

Test(isosocks_cli, takes_a_password_from_the_first_line_of_a_file)
{
	g_autofree char *path = scratch_make("sec ret\nmore\n", 0600);
	g_autofree char *line = g_strconcat("-u me --pass-file ", path, NULL);
	CONFIG_AUTO config = run_for_policy(NULL, line);

	cr_assert_eq(proxy_of(config)->password_length, 7);
	cr_assert_eq(memcmp(proxy_of(config)->password, "sec ret", 7), 0);
	g_unlink(path);
}

/* What it prints is a file that says the same, but for secrets. */
Test(isosocks_cli, explains_its_policy_without_secrets)
{
	RESULT_AUTO result =
		run("ISOSOCKS_ISOLATION=hidden", "-x me:secret@127.0.0.1:7 -k A=b --explain");
	CONFIG_AUTO config = config_new();
	g_autoptr(GError) error = NULL;

	assert_status(&result, 0);
	cr_assert_null(strstr(result.out, "secret"));
	cr_assert_null(strstr(result.out, "hidden"));
	cr_assert(config_load_text(config, CONFIG_FILE, "out", result.out, strlen(result.out),
				   &error),
		  "%s", error->message);
	cr_assert_eq(proxy_of(config)->port, 7);
	cr_assert_eq(config->pairs->len, 1);
}

Test(isosocks_cli, prefers_command_line_to_environment_to_file)
{
	g_autofree char *path = scratch_make("[proxy]\nurl=127.0.0.1:1\ntimeout=11\n[isolation]\n"
					     "by=process\nkey.A=file\nkey.B=file\nkey.C=file\n",
					     0600);
	g_autofree char *options_text = g_strconcat("-k A=command -x 127.0.0.1:3 -c ", path, NULL);
	CONFIG_AUTO config = run_for_policy("ISOSOCKS_KEY_A=environment ISOSOCKS_KEY_B=environment "
					    "ISOSOCKS_PROXY=127.0.0.1:2 ISOSOCKS_BY=session "
					    "ISOSOCKS_CONFIG=/nonexistent",
					    options_text);

	scratch_remove(path);
	cr_assert_eq(proxy_of(config)->port, 3);
	cr_assert_eq(config->by, KEYS_BY_SESSION);
	cr_assert_eq(config->timeout, 11);
	cr_assert_str_eq(pair_value(config, "A"), "command");
	cr_assert_str_eq(pair_value(config, "B"), "environment");
	cr_assert_str_eq(pair_value(config, "C"), "file");
}

Test(isosocks_cli, takes_the_file_that_the_variable_names)
{
	g_autofree char *path = scratch_make("[names]\npool=198.18.0.0/16\nresolve=proxy\n", 0600);
	g_autofree char *variable = g_strconcat("ISOSOCKS_CONFIG=", path, NULL);
	CONFIG_AUTO config = run_for_policy(variable, "");

	scratch_remove(path);
	cr_assert_eq(config->pool_prefix, 16);
	cr_assert_eq(config->resolve, BLOB_RESOLVE_PROXY);
}

Test(isosocks_cli, makes_a_fresh_token_each_time_and_over_the_variable)
{
	CONFIG_AUTO one = run_for_policy("ISOSOCKS_ISOLATION=work", "-i");
	CONFIG_AUTO other = run_for_policy("ISOSOCKS_ISOLATION=work", "--isolate");

	cr_assert_eq(strspn(one->token, "0123456789abcdef"), 32);
	cr_assert_eq(strlen(one->token), 32);
	cr_assert_str_neq(one->token, other->token);
	cr_assert_neq(memcmp(one->session, other->session, 16), 0);
}

Test(isosocks_cli, is_quiet_whatever_else_is_asked)
{
	CONFIG_AUTO quiet = run_for_policy("ISOSOCKS_LOG=debug", "-q -d --log /dev/null");
	CONFIG_AUTO debug = run_for_policy("ISOSOCKS_LOG=none", "-d");
	CONFIG_AUTO file = run_for_policy(NULL, "--log /dev/null");

	cr_assert_eq(config_log_level(quiet), LOG_NONE);
	cr_assert_eq(config_log_level(debug), LOG_DEBUG);
	cr_assert_eq(config_log_level(file), LOG_ERROR);
}

/* ---- one inside another ---- */

/* `isosocks OUTER isosocks INNER printenv ISOSOCKS_POLICY` */
static struct config *run_nested(const char *outer, const char *inner)
{
	g_autofree char *isosocks = isosocks_path();
	g_autofree char *arguments = g_strjoin(" ", outer, isosocks, inner, NULL);

	return run_for_policy(NULL, arguments);
}

Test(isosocks_cli, adds_to_the_policy_around_it)
{
	CONFIG_AUTO config = run_nested("-x 127.0.0.1:1234 -k a=outer -k b=outer -b session",
					"-k b=inner -k c=inner");

	cr_assert_eq(proxy_of(config)->port, 1234);
	cr_assert_eq(config->by, KEYS_BY_SESSION);
	cr_assert_str_eq(pair_value(config, "a"), "outer");
	cr_assert_str_eq(pair_value(config, "b"), "inner");
	cr_assert_str_eq(pair_value(config, "c"), "inner");
}

Test(isosocks_cli, never_loosens_what_the_outer_policy_requires)
{
	g_autofree char *strict = scratch_make("[isolation]\nrequire=always\n", 0600);
	g_autofree char *loose = scratch_make("[isolation]\nrequire=never\n", 0600);
	g_autofree char *outer = g_strconcat("-c ", strict, NULL);
	g_autofree char *inner = g_strconcat("-c ", loose, NULL);
	CONFIG_AUTO config = run_nested(outer, inner);

	scratch_remove(strict);
	scratch_remove(loose);
	cr_assert_eq(config->require, BLOB_REQUIRE_ALWAYS);
}

Test(isosocks_cli, keeps_session_and_names_of_the_outer_run)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("the command is not static then, and looks for a guard by the "
			     "library's socket()");
	g_autofree char *isosocks = isosocks_path();
	g_autofree char *arguments = g_strdup_printf(
		"sh -c 'printenv ISOSOCKS_POLICY ISOSOCKS_NAMES; %s printenv ISOSOCKS_POLICY "
		"ISOSOCKS_NAMES LD_PRELOAD'",
		isosocks);
	RESULT_AUTO result = run(NULL, arguments);
	g_auto(GStrv) lines = g_strsplit(result.out, "\n", -1);

	assert_status(&result, 0);
	cr_assert_eq(g_strv_length(lines), 6);
	cr_assert_str_eq(lines[0], lines[2]);
	cr_assert_str_eq(lines[1], lines[3]);
	cr_assert_null(strchr(lines[4], ':'), "preloaded twice: %s", lines[4]);
}

/* The inner run has the credentials of the outer one, and only its own descriptor. */
Test(isosocks_cli, hands_credentials_to_an_inner_run_by_descriptor)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("the command is not static then, and looks for a guard by the "
			     "library's socket()");
	g_autofree char *isosocks = isosocks_path();
	g_autofree char *arguments = g_strdup_printf(
		"-u carol -p secret sh -c 'printenv ISOSOCKS_POLICY; exec %s sh -c \"printenv "
		"ISOSOCKS_POLICY; readlink /proc/self/fd/* | grep -c isosocks-policy; %s "
		"--explain\"'",
		isosocks, isosocks);
	RESULT_AUTO result = run(NULL, arguments);
	g_auto(GStrv) lines = g_strsplit(result.out, "\n", 4);

	assert_status(&result, 0);
	cr_assert_eq(g_strv_length(lines), 4, "%s", result.out);
	cr_assert(g_str_has_prefix(lines[0], "@"), "%s", lines[0]);
	cr_assert(g_str_has_prefix(lines[1], "@"), "%s", lines[1]);
	cr_assert_str_eq(lines[2], "1");
}

/* The program is to have them in any case. */
Test(isosocks_cli, hands_credentials_on_as_text_where_files_are_limited)
{
	const struct rlimit none = { 0, 0 };

	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	RESULT_AUTO result = run(NULL, "-q -u carol -p secret printenv ISOSOCKS_POLICY");
	CONFIG_AUTO config = compile_restore_text(g_strchomp(result.out), NULL);

	assert_status(&result, 0);
	cr_assert_not_null(config);
	cr_assert_eq(proxy_of(config)->password_length, 6);
}

Test(isosocks_cli, makes_a_new_names_map_when_the_outer_one_was_closed)
{
	g_autofree char *isosocks = isosocks_path();
	g_autofree char *arguments = g_strdup_printf(
		"bash -c 'fd=${ISOSOCKS_NAMES%%:*}; echo $ISOSOCKS_NAMES; exec {fd}>&-; %s "
		"printenv ISOSOCKS_NAMES'",
		isosocks);
	RESULT_AUTO result = run(NULL, arguments);
	g_auto(GStrv) lines = g_strsplit(result.out, "\n", -1);

	assert_status(&result, 0);
	cr_assert_eq(g_strv_length(lines), 3);
	cr_assert_str_neq(lines[0], lines[1]);
}

/* A value may look like a flag with one. */
Test(isosocks_cli, takes_values_and_programs_arguments_as_they_are)
{
	RESULT_AUTO value = run(NULL, "-k --debug=3 echo --debug=3");
	RESULT_AUTO joined = run(NULL, "-qk a=1 --key b=2 -dqk c=3 -- echo --debug=3");

	assert_out(&value, "--debug=3\n"); /* the key is `--debug` */
	assert_out(&joined, "--debug=3\n");
}

Test(isosocks_cli, runs_inside_another_installation)
{
	g_autofree char *isosocks = isosocks_path();
	g_autofree char *build = g_path_get_dirname(isosocks);
	g_autofree char *folder = g_dir_make_tmp("isosocks-XXXXXX", NULL);
	g_autofree char *copy =
		g_strdup_printf("cp %s/isosocks %s/libisosocks.so %s", build, build, folder);
	g_autofree char *arguments =
		g_strdup_printf("-k a=b %s/isosocks printenv LD_PRELOAD ISOSOCKS_POLICY", folder);
	g_autofree char *expected = g_strdup_printf("%s/libisosocks.so", folder);

	cr_assert(g_spawn_command_line_sync(copy, NULL, NULL, NULL, NULL));
	RESULT_AUTO result = run(NULL, arguments);
	g_autofree char *away = g_strconcat("rm -r ", folder, NULL);
	g_spawn_command_line_sync(away, NULL, NULL, NULL, NULL);
	assert_status(&result, 0);
	g_auto(GStrv) lines = g_strsplit(result.out, "\n", -1);
	cr_assert(g_str_has_suffix(lines[0], expected), "%s", lines[0]);
	CONFIG_AUTO config = compile_restore_text(lines[1], NULL);
	cr_assert_str_eq(pair_value(config, "a"), "b");
}

/* Programs take it for granted that the first descriptor they open is 3. */
Test(isosocks_cli, keeps_low_descriptors_free_where_there_are_few)
{
	g_autofree char *isosocks = isosocks_path();
	g_autofree char *command = g_strdup_printf(
		"sh -c 'ulimit -n 16; export ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0; "
		"exec %s printenv ISOSOCKS_NAMES'",
		isosocks);
	g_autofree char *out = NULL;

	cr_assert(g_spawn_command_line_sync(command, &out, NULL, NULL, NULL));
	cr_assert(g_str_has_prefix(out, "15:"), "%s", out);
}

/* ---- the manual ---- */

/* mdoc writes --proxy as `Fl -proxy`. */
Test(isosocks_cli, explains_every_option_in_its_manual)
{
	g_autofree char *manual = NULL;

	cr_assert(g_file_get_contents("doc/isosocks.1", &manual, NULL, NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
		g_autofree char *flag = g_strconcat("Fl ", strstr(options[i], "--") + 1, NULL);
		cr_assert_not_null(strstr(manual, flag), "%s", flag);
	}
}
