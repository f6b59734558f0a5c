/*
 * make install and make uninstall, as a user without privileges runs them.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/wait.h>

/* What it prints, both outputs; *ret_status its exit status. The shell has $ROOT, a fresh folder.
 */
static char *run(const char *root, const char *command, int *ret_status)
{
	g_auto(GStrv) block = g_get_environ();
	const char *argv[] = { "sh", "-c", command, NULL };
	g_autofree char *out = NULL, *err = NULL;
	int status;

	/* Nothing of the make that may be running this. */
	block = g_environ_unsetenv(block, "MAKEFLAGS");
	block = g_environ_unsetenv(block, "MFLAGS");
	block = g_environ_unsetenv(block, "MAKELEVEL");
	block = g_environ_setenv(block, "ROOT", root, TRUE);
	cr_assert(g_spawn_sync(NULL, (char **)argv, block, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
			       &err, &status, NULL));
	*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return g_strconcat(out, err, NULL);
}

static void assert_prints(const char *root, const char *command, const char *expected)
{
	int status;
	g_autofree char *printed = run(root, command, &status);

	cr_assert_eq(status, 0, "%s: %d\n%s", command, status, printed);
	if (expected)
		cr_assert_str_eq(printed, expected, "%s", command);
}

static char *make_root(void)
{
	const char *variant = g_getenv("VARIANT");

	if (variant && strcmp(variant, "release") != 0)
		cr_skip_test("the release is what is installed");
	char *root = g_dir_make_tmp("isosocks-install-XXXXXX", NULL);

	cr_assert(root);
	return root;
}

static void remove_root(char *root)
{
	assert_prints(root, "rm -rf \"$ROOT\"", "");
	g_free(root);
}

/* What is built of the variant that these tests are, as it is: two would build it at once. */
#define MAKE "make -s -o all ${BUILD:+VARIANT=$(basename \"$BUILD\")} "

Test(install, leaves_a_command_that_works_and_uninstall_nothing_of_it)
{
	char *root = make_root();

	assert_prints(root, MAKE "install PREFIX=\"$ROOT/local\"", NULL);
	assert_prints(root,
		      "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 "
		      "\"$ROOT/local/bin/isosocks\" printenv LD_PRELOAD | grep -c "
		      "\"$ROOT/local/lib/isosocks/libisosocks.so\"",
		      "1\n");
	assert_prints(root,
		      "\"$ROOT/local/bin/isosocks\" -c "
		      "\"$ROOT/local/share/doc/isosocks/isosocks.conf\" echo it runs",
		      "it runs\n");
	assert_prints(root, "touch \"$ROOT/local/bin/other\"", "");
	assert_prints(root, MAKE "uninstall PREFIX=\"$ROOT/local\"", "");
	assert_prints(root, "cd \"$ROOT\" && find . -type f -o -name '*isosocks*'",
		      "./local/bin/other\n");
	remove_root(root);
}

Test(install, honours_destdir)
{
	char *root = make_root();

	assert_prints(root, MAKE "install DESTDIR=\"$ROOT\" PREFIX=/usr", NULL);
	assert_prints(root, "ls \"$ROOT\"", "etc\nusr\n");
	assert_prints(root, "ls \"$ROOT/usr/lib/isosocks\" \"$ROOT/usr/bin\"", NULL);
	assert_prints(root, MAKE "uninstall DESTDIR=\"$ROOT\" PREFIX=/usr", "");
	assert_prints(
		root,
		"find \"$ROOT\" -type f -o -name '*isosocks*' | grep -v \"^$ROOT$\" || :", "");
	remove_root(root);
}

/* `rm -rf $ROOT/my apps/...` would take $ROOT/my. */
Test(install, refuses_a_path_that_would_not_work_before_it_does_anything)
{
	static const char *const places[] = {
		"PREFIX=\"$ROOT/my apps\"",   "PREFIX=\"$ROOT/my:apps\"",
		"PREFIX=\"$ROOT/my\\$apps\"", "DESTDIR=\"$ROOT/my apps\"",
		"LIBDIR=\"$ROOT/my apps\"",   "PREFIX=\"$ROOT/my'apps\"",
	};
	static const char *const targets[] = { "install", "uninstall" };
	char *root = make_root();

	assert_prints(root, "mkdir \"$ROOT/my\" && touch \"$ROOT/my/file\"", "");
	for (size_t i = 0; i < G_N_ELEMENTS(places) * 2; i++) {
		g_autofree char *command =
			g_strconcat(MAKE, targets[i % 2], " ", places[i / 2], NULL);
		int status;
		g_autofree char *printed = run(root, command, &status);
		cr_assert_neq(status, 0, "%s", command);
		cr_assert_not_null(strstr(printed, "LD_PRELOAD could not carry it"), "%s", printed);
		cr_assert_str_eq(strchr(printed, '\n'), "\n", "more than a line: %s", printed);
	}
	assert_prints(root, "cd \"$ROOT\" && find . -mindepth 1 | sort", "./my\n./my/file\n");
	remove_root(root);
}

Test(install, says_where_the_library_is_that_cannot_be_read)
{
	lab_open();
	g_autofree char *isosocks = lab_program("isosocks");
	const struct lab_result made =
		lab_shell(LAB_ROOT,
			  "mkdir own && cp %s $(dirname %s)/libisosocks.so own && "
			  "chmod 600 own/libisosocks.so",
			  isosocks, isosocks);
	const struct lab_result user = lab_shell(LAB_NOBODY, "id -u");

	lab_assert_status(&made, 0);
	if (strcmp(user.out, "0\n") == 0)
		cr_skip_test("needs a user who may not read every file");
	const struct lab_result result = lab_shell(LAB_NOBODY, "own/isosocks true");
	lab_assert_status(&result, 125);
	cr_assert(strstr(result.err, "own/libisosocks.so cannot be read"), "%s", result.err);
}
