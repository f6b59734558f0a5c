/*
 * replace: files of the whole machine, below /etc, changed so that whoever reads them at any
 * instant, and whatever ends this process at any instant, the old one is there as a whole or the
 * new one is. What an interrupted run leaves besides is a draft, PATH.isosocks-new.PID, which
 * counts for nothing and goes away with the next one. Of several that run at once the last one's
 * stays: there is no lock, since what everybody can read anybody could keep locked. Root, one
 * thread.
 */
#ifndef WRAPPERS_REPLACE_H
#define WRAPPERS_REPLACE_H

#include <glib.h>

/* Removes the drafts of processes that are gone. */
void replace_begin(void);

/* On the disk before it returns; readable by everybody, whatever the umask. */
gboolean replace_file(const char *path, const void *contents, gsize length, GError **error);

/* Nothing is there then. */
gboolean replace_remove(const char *path, GError **error);

#endif
