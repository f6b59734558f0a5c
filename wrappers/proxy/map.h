/*
 * map: where targets are really connected to (--map), so that tests and demonstrations need no DNS.
 * Filled once at the start, then only read; one thread.
 */
#ifndef PROXY_MAP_H
#define PROXY_MAP_H

#include "address.h"

struct map;

struct map *map_new(void);
void map_free(struct map *map);

/* FROM[:PORT]=ADDRESS[:PORT], FROM being a name or an address. */
gboolean map_add(struct map *map, const char *text, GError **error);

/* What `asked` leads to: itself when no entry fits. An entry with a port goes before one without.
 */
struct address map_apply(const struct map *map, const struct address *asked);

/* The first name that leads to this address, NULL when none does: for RESOLVE_PTR. */
const char *map_name(const struct map *map, GInetAddress *inet);

#endif
