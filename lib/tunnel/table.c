#include "tunnel/table.h"
#include "base/error.h"
#include "base/libc.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE_ENTRIES 1024
#define PAGES	     4096 /* 4 Mi descriptors; the kernel's own limit starts at 1 Mi (fs.nr_open) */

/* A target fits in words that can be read while another thread replaces them. */
#define TARGET_WORDS ((sizeof(struct sockaddr_in6) + 7) / 8)

struct entry {
	_Atomic uint64_t cookie; /* 0: nothing is known; written last */
	struct tunnel *_Atomic tunnel;
	_Atomic uint64_t target[TARGET_WORDS];
};

static struct entry *_Atomic pages[PAGES];
static _Atomic int highest = -1; /* descriptor ever entered */

uint64_t table_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	if (libc()->getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0)
		return 0;
	return cookie;
}

static struct entry *find_entry(int fd)
{
	if (fd < 0 || fd >= PAGES * PAGE_ENTRIES)
		return NULL;
	struct entry *page = atomic_load_explicit(&pages[fd / PAGE_ENTRIES], memory_order_acquire);
	return page ? &page[fd % PAGE_ENTRIES] : NULL;
}

static struct entry *get_entry(int fd)
{
	struct entry *entry = find_entry(fd);
	struct entry *none = NULL;

	if (entry || fd < 0 || fd >= PAGES * PAGE_ENTRIES)
		return entry;
	const size_t size = PAGE_ENTRIES * sizeof(struct entry);
	struct entry *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	if (!atomic_compare_exchange_strong(&pages[fd / PAGE_ENTRIES], &none, page))
		munmap(page, size);
	return find_entry(fd);
}

static void raise_highest(int fd)
{
	int seen = atomic_load_explicit(&highest, memory_order_relaxed);
	while (seen < fd && !atomic_compare_exchange_weak(&highest, &seen, fd))
		;
}

static socklen_t target_length(const struct sockaddr *target)
{
	return target->sa_family == AF_INET ? sizeof(struct sockaddr_in)
					    : sizeof(struct sockaddr_in6);
}

int table_put(int fd, uint64_t cookie, struct tunnel *tunnel, const struct sockaddr *target)
{
	struct entry *entry = get_entry(fd);
	uint64_t words[TARGET_WORDS] = { 0 };

	if (!entry)
		return -ENOBUFS;
	memcpy(words, target, target_length(target));
	atomic_store_explicit(&entry->cookie, 0, memory_order_relaxed);
	for (size_t i = 0; i < TARGET_WORDS; i++)
		atomic_store_explicit(&entry->target[i], words[i], memory_order_release);
	atomic_store_explicit(&entry->tunnel, tunnel, memory_order_release);
	atomic_store_explicit(&entry->cookie, cookie, memory_order_release);
	raise_highest(fd);
	return 0;
}

static bool is_about(const struct entry *entry, uint64_t cookie)
{
	return entry && cookie != 0 &&
	       atomic_load_explicit(&entry->cookie, memory_order_acquire) == cookie;
}

struct tunnel *table_find_tunnel(int fd, uint64_t cookie)
{
	const struct entry *entry = find_entry(fd);
	return is_about(entry, cookie) ? atomic_load_explicit(&entry->tunnel, memory_order_acquire)
				       : NULL;
}

void table_end(int fd, uint64_t cookie, bool keep_target)
{
	struct entry *entry = find_entry(fd);

	if (!is_about(entry, cookie))
		return;
	atomic_store_explicit(&entry->tunnel, NULL, memory_order_release);
	if (!keep_target)
		atomic_store_explicit(&entry->cookie, 0, memory_order_release);
}

/* The entry of a duplicate's original, which may have been closed since. */
static const struct entry *find_by_cookie(uint64_t cookie)
{
	const int last = atomic_load_explicit(&highest, memory_order_relaxed);

	for (int fd = 0; fd <= last; fd++) {
		const struct entry *entry = find_entry(fd);
		if (!entry)
			fd |= PAGE_ENTRIES - 1;
		else if (is_about(entry, cookie))
			return entry;
	}
	return NULL;
}

int table_find_target(int fd, uint64_t cookie, struct sockaddr_in6 *ret_target,
		      socklen_t *ret_length)
{
	const struct entry *entry = find_entry(fd);
	uint64_t words[TARGET_WORDS];

	if (!is_about(entry, cookie))
		entry = find_by_cookie(cookie);
	if (!entry)
		return -ENOENT;
	for (size_t i = 0; i < TARGET_WORDS; i++)
		words[i] = atomic_load_explicit(&entry->target[i], memory_order_acquire);
	if (!is_about(entry, cookie))
		return -ENOENT;
	memcpy(ret_target, words, sizeof(*ret_target));
	*ret_length = target_length((const struct sockaddr *)ret_target);
	return 0;
}
