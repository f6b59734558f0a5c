#include "json.h"

#include <string.h>

void json_next(GString *json)
{
	if (json->len > 0 && !strchr("{[:,\n", json->str[json->len - 1]))
		g_string_append_c(json, ',');
}

/* RFC 8259 §7: quotation mark, reverse solidus and U+0000 to U+001F must be escaped. */
static size_t put_character(GString *json, const char *at, size_t left)
{
	gunichar c = g_utf8_get_char_validated(at, (gssize)left);
	size_t size;

	if (c == (gunichar)-1 || c == (gunichar)-2 || c < 0x20 || c == 0x7f) {
		g_string_append_printf(json, "\\u%04X", (guint8)*at);
		return 1;
	}
	if (c == '"' || c == '\\')
		g_string_append_c(json, '\\');
	size = (size_t)(g_utf8_next_char(at) - at);
	g_string_append_len(json, at, (gssize)size);
	return size;
}

void json_put_text(GString *json, const char *text, size_t length)
{
	const char *end = text + length;

	g_string_append_c(json, '"');
	while (text < end)
		text += put_character(json, text, (size_t)(end - text));
	g_string_append_c(json, '"');
}

void json_add_key(GString *json, const char *key)
{
	json_next(json);
	json_put_text(json, key, strlen(key));
	g_string_append_c(json, ':');
}

void json_add_text(GString *json, const char *key, const char *text)
{
	json_add_key(json, key);
	if (text)
		json_put_text(json, text, strlen(text));
	else
		g_string_append(json, "null");
}

void json_add_number(GString *json, const char *key, gint64 number)
{
	json_add_key(json, key);
	g_string_append_printf(json, "%" G_GINT64_FORMAT, number);
}

void json_add_bool(GString *json, const char *key, gboolean value)
{
	json_add_key(json, key);
	g_string_append(json, value ? "true" : "false");
}
