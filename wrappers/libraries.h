/*
 * libraries: what a program is linked to, and what that is linked to in turn: found as the dynamic
 * linker finds it (ld.so(8)), by reading files alone. Nothing of any of them is executed, mapped or
 * loaded. One thread; the caller owns the result.
 */
#ifndef WRAPPERS_LIBRARIES_H
#define WRAPPERS_LIBRARIES_H

#include <glib.h>

/*
 * The names (char *) of all that a program asks for, each once, the program's own first; also of
 * those that are not there. cache is the file that ldconfig(8) writes, LIBRARIES_CACHE.
 */
GPtrArray *libraries_list(const char *program, const char *cache);

#define LIBRARIES_CACHE "/etc/ld.so.cache"

#endif
