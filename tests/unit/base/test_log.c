/*
 * Descriptor 2 belongs to the program: what the log does to it is nothing that the program notices.
 */
#include "base/log.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
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
	log_configure(LOG_ERROR, LOG_TEXT, NULL);
	say("a line");
	assert_arrives(ends[0], "error: a line");
}

Test(log, writes_a_line_to_a_socket)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	be_error(ends[1], ends[0]);
	log_configure(LOG_ERROR, LOG_TEXT, NULL);
	say("a line");
	assert_arrives(ends[0], "error: a line");
}

Test(log, keeps_out_of_what_takes_the_place_of_standard_error)
{
	int first[2], second[2];

	cr_assert_eq(pipe(first), 0);
	be_error(first[1], first[0]);
	log_configure(LOG_ERROR, LOG_TEXT, NULL);
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
	log_configure(LOG_ERROR, LOG_TEXT, NULL);
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
	log_configure(LOG_ERROR, LOG_TEXT, NULL);
	close(ends[0]);
	say("a line");
}

Test(log, survives_a_socket_that_nobody_reads)
{
	int ends[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	be_error(ends[1], ends[0]);
	log_configure(LOG_ERROR, LOG_TEXT, NULL);
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
	log_configure(LOG_ERROR, LOG_TEXT, NULL);
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
	log_configure(LOG_ERROR, LOG_TEXT, NULL);
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

	log_configure(LOG_ERROR, LOG_TEXT, path);
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
	log_configure(LOG_ERROR, LOG_TEXT, path);
	for (int i = 0; i < 10; i++)
		say("a line");
	cr_assert_eq(size_of(path), 100);
}

Test(log, knows_the_one_name_of_standard_error)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	be_error(ends[1], ends[0]);
	log_configure(LOG_ERROR, LOG_TEXT, "/dev/stderr");
	say("a line");
	assert_arrives(ends[0], "error: a line");
}

/* ---- what a line looks like ---- */

/* What the log writes to standard error. */
static int listen_to(enum log_format format)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	be_error(ends[1], ends[0]);
	log_configure(LOG_DEBUG, format, NULL);
	return ends[0];
}

static void read_line(int fd, char line[2048])
{
	const ssize_t length = read(fd, line, 2047);

	cr_assert_gt(length, 0, "nothing arrived");
	line[length] = '\0';
	cr_assert_eq(strchr(line, '\n'), line + length - 1, "%s", line);
}

static void assert_matches(const char *text, const char *pattern)
{
	regex_t expression;

	cr_assert_eq(regcomp(&expression, pattern, REG_EXTENDED | REG_NOSUB), 0);
	cr_assert_eq(regexec(&expression, text, 0, NULL, 0), 0, "%s is not %s", text, pattern);
	regfree(&expression);
}

Test(log, begins_with_local_time_and_the_program)
{
	char line[2048], expected[64];
	struct tm local;

	setenv("TZ", "XYZ-5:30", 1);
	const int fd = listen_to(LOG_TEXT);
	const time_t before = time(NULL);
	say("words");
	read_line(fd, line);
	assert_matches(line, "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3} "
			     "[^ []+\\[[0-9]+\\] error: words\n$");
	struct tm written = { 0 };
	cr_assert_not_null(strptime(line, "%F %T", &written));
	const time_t seconds = timegm(&written) - (5 * 60 + 30) * 60;
	cr_assert(seconds >= before && seconds <= time(NULL), "%s", line);
	cr_assert_not_null(localtime_r(&seconds, &local));
	strftime(expected, sizeof(expected), "%F %T", &local);
	cr_assert_eq(strncmp(line, expected, strlen(expected)), 0, "%s: %s", expected, line);
}

Test(log, is_an_object_where_a_program_reads_it)
{
	char line[2048];

	setenv("TZ", "XYZ+3", 1);
	const int fd = listen_to(LOG_JSON);
	say("a \"word\" \\ \033 \377 \303\274");
	read_line(fd, line);
	assert_matches(
		line,
		"^\\{\"time\":\"[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}-03:00\","
		"\"program\":\"[^\"]+\",\"pid\":[0-9]+,\"level\":\"error\","
		"\"message\":\"a \\\\\"word\\\\\" \\\\\\\\ \\\\u001b \\\\u00ff \303\274\"\\}\n$");
}

/* Every length, so that the room ends before, in and behind each kind of character. */
Test(log, cuts_a_long_line_between_characters)
{
	static const char *const units[] = { "a", "\"", "\303\274", "\001", "\360\237\246\212" };
	char text[2048], line[2048];
	const int fd = listen_to(LOG_JSON);

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		for (size_t front = 0; front < 8; front++) {
			memset(text, 'x', front);
			text[front] = '\0';
			while (strlen(text) < 1000)
				strcat(text, units[i]);
			struct log_line made;
			log_begin(&made, LOG_ERROR);
			for (const char *at = text; *at; at++)
				bytes_put_u8(&made.text, (uint8_t)*at);
			log_end(&made);
			read_line(fd, line);
			cr_assert_leq(strlen(line), sizeof(made.room));
			assert_matches(line, "[^\\\\](\\\\\\\\)*\"\\}\n$");
		}
	}
}

Test(log, says_of_a_connection_what_and_why)
{
	static const uint8_t method = 0x97, reply = 0xe0;
	const struct log_connection rows[] = {
		{ "a.onion", 7, 80, "refused by the proxy: ", "onion service not found", ENXIO,
		  &method, &reply, NULL },
		{ "2001:db8::9", 11, 443, "connected", "", 0, &method, NULL, NULL },
	};
	static const char *const texts[] = {
		"debug: a.onion:80: refused by the proxy: onion service not found (ENXIO), method "
		"97, reply e0\n",
		"debug: [2001:db8::9]:443: connected, method 97\n",
	};
	static const char *const objects[] = {
		"\"host\":\"a.onion\",\"port\":80,\"errno\":\"ENXIO\",\"method\":151,\"reply\":224,"
		"\"message\":\"a.onion:80: refused by the proxy: onion service not found (ENXIO), "
		"method 97, reply e0\"}\n",
		"\"host\":\"2001:db8::9\",\"port\":443,\"method\":151,"
		"\"message\":\"[2001:db8::9]:443: connected, method 97\"}\n",
	};
	char line[2048];

	for (enum log_format format = LOG_TEXT; format <= LOG_JSON; format++) {
		const int fd = listen_to(format);
		for (size_t i = 0; i < 2; i++) {
			log_connection(LOG_DEBUG, &rows[i]);
			read_line(fd, line);
			cr_assert(strstr(line, format == LOG_JSON ? objects[i] : texts[i]), "%s",
				  line);
		}
	}
}

Test(log, knows_its_formats)
{
	enum log_format format = LOG_TEXT;

	cr_assert_eq(log_parse_format("json", 4, &format), 0);
	cr_assert_eq(format, LOG_JSON);
	cr_assert_eq(log_parse_format("text", 4, &format), 0);
	cr_assert_eq(format, LOG_TEXT);
	cr_assert_eq(log_parse_format("jsonl", 5, &format), -EINVAL);
}
