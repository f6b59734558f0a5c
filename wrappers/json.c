#include "json.h"

#include "base/printable.h"

#include <string.h>

void json_next(GString *json)
{
	if (json->len > 0 && !strchr("{[:,\n", json->str[json->len - 1]))
		g_string_append_c(json, ',');
}

/* A pair of surrogates beyond the Basic Multilingual Plane. */
static void put_escape(GString *json, gunichar c)
{
	if (c < 0x10000)
		g_string_append_printf(json, "\\u%04X", c);
	else
		g_string_append_printf(json, "\\u%04X\\u%04X", 0xd7c0 + (c >> 10),
				       0xdc00 + (c & 0x3ff));
}

/* RFC 8259 §7: quotation mark, reverse solidus and U+0000 to U+001F must be escaped. What else is
 * not printable is so too: it means the same. A byte that is no UTF-8 stands as a character. */
static size_t put_character(GString *json, const char *at, size_t left)
{
	const gunichar c = g_utf8_get_char_validated(at, (gssize)left);
	const gboolean is_character = c != (gunichar)-1 && c != (gunichar)-2;
	const size_t size = is_character ? (size_t)(g_utf8_next_char(at) - at) : 1;

	if (printable_length((const uint8_t *)at, left) == 0) {
		put_escape(json, is_character ? c : (guint8)*at);
		return size;
	}
	if (c == '"' || c == '\\')
		g_string_append_c(json, '\\');
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
