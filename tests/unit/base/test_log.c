/*
 * Descriptor 2 belongs to the program: what the log does to it is nothing that the program notices.
 */
#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(const char *text)
{
	struct log_line line;

	errno = 4711;
	log_begin(&line, LOG_ERROR);
	bytes_put_text(&line.text, text);
	log_end(&line);
	cr_assert_eq(errno, 4711);
}

/* Makes fd standard error; what comes out of the other end, which does not wait, is `from`'s. */
static void be_error(int fd, int from)
{
	cr_assert_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
	cr_assert_eq(fcntl(from, F_SETFL, O_NONBLOCK), 0);
}

static void assert_arrives(int fd, const char *text)
{
	char buffer[2048] = "";

	cr_assert_gt(read(fd, buffer, sizeof(buffer) - 1), 0, "nothing arrived");
	cr_assert(strstr(buffer, text), "%s", buffer);
	cr_assert_eq(buffer[strlen(buffer) - 1], '\n');
}

static void assert_empty(int fd)
{
	char byte;

	cr_assert_eq(read(fd, &byte, 1), -1);
	cr_assert_eq(errno, EAGAIN);
}

Test(log, writes_a_line_to_a_pipe)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	be_error(ends[1], ends[0]);
	log_configure(LOG_ERROR, NULL);
	say("a line");
	assert_arrives(ends[0], "error: a line");
}

Test(log, writes_a_line_to_a_socket)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	be_error(ends[1], ends[0]);
	log_configure(LOG_ERROR, NULL);
	say("a line");
	assert_arrives(ends[0], "error: a line");
}

Test(log, keeps_out_of_what_takes_the_place_of_standard_error)
{
	int first[2], second[2];

	cr_assert_eq(pipe(first), 0);
	be_error(first[1], first[0]);
	log_configure(LOG_ERROR, NULL);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, second), 0);
	be_error(second[1], second[0]);
	say("a line");
	assert_empty(second[0]);
}

Test(log, writes_nowhere_when_there_was_no_standard_error)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	close(STDERR_FILENO);
	log_configure(LOG_ERROR, NULL);
	be_error(ends[1], ends[0]);
	say("a line");
	assert_empty(ends[0]);
}

/* SIGPIPE would end this process. */
Test(log, survives_a_pipe_that_nobody_reads)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	be_error(ends[1], ends[0]);
	log_configure(LOG_ERROR, NULL);
	close(ends[0]);
	say("a line");
}

Test(log, survives_a_socket_that_nobody_reads)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	be_error(ends[1], ends[0]);
	log_configure(LOG_ERROR, NULL);
	close(ends[0]);
	say("a line");
}

static void fill(int fd)
{
	static const char page[4096];

	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (write(fd, page, sizeof(page)) > 0)
		;
	cr_assert_eq(fcntl(fd, F_SETFL, 0), 0);
}

/* A line that blocked would end in the test's own time limit. */
Test(log, drops_a_line_that_a_full_pipe_would_not_take, .timeout = 60)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	be_error(ends[1], ends[0]);
	log_configure(LOG_ERROR, NULL);
	fill(STDERR_FILENO);
	say("a line");
}

/* ---- what a line is made of ---- */

Test(log, makes_one_printable_line_of_anything)
{
	int ends[2];
	char buffer[2048] = "";

	cr_assert_eq(pipe(ends), 0);
	be_error(ends[1], ends[0]);
	log_configure(LOG_ERROR, NULL);
	say("TORSOCKS_A\n1 isosocks[1] error: forged\033[2J\302\233 \342\200\256 \377 \303\274");
	cr_assert_gt(read(ends[0], buffer, sizeof(buffer) - 1), 0);
	cr_assert(strstr(buffer, ": TORSOCKS_A?1 isosocks[1] error: forged?[2J?? ??? ? \303\274\n"),
		  "%s", buffer);
}

/* ---- files ---- */

static char folder[] = "/tmp/isosocks-log-XXXXXX";
static char path[64];

static void open_folder(void)
{
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(folder);
}

static off_t size_of(const char *file)
{
	struct stat status;

	return stat(file, &status) < 0 ? -1 : status.st_size;
}

Test(log, appends_to_a_file_and_to_no_link, .init = open_folder, .fini = remove_folder)
{
	char target[80];

	log_configure(LOG_ERROR, path);
	say("a line");
	const off_t one = size_of(path);
	cr_assert_gt(one, 0);
	say("a line");
	cr_assert_eq(size_of(path), 2 * one);
	snprintf(target, sizeof(target), "%s/target", folder);
	cr_assert_eq(rename(path, target), 0);
	cr_assert_eq(symlink("target", path), 0);
	say("a line");
	cr_assert_eq(size_of(target), 2 * one);
	unlink(path);
	cr_assert_eq(link(target, path), 0);
	say("a line");
	cr_assert_eq(size_of(target), 2 * one);
	unlink(target);
	say("a line");
	cr_assert_eq(size_of(path), 3 * one);
}

/* SIGXFSZ would end this process. */
Test(log, drops_what_is_more_than_a_file_may_have, .init = open_folder, .fini = remove_folder)
{
	const struct rlimit limit = { 100, 100 };

	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	log_configure(LOG_ERROR, path);
	for (int i = 0; i < 10; i++)
		say("a line");
	cr_assert_eq(size_of(path), 100);
}

Test(log, knows_the_one_name_of_standard_error)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	be_error(ends[1], ends[0]);
	log_configure(LOG_ERROR, "/dev/stderr");
	say("a line");
	assert_arrives(ends[0], "error: a line");
}
