/*
 * reader: a whole file that somebody named, of a bounded size. Nothing is waited for: only a
 * regular file is opened, and /dev/null, which is an empty one. What a shell writes as <(command)
 * is a pipe without a name: it may be read, for as long as PATIENCE. One thread; the caller owns
 * the result.
 */
#ifndef WRAPPERS_READER_H
#define WRAPPERS_READER_H

#include <glib.h>

#define READER_PATIENCE 60 /* seconds, for all of a pipe */

/*
 * At most size_max bytes. The text gets a NUL behind its end that *ret_length does not count. NULL
 * and a G_FILE_ERROR that begins with the path.
 */
char *reader_read(const char *path, gsize size_max, gsize *ret_length, GError **error);

#endif
