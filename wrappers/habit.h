/*
 * habit: what is known of a program by its name alone: that it leaves its work to others, or that
 * what it sends is nothing that a SOCKS5 proxy carries. One thread.
 */
#ifndef WRAPPERS_HABIT_H
#define WRAPPERS_HABIT_H

#include <glib.h>

/* Adds a note about "program" where the path's last part, or that of what it is a link to, is such
 * a name. */
void habit_inspect(GPtrArray *findings, const char *path);

#endif
