/*
 * show: the one way by which a command's text leaves it. Whatever it is made of (paths, names,
 * settings, what a proxy or another program said), it comes out printable (base/printable.h): what
 * is not stands there as \xHH. Only then a terminal's colours and width come in (screen.h). One
 * thread.
 */
#ifndef WRAPPERS_SHOW_H
#define WRAPPERS_SHOW_H

#include "screen.h"

#include <glib.h>
#include <stdio.h>

/* Printable, in one line; free it. */
char *show_text(const char *text);

/* One line: what would be a second one becomes a part of it. */
void show_line(FILE *to, const char *format, ...) G_GNUC_PRINTF(2, 3);

/*
 * The label in this style, and the text behind it, folded for a terminal (screen_fold); without one
 * a line like any other.
 */
void show_entry(FILE *to, enum screen_style style, const char *label, const char *format, ...)
	G_GNUC_PRINTF(4, 5);

/* A text of lines, each of which ends with a newline. */
void show_lines(FILE *to, const char *text);

#endif
