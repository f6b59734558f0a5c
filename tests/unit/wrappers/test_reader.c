/*
 * A file that somebody named is read to its bound and waited for by nobody, whatever it is. One
 * that hung would end in the test's own time limit.
 */
#include "reader.h"

#include "support/scratch.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

TestSuite(reader, .timeout = 120);

Test(reader, reads_a_file_of_exactly_the_most_bytes_and_no_more)
{
	g_autofree char *path = scratch_make("123456789", 0600);
	g_autoptr(GError) error = NULL;
	gsize length = 0;
	g_autofree char *text = reader_read(path, 9, &length, &error);

	cr_assert_str_eq(text, "123456789");
	cr_assert_eq(length, 9);
	cr_assert_null(reader_read(path, 8, &length, &error));
	cr_assert(strstr(error->message, ": is larger than the 0 KiB accepted"), "%s",
		  error->message);
	scratch_remove(path);
}

/* Those of /proc have no size before they are read. */
Test(reader, reads_what_tells_no_size)
{
	gsize length = 0;
	g_autofree char *all = reader_read("/proc/self/maps", 1024 * 1024, &length, NULL);
	g_autofree char *none = reader_read("/dev/null", 1, &length, NULL);

	cr_assert_gt(strlen(all), 0);
	cr_assert_str_eq(none, "");
	cr_assert_eq(length, 0);
	cr_assert_null(reader_read("/proc/self/maps", 100, &length, NULL));
}

/* Made by a shell command in an empty folder; $f is the path. */
static const struct {
	char make[64];
	char problem[64];
} refused[] = {
	{ ":", "cannot be read: No such file or directory" },
	{ "mkdir $f", "cannot be read: Is a directory" },
	{ "mkfifo $f", "is a FIFO: give a regular file" },
	{ "mkfifo g; ln -s g $f", "is a FIFO: give a regular file" },
	{ "ln -s /dev/zero $f", "is a device or a socket: give a regular file" },
	{ "ln -s /dev/random $f", "is a device or a socket: give a regular file" },
	{ "ln -s /dev/ptmx $f", "is a device or a socket: give a regular file" },
	{ "ln -s $f $f", "cannot be read: Too many levels of symbolic links" },
	{ "truncate -s 10G $f", "is larger than the 4 KiB accepted" },
	{ "head -c 4097 /dev/zero >$f", "is larger than the 4 KiB accepted" },
};

ParameterizedTestParameters(reader, says_what_it_does_not_read)
{
	return cr_make_param_array(typeof(refused[0]), (void *)refused, G_N_ELEMENTS(refused));
}

ParameterizedTest(typeof(refused[0]) *row, reader, says_what_it_does_not_read)
{
	char folder[] = "/tmp/isosocks-reader-XXXXXX";
	g_autoptr(GError) error = NULL;
	gsize length;

	cr_assert_not_null(mkdtemp(folder));
	g_autofree char *path = g_strconcat(folder, "/f", NULL);
	g_autofree char *make = g_strdup_printf("cd %s && f=%s && %s", folder, path, row->make);
	g_autofree char *drop = g_strdup_printf("rm -rf %s", folder);
	g_autofree char *expected = g_strdup_printf("%s: %s", path, row->problem);
	cr_assert_eq(system(make), 0);
	char *text = reader_read(path, 4096, &length, &error);
	cr_assert_eq(system(drop), 0);
	cr_assert_null(text);
	cr_assert_str_eq(error->message, expected);
}

/* Some that somebody writes to, and never will. */
Test(reader, waits_for_no_fifo_that_is_held_open)
{
	char folder[] = "/tmp/isosocks-reader-XXXXXX";
	gsize length;

	cr_assert_not_null(mkdtemp(folder));
	g_autofree char *path = g_strconcat(folder, "/f", NULL);
	cr_assert_eq(mkfifo(path, 0600), 0);
	const int fd = open(path, O_RDWR);
	char *text = reader_read(path, 4096, &length, NULL);
	cr_assert(unlink(path) == 0 && rmdir(folder) == 0);
	cr_assert_null(text);
	close(fd);
}

static char *read_descriptor(int fd, gsize size_max, GError **error)
{
	g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", fd);
	gsize length;

	return reader_read(path, size_max, &length, error);
}

/* As `isosocks -c <(command)` has it. */
Test(reader, reads_a_pipe_of_the_shell)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], "text", 4), 4);
	close(ends[1]);
	g_autofree char *text = read_descriptor(ends[0], 4096, NULL);
	cr_assert_str_eq(text, "text");
}

Test(reader, bounds_a_pipe)
{
	static const char page[4097];
	g_autoptr(GError) error = NULL;
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	cr_assert_eq(write(ends[1], page, sizeof(page)), sizeof(page));
	cr_assert_null(read_descriptor(ends[0], 4096, &error));
	cr_assert(strstr(error->message, "is larger than the 4 KiB accepted"), "%s",
		  error->message);
}

Test(reader, reads_no_socket)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	cr_assert_null(read_descriptor(ends[0], 4096, NULL));
}
