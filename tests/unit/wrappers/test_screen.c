/*
 * A text as a terminal of some width gets it; a real terminal is in tests/integration/
 * test_terminal.c.
 */
#include "screen.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void assert_fold(guint columns, const char *label, const char *text, const char *expected)
{
	const struct screen screen = { .columns = columns };
	g_autofree char *folded = screen_fold(&screen, SCREEN_NOTE, label, text);

	cr_expect_str_eq(folded, expected, "%u: \"%s\"", columns, folded);
}

Test(screen, goes_on_under_the_text)
{
	assert_fold(31, "about  ", "one two three four five six seven",
		    "about  one two three four five\n       six seven");
	assert_fold(31, "about  ", "one two  three", "about  one two  three");
	assert_fold(31, "about  ", "eleven text  twelve it,  three",
		    "about  eleven text  twelve it,\n       three");
	assert_fold(80, "about  ", "", "about  ");
}

Test(screen, fills_the_last_column_and_no_more)
{
	assert_fold(31, "about  ", "123456789 123456789 1234", "about  123456789 123456789 1234");
	assert_fold(31, "about  ", "123456789 123456789 12345",
		    "about  123456789 123456789\n       12345");
}

Test(screen, keeps_a_long_word_whole)
{
	assert_fold(31, "about  ", "/a/path/that/has/no/end/and/no/blank it is",
		    "about  /a/path/that/has/no/end/and/no/blank\n       it is");
	assert_fold(31, "about  ", "see /a/path/that/has/no/end/and/no/blank",
		    "about  see\n       /a/path/that/has/no/end/and/no/blank");
}

/* Under the text there would be no room. */
Test(screen, goes_on_at_the_left_of_a_narrow_terminal)
{
	assert_fold(30, "about  label  ", "one two three four",
		    "about  label  one two three\n  four");
	assert_fold(10, "about  label  ", "one two three", "about  label  \n  one two\n  three");
	assert_fold(1, "a ", "b c", "a b\n  c");
}

Test(screen, does_not_fold_for_what_is_no_terminal)
{
	assert_fold(0, "about  ", "a text that is far longer than anything is wide",
		    "about  a text that is far longer than anything is wide");
}

Test(screen, knows_how_wide_characters_are)
{
	cr_assert_eq(screen_width('a'), 1);
	cr_assert_eq(screen_width(0xe4), 1);
	cr_assert_eq(screen_width(0x301), 0, "a combining accent");
	cr_assert_eq(screen_width(0x6f22), 2, "CJK");
	cr_assert_eq(screen_width(0x1f9c5), 2, "an onion");
}

/* Of two columns each, with no blank between them; a mark stays with its letter. */
Test(screen, folds_beside_wide_characters)
{
	assert_fold(26, "a ", "漢字漢字漢字漢字漢字漢字漢", "a 漢字漢字漢字漢字漢字漢字\n  漢");
	assert_fold(27, "a ", "漢字漢字漢字漢字漢字漢字漢", "a 漢字漢字漢字漢字漢字漢字\n  漢");
	assert_fold(26, "a ", "123456789 123456789 e\u0301e\u0301e\u0301e\u0301",
		    "a 123456789 123456789 e\u0301e\u0301e\u0301e\u0301");
	assert_fold(26, "a ", "123456789 123456789 e\u0301e\u0301e\u0301e\u0301e",
		    "a 123456789 123456789\n  e\u0301e\u0301e\u0301e\u0301e");
	assert_fold(30, "漢字 ", "123456789 123456789 12345 6",
		    "漢字 123456789 123456789 12345\n     6");
}

Test(screen, colours_the_label_or_a_text_without_one)
{
	static const struct {
		enum screen_style style;
		const char *expected;
	} rows[] = {
		{ SCREEN_PLAIN, "l t" },
		{ SCREEN_HEADING, "\033[1ml \033[mt" },
		{ SCREEN_FINE, "\033[32ml \033[mt" },
		{ SCREEN_NOTE, "\033[33ml \033[mt" },
		{ SCREEN_PROBLEM, "\033[31ml \033[mt" },
	};
	const struct screen screen = { .has_colours = TRUE, .columns = 30 };

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *line = screen_fold(&screen, rows[i].style, "l ", "t");
		cr_expect_str_eq(line, rows[i].expected);
	}
	g_autofree char *text = screen_fold(&screen, SCREEN_PROBLEM, "", "t");
	cr_assert_str_eq(text, "\033[31mt\033[m");
	g_autofree char *empty = screen_fold(&screen, SCREEN_PROBLEM, "", "");
	cr_assert_str_eq(empty, "");
}

/* ---- terminals ---- */

static int open_terminal(unsigned short columns)
{
	const struct winsize size = { .ws_col = columns };
	const int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0)
		cr_skip_test("no terminals here");
	cr_assert_eq(ioctl(fd, TIOCSWINSZ, &size), 0);
	return fd;
}

Test(screen, is_as_wide_as_the_terminal_says)
{
	static char *const plain[] = { "TERM=xterm", NULL };

	for (unsigned short columns = 0; columns < 200; columns += 66) {
		const int fd = open_terminal(columns);
		const struct screen screen = screen_of(fd, (char **)plain);
		cr_expect_eq(screen.columns, columns ? columns : 80);
		cr_expect(screen.has_colours);
		close(fd);
	}
}

Test(screen, has_colours_unless_somebody_minds)
{
	static const struct {
		const char *environment;
		gboolean expected;
	} rows[] = {
		{ "TERM=xterm", TRUE },
		{ "TERM=xterm NO_COLOR=", TRUE },
		{ "TERM=xterm NO_COLOR=1", FALSE },
		{ "TERM=xterm NO_COLOR=0", FALSE },
		{ "TERM=dumb", FALSE },
		{ "TERM=", FALSE },
		{ "X=", FALSE },
	};
	const int fd = open_terminal(80);

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_auto(GStrv) environment = g_strsplit(rows[i].environment, " ", -1);
		cr_expect_eq(screen_of(fd, environment).has_colours, rows[i].expected, "%s",
			     rows[i].environment);
	}
	close(fd);
}

Test(screen, is_none_where_no_terminal_is)
{
	static char *const plain[] = { "TERM=xterm", NULL };
	const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	cr_assert_eq(screen_of(fd, (char **)plain).columns, 0);
	cr_assert_not(screen_of(fd, (char **)plain).has_colours);
	close(fd);
	cr_assert_eq(screen_of(-1, (char **)plain).columns, 0);
}
