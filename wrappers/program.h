/*
 * program: what would keep isosocks from a program, or make it work otherwise than one might think:
 * how it is linked and to what, the privileges its file gives, how it is packaged, and who of its
 * kind runs already. Nothing of the program itself is executed. One thread.
 */
#ifndef WRAPPERS_PROGRAM_H
#define WRAPPERS_PROGRAM_H

#include <glib.h>

/* Adds what is found about "program". With the guard a privileged program runs without privileges;
 * without it such a program cannot be run. */
void program_inspect(GPtrArray *findings, const char *path, gboolean guard_enabled);

#endif
