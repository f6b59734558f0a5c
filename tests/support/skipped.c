/*
 * skipped: at the end of a run, how many tests were skipped for which reason, and the sum of all:
 * Criterion says so with --verbose alone, and a machine that lacks something must not look like one
 * on which all is well.
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/stats.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Of a reason that fewer tests have than this each one is named. */
#define NAMED 4

/* Tests that the command line did not ask for count as skipped as well. */
static gboolean was_skipped(const struct criterion_test_stats *stats)
{
	return stats->test_status == CR_STATUS_SKIPPED && !stats->test->data->disabled;
}

/* The names of the tests that have this reason; one of many parameters stands there many times. */
static GPtrArray *names_of(GHashTable *reasons, GPtrArray *order, const char *reason)
{
	GPtrArray *names = g_hash_table_lookup(reasons, reason);

	if (names)
		return names;
	names = g_ptr_array_new_with_free_func(g_free);
	g_hash_table_insert(reasons, g_strdup(reason), names);
	g_ptr_array_add(order, g_strdup(reason));
	return names;
}

static guint collect(GHashTable *reasons, GPtrArray *order,
		     const struct criterion_suite_stats *suite)
{
	guint count = 0;

	for (; suite; suite = suite->next)
		for (struct criterion_test_stats *test = suite->tests; test; test = test->next) {
			if (!was_skipped(test))
				continue;
			const char *reason = test->message ? test->message : "no reason is given";
			g_ptr_array_add(
				names_of(reasons, order, reason),
				g_strdup_printf("%s::%s", test->test->category, test->test->name));
			count++;
		}
	return count;
}

static void print_reason(const char *reason, const GPtrArray *names)
{
	g_autoptr(GString) which = g_string_new(NULL);
	guint different = 0;

	for (guint i = 0; i < names->len; i++) {
		if (i > 0 && strcmp(names->pdata[i], names->pdata[i - 1]) == 0)
			continue;
		g_string_append_printf(which, "%s%s", different++ ? ", " : "",
				       (const char *)names->pdata[i]);
	}
	if (different >= NAMED)
		g_printerr("[SKIP] %u tests: %s\n", names->len, reason);
	else if (names->len > different)
		g_printerr("[SKIP] %u of %s: %s\n", names->len, which->str, reason);
	else
		g_printerr("[SKIP] %s: %s\n", which->str, reason);
}

static struct {
	size_t passed;
	size_t failed;
	guint skipped;
} sum;

/* Behind Criterion's own line, which does not know of what was skipped. */
static void print_sum(void)
{
	g_printerr("%zu passed, %zu failed, %u skipped\n", sum.passed, sum.failed, sum.skipped);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	g_autoptr(GHashTable) reasons = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
							      (GDestroyNotify)g_ptr_array_unref);
	g_autoptr(GPtrArray) order = g_ptr_array_new_with_free_func(g_free);
	const guint skipped = collect(reasons, order, stats->suites);

	for (guint i = 0; i < order->len; i++)
		print_reason(order->pdata[i], g_hash_table_lookup(reasons, order->pdata[i]));
	sum.passed = stats->tests_passed;
	sum.failed = stats->tests_failed;
	sum.skipped = skipped;
	atexit(print_sum);
}
