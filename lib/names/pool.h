/*
 * pool: hostname <-> placeholder address, shared by every process of a session. Placeholders are
 * handed out in order from a random place of the pool's range on; the map behind them is a memfd
 * inherited from `isosocks` or, without one, private to this process and its forks. Lock-free,
 * allocation-free, async-signal-safe; any thread.
 */
#ifndef NAMES_POOL_H
#define NAMES_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct layout;

struct pool {
	struct layout *map;
	uint32_t base;	  /* first address of the range, host byte order */
	uint32_t space;	  /* number of addresses, a power of two */
	uint32_t entries; /* names that the map has room for, a power of two */
};

/* Bytes of a map for so many names (sparse: only what is used takes memory). The other way round
 * the most names that fit; 0: not even the fewest that make a map. */
size_t pool_map_size(uint32_t entries);
uint32_t pool_map_entries(uint64_t size);

/* Where a map's numbers begin: at random, so that a placeholder of another session is unknown here
 * rather than someone else's. Into fd, an empty map. -errno. */
int pool_begin(int fd);

/*
 * Maps fd (-1: a private map). A map for more names than `most` becomes a private copy. address is
 * in host byte order, prefix 8 to 30. The fd is not needed afterwards. -EINVAL for a range that is
 * none, -EBADMSG when the fd is not such a map, -errno.
 */
int pool_open(struct pool *pool, int fd, uint32_t address, unsigned prefix, uint32_t most);
void pool_close(struct pool *pool);

/*
 * Copies the names of a pool, the latest POOL_COPY_MAX, and its notes into fd, an empty map. What
 * either gives out from then on is unknown to the other, and not another name's. -errno.
 */
#define POOL_COPY_MAX 16384
int pool_copy(const struct pool *pool, int fd);

/* Puts a private copy in the place of the map, for a process that is to change nobody else's names
 * any more. Other threads may go on meanwhile. -errno: it is as it was. */
int pool_isolate(struct pool *pool);

/*
 * The placeholder of a name (1 to 255 bytes; case and one trailing dot do not count), giving one
 * out when it has none; the oldest name goes when there is no room. 0, -EINVAL for a name that
 * cannot be one, or -EBUSY when another process has filled the map with what leaves no room.
 */
int pool_get_address(struct pool *pool, const char *name, size_t length, uint32_t *ret_address);

/* The name behind a placeholder: its length, or -ENOENT when none stands behind it (any more). */
int pool_find_name(const struct pool *pool, uint32_t address, char ret_name[256]);

/*
 * What the session knows under this key (not 0): its value, or -ENOENT. pool_note(…, 0) forgets it.
 * There is room for LAYOUT_NOTES keys; what comes after is not remembered.
 */
int pool_find_note(const struct pool *pool, uint64_t key);
void pool_note(struct pool *pool, uint64_t key, uint16_t value);

#endif
