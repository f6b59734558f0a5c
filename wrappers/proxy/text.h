/*
 * text: bytes of anybody's as text that a terminal shows as letters and nothing else. Pure; any
 * thread.
 */
#ifndef PROXY_TEXT_H
#define PROXY_TEXT_H

#include <glib.h>

/*
 * RFC 8259 §7's escapes, without the quotation marks: those, the reverse solidus and controls must
 * be escaped there. So are all other characters that are not seen or that move others: DEL and
 * U+0080 to U+009F, which terminals obey, marks of direction (U+202E), separators, private and
 * unassigned ones. A byte that is no UTF-8 becomes \u00XX.
 */
void text_append_escaped(GString *out, const char *text, gsize length);

/* For a line on a terminal: the same, but a quotation mark stands. Freed with g_free. */
char *text_printable(const char *text);

#endif
