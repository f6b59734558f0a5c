#include "launch.h"
#include "executable.h"

#include "names/layout.h"
#include "names/pool.h"
#include "support/scratch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int inspect_status(const char *path, char **ret_message)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *executable = NULL;
	g_autofree char *runtime = NULL;
	gboolean good = launch_inspect(path, "socks5://[::1]:1", &executable, &runtime, &error);

	cr_assert_eq(good, error == NULL);
	cr_assert_eq(good, executable != NULL);
	if (good) {
		g_autofree char *resolved = executable_resolve(path);
		cr_assert_str_eq(executable, resolved);
	}
	if (ret_message)
		*ret_message = error ? g_strdup(error->message) : NULL;
	return error ? launch_status(error) : 0;
}

Test(launch, searches_along_the_path)
{
	g_autofree char *path = scratch_make("#!/bin/sh\n", 0755);
	g_autofree char *folder = g_path_get_dirname(path);
	g_autofree char *search = g_strconcat("/nonexistent:", folder, ":/usr/bin", NULL);
	g_autofree char *found = launch_find("program", search, NULL);

	scratch_remove(path);
	cr_assert_str_eq(found, path);
}

Test(launch, takes_a_name_with_a_slash_as_it_is)
{
	g_autofree char *found = launch_find("/bin/../bin/sh", "", NULL);

	cr_assert_str_eq(found, "/bin/../bin/sh");
}

Test(launch, has_a_default_path)
{
	g_autofree char *found = launch_find("sh", NULL, NULL);

	cr_assert_str_eq(found, "/bin/sh");
}

Test(launch, tells_not_found_from_not_executable)
{
	g_autofree char *path = scratch_make("text", 0644);
	g_autofree char *folder = g_path_get_dirname(path);
	g_autoptr(GError) plain = NULL, directory = NULL, missing = NULL, empty = NULL;

	cr_assert_null(launch_find("program", folder, &plain));
	cr_assert_null(launch_find("/", NULL, &directory));
	cr_assert_null(launch_find("no-such-program", "/bin", &missing));
	cr_assert_null(launch_find("", "/bin", &empty));
	scratch_remove(path);
	cr_assert_eq(launch_status(plain), 126);
	cr_assert_not_null(strstr(plain->message, "program"));
	cr_assert_eq(launch_status(directory), 126);
	cr_assert_eq(launch_status(missing), 127);
	cr_assert_str_eq(missing->message, "no-such-program: not found in PATH");
	cr_assert_eq(launch_status(empty), 127);
}

Test(launch, accepts_a_dynamic_program)
{
	cr_assert_eq(inspect_status("/proc/self/exe", NULL), 0);
}

Test(launch, follows_a_script_to_its_interpreter)
{
	g_autofree char *path = scratch_make("#!/bin/sh\n", 0755);
	int status = inspect_status(path, NULL);

	scratch_remove(path);
	cr_assert_eq(status, 0);
}

Test(launch, names_a_missing_interpreter)
{
	g_autofree char *path = scratch_make("#!/nonexistent/interpreter\n", 0755);
	g_autofree char *message = NULL;
	int status = inspect_status(path, &message);

	scratch_remove(path);
	cr_assert_eq(status, 126);
	cr_assert_not_null(
		strstr(message, "its interpreter /nonexistent/interpreter: is not there"), "%s",
		message);
}

Test(launch, gives_up_on_a_script_that_interprets_itself)
{
	g_autofree char *path = scratch_make("", 0755);
	g_autofree char *text = g_strconcat("#!", path, "\n", NULL);
	g_autofree char *message = NULL;
	int status;

	cr_assert(g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
	status = inspect_status(path, &message);
	scratch_remove(path);
	cr_assert_eq(status, 126);
	cr_assert_not_null(strstr(message, "#! lines"), "%s", message);
}

Test(launch, leaves_a_text_without_an_interpreter_to_the_shell)
{
	g_autofree char *path = scratch_make("echo hello\n", 0755);
	int status = inspect_status(path, NULL);

	scratch_remove(path);
	cr_assert_eq(status, 0);
}

static int names_fd(const char *names)
{
	return atoi(names);
}

Test(launch, makes_a_names_map_that_survives_exec_on_a_high_descriptor)
{
	g_autofree char *names = launch_open_names(NULL, NULL);
	struct stat file;
	int fd = names_fd(names);
	g_autofree char *expected = NULL;

	cr_assert_eq(fstat(fd, &file), 0);
	expected = g_strdup_printf("%d:%llu", fd, (unsigned long long)file.st_ino);
	cr_assert_str_eq(names, expected);
	cr_assert_geq(fd, 200);
	cr_assert_lt(fd, 1024);
	cr_assert_eq(fcntl(fd, F_GETFD), 0);
	cr_assert_eq((size_t)file.st_size, pool_map_size(LAYOUT_ENTRIES));
	cr_assert_lt(ftruncate(fd, 0), 0, "the map can be shrunk");
}

Test(launch, keeps_the_names_map_below_the_soft_limit)
{
	const struct rlimit limit = { .rlim_cur = 64, .rlim_max = 64 };
	g_autofree char *names = NULL;

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	names = launch_open_names(NULL, NULL);
	cr_assert_geq(names_fd(names), 16);
	cr_assert_lt(names_fd(names), 64);
}

Test(launch, keeps_an_inherited_names_map)
{
	g_autofree char *outer = launch_open_names(NULL, NULL);
	g_autofree char *inner = launch_open_names(outer, NULL);

	cr_assert_str_eq(inner, outer);
}

static void assert_not_inherited(const char *names)
{
	g_autofree char *made = launch_open_names(names, NULL);

	cr_assert_str_neq(made, names);
}

Test(launch, makes_a_new_names_map_when_the_inherited_one_is_gone)
{
	g_autofree char *outer = launch_open_names(NULL, NULL);
	g_autofree char *wrong = g_strdup_printf("%d:1", names_fd(outer));
	g_autofree char *file = NULL;
	struct stat root;

	cr_assert_eq(fstat(STDIN_FILENO, &root), 0);
	file = g_strdup_printf("0:%llu", (unsigned long long)root.st_ino);
	assert_not_inherited(wrong);
	assert_not_inherited(file);
	assert_not_inherited("");
	assert_not_inherited("x:y");
	assert_not_inherited("5");
	close(names_fd(outer));
	assert_not_inherited(outer);
}
