/*
 * Whatever a command prints is printable, in the lines that the command makes and no others.
 */
#include "show.h"

#include "finding.h"
#include "json.h"

#include <criterion/criterion.h>
#include <string.h>

#define NASTY "a\033[2J\nb\302\233\342\200\256\377"
#define SHOWN "a\\x1B[2J\\nb\\xC2\\x9B\\xE2\\x80\\xAE\\xFF"

static char *collect(void (*print)(FILE *to))
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	print(to);
	fclose(to);
	return text;
}

static void print_one(FILE *to)
{
	show_line(to, "%s: %d", NASTY, 1);
}

static void print_some(FILE *to)
{
	show_lines(to, "one\n\ntwo\033\nthree");
}

Test(show, prints_lines)
{
	g_autofree char *one = collect(print_one), *some = collect(print_some);

	cr_assert_str_eq(one, SHOWN ": 1\n");
	cr_assert_str_eq(some, "one\n\ntwo\\x1B\nthree\n");
}

static void print_finding(FILE *to)
{
	g_autoptr(GPtrArray) findings = findings_new();

	findings_add(findings, "program", FINDING_NOTE, "x", "%s", NASTY);
	findings_show(findings, to);
}

static void print_entry(FILE *to)
{
	show_entry(to, SCREEN_PROBLEM, "\033[32m ", "%s %d", NASTY, 1);
}

Test(show, prints_an_entry_as_a_line_where_no_terminal_is)
{
	g_autofree char *text = collect(print_entry);

	cr_assert_str_eq(text, "\\x1B[32m " SHOWN " 1\n");
}

Test(show, is_how_findings_are_made)
{
	g_autofree char *text = collect(print_finding);

	cr_assert_str_eq(text, "program  note     " SHOWN "\n");
}

Test(show, has_the_same_in_json)
{
	g_autoptr(GString) json = g_string_new(NULL);

	json_put_text(json, NASTY, strlen(NASTY));
	cr_assert_str_eq(json->str, "\"a\\u001B[2J\\u000Ab\\u009B\\u202E\\u00FF\"");
	g_string_truncate(json, 0);
	json_put_text(json, "\363\240\200\201", 4);
	cr_assert_str_eq(json->str, "\"\\uDB40\\uDC01\"");
}
