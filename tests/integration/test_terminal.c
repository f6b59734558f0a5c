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
