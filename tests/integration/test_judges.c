/*
 * Other projects' own tests, as judges: tests/judges/run.sh runs them without and with isosocks and
 * compares. What is worse with it, and has no reason in tests/judges/JUDGE.expected, fails here.
 */
#include "support/lab.h"

#include <criterion/criterion.h>

#define NOT_INSTALLED 77

static void ask(const char *judge)
{
	g_autofree char *here = g_get_current_dir(), *folder = NULL;
	const char *build = g_getenv("BUILD") ? g_getenv("BUILD") : "build/release";

	lab_open();
	folder = lab_path("judges");
	const struct lab_result result =
		lab_shell(LAB_ROOT, "cd '%s' && BUILD='%s' tests/judges/run.sh '%s' %s", here,
			  build, folder, judge);
	if (result.status == NOT_INSTALLED && !g_getenv("CI"))
		cr_skip_test("%s", result.err);
	lab_assert_status(&result, 0);
}

Test(heavy_judges, cpython_finds_nothing_new, .timeout = 900)
{
	ask("cpython");
}

Test(heavy_judges, libevent_finds_nothing_new, .timeout = 900)
{
	ask("libevent");
}

Test(heavy_judges, libuv_finds_nothing_new, .timeout = 900)
{
	ask("libuv");
}
