/* scratch: a file in a fresh folder of its own, for the tests that need one outside any lab. */
#ifndef SUPPORT_SCRATCH_H
#define SUPPORT_SCRATCH_H

#include <sys/types.h>

/* Makes it with this text and mode, called `program`; returns its path: free it. */
char *scratch_make(const char *text, mode_t mode);

/* Takes the file and its folder away. */
void scratch_remove(const char *path);

#endif
