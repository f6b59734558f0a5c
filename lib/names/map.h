/*
 * map: the memory behind a pool as a descriptor that outlives exec, and how a process tells its
 * children which: `FD:INODE` in ISOSOCKS_NAMES, since programs close descriptors and use their
 * numbers again. Allocation-free, async-signal-safe; any thread.
 */
#ifndef NAMES_MAP_H
#define NAMES_MAP_H

/* Two numbers, the colon and the NUL. */
#define MAP_TEXT_SIZE (10 + 1 + 20 + 1)

/* The descriptor that such a text (or NULL) names while it still is that map, or -ENOENT. */
int map_find(const char *text);

/*
 * A new empty map, sealed so that no process can make another's reads fault by shrinking it, on a
 * high descriptor without FD_CLOEXEC. -errno.
 */
int map_create(void);

/* A second descriptor of the same map, as high and as lasting. -errno. */
int map_duplicate(int fd);

/* The text for a map's descriptor. -errno. */
int map_describe(int fd, char ret_text[MAP_TEXT_SIZE]);

#endif
