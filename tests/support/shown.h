/*
 * shown: the commands that the documents show to a reader: README.md and what lies in doc/. Found
 * by how they are set, so that none has to be listed; read once by a test, never changed.
 *
 *   manuals      $ COMMAND or # COMMAND behind .Dl or in a literal block, where \e goes on in the
 *                next line; and .Li that begins with a command of ours and its arguments
 *   .md          the first column of an indented line, every line between fences, and `COMMAND`
 *                with arguments, if it is one of ours or make
 *
 * A line without a prompt in a manual, and an indented one elsewhere than in README.md, is a
 * command when its first word is a program.
 */
#ifndef SUPPORT_SHOWN_H
#define SUPPORT_SHOWN_H

#include <glib.h>

struct shown {
	char *text;  /* as a shell takes it */
	char *where; /* doc/isosocks.1:368 */
};

/* All of them, in the order of files and lines; struct shown. Free it. */
GPtrArray *shown_read(void);

#endif
