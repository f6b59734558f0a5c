/*
 * What a person at a terminal is shown, and a program that reads a pipe is not.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>

#define NOTHING_LISTENS "isosocks: nothing listens on "

/* isosocks with these options and program, its standard error a terminal's. */
static struct lab_result at_terminal(enum lab_user user, const char *arguments)
{
	g_autofree char *isosocks = lab_program("isosocks");

	return lab_shell(user, "SHELL=/bin/sh script -qec '%s %s' /dev/null </dev/null", isosocks,
			 arguments);
}

Test(terminal, a_proxy_that_is_not_there_is_named_before_the_program_runs)
{
	static const char *const urls[] = { "127.0.0.1:1", "127.9.9.9:1", "[::1]:1" };

	lab_need("script");
	lab_open();
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		for (size_t i = 0; i < G_N_ELEMENTS(urls); i++) {
			g_autofree char *arguments = g_strdup_printf("-x %s echo ran", urls[i]);
			g_autofree char *line =
				g_strdup_printf(NOTHING_LISTENS "socks5://%s: ", urls[i]);
			const struct lab_result result = at_terminal(user, arguments);
			lab_assert_status(&result, 0);
			cr_assert(g_str_has_prefix(result.out, line), "%s", result.out);
			cr_assert_not_null(strstr(result.out, "\nran"), "%s", result.out);
		}
	}
}

Test(terminal, nothing_is_said_where_it_would_be_wrong_or_is_not_wanted)
{
	lab_need("script");
	lab_open();
	g_autofree char *isosocks = lab_program("isosocks");
	const struct lab_result written =
		lab_shell(LAB_ROOT, "printf '[application e]\\nmatch=*/echo\\naction=direct\\n' "
				    ">direct.conf; chmod 644 direct.conf");
	g_autofree char *there = g_strdup_printf("-x 127.0.0.1:%u echo ran", lab_proxy(NULL));
	const char *const rows[] = { there, "-q -x 127.0.0.1:1 echo ran", "-x 192.0.2.1:1 echo ran",
				     "-c direct.conf -x 127.0.0.1:1 echo ran" };

	lab_assert_status(&written, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct lab_result result = at_terminal(LAB_NOBODY, rows[i]);
		lab_assert_status(&result, 0);
		cr_assert_str_eq(result.out, "ran\r\n", "%s: %s", rows[i], result.out);
	}
	const struct lab_result piped =
		lab_shell(LAB_NOBODY, "%s -x 127.0.0.1:1 echo ran", isosocks);
	cr_assert_str_empty(piped.err);
}

/* One that is nested may make sockets: it has the outer one's cookie. */
Test(terminal, a_nested_isosocks_looks_as_well)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("an isosocks inside another is not as it is built for a sanitizer");
	lab_need("script");
	lab_open();
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *arguments = g_strdup_printf("-q %s -x 127.0.0.1:1 echo ran", isosocks);
	const struct lab_result result = at_terminal(LAB_NOBODY, arguments);

	lab_assert_status(&result, 0);
	cr_assert(g_str_has_prefix(result.out, NOTHING_LISTENS "socks5://127.0.0.1:1: "), "%s",
		  result.out);
}

/* The proxy is connected to once more than it is asked, and told nothing. */
Test(terminal, the_look_sends_nothing)
{
	lab_need("script");
	lab_open();
	g_autofree char *arguments = g_strdup_printf("-x 127.0.0.1:%u true", lab_proxy(NULL));
	const struct lab_result result = at_terminal(LAB_NOBODY, arguments);
	g_auto(GStrv) requests = lab_requests();

	lab_assert_status(&result, 0);
	cr_assert_eq(g_strv_length(requests), 0);
}

/* ---- what isosocksctl answers ---- */

#define WIDTH 60
#define LABEL 18 /* of doctor */

/* isosocksctl at a terminal of that width, with these variables; its lines end with \r\n there. */
static struct lab_result ask_at_terminal(const char *variables, const char *arguments)
{
	g_autofree char *isosocksctl = lab_program("isosocksctl");

	return lab_shell(LAB_NOBODY,
			 "script -qec 'stty cols %d -opost; %s %s %s' /dev/null </dev/null", WIDTH,
			 variables, isosocksctl, arguments);
}

static struct lab_result ask(const char *arguments)
{
	g_autofree char *isosocksctl = lab_program("isosocksctl");

	return lab_shell(LAB_NOBODY, "%s %s", isosocksctl, arguments);
}

/* The text without colours. */
static char *strip(const char *text)
{
	g_autoptr(GRegex) colour = g_regex_new("\033\\[[0-9]*m", 0, 0, NULL);

	return g_regex_replace_literal(colour, text, -1, 0, "", 0, NULL);
}

/* The words, whatever is between them. */
static char *words(const char *text)
{
	g_autoptr(GRegex) blanks = g_regex_new("\\s+", 0, 0, NULL);

	return g_regex_replace_literal(blanks, text, -1, 0, " ", 0, NULL);
}

/* What is wider is one long word, a path, behind nothing but its label. */
static void assert_width(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (char **line = lines; *line; line++) {
		const char *last = strrchr(*line, ' ');
		cr_expect(strlen(*line) <= WIDTH || !last || last - *line < LABEL, "%s", *line);
	}
}

Test(terminal, answers_have_its_width_and_colours_and_the_same_words)
{
	lab_need("script");
	lab_open();
	g_autofree char *doctor = g_strdup_printf("doctor -x 127.0.0.1:%u cat", lab_proxy(NULL));
	const char *const rows[][2] = {
		{ doctor, "\033[32mprogram  fine     \033[m/" },
		{ "doctor -x 127.0.0.1:1 none", "\033[31mproxy    problem  \033[msocks5://" },
		{ "status", "\033[1m[proxy]\033[m\nurl=" },
		{ "status", "\033[31mproxy     \033[m" },
		{ "explain example.org", "\033[1mexample.org:443: proxy\033[m\n" },
		{ "errors", "\033[1mCODE  BY    ERRNO            MEANING\033[m\n" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct lab_result shown = ask_at_terminal("TERM=xterm", rows[i][0]),
					piped = ask(rows[i][0]);
		cr_assert_eq(shown.status, piped.status);
		lab_assert_out(&shown, rows[i][1]);
		g_autofree char *bare = strip(shown.out), *left = words(bare),
				*right = words(piped.out);
		assert_width(bare);
		cr_expect_str_eq(left, right);
		cr_expect_null(strchr(piped.out, '\033'), "%s", piped.out);
	}
}

Test(terminal, answers_have_no_colours_where_somebody_minds)
{
	lab_need("script");
	lab_open();
	static const char *const rows[] = { "TERM=xterm NO_COLOR=1", "TERM=dumb" };

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct lab_result result = ask_at_terminal(rows[i], "errors");
		lab_assert_status(&result, 0);
		lab_assert_out(&result, "\n02    1928  EACCES           connection not allowed by\n"
					"                             ruleset\n");
		cr_assert_null(strchr(result.out, '\033'), "%s", result.out);
	}
}

/* What a configuration, a proxy or a failure's record says is no command to the terminal. */
Test(terminal, colours_come_from_nobody_else)
{
	lab_need("script");
	lab_open();
	const struct lab_result result = ask_at_terminal(
		"TERM=xterm", "doctor -x 127.0.0.1:1 \"$(printf \"./a\\033[32mb\")\"");

	lab_assert_status(&result, 1);
	lab_assert_out(
		&result,
		"\033[31mprogram  problem  \033[m./a\\x1B[32mb: No such file or directory\n");
}

/* One failure, kept by the library. */
Test(terminal, why_is_shown_alike)
{
	lab_need("script");
	lab_need("curl");
	lab_open();
	const struct lab_result made =
		lab_shell(LAB_ROOT, "mkdir -m 777 run; printf '[log]\nwhy=true\n' >why.conf; "
				    "chmod 644 why.conf");
	lab_assert_status(&made, 0);
	g_autofree char *isosocks = lab_program("isosocks");
	const struct lab_result failed =
		lab_shell(LAB_NOBODY,
			  "XDG_RUNTIME_DIR=$PWD/run %s -c why.conf -x 127.0.0.1:%u "
			  "curl -s http://192.0.2.1/",
			  isosocks, lab_proxy("--fault reply:05"));
	cr_assert_neq(failed.status, 0);
	const struct lab_result result =
		ask_at_terminal("TERM=xterm XDG_RUNTIME_DIR=$PWD/run", "why");
	g_autofree char *bare = strip(result.out);

	lab_assert_status(&result, 0);
	cr_assert(g_str_has_prefix(result.out, "\033[1m2"), "%s", result.out);
	cr_assert_not_null(strstr(bare, "192.0.2.1:80: ECONNREFUSED"), "%s", bare);
	assert_width(bare);
}
