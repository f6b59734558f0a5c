#include "suggest.h"

#include <string.h>

#define LENGTH_MAX 40 /* of words that are compared */

/* One line of the table below. */
typedef unsigned line[LENGTH_MAX + 1];

/*
 * The distance of optimal string alignment: table[i][j] is that of the first i letters of a and the
 * first j of b.
 */
static unsigned distance(const char *a, const char *b)
{
	const size_t rows = strlen(a), columns = strlen(b);
	line table[LENGTH_MAX + 1];

	for (size_t i = 0; i <= rows; i++) {
		for (size_t j = 0; j <= columns; j++) {
			if (i == 0 || j == 0) {
				table[i][j] = (unsigned)(i + j);
				continue;
			}
			const unsigned differs = a[i - 1] != b[j - 1];
			table[i][j] = MIN(MIN(table[i - 1][j], table[i][j - 1]) + 1,
					  table[i - 1][j - 1] + differs);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				table[i][j] = MIN(table[i][j], table[i - 2][j - 2] + 1);
		}
	}
	return table[rows][columns];
}

const char *suggest_nearest(const char *word, const char *const *known)
{
	const size_t length = strlen(word);
	unsigned least = (unsigned)length / 3 + 1;
	const char *nearest = NULL;

	for (; length <= LENGTH_MAX && *known; known++) {
		const unsigned away =
			strlen(*known) <= LENGTH_MAX ? distance(word, *known) : LENGTH_MAX;
		if (away < least) {
			least = away;
			nearest = *known;
		}
	}
	return nearest;
}

/* GOption's own words, the option's last; it has no other place for it. */
static const char *find_unknown(const GError *error)
{
	const char *option = strstr(error->message, " --");

	return g_error_matches(error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION) && option
		       ? option + 3
		       : NULL;
}

char *suggest_option(const GError *error, const GOptionEntry *entries)
{
	g_autoptr(GPtrArray) known = g_ptr_array_new();
	const char *unknown = find_unknown(error), *nearest;

	for (; entries->long_name; entries++)
		if (!(entries->flags & G_OPTION_FLAG_HIDDEN))
			g_ptr_array_add(known, (gpointer)entries->long_name);
	g_ptr_array_add(known, NULL);
	nearest = unknown ? suggest_nearest(unknown, (const char *const *)known->pdata) : NULL;
	return nearest ? g_strdup_printf("%s: --%s may be meant", error->message, nearest)
		       : g_strdup(error->message);
}
