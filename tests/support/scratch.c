#include "support/scratch.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>

char *scratch_make(const char *text, mode_t mode)
{
	g_autofree char *folder = g_dir_make_tmp("isosocks-XXXXXX", NULL);
	char *path = g_build_filename(folder, "program", NULL);

	cr_assert(g_file_set_contents(path, text, -1, NULL));
	cr_assert_eq(g_chmod(path, mode), 0);
	return path;
}

void scratch_remove(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);

	g_unlink(path);
	g_rmdir(folder);
}
