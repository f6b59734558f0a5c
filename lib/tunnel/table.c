#include "tunnel/table.h"
#include "base/error.h"
#include "base/libc.h"
#include "base/question.h"
#include "tunnel/tunnel.h"

#include <string.h>
#include <sys/mman.h>

struct table_entry *_Atomic table_pages[TABLE_PAGES];
static _Atomic int highest = -1;

int table_highest(void)
{
	return atomic_load_explicit(&highest, memory_order_relaxed);
}

int table_next(int fd)
{
	while (++fd <= table_highest()) {
		if (table_find(fd))
			return fd;
		fd |= TABLE_PAGE_ENTRIES - 1;
	}
	return -1;
}

/* Where the kernel may not be asked the table is believed, but not of a socket on its way, whose
 * bytes would go into another one's handshake. */
static uint64_t believed_cookie(int fd)
{
	const struct table_entry *entry = table_find(fd);
	const bool is_settled =
		entry && !atomic_load_explicit(&entry->tunnel, memory_order_acquire);

	return is_settled ? atomic_load_explicit(&entry->cookie, memory_order_acquire) : 0;
}

uint64_t table_cookie(int fd)
{
	uint64_t cookie = 0;
	socklen_t length = sizeof(cookie);

	if (!question_is_allowed(QUESTION_OPTION))
		return believed_cookie(fd);
	if (libc()->getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) < 0)
		return 0;
	return cookie;
}

void table_raise(int fd)
{
	int seen = atomic_load_explicit(&highest, memory_order_relaxed);
	while (seen < fd && !atomic_compare_exchange_weak(&highest, &seen, fd))
		;
}

struct table_entry *table_get(int fd)
{
	struct table_entry *entry = table_find(fd);
	struct table_entry *none = NULL;

	if (entry || (unsigned)fd >= TABLE_PAGES * TABLE_PAGE_ENTRIES)
		return entry;
	const size_t size = TABLE_PAGE_ENTRIES * sizeof(struct table_entry);
	struct table_entry *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (page == MAP_FAILED)
		return NULL;
	if (!atomic_compare_exchange_strong(&table_pages[(unsigned)fd / TABLE_PAGE_ENTRIES], &none,
					    page))
		munmap(page, size);
	return table_find(fd);
}

void table_put_kind(int fd, enum table_kind kind)
{
	struct table_entry *entry = kind == TABLE_KIND_UNKNOWN ? table_find(fd) : table_get(fd);

	if (entry && atomic_load_explicit(&entry->kind, memory_order_relaxed) != kind)
		atomic_store_explicit(&entry->kind, (uint8_t)kind, memory_order_relaxed);
}

static socklen_t target_length(const struct sockaddr *target)
{
	return target->sa_family == AF_INET ? sizeof(struct sockaddr_in)
					    : sizeof(struct sockaddr_in6);
}

static int put(int fd, uint64_t cookie, struct tunnel *tunnel, const struct sockaddr *target,
	       enum table_asks asks)
{
	struct table_entry *entry = table_get(fd);
	uint64_t words[TABLE_TARGET_WORDS] = { 0 };

	if (!entry)
		return -ENOBUFS;
	memcpy(words, target, target_length(target));
	atomic_store_explicit(&entry->cookie, 0, memory_order_relaxed);
	for (size_t i = 0; i < TABLE_TARGET_WORDS; i++)
		atomic_store_explicit(&entry->target[i], words[i], memory_order_release);
	atomic_store_explicit(&entry->tunnel, tunnel, memory_order_release);
	atomic_store_explicit(&entry->asks, (uint8_t)asks, memory_order_release);
	atomic_store_explicit(&entry->cookie, cookie, memory_order_release);
	table_raise(fd);
	return 0;
}

int table_put(int fd, uint64_t cookie, struct tunnel *tunnel, const struct sockaddr *target)
{
	return put(fd, cookie, tunnel, target, TABLE_ASKS_NOBODY);
}

int table_put_server(int fd, uint64_t cookie, const struct sockaddr *server, enum table_asks asks)
{
	return put(fd, cookie, NULL, server, asks);
}

static bool is_about(const struct table_entry *entry, uint64_t cookie)
{
	return entry && cookie != 0 &&
	       atomic_load_explicit(&entry->cookie, memory_order_acquire) == cookie;
}

bool table_knows(int fd, uint64_t cookie)
{
	return is_about(table_find(fd), cookie);
}

struct tunnel *table_find_tunnel(int fd, uint64_t cookie)
{
	const struct table_entry *entry = table_find(fd);
	return is_about(entry, cookie) ? atomic_load_explicit(&entry->tunnel, memory_order_acquire)
				       : NULL;
}

void table_end(int fd, uint64_t cookie, bool keep_target)
{
	struct table_entry *entry = table_find(fd);
	struct tunnel *tunnel =
		entry ? atomic_load_explicit(&entry->tunnel, memory_order_acquire) : NULL;

	/* Exchanged, not stored: another thread may just enter the next socket with this number. */
	if (!is_about(entry, cookie))
		return;
	if (tunnel)
		atomic_compare_exchange_strong(&entry->tunnel, &tunnel, NULL);
	if (!keep_target)
		atomic_compare_exchange_strong(&entry->cookie, &cookie, 0);
}

void table_follow(int fd, uint64_t cookie, uint64_t successor)
{
	struct table_entry *entry = table_find(fd);

	if (is_about(entry, cookie))
		atomic_compare_exchange_strong(&entry->cookie, &cookie, successor);
}

/* The entry of a duplicate's original, which may have been closed since. */
static const struct table_entry *find_by_cookie(uint64_t cookie)
{
	for (int fd = table_next(-1); fd >= 0; fd = table_next(fd)) {
		const struct table_entry *entry = table_find(fd);
		if (is_about(entry, cookie))
			return entry;
	}
	return NULL;
}

int table_find_target(int fd, uint64_t cookie, struct sockaddr_in6 *ret_target,
		      socklen_t *ret_length)
{
	const struct table_entry *entry = table_find(fd);
	uint64_t words[TABLE_TARGET_WORDS];

	if (!is_about(entry, cookie))
		entry = find_by_cookie(cookie);
	if (!entry)
		return -ENOENT;
	for (size_t i = 0; i < TABLE_TARGET_WORDS; i++)
		words[i] = atomic_load_explicit(&entry->target[i], memory_order_acquire);
	if (!is_about(entry, cookie))
		return -ENOENT;
	memcpy(ret_target, words, sizeof(*ret_target));
	*ret_length = target_length((const struct sockaddr *)ret_target);
	return 0;
}

/* An original's kind, and the mark in both: what is no socket from here is never marked. */
static void put_duplicate_kind(int fd, int duplicate)
{
	struct table_entry *from = table_find(fd);
	const enum table_kind kind =
		from ? (enum table_kind)(atomic_load(&from->kind) & ~TABLE_DUPLICATED)
		     : TABLE_KIND_UNKNOWN;

	table_put_kind(duplicate, kind);
	struct table_entry *to = table_find(duplicate);
	if (kind == TABLE_KIND_UNKNOWN || !to)
		return;
	atomic_fetch_or(&from->kind, TABLE_DUPLICATED);
	atomic_fetch_or(&to->kind, TABLE_DUPLICATED);
	table_raise(fd > duplicate ? fd : duplicate);
}

/* Marked first, looked at then: a connect() in another thread does it the other way round. */
void table_put_duplicate(int fd, int duplicate)
{
	const struct table_entry *from = table_find(fd);
	struct sockaddr_in6 target;
	socklen_t length;

	put_duplicate_kind(fd, duplicate);
	const uint64_t cookie = from ? atomic_load(&from->cookie) : 0;
	const bool may_ask = question_is_allowed(QUESTION_OPTION);
	if (cookie == 0 || (may_ask && table_cookie(duplicate) != cookie) ||
	    table_find_target(fd, cookie, &target, &length) < 0)
		return;
	struct tunnel *tunnel = table_find_tunnel(fd, cookie);
	if (tunnel)
		atomic_fetch_or(&tunnel->shared, TUNNEL_DUPLICATED);
	put(duplicate, cookie, tunnel, (const struct sockaddr *)&target, table_asks(fd));
}

static bool is_duplicated(int fd)
{
	const struct table_entry *entry = table_find(fd);
	return entry && (atomic_load(&entry->kind) & TABLE_DUPLICATED);
}

int table_next_duplicate(int fd, uint64_t cookie, int last)
{
	atomic_thread_fence(memory_order_seq_cst); /* behind the caller's table_put */
	if (!is_duplicated(fd))
		return -1;
	for (int other = table_next(last); other >= 0; other = table_next(other)) {
		if (other != fd && is_duplicated(other) && table_cookie(other) == cookie)
			return other;
	}
	return -1;
}
