/*
 * map: the memory behind a pool as a descriptor that outlives exec, and how a process tells its
 * children which: `FD:INODE` in ISOSOCKS_NAMES, since programs close descriptors and use their
 * numbers again. Allocation-free, async-signal-safe; any thread.
 */
#ifndef NAMES_MAP_H
#define NAMES_MAP_H

#include <stdint.h>

/*
 * The descriptor that such a text (or NULL) names while it still is that map, and this user's: who
 * has become another user is to change nobody's names, nor to believe him. -ENOENT.
 */
int map_find(const char *text);

/* The same, but opened anew in an ancestor of this user's that has not closed it, and without
 * FD_CLOEXEC on the same number where that is free. -ENOENT. */
int map_find_again(const char *text);

/* The descriptor of such a map that is another user's. -ENOENT. */
int map_find_foreign(const char *text);

/* How many names a map may have room for in this process, by its limit of memory (RLIMIT_AS). */
uint32_t map_room(void);

/*
 * A new empty map, sealed so that no process can make another's reads fault by shrinking it, on a
 * high descriptor without FD_CLOEXEC, as large as the limits of memory and files permit. -EFBIG
 * where they permit none, -errno.
 */
int map_create(void);

#endif
