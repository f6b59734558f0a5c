#include "names/map.h"

#include "base/handed.h"
#include "names/layout.h"
#include "names/pool.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

Test(map, is_found_by_its_description)
{
	char text[HANDED_TEXT_SIZE];
	const int fd = map_create();

	cr_assert_geq(fd, 0);
	cr_assert_eq(handed_describe(fd, text), 0);
	cr_assert_eq(map_find(text), fd);
	close(fd);
	cr_assert_eq(map_find(text), -ENOENT);
}

Test(map, is_high_and_outlives_exec)
{
	const struct rlimit limit = { 64, 64 };

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	const int fd = map_create(), second = handed_duplicate(fd);
	cr_assert_eq(fd, 63);
	cr_assert_eq(fcntl(fd, F_GETFD), 0);
	cr_assert_geq(second, 0);
	cr_assert_eq(fcntl(second, F_GETFD), 0);
	struct stat one, two;
	fstat(fd, &one);
	fstat(second, &two);
	cr_assert_eq(one.st_ino, two.st_ino);
}

Test(map, cannot_be_shrunk)
{
	const int fd = map_create();
	struct stat file;

	cr_assert_eq(ftruncate(fd, 0), -1);
	cr_assert_eq(fstat(fd, &file), 0);
	cr_assert_eq((size_t)file.st_size, pool_map_size(LAYOUT_ENTRIES));
}

Test(map, needs_one_descriptor)
{
	struct rlimit limit = { 64, 64 };

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (dup(0) < 62)
		;
	cr_assert_eq(map_create(), 63);
	cr_assert_eq(fcntl(63, F_GETFD), 0);
	cr_assert_eq(map_create(), -EMFILE);
}

/* %d: a map's descriptor, %i its inode. */
static const char bad[][40] = {
	"",
	":",
	"%d",
	"%d:",
	"%d:0",
	" %d:%i",
	"+%d:%i",
	"%d:%i ",
	"-1:%i",
	"99999999999999999999:%i",
	"%d:99999999999999999999",
	"%d,%i",
	"1000:%i",
};

ParameterizedTestParameters(map, is_not_found_by_another_text)
{
	return cr_make_param_array(char[40], (void *)bad, sizeof(bad) / sizeof(bad[0]));
}

ParameterizedTest(char (*row)[40], map, is_not_found_by_another_text)
{
	char text[100] = "";
	struct stat file;
	const int fd = map_create();

	cr_assert_eq(fstat(fd, &file), 0);
	for (const char *at = *row; *at; at++) {
		char *end = text + strlen(text);
		if (at[0] == '%' && at[1] == 'd')
			sprintf(end, "%d", fd), at++;
		else if (at[0] == '%' && at[1] == 'i')
			sprintf(end, "%llu", (unsigned long long)file.st_ino), at++;
		else
			*end = *at;
	}
	cr_assert_eq(map_find(text), -ENOENT, "%s", text);
}

Test(map, is_not_an_unsealed_file)
{
	char text[HANDED_TEXT_SIZE];
	const int fd = memfd_create("names", MFD_CLOEXEC);

	cr_assert_eq(ftruncate(fd, (off_t)pool_map_size(LAYOUT_ENTRIES)), 0);
	cr_assert_eq(handed_describe(fd, text), 0);
	cr_assert_eq(map_find(text), -ENOENT);
	cr_assert_eq(map_find(NULL), -ENOENT);
}
