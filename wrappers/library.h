/*
 * library: where libisosocks.so is, and the LD_PRELOAD that brings it into a program. One thread.
 */
#ifndef WRAPPERS_LIBRARY_H
#define WRAPPERS_LIBRARY_H

#include <glib.h>

/*
 * The library that belongs to an executable: beside it (the build tree), or in ../lib/isosocks or
 * ../lib/<multiarch>/isosocks. Fails with the places tried, or when LD_PRELOAD could not carry its
 * path.
 */
char *library_find(const char *executable, GError **error);

/* The library that belongs to the executable that runs now. */
char *library_find_own(GError **error);

/*
 * A value for LD_PRELOAD: the library, then what others preload, in their order, each once. Of the
 * sanitizers' runtimes, `runtime` (may be NULL) and those among the others, AddressSanitizer's
 * comes before the library and ThreadSanitizer's right behind it.
 */
char *library_preload(const char *library, const char *runtime, const char *others);

/* The same without the library: what a LD_PRELOAD (NULL: none) has besides. Free it. */
char *library_without(const char *preload);

#endif
