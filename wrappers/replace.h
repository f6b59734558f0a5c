/*
 * replace: files of the whole machine, below /etc, changed so that whoever reads them at any
 * instant, and whatever ends this process at any instant, the old one is there as a whole or the
 * new one is. What an interrupted run leaves besides is a draft, PATH.isosocks-new, which counts
 * for nothing and goes away with the next one. Root, one thread.
 */
#ifndef WRAPPERS_REPLACE_H
#define WRAPPERS_REPLACE_H

#include <glib.h>

/* Waits until no other process changes these files, then keeps it so until this one ends. */
gboolean replace_begin(GError **error);

/* On the disk before it returns; readable by everybody, whatever the umask. */
gboolean replace_file(const char *path, const void *contents, gsize length, GError **error);

/* Nothing is there then, nor a draft. */
gboolean replace_remove(const char *path, GError **error);

#endif
