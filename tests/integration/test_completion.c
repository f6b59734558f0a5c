/*
 * What bash completes, by bash-completion's own functions.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>

/* The command line, and words that must be among what is offered (with a blank before and behind
 * each). */
static const struct {
	const char *line;
	const char *offered;
} rows[] = {
	{ "isosocks --", " --proxy " },
	{ "isosocks --", " --isolate " },
	{ "isosocks -", " -k " },
	{ "isosocks -b user,appl", " user,application " },
	{ "isosocks -k ", " ISOLATION= " },
	{ "isosocks -x 127.0.0.1:9150 tar --extr", " --extract " }, /* the program's own */
	{ "isosocks -i -k A=b -- tar --extr", " --extract " },
	{ "isosocks -i isosocks-pr", " isosocks-proxy " },
	{ "isosocks-proxy --fault sile", " silent " },
	{ "isosocks-proxy --lis", " --listen " },
};

Test(completion, offers_options_and_the_programs_own)
{
	g_autoptr(GPtrArray) argv = g_ptr_array_new();
	g_autofree char *out = NULL;
	g_autoptr(GError) error = NULL;

	lab_need("bash");
	g_ptr_array_add(argv, "bash");
	g_ptr_array_add(argv, "tests/support/complete.sh");
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		g_ptr_array_add(argv, (char *)rows[i].line);
	g_ptr_array_add(argv, NULL);
	cr_assert(g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
			       &out, NULL, NULL, &error),
		  "%s", error ? error->message : "");
	g_auto(GStrv) lines = g_strsplit(out, "\n", -1);
	cr_assert_geq(g_strv_length(lines), G_N_ELEMENTS(rows), "%s", out);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *offered = g_strconcat(" ", lines[i], NULL);
		cr_expect(strstr(offered, rows[i].offered), "%s:%s", rows[i].line, offered);
	}
}
