#include "finding.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* What is behind a stream in memory is no terminal. */
static char *shown_text(GPtrArray *findings)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	findings_show(findings, to);
	fclose(to);
	return text;
}

Test(finding, is_a_line_each_or_one_object)
{
	g_autoptr(GPtrArray) findings = findings_new();

	findings_add(findings, "proxy", FINDING_PROBLEM, "silent", "%s says \"%s\"", "it", "\n");
	findings_add(findings, "door", FINDING_NOTE, "tmux", "\xff");
	g_autofree char *text = shown_text(findings);
	g_autofree char *json = findings_json(findings, 3);
	cr_assert_str_eq(text, "proxy    problem  it says \"\\n\"\ndoor     note     \\xFF\n");
	cr_assert_str_eq(json, "{\"exit\":3,\"findings\":["
			       "{\"about\":\"proxy\",\"level\":\"problem\",\"what\":\"silent\","
			       "\"text\":\"it says \\\"\\u000A\\\"\"},"
			       "{\"about\":\"door\",\"level\":\"note\",\"what\":\"tmux\","
			       "\"text\":\"\\u00FF\"}]}\n");
}

Test(finding, knows_what_a_problem_is_about)
{
	g_autoptr(GPtrArray) findings = findings_new();

	findings_add(findings, "proxy", FINDING_NOTE, "no-keys", "none");
	cr_assert_not(findings_have_problem(findings, "proxy"));
	findings_add(findings, "guard", FINDING_PROBLEM, "unavailable", "none");
	cr_assert_not(findings_have_problem(findings, "proxy"));
	cr_assert(findings_have_problem(findings, "guard"));
}
