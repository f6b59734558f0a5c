/*
 * preload: /etc/ld.so.preload, the list of libraries that the dynamic linker loads into every
 * program of the machine (ld.so(8)): items between blanks, newlines and colons, and comments from #
 * to the end of a line. Texts in, texts out; what is not ours stays as it stands. One thread.
 */
#ifndef WRAPPERS_PRELOAD_H
#define WRAPPERS_PRELOAD_H

#include <glib.h>

#define PRELOAD_FILE "/etc/ld.so.preload"

/* The path by which libisosocks.so is in the list, the first one; NULL when it is not. */
char *preload_find(const char *text);

/* The list without any libisosocks.so. Lines that become empty by that go. */
char *preload_without(const char *text);

/* The list with this library as its only libisosocks.so, on a line of its own behind the others. */
char *preload_with(const char *text, const char *library);

/* The file's text, empty when there is none. Fails for what is no list: binary, or over 64 KiB. */
char *preload_read(GError **error);

/* Puts the text in the file's place as a whole, on the disk before it returns; an empty one removes
 * the file. */
gboolean preload_write(const char *text, GError **error);

#endif
