/*
 * What an environment or a policy names is no way to a file of somebody else's, and no limit on
 * files ends a program: the log, the record of failures, the files that commands read.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(files, .timeout = 120);

/* A connect that has something to say to its log, and to the record of failures. */
#define CONNECT "tests/clients/connect -l 127.64.1.2 80"

static char *programs;

static void open_files(void)
{
	lab_open();
	lab_proxy(NULL);
	chmod(lab_folder(), 0777);
	g_autofree char *program = lab_program("isosocks");
	programs = g_path_get_dirname(program);
}

/* In the lab's folder, with the built programs in PATH, and the proxy's port as $P. */
static struct lab_result shell(enum lab_user user, const char *command)
{
	return lab_shell(user, "B='%s'; PATH=\"$B:$PATH\"; P=%u; cd '%s'; umask 077; %s", programs,
			 lab_port(), lab_folder(), command);
}

/* ---- the log ---- */

/* Made as root; then both users name `log`, each way that a log can be named. The victim holds the
 * word "mine", and nothing else may come into it, nor into a file that is not there. */
static const struct {
	char make[96];
	bool nobody_only; /* root's own is root's */
} logs[] = {
	{ "ln -s victim log", false },
	{ "ln -s absent log", false },
	{ "ln victim log", false },
	{ "mkfifo victim.fifo; ln -s victim.fifo log", false },
	{ "mkdir log", false },
	{ "ln -s /dev/zero log", false },
	{ "cp victim log; chmod 666 log; chown 65534 log", false },
	{ "cp victim log; chmod 666 log; chown 1000 log", false },
	{ "cp victim log; chmod 666 log", true },
	{ "mkfifo -m 666 log; chown 1000 log; exec 9<>log", false },
};

static const char *const ways[] = {
	"isosocks -x 127.0.0.1:$P -d --log log $B/" CONNECT,
	"ISOSOCKS_LOG_FILE=log isosocks -x 127.0.0.1:$P -d $B/" CONNECT,
	"isosocks -x 127.0.0.1:$P -d env ISOSOCKS_LOG_FILE=log $B/" CONNECT,
	"isosocks -x 127.0.0.1:$P -d env ISOSOCKS_LOG_FILE=$PWD/./log $B/" CONNECT,
	"isosocks -x 127.0.0.1:$P -d env ISOSOCKS_LOG_FILE=/proc/self/cwd/log $B/" CONNECT,
};

struct victim {
	uint8_t log, way, user;
};

ParameterizedTestParameters(files, writes_no_log_into_what_is_not_its_users)
{
	enum { COUNT = G_N_ELEMENTS(logs) * G_N_ELEMENTS(ways) * LAB_USERS };
	static struct victim all[COUNT];

	for (uint8_t i = 0; i < COUNT; i++)
		all[i] = (struct victim){ i / LAB_USERS % G_N_ELEMENTS(logs),
					  i / LAB_USERS / G_N_ELEMENTS(logs), i % LAB_USERS };
	return cr_make_param_array(struct victim, all, COUNT);
}

ParameterizedTest(struct victim *v, files, writes_no_log_into_what_is_not_its_users)
{
	open_files();
	lab_need_root();
	if (logs[v->log].nobody_only && v->user == LAB_ROOT)
		return;
	if (strstr(logs[v->log].make, "65534") && v->user == LAB_NOBODY)
		return;
	g_autofree char *make =
		g_strdup_printf("echo mine >victim; chmod 666 victim; %s", logs[v->log].make);
	struct lab_result made = shell(LAB_ROOT, make);
	lab_assert_status(&made, 0);
	shell(v->user, ways[v->way]);
	struct lab_result seen = shell(LAB_ROOT, "cat victim; test -f log && cat log; "
						 "ls | grep absent");
	g_autofree char *rest = g_strdup(seen.out);
	for (char *at; (at = strstr(rest, "mine\n"));)
		memmove(at, at + 5, strlen(at + 5) + 1);
	cr_assert_str_eq(rest, "", "%s, %s: %s", logs[v->log].make, ways[v->way], seen.out);
}

/* Root's log in a folder of somebody who may put a link in place of any part of it. */
Test(files, writes_no_log_through_another_users_link)
{
	open_files();
	lab_need_root();
	struct lab_result made =
		shell(LAB_ROOT, "mkdir secret home; echo mine >secret/log; chown 65534 home; "
				"setpriv --reuid=65534 --clear-groups ln -s ../secret home/way");
	lab_assert_status(&made, 0);
	struct lab_result option = shell(LAB_ROOT, "isosocks -x 127.0.0.1:$P -d --log home/way/log "
						   "$B/" CONNECT);
	lab_assert_status(&option, 125);
	cr_assert(strstr(option.err, "another user's one leads to it"), "%s", option.err);
	shell(LAB_ROOT, "isosocks -x 127.0.0.1:$P -d env ISOSOCKS_LOG_FILE=home/way/log "
			"$B/" CONNECT);
	shell(LAB_ROOT, "isosocks -x 127.0.0.1:$P -d env ISOSOCKS_LOG_FILE=home/way/new "
			"$B/" CONNECT);
	struct lab_result seen = shell(LAB_ROOT, "ls secret; cat secret/log");
	cr_assert_str_eq(seen.out, "log\nmine\n");
}

/* The folder is changed while the program runs: what was looked at at the start counts for nothing.
 */
Test(files, writes_no_log_through_a_link_that_comes_later)
{
	open_files();
	lab_need_root();
	struct lab_result made =
		shell(LAB_ROOT, "mkdir secret home home/way; echo mine >secret/log; "
				"chown 65534 home");
	lab_assert_status(&made, 0);
	struct lab_result run =
		shell(LAB_ROOT, "isosocks -x 127.0.0.1:$P -d --log home/way/log sh -c '"
				"setpriv --reuid=65534 --clear-groups sh -c \""
				"mv home/way home/old; ln -s ../secret home/way\"; "
				"'$B'/" CONNECT "'");
	lab_assert_out(&run, "connect=");
	struct lab_result seen = shell(LAB_ROOT, "ls -d home/old; ls secret; cat secret/log");
	cr_assert_str_eq(seen.out, "home/old\nlog\nmine\n");
}

Test(files, writes_a_log_where_it_is_of_use)
{
	static const char *const commands[] = {
		"isosocks -x 127.0.0.1:$P -d --log new $B/" CONNECT " >out; cat new",
		"isosocks -x 127.0.0.1:$P -d --log ./x/../new $B/" CONNECT " >out; cat new",
		"ln -s . way; isosocks -x 127.0.0.1:$P -d --log way/new $B/" CONNECT
		" >out; cat new",
		"isosocks -x 127.0.0.1:$P -d --log /dev/stderr $B/" CONNECT " 2>&1 >out",
		"isosocks -x 127.0.0.1:$P -d env ISOSOCKS_LOG_FILE=/dev/stderr $B/" CONNECT
		" 2>&1 >out",
		"mkfifo fifo; cat fifo & exec 8>fifo; "
		"isosocks -x 127.0.0.1:$P -d --log fifo $B/" CONNECT " >out; exec 8>&-; wait",
	};

	open_files();
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		shell(LAB_ROOT, "rm -rf new way fifo out; mkdir -p x; chmod 777 x");
		struct lab_result result = shell(LAB_NOBODY, commands[i]);
		cr_expect(strstr(result.out, " debug: "), "%s: %s%s", commands[i], result.out,
			  result.err);
	}
	struct lab_result none = shell(LAB_NOBODY, "isosocks -x 127.0.0.1:$P -d --log /dev/null "
						   "$B/" CONNECT);
	lab_assert_out(&none, "connect=");
	cr_assert_str_eq(none.err, "");
}

/* ---- limits ---- */

/* SIGXFSZ would be 128 + 25. */
Test(files, let_no_limit_of_a_files_size_end_a_program)
{
	static const char *const commands[] = {
		"isosocks -x 127.0.0.1:$P -d --log log sh -c 'ulimit -f 0; '$B'/" CONNECT "'",
		"isosocks -x 127.0.0.1:$P -d sh -c 'ulimit -f 0; '$B'/" CONNECT "' 2>error",
		"printf '[log]\\nwhy=true\\n' >f; XDG_RUNTIME_DIR=$PWD/run "
		"isosocks -c f -x 127.0.0.1:$P sh -c 'ulimit -f 0; '$B'/" CONNECT "'",
		"printf '[log]\\nwhy=true\\n' >f; XDG_RUNTIME_DIR=$PWD/run "
		"isosocks -c f -x 127.0.0.1:$P sh -c 'ulimit -f 1; '$B'/" CONNECT "'",
	};

	open_files();
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		for (enum lab_user user = 0; user < LAB_USERS; user++) {
			shell(LAB_ROOT, "rm -rf log error f run");
			shell(user, "mkdir -m 700 run");
			struct lab_result result = shell(user, commands[i]);
			lab_assert_out(&result, "connect=");
			cr_assert_lt(result.status, 128, "%s: %d", commands[i], result.status);
		}
}

/* ---- the record of failures ---- */

Test(files, keeps_no_failure_in_what_is_not_its_users)
{
	static const char *const makes[] = {
		"ln -s ../victim run/isosocks-why",
		"ln -s ../absent run/isosocks-why",
		"ln victim run/isosocks-why",
		"mkdir theirs; rm -r run; setpriv --reuid=1000 --clear-groups ln -s theirs run",
		"cp victim run/isosocks-why; chmod 666 run/isosocks-why; "
		"chown 1000 run/isosocks-why",
	};

	open_files();
	lab_need_root();
	for (size_t i = 0; i < G_N_ELEMENTS(makes); i++)
		for (enum lab_user user = 0; user < LAB_USERS; user++) {
			g_autofree char *make = g_strdup_printf(
				"rm -rf run victim absent theirs; mkdir -m 777 run; "
				"echo mine >victim; chmod 666 victim; %s",
				makes[i]);
			struct lab_result made = shell(LAB_ROOT, make);
			lab_assert_status(&made, 0);
			struct lab_result run =
				shell(user, "printf '[log]\\nwhy=true\\n' >f.$$; "
					    "XDG_RUNTIME_DIR=$PWD/run isosocks -c f.$$ "
					    "-x 127.0.0.1:$P $B/" CONNECT);
			lab_assert_out(&run, "connect=");
			struct lab_result seen =
				shell(LAB_ROOT, "cat victim; ls | grep absent; ls theirs 2>&1 | "
						"grep why");
			cr_assert_str_eq(seen.out, "mine\n", "%s: %s", makes[i], seen.out);
		}
}

/* ---- what commands read ---- */

static const char *const readers[] = {
	"isosocksctl check FILE",
	"isosocksctl import FILE",
	"isosocksctl status -c FILE",
	"isosocksctl doctor -c FILE",
	"isosocksctl explain -c FILE x.test",
	"isosocks -c FILE true",
	"ISOSOCKS_CONFIG=FILE isosocks true",
	"isosocks -u a --pass-file FILE true",
	"isosocks FILE",
	"isosocksctl doctor ./FILE",
	"printf '#!%s' $PWD/FILE >s; chmod 755 s; isosocks ./s",
	"printf '#!%s' $PWD/FILE >s; chmod 755 s; isosocksctl doctor ./s",
	"printf '#!%s' $PWD/FILE >s; chmod 755 s; isosocksctl explain -p ./s x.test",
	"mkdir run; mv FILE run/isosocks-why; XDG_RUNTIME_DIR=$PWD/run isosocksctl why",
	"mkdir .config; mv FILE .config/isosocks.conf; HOME=$PWD isosocksctl status",
	"printf '#!%s' $PWD/FILE >s; chmod 755 s; isosocks --no-guard env ./s",
};

static const char *const objects[] = {
	"mkfifo -m 777 FILE",
	"mkfifo -m 777 FILE; exec 9<>FILE",
	"ln -s /dev/zero FILE",
	"ln -s /dev/ptmx FILE",
	"mkdir FILE",
	"ln -s FILE FILE",
	"truncate -s 10G FILE; chmod 755 FILE",
};

static char *expand(const char *command)
{
	g_autoptr(GString) text = g_string_new(command);

	g_string_replace(text, "FILE", "object", 0);
	return g_strdup(text->str);
}

struct pair {
	uint8_t reader, object;
};

ParameterizedTestParameters(files, are_read_to_a_bound_and_never_waited_for)
{
	enum { COUNT = G_N_ELEMENTS(readers) * G_N_ELEMENTS(objects) };
	static struct pair all[COUNT];

	for (uint8_t i = 0; i < COUNT; i++)
		all[i] = (struct pair){ i / G_N_ELEMENTS(objects), i % G_N_ELEMENTS(objects) };
	return cr_make_param_array(struct pair, all, COUNT);
}

/* A sanitizer has all addresses taken at the start, and a limit of its own for what is asked of it.
 */
static const char *limit_memory(void)
{
	return g_getenv("SANITIZER") ? "export ASAN_OPTIONS=$ASAN_OPTIONS:max_allocation_size_mb="
				       "1000:exitcode=134"
				     : "ulimit -v 1000000";
}

/* One that waited would end in the test's time limit; one that read all in the memory's. */
ParameterizedTest(struct pair *pair, files, are_read_to_a_bound_and_never_waited_for)
{
	open_files();
	g_autofree char *make = expand(objects[pair->object]);
	g_autofree char *read = expand(readers[pair->reader]);
	g_autofree char *both = g_strdup_printf("%s; %s; %s", make, limit_memory(), read);
	struct lab_result result = shell(LAB_NOBODY, both);

	cr_assert_lt(result.status, 128, "%s: %d\n%s%s", both, result.status, result.out,
		     result.err);
	cr_assert(result.status == 0 || *result.err || *result.out, "%s: not a word", both);
}
