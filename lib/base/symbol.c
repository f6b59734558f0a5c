#include "base/symbol.h"

#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define VERSION_HIDDEN 0x8000 /* of DT_VERSYM: kept for programs linked long ago */
#define WORD_BITS      (8 * sizeof(ElfW(Addr)))

/* A DT_GNU_HASH table: four numbers, a Bloom filter, the buckets' first symbols, the chains. */
struct table {
	uint32_t bucket_count;
	uint32_t first_symbol; /* that is in a chain */
	uint32_t filter_count; /* a power of two */
	uint32_t filter_shift;
};

struct object {
	ElfW(Addr) base;
	const struct table *table;
	const ElfW(Addr) * filter;
	const uint32_t *buckets;
	const uint32_t *chains;
	const ElfW(Sym) * symbols;
	const char *strings;
	const ElfW(Half) * versions; /* NULL: none */
};

/* What is looked for. */
struct search {
	unsigned count;
	unsigned left;
	void **found;
	const char *names[SYMBOL_MAX];
	uint32_t hashes[SYMBOL_MAX];
};

/* ---- one library ---- */

/* The dynamic linker adds the base to most addresses in most libraries. */
static const void *at(const struct link_map *map, ElfW(Addr) address)
{
	return (const void *)(address < map->l_addr ? address + map->l_addr : address);
}

static bool read_object(const struct link_map *map, struct object *ret)
{
	*ret = (struct object){ .base = map->l_addr };
	for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++) {
		switch (entry->d_tag) {
		case DT_GNU_HASH:
			ret->table = at(map, entry->d_un.d_ptr);
			break;
		case DT_SYMTAB:
			ret->symbols = at(map, entry->d_un.d_ptr);
			break;
		case DT_STRTAB:
			ret->strings = at(map, entry->d_un.d_ptr);
			break;
		case DT_VERSYM:
			ret->versions = at(map, entry->d_un.d_ptr);
			break;
		}
	}
	if (!ret->table || !ret->symbols || !ret->strings)
		return false;
	ret->filter = (const ElfW(Addr) *)(ret->table + 1);
	ret->buckets = (const uint32_t *)(ret->filter + ret->table->filter_count);
	ret->chains = ret->buckets + ret->table->bucket_count;
	return true;
}

static bool may_have(const struct object *object, uint32_t hash)
{
	const struct table *table = object->table;
	const ElfW(Addr) word = object->filter[hash / WORD_BITS & (table->filter_count - 1)];

	return table->bucket_count > 0 && word >> hash % WORD_BITS & 1 &&
	       word >> (hash >> table->filter_shift) % WORD_BITS & 1;
}

static bool is_wanted(const struct object *object, uint32_t index, const char *name)
{
	const ElfW(Sym) *symbol = &object->symbols[index];

	return symbol->st_shndx != SHN_UNDEF && symbol->st_value != 0 &&
	       !(object->versions && object->versions[index] & VERSION_HIDDEN) &&
	       strcmp(object->strings + symbol->st_name, name) == 0;
}

/* NULL when the library has no such name. */
static const ElfW(Sym) * find_in(const struct object *object, const char *name, uint32_t hash)
{
	const struct table *table = object->table;

	if (!may_have(object, hash))
		return NULL;
	uint32_t index = object->buckets[hash % table->bucket_count];
	if (index < table->first_symbol)
		return NULL; /* an empty bucket */
	/* The lowest bit says that a chain is at its end. */
	for (;; index++) {
		const uint32_t link = object->chains[index - table->first_symbol];
		if ((link | 1) == (hash | 1) && is_wanted(object, index, name))
			return &object->symbols[index];
		if (link & 1)
			return NULL;
	}
}

/* ---- all of them ---- */

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (uint8_t)*name;
	return hash;
}

static void search_in(const struct object *object, struct search *search)
{
	for (unsigned i = 0; i < search->count; i++) {
		const ElfW(Sym) *symbol =
			search->names[i] ? find_in(object, search->names[i], search->hashes[i])
					 : NULL;
		if (!symbol)
			continue;
		search->names[i] = NULL;
		search->left--;
		if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC) /* the same in 32 bits */
			search->found[i] = (void *)(object->base + symbol->st_value);
	}
}

static const struct link_map *find_own(void)
{
	const struct link_map *map = _r_debug.r_map;

	while (map && map->l_ld != _DYNAMIC)
		map = map->l_next;
	return map;
}

void symbol_find_next(const char *names, unsigned count, void *ret_found[])
{
	struct search search = { .count = count, .left = count, .found = ret_found };
	const struct link_map *map = count <= SYMBOL_MAX ? find_own() : NULL;
	struct object object;

	for (unsigned i = 0; map && i < count; i++) {
		search.names[i] = names;
		search.hashes[i] = hash_of(names);
		names += strlen(names) + 1;
	}
	while (map && (map = map->l_next) && search.left > 0 && read_object(map, &object))
		search_in(&object, &search);
}
