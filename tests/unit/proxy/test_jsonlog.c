#include "proxy/jsonlog.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *temporary(void)
{
	char *path = g_build_filename(g_get_tmp_dir(), "isosocks-test-XXXXXX", NULL);
	int fd = g_mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	return path;
}

Test(proxy_jsonlog, writes_one_object_a_line)
{
	g_autofree char *path = temporary();
	g_autofree char *text = NULL;
	struct jsonlog *log = jsonlog_open(path, NULL);
	GString *line = jsonlog_begin("request", 7);

	jsonlog_add_numbers(line, "offered", (const guint8[]){ 0x97, 2 }, 2);
	jsonlog_add_numbers(line, "empty", NULL, 0);
	jsonlog_open_object(line, "pairs");
	jsonlog_add_text(line, "a{", "{", 1);
	jsonlog_add_text(line, "b", "", 0);
	jsonlog_close_object(line);
	jsonlog_add_null(line, "reply");
	jsonlog_add_number(line, "port", -1);
	jsonlog_write(log, line);
	jsonlog_write(log, jsonlog_begin("close", 7));
	cr_assert(g_file_get_contents(path, &text, NULL, NULL));
	cr_assert_str_eq(text, "{\"event\":\"request\",\"conn\":7,\"offered\":[151,2],\"empty\":[],"
			       "\"pairs\":{\"a{\":\"{\",\"b\":\"\"},\"reply\":null,\"port\":-1}\n"
			       "{\"event\":\"close\",\"conn\":7}\n");
	jsonlog_close(log);
	g_unlink(path);
}

Test(proxy_jsonlog, appends_to_what_is_there)
{
	g_autofree char *path = temporary();
	g_autofree char *text = NULL;

	for (int i = 0; i < 2; i++) {
		struct jsonlog *log = jsonlog_open(path, NULL);
		jsonlog_write(log, jsonlog_begin("x", (guint64)i));
		jsonlog_close(log);
	}
	cr_assert(g_file_get_contents(path, &text, NULL, NULL));
	cr_assert_str_eq(text, "{\"event\":\"x\",\"conn\":0}\n{\"event\":\"x\",\"conn\":1}\n");
	g_unlink(path);
}

Test(proxy_jsonlog, makes_its_file_for_the_owner_alone)
{
	g_autofree char *path = temporary();
	struct stat st;

	g_unlink(path);
	jsonlog_close(jsonlog_open(path, NULL));
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 077, 0);
	g_unlink(path);
}

Test(proxy_jsonlog, says_which_file_it_cannot_open)
{
	GError *error = NULL;

	cr_assert_null(jsonlog_open("/nonexistent/log", &error));
	cr_assert_not_null(strstr(error->message, "/nonexistent/log"));
	g_error_free(error);
}

Test(proxy_jsonlog, does_without_a_file)
{
	jsonlog_write(NULL, jsonlog_begin("x", 1));
	jsonlog_close(NULL);
}

/* ---- an output that does not take everything ---- */

#define LINES 20000 /* far more than a pipe and what is kept */

static struct jsonlog *open_pipe(int fds[2])
{
	g_autofree char *path = NULL;

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	path = g_strdup_printf("/proc/self/fd/%d", fds[1]);
	struct jsonlog *log = jsonlog_open(path, NULL);
	cr_assert_not_null(log);
	return log;
}

static char *drain(int fd)
{
	GString *text = g_string_new(NULL);
	char bytes[65536];
	ssize_t n;

	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		g_string_append_len(text, bytes, n);
		while (g_main_context_iteration(NULL, FALSE))
			continue;
	}
	return g_string_free(text, FALSE);
}

/* Every line is there or counted, in its place, and none is cut. */
static void assert_complete(const char *text, guint lines)
{
	g_auto(GStrv) all = g_strsplit(text, "\n", -1);
	guint64 next = 0;

	for (char **line = all; *line && **line; line++) {
		guint64 number;
		if (sscanf(*line, "{\"event\":\"dropped\",\"conn\":0,\"lines\":%lu}", &number) ==
		    1) {
			next += number;
			continue;
		}
		cr_assert_eq(sscanf(*line, "{\"event\":\"x\",\"conn\":%lu}", &number), 1, "%s",
			     *line);
		cr_assert_eq(number, next++);
	}
	cr_assert_eq(next, lines);
}

Test(proxy_jsonlog, waits_for_no_reader_and_says_how_many_lines_are_missing)
{
	int fds[2];
	struct jsonlog *log = open_pipe(fds);

	for (guint i = 0; i < LINES; i++)
		jsonlog_write(log, jsonlog_begin("x", i));
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	g_autofree char *kept = drain(fds[0]);
	cr_assert_not_null(strstr(kept, "dropped"));
	jsonlog_write(log, jsonlog_begin("x", LINES));
	g_autofree char *rest = drain(fds[0]);
	g_autofree char *text = g_strconcat(kept, rest, NULL);
	assert_complete(text, LINES + 1);
	jsonlog_close(log);
}

/* Others have the same stdout, and expect of it what they did. */
Test(proxy_jsonlog, leaves_the_flags_of_stdout_alone)
{
	int fds[2];

	cr_assert_eq(pipe2(fds, O_CLOEXEC), 0);
	dup2(fds[1], STDOUT_FILENO);
	struct jsonlog *log = jsonlog_open("-", NULL);
	for (guint i = 0; i < LINES; i++)
		jsonlog_write(log, jsonlog_begin("x", i));
	cr_assert_eq(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, 0);
	jsonlog_close(log);
}

Test(proxy_jsonlog, goes_on_when_its_file_is_full)
{
	g_autofree char *path = temporary();
	g_autofree char *text = NULL;
	const struct rlimit small = { .rlim_cur = 100, .rlim_max = RLIM_INFINITY };
	const struct rlimit large = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
	struct jsonlog *log = jsonlog_open(path, NULL);

	signal(SIGXFSZ, SIG_IGN);
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (guint i = 0; i < 10; i++)
		jsonlog_write(log, jsonlog_begin("x", i));
	setrlimit(RLIMIT_FSIZE, &large);
	jsonlog_write(log, jsonlog_begin("x", 10));
	jsonlog_close(log);
	cr_assert(g_file_get_contents(path, &text, NULL, NULL));
	assert_complete(text, 11);
	g_unlink(path);
}

Test(proxy_jsonlog, says_that_nobody_reads_a_fifo)
{
	g_autofree char *path = temporary();
	GError *error = NULL;

	g_unlink(path);
	cr_assert_eq(mkfifo(path, 0600), 0);
	cr_assert_null(jsonlog_open(path, &error));
	cr_assert_not_null(strstr(error->message, "nobody reads"), "%s", error->message);
	g_error_free(error);
	g_unlink(path);
}
