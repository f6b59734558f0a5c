/*
 * skipped: at the end of a run, which tests were skipped, and why: Criterion says so with --verbose
 * alone, and a machine that lacks something must not look like one on which all is well.
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/stats.h>
#include <glib.h>

/* Tests that the command line did not ask for count as skipped as well. */
static gboolean was_skipped(const struct criterion_test_stats *stats)
{
	return stats->test_status == CR_STATUS_SKIPPED && !stats->test->data->disabled;
}

/* Once for a test of many parameters. */
static void collect(GHashTable *reasons, GPtrArray *order, const struct criterion_test_stats *stats)
{
	char *line = g_strdup_printf("%s::%s: %s", stats->test->category, stats->test->name,
				     stats->message ? stats->message : "no reason is given");
	const guint before = GPOINTER_TO_UINT(g_hash_table_lookup(reasons, line));

	if (before == 0)
		g_ptr_array_add(order, line);
	g_hash_table_insert(reasons, line, GUINT_TO_POINTER(before + 1));
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	g_autoptr(GHashTable) reasons =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GPtrArray) order = g_ptr_array_new();

	for (struct criterion_suite_stats *suite = stats->suites; suite; suite = suite->next)
		for (struct criterion_test_stats *test = suite->tests; test; test = test->next)
			if (was_skipped(test))
				collect(reasons, order, test);
	for (guint i = 0; i < order->len; i++) {
		const char *line = order->pdata[i];
		const guint times = GPOINTER_TO_UINT(g_hash_table_lookup(reasons, line));
		if (times > 1)
			g_printerr("[SKIP] %u of %s\n", times, line);
		else
			g_printerr("[SKIP] %s\n", line);
	}
}
