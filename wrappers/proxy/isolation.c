#include "isolation.h"

#include "pairs.h"

#include <string.h>

#define PASSWORD_MAX 255 /* RFC 1929 §2: one octet of length */

static int compare_names(gconstpointer a, gconstpointer b)
{
	const struct pair *const *left = a;
	const struct pair *const *right = b;
	return strcmp((*left)->name, (*right)->name);
}

static void append_escaped(GString *text, GBytes *value)
{
	gsize length;
	const guint8 *at = g_bytes_get_data(value, &length);

	for (gsize i = 0; i < length; i++) {
		if (g_ascii_isalnum(at[i]) || (at[i] && strchr("-._~", at[i])))
			g_string_append_c(text, (char)at[i]);
		else
			g_string_append_printf(text, "%%%02X", at[i]);
	}
}

static gboolean is_credential(const char *name)
{
	return strcmp(name, "USERNAME") == 0 || strcmp(name, "PASSWD") == 0;
}

static GPtrArray *sort(const struct pairs *pairs, gboolean with_credentials)
{
	GPtrArray *sorted = g_ptr_array_new();

	for (guint i = 0; i < pairs_count(pairs); i++) {
		const struct pair *pair = pairs_get(pairs, i);
		if (with_credentials || !is_credential(pair->name))
			g_ptr_array_add(sorted, (gpointer)pair);
	}
	g_ptr_array_sort(sorted, compare_names);
	return sorted;
}

char *isolation_password(const struct pairs *pairs, gboolean with_credentials)
{
	g_autoptr(GPtrArray) sorted = sort(pairs, with_credentials);
	g_autoptr(GString) text = g_string_new(NULL);

	if (sorted->len == 0)
		return NULL;
	for (guint i = 0; i < sorted->len; i++) {
		const struct pair *pair = g_ptr_array_index(sorted, i);
		g_string_append_printf(text, "%s%s=", i > 0 ? "&" : "", pair->name);
		append_escaped(text, pair->value);
	}
	if (text->len <= PASSWORD_MAX)
		return g_strdup(text->str);
	g_autofree char *hex =
		g_compute_checksum_for_string(G_CHECKSUM_SHA256, text->str, (gssize)text->len);
	return g_strconcat("sha256:", hex, NULL);
}
