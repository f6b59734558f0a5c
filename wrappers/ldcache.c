#include "ldcache.h"

#include <string.h>

/*
 * glibc, sysdeps/generic/dl-cache.h, in the byte order of the machine.
 *
 *     struct cache_file_new                 struct file_entry_new
 *     +--------------------------------+    +--------------------------------+
 *     | "glibc-ld.so.cache1.1", 20     |    | flags, 4     | key, 4: the name |
 *     | nlibs, 4     | len_strings, 4  |    | value, 4: the path              |
 *     | flags, 1; 3 bytes; extension, 4|    | osversion, 4                    |
 *     | 12 bytes                       |    | hwcap, 8                        |
 *     +--------------------------------+    +--------------------------------+
 *
 * Offsets of names and paths count from that header. Before it there may be a struct cache_file of
 * glibc 2.2: "ld.so-1.7.0" and a NUL, nlibs, and 12 bytes for each, padded to a multiple of 8.
 */
#define MAGIC	  "glibc-ld.so.cache1.1"
#define HEAD	  48
#define COUNT_AT  20
#define ENTRY	  24
#define NAME_AT	  4
#define PATH_AT	  8
#define OLD_MAGIC "ld.so-1.7.0"
#define OLD_HEAD  16
#define OLD_COUNT 12
#define OLD_ENTRY 12

static guint32 number_at(const char *at)
{
	guint32 number;

	memcpy(&number, at, sizeof(number));
	return number;
}

/* Where the newer part begins; `length`: nowhere. */
static gsize skip_old(const char *bytes, gsize length)
{
	if (length < OLD_HEAD || memcmp(bytes, OLD_MAGIC, strlen(OLD_MAGIC)) != 0)
		return 0;
	const guint64 end = OLD_HEAD + (guint64)OLD_ENTRY * number_at(bytes + OLD_COUNT);
	return (gsize)MIN((end + 7) & ~(guint64)7, length);
}

gboolean ldcache_open(struct ldcache *ret_cache, const char *bytes, gsize length)
{
	const gsize skipped = skip_old(bytes, length);
	struct ldcache cache = { .start = bytes + skipped, .length = length - skipped };

	if (cache.length < HEAD || memcmp(cache.start, MAGIC, strlen(MAGIC)) != 0)
		return FALSE;
	cache.entries = cache.start + HEAD;
	cache.count = MIN(number_at(cache.start + COUNT_AT), (cache.length - HEAD) / ENTRY);
	*ret_cache = cache;
	return TRUE;
}

/* A text that ends inside, or "". */
static const char *text_at(const struct ldcache *cache, guint32 offset)
{
	if (offset >= cache->length || !memchr(cache->start + offset, '\0', cache->length - offset))
		return "";
	return cache->start + offset;
}

const char *ldcache_find(const struct ldcache *cache, const char *name, gsize *index)
{
	while (*index < cache->count) {
		const char *entry = cache->entries + ENTRY * (*index)++;
		if (strcmp(text_at(cache, number_at(entry + NAME_AT)), name) == 0)
			return text_at(cache, number_at(entry + PATH_AT));
	}
	return NULL;
}
