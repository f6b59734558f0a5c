/*
 * Every script of tests/lint is a test: it says nothing and ends with 0 when all is well, and with
 * 77, as Automake has it, and the reason where it cannot tell.
 */
#include <criterion/criterion.h>
#include <glib.h>
#include <sys/wait.h>

static void run(const char *script)
{
	const char *argv[] = { "sh", script, NULL };
	char *out = NULL, *err = NULL;
	int status;

	cr_assert(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
			       &err, &status, NULL));
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		cr_skip_test("%s", g_strchomp(out));
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s\n%s%s", script, out, err);
}

Test(lint, every_include_stays_within_its_layer)
{
	run("tests/lint/layers.sh");
}

Test(lint, every_header_compiles_alone)
{
	run("tests/lint/headers.sh");
}

Test(lint, the_library_exports_its_hooks_and_needs_libc_alone)
{
	run("tests/lint/exports.sh");
}

Test(lint, the_manuals_are_clean_and_complete)
{
	run("tests/lint/manuals.sh");
}

Test(lint, every_source_is_formatted)
{
	run("tests/lint/format.sh");
}

Test(lint, completion_knows_every_option)
{
	run("tests/lint/completion.sh");
}

Test(lint, every_variable_is_known_everywhere)
{
	run("tests/lint/variables.sh");
}

Test(lint, what_the_documents_speak_of_is_there)
{
	run("tests/lint/documents.sh");
}

Test(lint, the_benchmark_has_every_table)
{
	run("tests/lint/benchmark.sh");
}
