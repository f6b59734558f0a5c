/*
 * ldcache: the file in which ldconfig(8) keeps where each library is. A view of bytes that belong
 * to the caller; whatever they are, nothing outside of them is read. Any thread.
 */
#ifndef WRAPPERS_LDCACHE_H
#define WRAPPERS_LDCACHE_H

#include <glib.h>

struct ldcache {
	const char *start; /* offsets count from here */
	gsize length;
	const char *entries;
	gsize count;
};

/* FALSE: it is no such file. */
gboolean ldcache_open(struct ldcache *ret_cache, const char *bytes, gsize length);

/*
 * A path of the library of this name, from *index on (0 first), which moves behind it; NULL: there
 * is no further one. There may be one for each kind of processor.
 */
const char *ldcache_find(const struct ldcache *cache, const char *name, gsize *index);

#endif
