/* The corpora of the fuzz targets, replayed: what was once found stays found. */
#include <criterion/criterion.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#define CORPUS "tests/fuzz/corpus"

static void replay(const char *target)
{
	const char *build = g_getenv("BUILD") ? g_getenv("BUILD") : "build/release";
	char *program = g_strdup_printf("%s/tests/fuzz/fuzz_%s", build, target);
	char *corpus = g_build_filename(CORPUS, target, NULL);
	char *argv[] = { program, corpus, NULL };
	char *out, *err;
	GError *error = NULL;
	unsigned count = 0;
	int status;

	if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &out, &err, &status,
			  &error))
		cr_assert_fail("%s", error->message);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s ended with %d\n%s%s", program,
		  status, out, err);
	cr_assert(sscanf(strstr(out, ": "), ": %u inputs replayed", &count) == 1 && count > 0,
		  "%s replayed nothing: %s", program, out);
	g_free(program);
	g_free(corpus);
	g_free(out);
	g_free(err);
}

/* Every source is a target, and every target has a corpus: a new one needs no line here. */
Test(fuzz, replays_its_corpora)
{
	GDir *folder = g_dir_open("tests/fuzz", 0, NULL);
	const char *name;
	unsigned targets = 0;

	cr_assert_not_null(folder);
	while ((name = g_dir_read_name(folder))) {
		if (!g_str_has_prefix(name, "fuzz_") || !g_str_has_suffix(name, ".c"))
			continue;
		char *target = g_strndup(name + 5, strlen(name) - 7);
		replay(target);
		g_free(target);
		targets++;
	}
	g_dir_close(folder);
	cr_assert_gt(targets, 0u);
}
