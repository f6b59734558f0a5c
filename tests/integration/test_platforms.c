/* What makes the tests run on other machines: the names of their packages, the tools that they
 * lack, and what is said of it. */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

/* ---- packages ---- */

/* A machine whose dpkg has and whose apt knows what two files say, and which notes what is
 * installed. */
#define TOOLS                                                                                      \
	"mkdir bin; "                                                                              \
	"printf '#!/bin/sh\\ncat %s/has\\n' >bin/dpkg-query; "                                     \
	"printf '#!/bin/sh\\ncat %s/knows\\n' >bin/apt-cache; "                                    \
	"printf '#!/bin/sh\\necho \"$@\" >>%s/got\\n' >bin/apt-get; "                              \
	"printf '#!/bin/sh\\necho ${USER_ID:-0}\\n' >bin/id; "                                     \
	"printf '#!/bin/sh\\nexit 1\\n' >bin/sudo; chmod 755 bin/*; "                              \
	"printf 'installed all gcc c-compiler (= 12)\\ninstalled all libx1t64 libx1 (= 1)\\n"      \
	"config-files all gone \\n' >has; "                                                        \
	"for p in newer=1 both-a=1 both-b=1 none=; do "                                            \
	"echo \"${p%%=*}:\"; echo \"  Candidate: $(echo ${p#*=} | grep . || echo '(none)')\"; "    \
	"done >knows; : >got"

static struct lab_result install(const char *variables, const char *packages)
{
	g_autofree char *here = g_get_current_dir();
	const char *folder = lab_folder();
	const struct lab_result made =
		lab_shell(LAB_ROOT, "rm -rf bin; " TOOLS, folder, folder, folder);

	lab_assert_status(&made, 0);
	return lab_shell(LAB_ROOT, "PATH=%s/bin:$PATH %s sh %s/tests/support/deps.sh %s", folder,
			 variables, here, packages);
}

static void assert_installed(const char *expected)
{
	g_autofree char *path = lab_path("got");
	g_autofree char *text = NULL;

	cr_assert(g_file_get_contents(path, &text, NULL, NULL));
	char *line = strstr(text, "install ");
	cr_expect_str_eq(line ? strstr(line, "recommends") + strlen("recommends") : "", expected);
}

Test(packages_needed, are_installed_under_the_name_that_the_release_has)
{
	lab_open();
	struct lab_result r = install("", "gcc 'older|newer' 'both-a|both-b' 'gone|newer'");
	lab_assert_status(&r, 0);
	assert_installed(" newer both-a newer\n");
}

Test(packages_needed, are_there_where_another_provides_them)
{
	lab_open();
	struct lab_result r =
		install("USER_ID=1000", "gcc c-compiler libx1 'old|libx1t64' 'libx1|libx9'");
	lab_assert_status(&r, 0);
	cr_expect_str_eq(r.err, "");
	assert_installed("");
}

Test(packages_needed, stop_everything_where_the_release_has_none_of_them)
{
	lab_open();
	struct lab_result r = install("", "'none|never'");
	lab_assert_status(&r, 1);
	cr_expect_str_eq(r.err, "this release has no package none|never\n");
	assert_installed("");
}

Test(packages_needed, are_named_to_a_user_who_cannot_install_them)
{
	lab_open();
	struct lab_result r = install("USER_ID=1000", "gcc 'older|newer' -- both-a");
	lab_assert_status(&r, 1);
	cr_expect(strstr(r.err, "apt-get install newer both-a\n"), "%s", r.err);
}

Test(packages_needed, go_on_without_what_single_tests_want)
{
	lab_open();
	struct lab_result r = install("", "newer -- none both-b");
	lab_assert_status(&r, 0);
	cr_expect_str_eq(r.err,
			 "this release has no package, and what wants it is skipped: none\n");
	assert_installed(" newer both-b\n");

	r = install("USER_ID=1000", "gcc -- both-b");
	lab_assert_status(&r, 0);
	cr_expect_str_eq(r.err, "not installed, and what wants them is skipped: both-b\n");
}

/* ---- what a machine lacks ---- */

/*
 * What these tests say that a runner of their own runs, behind this command: it is no worker of
 * this one (BXFI_MAP), and has no lab around it, for runners have sockets named by their PIDs.
 */
static char *run_tests(const char *lowered, const char *filter)
{
	const char *build = g_getenv("BUILD") ? g_getenv("BUILD") : "build/release";
	g_autofree char *command = g_strdup_printf(
		"env -u CI -u BXFI_MAP BUILD=%s %s %s/tests/isosocks-tests --filter '%s'", build,
		lowered, build, filter);
	char *err;
	int status;

	cr_assert(g_spawn_command_line_sync(command, NULL, &err, &status, NULL));
	cr_assert_eq(status, 0, "%s", err);
	return err;
}

/* As a container's root, to whom the kernel gives no namespace. */
Test(runner, says_once_why_many_tests_are_skipped_and_sums_them_up)
{
	if (getuid() != 0)
		cr_skip_test("this needs root");
	g_autofree char *said = run_tests("setpriv --bounding-set=-sys_admin", "direct/*");
	char *line = strstr(said, "[SKIP] ");
	cr_assert(line, "%s", said);
	cr_expect(strstr(line, " tests: namespaces are not to be had here"), "%s", said);
	cr_expect(strstr(line, "docker run"), "%s", said);
	cr_expect_null(strstr(line + 1, "[SKIP]"), "%s", said);
	char *sum = strstr(line, "\n0 passed, 0 failed, ");
	cr_assert(sum && g_str_has_suffix(sum, " skipped\n"), "%s", said);
}

Test(runner, ends_with_what_passed)
{
	g_autofree char *said = run_tests("", "base64/*");

	cr_expect(g_str_has_suffix(said, " passed, 0 failed, 0 skipped\n"), "%s", said);
	cr_expect_null(strstr(said, "[SKIP]"), "%s", said);
}
