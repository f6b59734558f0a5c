#include "tunnel/asked.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define SLOTS 512
#define WORDS ((sizeof(struct sockaddr_in6) + 7) / 8)

/* Read between two looks at the key, which is 0 while the rest is written. */
struct slot {
	_Atomic uint64_t key;
	_Atomic uint64_t server[WORDS];
};

static struct slot slots[SLOTS];

/* Cookies count up from 1 and never come again, so nothing is lost here. */
static uint64_t key_of(uint64_t cookie, uint16_t id)
{
	return cookie << 16 | id;
}

static struct slot *slot_of(uint64_t key)
{
	return &slots[key * 0x9e3779b97f4a7c15u >> 32 & (SLOTS - 1)];
}

void asked_put(uint64_t cookie, uint16_t id, const struct sockaddr_in6 *server)
{
	const uint64_t key = key_of(cookie, id);
	struct slot *slot = slot_of(key);
	uint64_t words[WORDS] = { 0 };

	memcpy(words, server, sizeof(*server));
	atomic_store_explicit(&slot->key, 0, memory_order_relaxed);
	for (size_t i = 0; i < WORDS; i++)
		atomic_store_explicit(&slot->server[i], words[i], memory_order_release);
	atomic_store_explicit(&slot->key, key, memory_order_release);
}

bool asked_find(uint64_t cookie, uint16_t id, struct sockaddr_in6 *ret)
{
	const uint64_t key = key_of(cookie, id);
	const struct slot *slot = slot_of(key);
	uint64_t words[WORDS];

	if (atomic_load_explicit(&slot->key, memory_order_acquire) != key)
		return false;
	for (size_t i = 0; i < WORDS; i++)
		words[i] = atomic_load_explicit(&slot->server[i], memory_order_acquire);
	if (atomic_load_explicit(&slot->key, memory_order_acquire) != key)
		return false;
	memcpy(ret, words, sizeof(*ret));
	return true;
}
