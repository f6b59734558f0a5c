#include "isolation.h"

#include "pairs.h"

#include <string.h>

#define PASSWORD_MAX 255 /* RFC 1929 §2: one octet of length */

static void append_escaped(GString *text, const guint8 *at, gsize length)
{
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

char *isolation_password(const struct pairs *pairs, gboolean with_credentials)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < pairs_count(pairs); i++) {
		struct pair pair = pairs_get_sorted(pairs, i);
		if (!with_credentials && is_credential(pair.name))
			continue;
		g_string_append_printf(text, "%s%s=", text->len > 0 ? "&" : "", pair.name);
		append_escaped(text, pair.value, pair.length);
	}
	if (text->len == 0)
		return NULL;
	if (text->len <= PASSWORD_MAX)
		return g_strdup(text->str);
	g_autofree char *hex =
		g_compute_checksum_for_string(G_CHECKSUM_SHA256, text->str, (gssize)text->len);
	return g_strconcat("sha256:", hex, NULL);
}
