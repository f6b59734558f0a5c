#include "names/pool.h"
#include "names/layout.h"

#include "base/error.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * How it works. Every insertion takes the next serial number. A number gives the placeholder (its
 * rest by the size of the range) and the entry (its rest by the number of entries), so an address
 * finds its name without a search. A hash slot holds a number too; it is worth something as long as
 * the entry still has that number.
 *
 * Two threads with the same name must end with the same number, without a lock. A name's slots are
 * a window of WINDOW slots, and whoever inserts replaces the first slot of one fixed order: free
 * slots by position, then by age. Along that order a slot only ever moves up. Had each of the two
 * missed the other's slot, each would have seen its own choice before the other's, and the
 * compare-and-swap of one must have failed. So the one that loses looks again and finds the name.
 * That is why a slot whose number is worth nothing is not preferred.
 *
 * An entry is written by the one who has set its number to BUSY, and read between two looks at the
 * number.
 */
#define WINDOW 64
#define BUSY                                                                                       \
	0x80000000u /* like 0 it would be the first address of any range, so it is no placeholder  \
		     */
#define ATTEMPTS 1024 /* nobody loses so often, unless the map was written by someone else */

/* A valid name: lower case, no trailing dot, padded with zeros. */
struct name {
	uint32_t length;
	uint64_t words[LAYOUT_NAME_WORDS];
};

/* The window of a name as it was seen once: numbers, up to and with the first free one. */
struct window {
	uint32_t first;
	uint32_t seen[WINDOW];
	uint32_t choice; /* which of them an insertion replaces */
};

static uint32_t load(const _Atomic uint32_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static bool swap(_Atomic uint32_t *word, uint32_t from, uint32_t to)
{
	return atomic_compare_exchange_strong_explicit(word, &from, to, memory_order_acq_rel,
						       memory_order_relaxed);
}

/* ---- names ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Visible ASCII in labels of 1 to 63 bytes (RFC 1035 §2.3.4): what a DST.ADDR can carry without a
 * doubt. */
static bool is_name(const char *text, size_t length)
{
	size_t label = 0;

	if (length < 1 || length > LAYOUT_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		const unsigned char c = (unsigned char)text[i];
		if (c <= 0x20 || c >= 0x7f || (c == '.' && label == 0))
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return label > 0;
}

static int take_name(const char *text, size_t length, struct name *ret_name)
{
	char *to = (char *)ret_name->words;

	if (length > 0 && text[length - 1] == '.')
		length--;
	if (!is_name(text, length))
		return -EINVAL;
	memset(ret_name, 0, sizeof(*ret_name));
	ret_name->length = (uint32_t)length;
	for (size_t i = 0; i < length; i++)
		to[i] = lower(text[i]);
	return 0;
}

static size_t words_of(uint32_t length)
{
	return (length + 7) / 8;
}

static uint32_t hash(const struct name *name)
{
	uint64_t state = name->length;

	for (size_t i = 0; i < words_of(name->length); i++) {
		state = (state ^ name->words[i]) * 0x9e3779b97f4a7c15u;
		state ^= state >> 32;
	}
	return (uint32_t)(state * 0x9e3779b97f4a7c15u >> 32);
}

/* ---- entries ---- */

/* A small range has fewer addresses than there are entries. Both are powers of two. */
static uint32_t entries_in(const struct pool *pool)
{
	return pool->space < pool->entries ? pool->space : pool->entries;
}

static struct layout_entry *entry_of(const struct pool *pool, uint32_t number)
{
	return layout_entries(pool->map, pool->entries) + number % entries_in(pool);
}

/* Insertions since this number. The counter is read after the number was: honest numbers are behind
 * it. */
static uint32_t age(const struct pool *pool, uint32_t number)
{
	return load(&pool->map->next) - number;
}

/* Whether the entry stands for this number and has this name. */
static bool entry_has(const struct layout_entry *entry, uint32_t number, const struct name *name)
{
	if (load(&entry->number) != number || load(&entry->length) != name->length)
		return false;
	for (size_t i = 0; i < words_of(name->length); i++) {
		if (atomic_load_explicit(&entry->name[i], memory_order_acquire) != name->words[i])
			return false;
	}
	return load(&entry->number) == number;
}

/* Release stores: who sees one of them sees BUSY, or what came after it, in the second look at the
 * number. */
static void fill_entry(struct layout_entry *entry, uint32_t number, const struct name *name)
{
	atomic_store_explicit(&entry->length, name->length, memory_order_release);
	for (size_t i = 0; i < words_of(name->length); i++)
		atomic_store_explicit(&entry->name[i], name->words[i], memory_order_release);
	atomic_store_explicit(&entry->number, number, memory_order_release);
}

/* The words of the entry, if they were the number's all the time. */
static bool read_entry(const struct layout_entry *entry, uint32_t number, struct name *ret_name)
{
	ret_name->length = load(&entry->length);
	if (ret_name->length > LAYOUT_NAME_MAX)
		return false;
	for (size_t i = 0; i < words_of(ret_name->length); i++)
		ret_name->words[i] = atomic_load_explicit(&entry->name[i], memory_order_acquire);
	return load(&entry->number) == number;
}

/* The next number that is a placeholder. */
static uint32_t take_number(const struct pool *pool)
{
	uint32_t number;

	do {
		number = atomic_fetch_add_explicit(&pool->map->next, 1, memory_order_relaxed) + 1;
	} while (number % pool->space == 0);
	return number;
}

/*
 * A new entry with the name, in place of the oldest one: its number. An entry that is being
 * written, or that went to a later number meanwhile, is left alone. -EBUSY when the map has none to
 * give.
 */
static int add_entry(const struct pool *pool, const struct name *name, uint32_t *ret_number)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		const uint32_t number = take_number(pool);
		struct layout_entry *entry = entry_of(pool, number);
		const uint32_t old = load(&entry->number);

		if (old == BUSY || (old != 0 && age(pool, old) <= age(pool, number)))
			continue;
		if (!swap(&entry->number, old, BUSY))
			continue;
		fill_entry(entry, number, name);
		*ret_number = number;
		return 0;
	}
	return -EBUSY;
}

/* ---- slots ---- */

static uint32_t slots_in(const struct pool *pool)
{
	return 2 * pool->entries;
}

static _Atomic uint32_t *slot_at(const struct pool *pool, const struct window *window, uint32_t i)
{
	return &pool->map->slots[(window->first + i) % slots_in(pool)];
}

/* Looks through the name's window: its number, or 0 and what was seen. A free slot was always free:
 * it ends it. */
static uint32_t find_number(const struct pool *pool, const struct name *name, struct window *window)
{
	window->choice = 0;
	for (uint32_t i = 0; i < WINDOW; i++) {
		const uint32_t number = load(slot_at(pool, window, i));

		window->seen[i] = number;
		if (number == 0) {
			window->choice = i;
			return 0;
		}
		if (number % pool->space != 0 && entry_has(entry_of(pool, number), number, name))
			return number;
		if (age(pool, number) > age(pool, window->seen[window->choice]))
			window->choice = i;
	}
	return 0;
}

/* Whether the window has only later numbers: this one came too late to take a place there. */
static bool is_overtaken(const struct pool *pool, const struct window *window, uint32_t number)
{
	const uint32_t old = window->seen[window->choice];
	return old != 0 && age(pool, number) >= age(pool, old);
}

/* Puts the number where the window says, if nobody was faster. */
static bool fill_slot(const struct pool *pool, const struct window *window, uint32_t number)
{
	return swap(slot_at(pool, window, window->choice), window->seen[window->choice], number);
}

/* ---- the map ---- */

size_t pool_map_size(uint32_t entries)
{
	return layout_size(entries);
}

uint32_t pool_map_entries(uint64_t size)
{
	uint32_t entries = LAYOUT_ENTRIES;

	while (entries >= LAYOUT_ENTRIES_MIN && layout_size(entries) > size)
		entries /= 2;
	return entries >= LAYOUT_ENTRIES_MIN ? entries : 0;
}

/*
 * It only has to differ from one map to the next, so where the kernel has nothing to give (early in
 * the boot, or under a strict filter) the place of something in memory does.
 */
static uint32_t random_start(const void *place)
{
	uint32_t start;
	ssize_t r;

	do {
		r = getrandom(&start, sizeof(start), GRND_NONBLOCK);
	} while (r < 0 && errno == EINTR);
	return r == sizeof(start) ? start : (uint32_t)((uintptr_t)place >> 4) * 0x9e3779b1u;
}

int pool_begin(int fd)
{
	const uint32_t start = random_start(&fd);
	const ssize_t r = pwrite(fd, &start, sizeof(start), offsetof(struct layout, next));

	return r == sizeof(start) ? 0 : r < 0 ? error_last() : -EIO;
}

/* Maps what the descriptor has into pool, which is otherwise filled. */
static int map_shared(int fd, struct pool *pool)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return error_last();
	const uint32_t entries = S_ISREG(st.st_mode) ? pool_map_entries((uint64_t)st.st_size) : 0;
	if (entries == 0 || st.st_size != (off_t)layout_size(entries))
		return -EBADMSG;
	void *map = mmap(NULL, layout_size(entries), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return error_last();
	pool->map = map;
	pool->entries = entries;
	return 0;
}

/* Shared with forks only. */
static int map_private(struct pool *pool, uint32_t entries)
{
	struct layout *map = mmap(NULL, layout_size(entries), PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return error_last();
	atomic_store(&map->next, random_start(map));
	pool->map = map;
	pool->entries = entries;
	return 0;
}

static void copy_into(const struct pool *pool, const struct pool *copy);

/* In place of a map that takes more of the address space than there is to give. */
static int map_smaller(struct pool *pool, uint32_t entries)
{
	struct pool copy = *pool;
	int r = map_private(&copy, entries);

	if (r == 0)
		copy_into(pool, &copy);
	pool_close(pool);
	*pool = copy;
	return r;
}

int pool_open(struct pool *pool, int fd, uint32_t address, unsigned prefix, uint32_t most)
{
	ERROR_PROTECT;
	struct pool opened = { .base = address };

	if (prefix < 8 || prefix > 30 || (address & (0xffffffffu >> prefix)) != 0)
		return -EINVAL;
	opened.space = 1u << (32 - prefix);
	int r = fd < 0 ? map_private(&opened, most) : map_shared(fd, &opened);
	if (r == 0 && opened.entries > most)
		r = map_smaller(&opened, most);
	if (r == 0)
		*pool = opened;
	return r;
}

void pool_close(struct pool *pool)
{
	munmap(pool->map, layout_size(pool->entries));
	pool->map = NULL;
}

/* ---- copies ---- */

/*
 * A map's numbers come in parts: those it has given out itself end at `next`, those of each
 * original it was copied from at a number of `parts`. Where a part begins nobody knows, and looking
 * at all entries would take memory for the unused ones; so it is walked from its end, until GAP
 * numbers one after the other have no entry: more than a few are never skipped.
 */
#define GAP 64

struct walk {
	uint32_t number; /* the next one to look at */
	unsigned missing;
	unsigned left; /* names that may still be copied */
};

/* The next older entry of the part, in ret_name: its number, or 0 at the part's beginning. */
static uint32_t walk_back(const struct pool *pool, struct walk *walk, struct name *ret_name)
{
	while (walk->missing < GAP && walk->left > 0) {
		const uint32_t number = walk->number--;
		const struct layout_entry *entry = entry_of(pool, number);

		walk->missing++;
		memset(ret_name, 0, sizeof(*ret_name));
		if (number % pool->space == 0 || load(&entry->number) != number ||
		    !read_entry(entry, number, ret_name) ||
		    !is_name((const char *)ret_name->words, ret_name->length))
			continue;
		walk->missing = 0;
		walk->left--;
		return number;
	}
	return 0;
}

/* An entry of the copy, if no later number has its place, and the slot that leads there. */
static void put_copy(const struct pool *copy, uint32_t number, const struct name *name)
{
	struct layout_entry *entry = entry_of(copy, number);
	struct window window = { .first = hash(name) % slots_in(copy) };

	if (load(&entry->number) != 0)
		return;
	fill_entry(entry, number, name);
	if (find_number(copy, name, &window) == 0 && !is_overtaken(copy, &window, number))
		fill_slot(copy, &window, number);
}

/* A part, as far as it was copied. */
struct part {
	uint32_t first, last;
};

/* Copies the part that ends at this number; *left is how many names may be copied yet. */
static struct part copy_part(const struct pool *pool, const struct pool *copy, uint32_t last,
			     unsigned *left)
{
	struct walk walk = { .number = last, .left = *left };
	struct part part = { last, last };
	struct name name;
	uint32_t number;

	while ((number = walk_back(pool, &walk, &name)) != 0) {
		put_copy(copy, number, &name);
		part.first = number;
	}
	*left = walk.left;
	return part;
}

/* A part's end, for the copy, unless there is nothing in that part. */
static void keep_part(const struct pool *pool, const struct pool *copy, uint32_t last,
		      unsigned *count)
{
	struct walk walk = { .number = last, .left = 1 };
	struct name name;

	if (last != 0 && *count < LAYOUT_PARTS && walk_back(pool, &walk, &name) != 0)
		atomic_store_explicit(&copy->map->parts[(*count)++], last, memory_order_relaxed);
}

/* How many numbers behind this one are given out before they take the part's entries away. */
static uint32_t room_before(const struct pool *copy, uint32_t number, const struct part *part)
{
	const uint32_t entries = entries_in(copy), length = part->last - part->first + 1;
	const uint32_t ahead = (part->first - number - 1) % entries;

	return length > entries - ahead ? 0 : ahead;
}

#define STARTS 16

/*
 * Where the copy's own numbers begin: so far that every address may be next, and so little that
 * after some generations the oldest is still the oldest: ages are below 2^32. Of some places at
 * random the one with the most room, or names that were copied would soon make way for new ones.
 */
static uint32_t choose_start(const struct pool *copy, uint32_t next, const struct part *parts,
			     unsigned count)
{
	uint32_t random = random_start(copy->map), best = 0, most = 0;

	for (unsigned i = 0; i < STARTS; i++) {
		const uint32_t start = next + 1 + (random >> 8);
		uint32_t room = UINT32_MAX;
		for (unsigned j = 0; j < count; j++) {
			const uint32_t before = room_before(copy, start, &parts[j]);
			room = before < room ? before : room;
		}
		if (i == 0 || room > most) {
			best = start;
			most = room;
		}
		random = random * 0x9e3779b1u + 0x7f4a7c15u;
	}
	return best;
}

static void copy_names(const struct pool *pool, const struct pool *copy)
{
	const uint32_t next = load(&pool->map->next);
	struct part parts[LAYOUT_PARTS];
	unsigned count = 0;
	unsigned left = entries_in(copy) < POOL_COPY_MAX ? entries_in(copy) : POOL_COPY_MAX;

	atomic_store_explicit(&copy->map->next, next + 1, memory_order_relaxed);
	keep_part(pool, copy, next, &count);
	for (int i = 0; i < LAYOUT_PARTS; i++)
		keep_part(pool, copy, load(&pool->map->parts[i]), &count);
	for (unsigned i = 0; i < count; i++)
		parts[i] = copy_part(pool, copy, load(&copy->map->parts[i]), &left);
	atomic_store_explicit(&copy->map->next, choose_start(copy, next, parts, count),
			      memory_order_relaxed);
}

static void copy_into(const struct pool *pool, const struct pool *to)
{
	struct pool copy = *to;

	copy_names(pool, &copy);
	for (int i = 0; i < LAYOUT_NOTES; i++) {
		const struct layout_note *note = &pool->map->notes[i];
		const uint64_t key = atomic_load_explicit(&note->key, memory_order_acquire);
		const int value = key != 0 ? pool_find_note(pool, key) : 0;
		if (value > 0)
			pool_note(&copy, key, (uint16_t)value);
	}
}

int pool_copy(const struct pool *pool, int fd)
{
	ERROR_PROTECT;
	struct pool copy = *pool;
	int r = map_shared(fd, &copy);

	if (r < 0)
		return r;
	copy_into(pool, &copy);
	pool_close(&copy);
	return 0;
}

int pool_isolate(struct pool *pool)
{
	ERROR_PROTECT;
	const size_t size = layout_size(pool->entries);
	struct pool copy = *pool;
	int r = map_private(&copy, pool->entries);

	if (r < 0)
		return r;
	copy_into(pool, &copy);
	if (mremap(copy.map, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, pool->map) != MAP_FAILED)
		return 0;
	r = error_last();
	pool_close(&copy);
	return r;
}

/* ---- questions ---- */

/* Gives the name an entry, if *mine is none any more, and a slot: 1, or 0 when somebody was faster.
 */
static int add_number(const struct pool *pool, const struct name *name, const struct window *window,
		      uint32_t *mine)
{
	if (*mine == 0 || is_overtaken(pool, window, *mine)) {
		int r = add_entry(pool, name, mine);
		if (r < 0)
			return r;
	}
	return !is_overtaken(pool, window, *mine) && fill_slot(pool, window, *mine);
}

int pool_get_address(struct pool *pool, const char *name, size_t length, uint32_t *ret_address)
{
	struct name wanted;
	struct window window;
	uint32_t mine = 0; /* the number of an entry that no slot names yet */
	int r = take_name(name, length, &wanted);

	if (r < 0)
		return r;
	window.first = hash(&wanted) % slots_in(pool);
	for (int i = 0; i < ATTEMPTS; i++) {
		uint32_t number = find_number(pool, &wanted, &window);

		if (number == 0) {
			r = add_number(pool, &wanted, &window, &mine);
			number = r > 0 ? mine : 0;
		}
		if (r < 0)
			return r;
		if (number != 0) {
			*ret_address = pool->base + number % pool->space;
			return 0;
		}
	}
	return -EBUSY;
}

int pool_find_name(const struct pool *pool, uint32_t address, char ret_name[256])
{
	const uint32_t distance = address - pool->base;
	struct name name;

	if (distance == 0 || distance >= pool->space)
		return -ENOENT;
	const struct layout_entry *entry = entry_of(pool, distance);
	const uint32_t number = load(&entry->number);
	if (number % pool->space != distance || !read_entry(entry, number, &name) ||
	    !is_name((const char *)name.words, name.length))
		return -ENOENT;
	memcpy(ret_name, name.words, name.length);
	ret_name[name.length] = '\0';
	return (int)name.length;
}

/* ---- notes ---- */

/* The key's note, or NULL. */
static struct layout_note *find_note(const struct pool *pool, uint64_t key)
{
	for (int i = 0; i < LAYOUT_NOTES; i++) {
		struct layout_note *note = &pool->map->notes[i];
		if (atomic_load_explicit(&note->key, memory_order_acquire) == key)
			return note;
	}
	return NULL;
}

/* A note for the key; NULL when all are taken: then nothing is remembered, which costs a round
 * trip. */
static struct layout_note *take_note(const struct pool *pool, uint64_t key)
{
	for (int i = 0; i < LAYOUT_NOTES; i++) {
		struct layout_note *note = &pool->map->notes[i];
		uint64_t seen = 0;
		if (atomic_compare_exchange_strong(&note->key, &seen, key) || seen == key)
			return note;
	}
	return NULL;
}

int pool_find_note(const struct pool *pool, uint64_t key)
{
	const struct layout_note *note = key != 0 ? find_note(pool, key) : NULL;
	const uint32_t value = note ? load(&note->value) : 0;

	return value != 0 && value <= UINT16_MAX ? (int)value : -ENOENT;
}

void pool_note(struct pool *pool, uint64_t key, uint16_t value)
{
	struct layout_note *note = NULL;

	if (key != 0)
		note = value != 0 ? take_note(pool, key) : find_note(pool, key);
	if (note)
		atomic_store_explicit(&note->value, value, memory_order_release);
}
