#include "screen.h"

#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#define COLUMNS_UNKNOWN 80 /* of a terminal that does not say */
#define TEXT_LEAST	24 /* a narrower column beside the label is no help */
#define INDENT_NARROW	2

/* ECMA-48, Select Graphic Rendition. */
static const char *const sequences[] = {
	[SCREEN_PLAIN] = "",	    [SCREEN_HEADING] = "\033[1m",  [SCREEN_FINE] = "\033[32m",
	[SCREEN_NOTE] = "\033[33m", [SCREEN_PROBLEM] = "\033[31m",
};
#define SEQUENCE_END "\033[m"

/* ---- the terminal ---- */

static gboolean wants_colours(char **environment)
{
	const char *refused = g_environ_getenv(environment, "NO_COLOR");
	const char *kind = g_environ_getenv(environment, "TERM");

	return !(refused && *refused) && kind && *kind && strcmp(kind, "dumb") != 0;
}

/* To say its size is what terminals alone can. */
struct screen screen_of(int fd, char **environment)
{
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return (struct screen){ .columns = 0 };
	return (struct screen){
		.has_colours = wants_colours(environment),
		.columns = size.ws_col ? size.ws_col : COLUMNS_UNKNOWN,
	};
}

guint screen_width(gunichar character)
{
	if (g_unichar_iszerowidth(character))
		return 0;
	return g_unichar_iswide(character) ? 2 : 1;
}

/* ---- the text ---- */

static guint width_of(const char *text, gsize length)
{
	guint width = 0;

	for (const char *at = text; at < text + length; at = g_utf8_next_char(at))
		width += screen_width(g_utf8_get_char(at));
	return width;
}

static gboolean is_wide(const char *at)
{
	return g_unichar_iswide(g_utf8_get_char(at));
}

/* The bytes of what stays in one line: a word up to a blank, or one wide character, either with the
 * marks on it. */
static gsize piece_length(const char *text)
{
	const char *at = text;

	do
		at = g_utf8_next_char(at);
	while (*at && *at != ' ' &&
	       (g_unichar_iszerowidth(g_utf8_get_char(at)) || !(is_wide(text) || is_wide(at))));
	return (gsize)(at - text);
}

static void put_styled(GString *to, const struct screen *screen, enum screen_style style,
		       const char *text)
{
	const gboolean is_coloured = screen->has_colours && style != SCREEN_PLAIN && *text;

	g_string_append_printf(to, "%s%s%s", is_coloured ? sequences[style] : "", text,
			       is_coloured ? SEQUENCE_END : "");
}

/* Puts the text's lines, the first of which begins in this column, the others behind an indent. */
static void put_folded(GString *to, const char *text, guint column, guint indent, guint columns)
{
	gboolean may_break = column > indent;

	while (*text) {
		const gsize blanks = strspn(text, " ");
		const gsize length = text[blanks] ? piece_length(text + blanks) : 0;
		const guint width = width_of(text + blanks, length);

		if (column + blanks + width > columns && may_break && length > 0) {
			g_string_append_printf(to, "\n%*s", (int)indent, "");
			column = indent;
		} else {
			g_string_append_len(to, text, (gssize)blanks);
			column += (guint)blanks;
		}
		g_string_append_len(to, text + blanks, (gssize)length);
		column += width;
		may_break = TRUE;
		text += blanks + length;
	}
}

static char *fold(const struct screen *screen, const char *label, const char *text)
{
	GString *folded = g_string_new(NULL);
	const guint begin = width_of(label, strlen(label));
	const guint indent = screen->columns >= begin + TEXT_LEAST ? begin : INDENT_NARROW;

	put_folded(folded, text, begin, MIN(begin, indent), screen->columns);
	return g_string_free(folded, FALSE);
}

char *screen_fold(const struct screen *screen, enum screen_style style, const char *label,
		  const char *text)
{
	g_autofree char *folded = screen->columns ? fold(screen, label, text) : g_strdup(text);
	GString *line = g_string_new(NULL);

	put_styled(line, screen, style, label);
	put_styled(line, screen, *label ? SCREEN_PLAIN : style, folded);
	return g_string_free(line, FALSE);
}
