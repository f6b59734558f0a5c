/*
 * isosocksctl system, killed behind each of its steps: what every process of the machine reads is
 * the old or the new as a whole, nothing else stands there, and the next run leaves nothing behind.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(interrupted, .timeout = 600);

#define HOME  "/mnt/isosocks"
#define CTL   HOME "/bin/isosocksctl"
#define FILES "/etc/ld.so.preload /etc/isosocks.policy"

/* As it is installed: where root alone may change it. */
static void install(void)
{
	lab_open();
	lab_cover_etc();
	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer's runtime does not come before ld.so.preload");
	g_autofree char *program = lab_program("isosocksctl");
	g_autofree char *folder = g_path_get_dirname(program);
	const struct lab_result result = lab_shell(
		LAB_ROOT,
		"mount -t tmpfs -o mode=755 home /mnt && mkdir -p " HOME "/bin " HOME
		"/lib/isosocks && cd %s && cp isosocksctl isosocks-rescue " HOME "/bin && "
		"cp libisosocks.so " HOME "/lib/isosocks && chmod -R go-w /mnt && "
		"chmod -R a+rX /mnt && stat -c %%a%%u / | grep -q '[05][05]0'",
		folder);
	if (result.status != 0)
		cr_skip_test("nothing can be installed here: %s", result.err);
}

/* What the two files are, a line each. */
static char **look(void)
{
	const struct lab_result result =
		lab_shell(LAB_ROOT, "for f in " FILES
				    "; do if [ -e $f ]; then cksum <$f; else echo none; fi; "
				    "done");

	return g_strsplit(result.out, "\n", 2);
}

static void shell(const char *command, const char *of)
{
	const struct lab_result result = lab_shell(LAB_ROOT, "%s", command);

	cr_assert_eq(result.status, 0, "%s: %s: %d\n%s%s", of, command, result.status, result.out,
		     result.err);
}

static void assert_old_or_new(char **now, char **old, char **new, const char *what, int step)
{
	for (guint i = 0; i < 2; i++)
		cr_assert(strcmp(now[i], old[i]) == 0 || strcmp(now[i], new[i]) == 0,
			  "%s, step %d: %s is neither %s nor %s", what, step, now[i], old[i],
			  new[i]);
}

/* begin makes the state before. How often it could be killed. */
static int kill_at_every_step(const char *begin, const char *command)
{
	g_autofree char *killer = lab_program("killer");
	g_autofree char *run = g_strdup_printf(CTL " system %s", command);
	int step = 0;

	shell(begin, "begin");
	g_auto(GStrv) old = look();
	shell(run, "whole");
	g_auto(GStrv) new = look();
	for (;;) {
		shell(begin, "begin");
		struct lab_result result = lab_shell(LAB_ROOT, "%s %d %s", killer, ++step, run);
		if (result.status == 3)
			cr_skip_test("processes cannot be traced here");
		if (result.status != 137)
			break;
		g_auto(GStrv) now = look();
		assert_old_or_new(now, old, new, command, step);
		shell(run, "again");
		g_auto(GStrv) again = look();
		assert_old_or_new(again, new, new, command, step);
		shell(CTL " system disable", "disable");
		struct lab_result rest = lab_shell(LAB_ROOT, "ls -a /etc | grep isosocks");
		cr_assert_str_eq(rest.out, "", "%s, step %d: %s", command, step, rest.out);
	}
	return step - 1;
}

#define NOTHING CTL " system disable"
#define OTHERS                                                                                     \
	CTL " system disable && printf '# mine\\n' >/etc/ld.so.preload && "                        \
	    "chmod 644 /etc/ld.so.preload"

Test(interrupted, enable_leaves_the_old_or_the_new)
{
	install();
	cr_assert_geq(kill_at_every_step(NOTHING, "enable"), 10);
}

Test(interrupted, enable_anew_leaves_the_old_or_the_new)
{
	install();
	cr_assert_geq(kill_at_every_step(NOTHING " && " CTL " system enable --min-uid 500",
					 "enable --min-uid 700"),
		      5);
}

Test(interrupted, enable_beside_others_leaves_the_old_or_the_new)
{
	install();
	cr_assert_geq(kill_at_every_step(OTHERS, "enable"), 15);
}

Test(interrupted, disable_leaves_the_old_or_the_new)
{
	install();
	cr_assert_geq(kill_at_every_step(OTHERS " && " CTL " system enable", "disable"), 5);
}

/* Whoever can read /etc can lock it, for ever. */
Test(interrupted, waits_for_no_lock_of_anybodys)
{
	install();
	const struct lab_result result = lab_shell(
		LAB_ROOT, "as='setpriv --reuid=65534 --clear-groups'; $as flock -F /etc sleep 300 "
			  ">/dev/null 2>&1 & "
			  "while $as flock -n /etc true; do :; done; " CTL " system enable && " CTL
			  " system disable; status=$?; kill $!; exit $status");

	lab_assert_status(&result, 0);
}

Test(interrupted, several_at_once_leave_one_of_theirs)
{
	install();
	const struct lab_result result = lab_shell(
		LAB_ROOT,
		"for i in 1 2 3 4; do " CTL " system enable --min-uid ${i}000 & done; wait; " CTL
		" system status && ls /etc | grep isosocks; " CTL " system disable");

	lab_assert_status(&result, 0);
	lab_assert_out(&result, "concerns  users from number ");
	cr_assert_null(strstr(result.out, "isosocks-new"), "%s", result.out);
}

/* ---- secrets ---- */

Test(interrupted, compile_makes_no_secret_known)
{
	static const struct {
		char text[64], mode[4], problem[40];
	} rows[] = {
		{ "[proxy]\nurl=a:b@127.0.0.1:1", "600", "the credentials in a url=" },
		{ "[proxy]\nurl=a:b@127.0.0.1:1", "640", "the credentials in a url=" },
		{ "[application x]\nurl=a:b@127.0.0.1:1", "600", "the credentials in a url=" },
		{ "[isolation]\nkey.A=secret", "600", "the values of key.NAME=" },
		{ "[application x]\nkey.A=secret", "600", "the values of key.NAME=" },
		{ "[proxy]\nurl=a:b@127.0.0.1:1", "644", "" },
		{ "[proxy]\nurl=127.0.0.1:1", "600", "" },
	};
	static const char *const commands[] = { "compile", "system enable" };

	install();
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		for (size_t k = 0; k < G_N_ELEMENTS(commands); k++) {
			struct lab_result result =
				lab_shell(LAB_ROOT,
					  "rm -f " FILES "; printf '%s\n' >/etc/isosocks.conf; "
					  "chmod %s /etc/isosocks.conf; " CTL " %s >/dev/null",
					  rows[i].text, rows[i].mode, commands[k]);
			cr_assert(strstr(result.err, rows[i].problem), "%s: %s", rows[i].text,
				  result.err);
			lab_assert_status(&result, *rows[i].problem ? 1 : 0);
			cr_assert_eq(access("/etc/isosocks.policy", F_OK),
				     *rows[i].problem ? -1 : 0);
		}
	shell("rm -f " FILES, "end");
}
