/*
 * Descriptor 2 belongs to the program: what the log does to it is nothing that the program notices.
 */
#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
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
