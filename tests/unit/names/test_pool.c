#include "names/layout.h"
#include "names/pool.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BASE   0x7f400000u /* 127.64.0.0 */
#define PREFIX 10
#define SMALL  28 /* 15 placeholders */
#define SLOTS  (2 * LAYOUT_ENTRIES)
#define SIZE   layout_size(LAYOUT_ENTRIES)

static int open_map(void)
{
	int fd = memfd_create("names", MFD_CLOEXEC);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, (off_t)SIZE), 0);
	return fd;
}

static struct pool open_pool(int fd, unsigned prefix)
{
	struct pool pool;

	cr_assert_eq(pool_open(&pool, fd, BASE, prefix, LAYOUT_ENTRIES), 0);
	return pool;
}

/* A new map, shared as `isosocks` shares it. */
static struct pool new_pool(unsigned prefix)
{
	int fd = open_map();
	struct pool pool = open_pool(fd, prefix);

	close(fd);
	return pool;
}

static uint32_t get(struct pool *pool, const char *name)
{
	uint32_t address = 0;

	cr_assert_eq(pool_get_address(pool, name, strlen(name), &address), 0, "%s", name);
	return address;
}

static uint32_t get_numbered(struct pool *pool, unsigned i)
{
	char name[32];

	snprintf(name, sizeof(name), "host%u.example.com", i);
	return get(pool, name);
}

static void expect_name(const struct pool *pool, uint32_t address, const char *name)
{
	char found[256];

	cr_assert_eq(pool_find_name(pool, address, found), (int)strlen(name));
	cr_assert_str_eq(found, name);
}

static void expect_unknown(const struct pool *pool, uint32_t address)
{
	char found[256] = "untouched";

	cr_assert_eq(pool_find_name(pool, address, found), -ENOENT);
	cr_assert_str_eq(found, "untouched");
}

Test(pool, gives_placeholders_in_order_from_the_second_address)
{
	struct pool pool = new_pool(PREFIX);

	cr_assert_eq(get(&pool, "a.example"), BASE + 1);
	cr_assert_eq(get(&pool, "b.example"), BASE + 2);
	expect_name(&pool, BASE + 1, "a.example");
	expect_name(&pool, BASE + 2, "b.example");
}

Test(pool, gives_a_name_the_same_placeholder_in_any_case_and_with_a_dot)
{
	struct pool pool = new_pool(PREFIX);
	uint32_t address = get(&pool, "Www.Example.COM");

	cr_assert_eq(get(&pool, "www.example.com"), address);
	cr_assert_eq(get(&pool, "WWW.EXAMPLE.COM."), address);
	cr_assert_neq(get(&pool, "www.example.co"), address);
	cr_assert_neq(get(&pool, "www.example.comm"), address);
	expect_name(&pool, address, "www.example.com");
}

Test(pool, knows_no_name_outside_and_at_the_first_address)
{
	struct pool pool = new_pool(PREFIX);

	get(&pool, "a.example");
	expect_unknown(&pool, BASE);
	expect_unknown(&pool, BASE - 1);
	expect_unknown(&pool, BASE + 2);
	expect_unknown(&pool, BASE + (1u << 22));
	expect_unknown(&pool, BASE + (1u << 22) + 1);
	expect_unknown(&pool, 0);
	expect_unknown(&pool, 0xffffffff);
	/* The same entry, but not the same placeholder. */
	expect_unknown(&pool, BASE + 1 + LAYOUT_ENTRIES);
}

Test(pool, takes_names_that_fit_a_request)
{
	static const char *const good[] = {
		"a", "a_b.-c", "x--1.onion", "1.2", "*.example", "a/b"
	};
	struct pool pool = new_pool(PREFIX);
	char name[256];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect_name(&pool, get(&pool, good[i]), good[i]);
	memset(name, 'a', sizeof(name));
	name[63] = name[127] = name[191] = '.';
	name[255] = '.'; /* 255 and the trailing dot */
	uint32_t address;
	cr_assert_eq(pool_get_address(&pool, name, 256, &address), 0);
	name[255] = '\0';
	expect_name(&pool, address, name);
}

Test(pool, refuses_what_is_no_name)
{
	static const struct {
		const char *name;
		size_t length;
	} bad[] = {
		{ "", 0 },	{ ".", 1 },	    { "a..", 3 },  { "a..b", 4 },
		{ ".a", 2 },	{ "a b", 3 },	    { "a\0b", 3 }, { "a\tb", 3 },
		{ "a\x7f", 2 }, { "b\xc3\xbc", 3 }, { "a\nb", 3 }, { "\x01", 1 },
	};
	struct pool pool = new_pool(PREFIX);
	uint32_t address = 77;
	char label[257];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(pool_get_address(&pool, bad[i].name, bad[i].length, &address), -EINVAL,
			     "row %zu", i);
	memset(label, 'a', sizeof(label));
	cr_assert_eq(pool_get_address(&pool, label, 63, &address), 0);
	address = 77;
	cr_assert_eq(pool_get_address(&pool, label, 64, &address), -EINVAL);
	for (int i = 50; i < 257; i += 50)
		label[i] = '.';
	cr_assert_eq(pool_get_address(&pool, label, 256, &address), -EINVAL);
	cr_assert_eq(address, 77, "output changed on failure");
}

Test(pool, keeps_100000_names)
{
	enum { NAMES = 100000 };
	struct pool pool = new_pool(PREFIX);
	uint32_t *address = calloc(NAMES, sizeof(*address));

	for (unsigned i = 0; i < NAMES; i++)
		address[i] = get_numbered(&pool, i);
	for (unsigned i = 0; i < NAMES; i++) {
		char name[32];
		snprintf(name, sizeof(name), "host%u.example.com", i);
		cr_assert_eq(get_numbered(&pool, i), address[i], "%s", name);
		expect_name(&pool, address[i], name);
	}
	free(address);
}

Test(pool, forgets_the_oldest_name_when_the_range_is_used_up)
{
	struct pool pool = new_pool(SMALL);

	for (unsigned i = 0; i < 15; i++)
		cr_assert_eq(get_numbered(&pool, i), BASE + 1 + i);
	cr_assert_eq(get_numbered(&pool, 0), BASE + 1, "it was there still");
	cr_assert_eq(get_numbered(&pool, 15), BASE + 1);
	expect_name(&pool, BASE + 1, "host15.example.com");
	cr_assert_eq(get_numbered(&pool, 14), BASE + 15);
	cr_assert_eq(get_numbered(&pool, 0), BASE + 2, "a forgotten name is a new one");
	expect_unknown(&pool, BASE);
	expect_unknown(&pool, BASE + 16);
}

/* In a range larger than the map, an old address is never another name's. */
Test(pool, knows_an_old_placeholder_no_more_once_its_entry_is_used_again)
{
	struct pool pool = new_pool(PREFIX);
	uint32_t first = get(&pool, "first.example");

	for (unsigned i = 0; i < LAYOUT_ENTRIES - 1; i++)
		get_numbered(&pool, i);
	expect_name(&pool, first, "first.example");
	uint32_t later = get(&pool, "later.example");
	cr_assert_eq(later, first + LAYOUT_ENTRIES);
	expect_name(&pool, later, "later.example");
	expect_unknown(&pool, first);
	cr_assert_eq(get(&pool, "first.example"), later + 1);
}

Test(pool, goes_on_where_its_counter_wraps)
{
	struct pool pool = new_pool(SMALL);

	atomic_store(&pool.map->next, UINT32_MAX - 40);
	for (unsigned i = 0; i < 100; i++) {
		char name[32];
		snprintf(name, sizeof(name), "host%u.example.com", i);
		uint32_t address = get_numbered(&pool, i);
		cr_assert(address > BASE && address < BASE + 16);
		expect_name(&pool, address, name);
		const uint32_t next = atomic_load(&pool.map->next);
		for (unsigned kept = i < 14 ? 0 : i - 14; kept <= i; kept++)
			get_numbered(&pool, kept);
		cr_assert_eq(atomic_load(&pool.map->next), next, "forgot more than the oldest");
	}
}

/* More insertions than there are slots: nothing is free any more, the oldest make room. */
Test(pool, keeps_its_newest_names_when_every_slot_has_been_used)
{
	struct pool pool = new_pool(PREFIX);
	const unsigned names = 2 * SLOTS;

	for (unsigned i = 0; i < names; i++)
		get_numbered(&pool, i);
	const uint32_t last = atomic_load(&pool.map->next);
	for (unsigned i = names - 10000; i < names; i++)
		get_numbered(&pool, i);
	const uint32_t lost = atomic_load(&pool.map->next) - last;
	cr_assert_eq(lost, 0, "%u names got a second placeholder", lost);
}

Test(pool, needs_a_map_of_the_whole_size)
{
	struct pool pool;
	int fd = memfd_create("names", MFD_CLOEXEC);
	int pipes[2];

	cr_assert_eq(pool_open(&pool, fd, BASE, PREFIX, LAYOUT_ENTRIES), -EBADMSG);
	cr_assert_eq(ftruncate(fd, (off_t)SIZE - 1), 0);
	cr_assert_eq(pool_open(&pool, fd, BASE, PREFIX, LAYOUT_ENTRIES), -EBADMSG);
	cr_assert_eq(pipe(pipes), 0);
	cr_assert_eq(pool_open(&pool, pipes[0], BASE, PREFIX, LAYOUT_ENTRIES), -EBADMSG);
	close(fd);
	cr_assert_eq(pool_open(&pool, fd, BASE, PREFIX, LAYOUT_ENTRIES), -EBADF);
}

Test(pool, refuses_a_range_that_is_none)
{
	struct pool pool;

	cr_assert_eq(pool_open(&pool, -1, BASE, 7, LAYOUT_ENTRIES), -EINVAL);
	cr_assert_eq(pool_open(&pool, -1, BASE, 31, LAYOUT_ENTRIES), -EINVAL);
	cr_assert_eq(pool_open(&pool, -1, BASE + 1, PREFIX, LAYOUT_ENTRIES), -EINVAL);
	cr_assert_eq(pool_open(&pool, -1, 0x7f000000, 8, LAYOUT_ENTRIES), 0);
	cr_assert_eq(pool_open(&pool, -1, BASE, 30, LAYOUT_ENTRIES), 0);
}

Test(pool, leaves_errno_alone)
{
	int fd = open_map();
	char found[256];

	errno = 4242;
	struct pool pool = open_pool(fd, PREFIX);
	struct pool own = open_pool(-1, PREFIX);
	get(&pool, "a.example");
	get(&own, "a.example");
	pool_find_name(&pool, BASE + 1, found);
	pool_find_name(&pool, BASE + 2, found);
	cr_assert_eq(errno, 4242);
}

Test(pool, shares_one_map_between_all_who_open_it)
{
	int fd = open_map();
	struct pool one = open_pool(fd, PREFIX);
	struct pool two = open_pool(fd, PREFIX);
	uint32_t address = get(&one, "shared.example");

	close(fd);
	cr_assert_neq(one.map, two.map);
	expect_name(&two, address, "shared.example");
	cr_assert_eq(get(&two, "shared.example"), address);
}

Test(pool, begins_a_private_map_anywhere)
{
	struct pool one = open_pool(-1, PREFIX);
	struct pool two = open_pool(-1, PREFIX);
	uint32_t address = get(&one, "private.example");

	expect_name(&one, address, "private.example");
	/* One chance in four million that this is not so. */
	cr_assert_neq(get(&two, "private.example"), address);
	expect_unknown(&two, address);
}

Test(pool, keeps_placeholders_in_a_copy_of_a_private_map)
{
	struct pool own = open_pool(-1, PREFIX);
	uint32_t address = get(&own, "copied.example");
	int fd = open_map();

	for (size_t done = 0; done < SIZE;) {
		ssize_t r = pwrite(fd, (char *)own.map + done, SIZE - done, (off_t)done);
		cr_assert_gt(r, 0);
		done += (size_t)r;
	}
	struct pool copy = open_pool(fd, PREFIX);
	expect_name(&copy, address, "copied.example");
	cr_assert_eq(get(&copy, "copied.example"), address);
}

Test(pool, shares_a_private_map_with_forks)
{
	struct pool pool = open_pool(-1, PREFIX);
	uint32_t address = get(&pool, "before.example");
	int status;
	pid_t child = fork();

	if (child == 0) {
		uint32_t same = 0, other;
		int bad =
			pool_get_address(&pool, "before.example", 14, &same) < 0 || same != address;
		bad |= pool_get_address(&pool, "child.example", 13, &other) < 0;
		_exit(bad);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	const uint32_t next = atomic_load(&pool.map->next);
	expect_name(&pool, get(&pool, "child.example"), "child.example");
	cr_assert_eq(atomic_load(&pool.map->next), next, "the child's placeholder is not here");
}

/* ---- many at once ---- */

#define NAMES 10000
#define USERS 4

static struct pool shared;
static _Atomic uint32_t *addresses; /* by number of the name, in shared memory */
static _Atomic int *failures;

/* Inserts the names from a place of its own, and compares with what the others got. */
static void insert_all(unsigned user)
{
	for (unsigned i = 0; i < NAMES; i++) {
		/* Two begin at the same place; all meet all names. */
		unsigned index = (i + user / 2 * (NAMES / 2)) % NAMES;
		char name[32], found[256];
		uint32_t address = 0, seen = 0;
		int length = snprintf(name, sizeof(name), "n%u.example", index);
		if (pool_get_address(&shared, name, (size_t)length, &address) < 0 ||
		    (!atomic_compare_exchange_strong(&addresses[index], &seen, address) &&
		     seen != address) ||
		    pool_find_name(&shared, address, found) != length || strcmp(found, name) != 0)
			atomic_fetch_add(failures, 1);
	}
}

static void *insert_in_thread(void *user)
{
	insert_all((unsigned)(uintptr_t)user);
	return NULL;
}

static void *map_shared(size_t size)
{
	void *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(map, MAP_FAILED);
	return map;
}

static void prepare(unsigned prefix)
{
	shared = new_pool(prefix);
	addresses = map_shared(NAMES * sizeof(*addresses));
	failures = map_shared(sizeof(*failures));
}

static void expect_distinct(void)
{
	static bool used[1u << 22];

	for (unsigned i = 0; i < NAMES; i++) {
		uint32_t distance = atomic_load(&addresses[i]) - BASE;
		cr_assert(distance > 0 && distance < 1u << 22);
		cr_assert_not(used[distance], "two names at one placeholder");
		used[distance] = true;
	}
}

static void run_threads(void *(*body)(void *))
{
	pthread_t threads[USERS];

	for (uintptr_t i = 0; i < USERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, body, (void *)i), 0);
	for (int i = 0; i < USERS; i++)
		pthread_join(threads[i], NULL);
}

Test(pool, gives_threads_the_same_placeholder_for_the_same_name)
{
	prepare(PREFIX);
	run_threads(insert_in_thread);
	cr_assert_eq(atomic_load(failures), 0);
	expect_distinct();
}

Test(pool, gives_processes_the_same_placeholder_for_the_same_name)
{
	prepare(PREFIX);
	for (unsigned i = 0; i < USERS; i++) {
		if (fork() == 0) {
			insert_all(i);
			_exit(0);
		}
	}
	for (unsigned i = 0; i < USERS; i++) {
		int status;
		cr_assert_gt(wait(&status), 0);
		cr_assert_eq(status, 0);
	}
	cr_assert_eq(atomic_load(failures), 0);
	expect_distinct();
}

/*
 * With all slots used before, and the windows full of old numbers: the order in which they are
 * replaced is what keeps two threads from giving one name two placeholders.
 */
Test(pool, gives_threads_the_same_placeholder_when_slots_are_replaced)
{
	prepare(PREFIX);
	for (unsigned i = 0; i < SLOTS; i++)
		atomic_store(&shared.map->slots[i], 1 + i * 2654435761u % (1u << 20));
	atomic_store(&shared.map->next, 1u << 20);
	run_threads(insert_in_thread);
	cr_assert_eq(atomic_load(failures), 0);
	expect_distinct();
}

/* Few addresses, many names: what a placeholder says is a whole name, or nothing. */
static void *churn(void *user)
{
	for (unsigned i = 0; i < NAMES; i++) {
		char name[256], found[256];
		uint32_t address = 0;
		unsigned n = i * 7 + (unsigned)(uintptr_t)user;
		int length = snprintf(name, sizeof(name), "%c%.*s.%u", 'a' + (char)(n % 26),
				      (int)(n % 50),
				      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", n);
		int r = pool_get_address(&shared, name, (size_t)length, &address);
		if (r < 0 || address <= BASE || address >= BASE + 16) {
			atomic_fetch_add(failures, 1);
			continue;
		}
		r = pool_find_name(&shared, BASE + n % 16, found);
		if (r == -ENOENT)
			continue;
		/* A name says its own number, its first letter and its length: mixtures do not
		 * agree. */
		const char *dot = strchr(found, '.');
		unsigned m = dot ? (unsigned)strtoul(dot + 1, NULL, 10) : 0;
		if (!dot || found[0] != 'a' + (char)(m % 26) || dot - found != 1 + (int)(m % 50))
			atomic_fetch_add(failures, 1);
	}
	return NULL;
}

Test(pool, never_mixes_two_names)
{
	prepare(SMALL);
	run_threads(churn);
	cr_assert_eq(atomic_load(failures), 0);
}

/* ---- a map that someone else has written ---- */

static void scribble(struct layout *map, size_t size, uint64_t seed)
{
	uint64_t *word = (uint64_t *)map;

	for (size_t i = 0; i < size / 8; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		word[i] = seed ^ seed >> 29;
	}
}

/* Any answer will do, as long as there is one. */
static void use(struct pool *pool)
{
	uint32_t address;
	char name[256];

	for (unsigned i = 0; i < 2000; i++) {
		char text[32];
		int length = snprintf(text, sizeof(text), "hostile%u.example", i);
		int r = pool_get_address(pool, text, (size_t)length, &address);
		cr_assert(r == 0 || r == -EBUSY);
		if (r == 0)
			cr_assert(address > pool->base && address - pool->base < pool->space);
		r = pool_find_name(pool, pool->base + i * 2097u, name);
		cr_assert(r == -ENOENT || (r > 0 && r <= 255 && strlen(name) == (size_t)r));
		pool_find_note(pool, i);
		pool_note(pool, i, 1);
	}
}

Test(pool, survives_random_bytes_in_the_map)
{
	for (unsigned prefix = 8; prefix <= 30; prefix += 2) {
		struct pool pool = new_pool(PREFIX);
		pool.base = 0x7f000000;
		pool.space = 1u << (32 - prefix);
		scribble(pool.map, SIZE, prefix);
		use(&pool);
		munmap(pool.map, SIZE);
	}
}

Test(pool, survives_any_one_byte_everywhere_in_the_map)
{
	static const int bytes[] = { 0xff, 0x80, 0x01, 0x7f };

	for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
		struct pool pool = new_pool(SMALL);
		memset((void *)pool.map, bytes[i], SIZE);
		use(&pool);
	}
}

/* Entries that are being written for ever, by someone who was killed: the others go on without
 * them. */
Test(pool, goes_round_entries_that_are_never_finished)
{
	struct pool pool = new_pool(SMALL);

	for (unsigned i = 0; i < 16; i += 2)
		atomic_store(&layout_entries(pool.map, LAYOUT_ENTRIES)[i].number, 0x80000000u);
	for (unsigned i = 0; i < 100; i++)
		cr_assert_eq((get_numbered(&pool, i) - BASE) % 2, 1);
	for (unsigned i = 1; i < 16; i += 2)
		atomic_store(&layout_entries(pool.map, LAYOUT_ENTRIES)[i].number, 0x80000000u);
	uint32_t address;
	cr_assert_eq(pool_get_address(&pool, "full.example", 12, &address), -EBUSY);
}

/* Slots that say "being written", and an entry of that number with the very name. */
Test(pool, never_gives_the_first_address)
{
	struct pool pool = new_pool(PREFIX);

	get(&pool, "busy.example");
	memcpy((void *)&layout_entries(pool.map, LAYOUT_ENTRIES)[0],
	       (void *)&layout_entries(pool.map, LAYOUT_ENTRIES)[1], sizeof(struct layout_entry));
	atomic_store(&layout_entries(pool.map, LAYOUT_ENTRIES)[0].number, 0x80000000u);
	for (unsigned i = 0; i < SLOTS; i++)
		atomic_store(&pool.map->slots[i], 0x80000000u);
	cr_assert_eq(get(&pool, "busy.example"), BASE + 2);
}

Test(pool, gives_no_name_that_is_none)
{
	struct pool pool = new_pool(PREFIX);
	uint32_t address = get(&pool, "good.example");
	struct layout_entry *entry = &layout_entries(pool.map, LAYOUT_ENTRIES)[1];

	atomic_store(&entry->length, 256);
	expect_unknown(&pool, address);
	atomic_store(&entry->length, 0x7fffffff);
	expect_unknown(&pool, address);
	atomic_store(&entry->length, 0);
	expect_unknown(&pool, address);
	atomic_store(&entry->length, 13); /* a NUL at its end */
	expect_unknown(&pool, address);
	atomic_store(&entry->length, 12);
	expect_name(&pool, address, "good.example");
}

/* ---- notes ---- */

Test(pool, remembers_a_note_until_it_is_forgotten)
{
	struct pool pool = new_pool(PREFIX);

	cr_assert_eq(pool_find_note(&pool, 5), -ENOENT);
	pool_note(&pool, 5, 0);
	cr_assert_eq(pool_find_note(&pool, 5), -ENOENT);
	pool_note(&pool, 5, 0x97);
	pool_note(&pool, 6, 0xffff);
	cr_assert_eq(pool_find_note(&pool, 5), 0x97);
	cr_assert_eq(pool_find_note(&pool, 6), 0xffff);
	pool_note(&pool, 5, 2);
	cr_assert_eq(pool_find_note(&pool, 5), 2);
	pool_note(&pool, 5, 0);
	cr_assert_eq(pool_find_note(&pool, 5), -ENOENT);
	cr_assert_eq(pool_find_note(&pool, 6), 0xffff);
}

Test(pool, has_no_note_under_key_zero)
{
	struct pool pool = new_pool(PREFIX);

	pool_note(&pool, 0, 7);
	cr_assert_eq(pool_find_note(&pool, 0), -ENOENT);
	for (int i = 0; i < LAYOUT_NOTES; i++)
		cr_assert_eq(atomic_load(&pool.map->notes[i].value), 0);
}

Test(pool, keeps_its_notes_when_there_is_no_room_for_more)
{
	struct pool pool = new_pool(PREFIX);

	for (unsigned i = 1; i <= LAYOUT_NOTES + 1; i++)
		pool_note(&pool, i, (uint16_t)(100 + i));
	for (unsigned i = 1; i <= LAYOUT_NOTES; i++)
		cr_assert_eq(pool_find_note(&pool, i), (int)(100 + i));
	cr_assert_eq(pool_find_note(&pool, LAYOUT_NOTES + 1), -ENOENT);
}

/* ---- copies ---- */

static void name_at(unsigned i, char ret_name[32])
{
	snprintf(ret_name, 32, "host-%u.example", i);
}

static void fill(struct pool *pool, unsigned from, unsigned count, uint32_t *ret_given)
{
	char name[32];

	for (unsigned i = 0; i < count; i++) {
		name_at(from + i, name);
		ret_given[i] = get(pool, name);
	}
}

static struct pool copy_of(const struct pool *pool, unsigned prefix)
{
	const int fd = open_map();
	struct pool copy = open_pool(fd, prefix);

	cr_assert_eq(pool_copy(pool, fd), 0);
	close(fd);
	return copy;
}

/* Both ways: the address means the name, and the name has the address. */
static void assert_knows(struct pool *pool, unsigned from, unsigned count, const uint32_t *given)
{
	char name[32], found[256];

	for (unsigned i = 0; i < count; i++) {
		name_at(from + i, name);
		cr_assert_gt(pool_find_name(pool, given[i], found), 0, "%s is lost", name);
		cr_assert_str_eq(found, name);
		cr_assert_eq(get(pool, name), given[i], "%s has another address", name);
	}
}

Test(pool, copies_what_a_shared_map_knows)
{
	uint32_t given[1000];
	struct pool pool = new_pool(PREFIX);

	fill(&pool, 0, 1000, given);
	pool_note(&pool, 77, 0x97);
	struct pool copy = copy_of(&pool, PREFIX);
	assert_knows(&copy, 0, 1000, given);
	cr_assert_eq(pool_find_note(&copy, 77), 0x97);
}

Test(pool, copies_a_private_map)
{
	uint32_t given[100];
	struct pool pool = open_pool(-1, PREFIX);

	fill(&pool, 0, 100, given);
	struct pool copy = copy_of(&pool, PREFIX);
	assert_knows(&copy, 0, 100, given);
}

Test(pool, copies_copies_with_all_that_came_before)
{
	uint32_t given[5][50];
	struct pool pool = open_pool(-1, PREFIX);

	for (unsigned i = 0; i < 5; i++) {
		fill(&pool, 100 * i, 50, given[i]);
		pool = copy_of(&pool, PREFIX);
		pool = copy_of(&pool, PREFIX); /* one that adds nothing */
	}
	for (unsigned i = 0; i < 5; i++)
		assert_knows(&pool, 100 * i, 50, given[i]);
}

/* Where a copy goes on is random: so many tries would find a place that takes old names away. */
Test(pool, keeps_what_was_copied_while_names_are_added)
{
	static uint32_t before[1000], behind[1000];

	for (unsigned i = 0; i < 200; i++) {
		struct pool pool = open_pool(-1, PREFIX);
		fill(&pool, 0, 1000, before);
		struct pool copy = copy_of(&pool, PREFIX);
		fill(&copy, 1000, 1000, behind);
		assert_knows(&copy, 0, 1000, before);
		assert_knows(&copy, 1000, 1000, behind);
		munmap(pool.map, SIZE);
		munmap(copy.map, SIZE);
	}
}

Test(pool, gives_out_in_a_copy_what_the_original_does_not_know)
{
	uint32_t before, ours, theirs;
	char found[256];
	struct pool pool = new_pool(PREFIX);

	fill(&pool, 0, 1, &before);
	struct pool copy = copy_of(&pool, PREFIX);
	fill(&pool, 1, 1, &ours);
	fill(&copy, 2, 1, &theirs);
	cr_assert_neq(ours, theirs);
	cr_assert_eq(pool_find_name(&copy, ours, found), -ENOENT);
	cr_assert_eq(pool_find_name(&pool, theirs, found), -ENOENT);
}

Test(pool, copies_the_latest_names_of_many)
{
	enum { COUNT = POOL_COPY_MAX + 1000 };
	static uint32_t given[COUNT];
	char found[256];
	struct pool pool = new_pool(PREFIX);

	fill(&pool, 0, COUNT, given);
	struct pool copy = copy_of(&pool, PREFIX);
	assert_knows(&copy, 1000, POOL_COPY_MAX, given + 1000);
	cr_assert_eq(pool_find_name(&copy, given[999], found), -ENOENT);
}

Test(pool, copies_a_range_that_is_full_and_goes_on_with_it)
{
	uint32_t given[40];
	struct pool pool = new_pool(SMALL);

	fill(&pool, 0, 40, given);
	struct pool copy = copy_of(&pool, SMALL);
	assert_knows(&copy, 30, 10, given + 30);
	for (unsigned i = 0; i < 100; i++) {
		fill(&copy, 100 + i, 1, given);
		assert_knows(&copy, 100 + i, 1, given);
	}
}

Test(pool, a_copy_takes_memory_for_what_is_used)
{
	uint32_t address;
	struct stat file;
	struct pool pool = open_pool(-1, PREFIX);
	const int fd = open_map();

	fill(&pool, 0, 1, &address);
	cr_assert_eq(pool_copy(&pool, fd), 0);
	cr_assert_eq(fstat(fd, &file), 0);
	cr_assert_leq(file.st_blocks * 512, 32 * 4096);
}

Test(pool, refuses_to_copy_into_another_file)
{
	struct pool pool = open_pool(-1, PREFIX);
	const int fd = memfd_create("small", MFD_CLOEXEC);

	cr_assert_eq(pool_copy(&pool, fd), -EBADMSG);
	cr_assert_eq(pool_copy(&pool, -1), -EBADF);
}
