#include "suggest.h"

#include <criterion/criterion.h>
#include <string.h>

static const char *const known[] = { "check", "doctor", "status", "system", "why", NULL };

Test(suggest, finds_the_word_behind_a_slip)
{
	static const char *const rows[][2] = {
		{ "statu", "status" },	{ "sttaus", "status" },	 { "statsus", "status" },
		{ "dcotor", "doctor" }, { "doctors", "doctor" }, { "sistem", "system" },
		{ "chekc", "check" },	{ "wyh", "why" },	 { "why", "why" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *nearest = suggest_nearest(rows[i][0], known);
		cr_assert_not_null(nearest, "%s", rows[i][0]);
		cr_assert_str_eq(nearest, rows[i][1]);
	}
}

Test(suggest, has_no_guess_for_another_word)
{
	static const char *const rows[] = { "", "x", "no", "enable", "statistics", "doc" };
	char longest[1000];

	memset(longest, 's', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	cr_assert_null(suggest_nearest(longest, known));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_null(suggest_nearest(rows[i], known), "%s", rows[i]);
}

Test(suggest, names_the_option_that_may_be_meant)
{
	const GOptionEntry entries[] = { { .long_name = "proxy" },
					 { .long_name = "debug" },
					 { 0 } };
	g_autoptr(GError) slip = g_error_new(G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION,
					     "Unknown option --proxi");
	g_autoptr(GError) letter =
		g_error_new(G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "Unknown option -z");
	g_autoptr(GError) value = g_error_new(G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
					      "Missing argument for --proxi");
	g_autofree char *a = suggest_option(slip, entries);
	g_autofree char *b = suggest_option(letter, entries);
	g_autofree char *c = suggest_option(value, entries);

	cr_assert_str_eq(a, "Unknown option --proxi: --proxy may be meant");
	cr_assert_str_eq(b, "Unknown option -z");
	cr_assert_str_eq(c, "Missing argument for --proxi");
}
