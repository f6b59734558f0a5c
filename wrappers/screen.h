/*
 * screen: what a person's terminal takes, and a text made for it: a few colours, and lines that end
 * where its width does. Anything else, a pipe or a file, gets the text as it is. The text must be
 * printable (show.h) before it comes here: the only sequences that a terminal obeys are from here.
 * Any thread.
 */
#ifndef WRAPPERS_SCREEN_H
#define WRAPPERS_SCREEN_H

#include <glib.h>

enum screen_style {
	SCREEN_PLAIN,
	SCREEN_HEADING, /* bold */
	SCREEN_FINE,	/* green */
	SCREEN_NOTE,	/* yellow */
	SCREEN_PROBLEM, /* red */
};

struct screen {
	gboolean has_colours;
	guint columns; /* 0: no terminal, lines are as long as they are */
};

/*
 * What stands behind the descriptor. A terminal has no colours where NO_COLOR is set and not empty
 * (no-color.org), or TERM is not set or "dumb"; environment as of g_environ_getenv.
 */
struct screen screen_of(int fd, char **environment);

/* How many columns a terminal takes for a character: 0, 1 or 2. */
guint screen_width(gunichar character);

/*
 * The label in this style and the text behind it, without a newline at the end. Where that is wider
 * than the screen, it goes on in further lines under the text's beginning. Without a label the
 * style is the text's. Lines end between words and beside wide characters; what is too wide for any
 * line stays whole. Free it.
 */
char *screen_fold(const struct screen *screen, enum screen_style style, const char *label,
		  const char *text);

#endif
