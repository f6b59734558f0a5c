#include "text.h"

#include <string.h>

static gboolean is_plain(gunichar c)
{
	if (!g_unichar_isprint(c))
		return FALSE;
	switch (g_unichar_type(c)) {
	case G_UNICODE_LINE_SEPARATOR:
	case G_UNICODE_PARAGRAPH_SEPARATOR:
	case G_UNICODE_PRIVATE_USE:
		return FALSE;
	default:
		return TRUE;
	}
}

/* Beyond the first plane: two halves, as UTF-16 has it. */
static void append_code(GString *out, gunichar c)
{
	if (c < 0x10000)
		g_string_append_printf(out, "\\u%04X", c);
	else
		g_string_append_printf(out, "\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
				       0xdc00 + ((c - 0x10000) & 0x3ff));
}

static void append(GString *out, const char *text, gsize length, const char *marked)
{
	const char *end = text + length;

	while (text < end) {
		gunichar c = g_utf8_get_char_validated(text, end - text);
		if (c == (gunichar)-1 || c == (gunichar)-2) {
			append_code(out, (guint8)*text++);
			continue;
		}
		if (c < 0x80 && c != 0 && strchr(marked, (int)c))
			g_string_append_c(out, '\\');
		if (is_plain(c))
			g_string_append_unichar(out, c);
		else
			append_code(out, c);
		text = g_utf8_next_char(text);
	}
}

void text_append_escaped(GString *out, const char *text, gsize length)
{
	append(out, text, length, "\"\\");
}

char *text_printable(const char *text)
{
	GString *out = g_string_new(NULL);

	append(out, text, strlen(text), "\\");
	return g_string_free(out, FALSE);
}
