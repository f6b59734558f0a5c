#include "library.h"

#include "launch.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <string.h>

/* A folder with `bin/` and the library at this path below it. */
static char *install(const char *library)
{
	char *prefix = g_dir_make_tmp("isosocks-XXXXXX", NULL);
	g_autofree char *bin = g_build_filename(prefix, "bin", NULL);
	g_autofree char *path = g_build_filename(prefix, library, NULL);
	g_autofree char *folder = g_path_get_dirname(path);

	cr_assert_eq(g_mkdir_with_parents(bin, 0700), 0);
	cr_assert_eq(g_mkdir_with_parents(folder, 0700), 0);
	cr_assert(g_file_set_contents(path, "", 0, NULL));
	return prefix;
}

static void uninstall(const char *prefix)
{
	const char *arguments[] = { "rm", "-rf", prefix, NULL };

	cr_assert(g_spawn_sync(NULL, (char **)arguments, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
			       NULL, NULL, NULL, NULL));
}

static void assert_found_at(const char *library)
{
	g_autofree char *prefix = install(library);
	g_autofree char *executable = g_build_filename(prefix, "bin", "isosocks", NULL);
	g_autofree char *expected = g_build_filename(prefix, library, NULL);
	g_autofree char *found = library_find(executable, NULL);

	uninstall(prefix);
	cr_assert_str_eq(found, expected);
}

Test(library, is_found_beside_the_executable)
{
	assert_found_at("bin/libisosocks.so");
}

Test(library, is_found_in_the_prefix)
{
	assert_found_at("lib/isosocks/libisosocks.so");
}

Test(library, is_told_with_the_places_when_not_found)
{
	g_autoptr(GError) error = NULL;

	cr_assert_null(library_find("/nonexistent/bin/isosocks", &error));
	cr_assert_not_null(strstr(error->message, "/nonexistent/bin/libisosocks.so, "));
	cr_assert_not_null(strstr(error->message, "/nonexistent/lib/isosocks/libisosocks.so"));
	cr_assert_eq(launch_status(error), 125);
}

static void assert_refused_in(const char *folder, const char *reason)
{
	g_autofree char *library = g_build_filename(folder, "libisosocks.so", NULL);
	g_autofree char *prefix = install(library);
	g_autofree char *executable = g_build_filename(prefix, folder, "isosocks", NULL);
	g_autoptr(GError) error = NULL;
	char *found = library_find(executable, &error);

	uninstall(prefix);
	cr_assert_null(found);
	cr_assert_not_null(strstr(error->message, reason), "%s", error->message);
}

Test(library, is_refused_where_ld_preload_cannot_name_it)
{
	assert_refused_in("a b", "' '");
	assert_refused_in("a:b", "':'");
	assert_refused_in("a$b", "'$'");
}

static void assert_preload(const char *runtime, const char *others, const char *expected)
{
	g_autofree char *preload = library_preload("/l/libisosocks.so", runtime, others);

	cr_assert_str_eq(preload, expected);
}

Test(library, comes_first_and_keeps_the_others_in_their_order)
{
	assert_preload(NULL, NULL, "/l/libisosocks.so");
	assert_preload(NULL, "", "/l/libisosocks.so");
	assert_preload(NULL, "b.so a.so:c.so", "/l/libisosocks.so:b.so:a.so:c.so");
}

Test(library, is_not_preloaded_twice)
{
	assert_preload(NULL, "a.so:/l/libisosocks.so", "/l/libisosocks.so:a.so");
	assert_preload(NULL, "libisosocks.so /other/libisosocks.so", "/l/libisosocks.so");
}

Test(library, stands_between_the_two_sanitizers)
{
	assert_preload("libasan.so.8", "a.so", "libasan.so.8:/l/libisosocks.so:a.so");
	assert_preload(NULL, "a.so:/x/libtsan.so.2", "/l/libisosocks.so:/x/libtsan.so.2:a.so");
	assert_preload("libasan.so.8", "/x/libasan.so.8", "/x/libasan.so.8:/l/libisosocks.so");
	assert_preload("libtsan.so.2", "a.so", "/l/libisosocks.so:libtsan.so.2:a.so");
}
