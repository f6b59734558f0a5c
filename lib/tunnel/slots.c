#include "tunnel/slots.h"
#include "tunnel/tunnel.h"

#include <sys/mman.h>

#define CHUNK_TUNNELS 64
#define CHUNKS	      1024
#define GRACE	      60000000000u /* ns behind the deadline */

struct chunk {
	struct tunnel tunnels[CHUNK_TUNNELS];
};

/* The list belongs to the process, what it points at to all that were forked since. */
static struct chunk *_Atomic chunks[CHUNKS];

static struct chunk *get_chunk(unsigned index)
{
	struct chunk *chunk = atomic_load_explicit(&chunks[index], memory_order_acquire);
	struct chunk *none = NULL;

	if (chunk)
		return chunk;
	chunk = mmap(NULL, sizeof(*chunk), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (chunk == MAP_FAILED)
		return NULL;
	if (atomic_compare_exchange_strong(&chunks[index], &none, chunk))
		return chunk;
	munmap(chunk, sizeof(*chunk));
	return none;
}

static struct tunnel *take_from(struct chunk *chunk)
{
	for (unsigned i = 0; i < CHUNK_TUNNELS; i++) {
		struct tunnel *tunnel = &chunk->tunnels[i];
		if (atomic_load_explicit(&tunnel->taken, memory_order_relaxed) == 0 &&
		    atomic_exchange_explicit(&tunnel->taken, 1, memory_order_acquire) == 0)
			return tunnel;
	}
	return NULL;
}

/* A tunnel that nobody has ended in time, or nobody has freed: its socket is closed, or its process
 * gone. */
static struct tunnel *reclaim_from(struct chunk *chunk)
{
	const uint64_t now = tunnel_now();

	for (unsigned i = 0; i < CHUNK_TUNNELS; i++) {
		struct tunnel *tunnel = &chunk->tunnels[i];
		uint64_t cookie = atomic_load_explicit(&tunnel->cookie, memory_order_acquire);
		if (tunnel_deadline(tunnel) + GRACE >= now)
			continue;
		if (cookie == 0 ? tunnel_release_lost(tunnel)
				: atomic_compare_exchange_strong(&tunnel->cookie, &cookie, 0)) {
			atomic_store(&tunnel->lock, 0);
			return tunnel;
		}
	}
	return NULL;
}

static struct tunnel *take(struct tunnel *(*from)(struct chunk *), bool more)
{
	for (unsigned i = 0; i < CHUNKS; i++) {
		struct chunk *chunk = more ? get_chunk(i)
					   : atomic_load_explicit(&chunks[i], memory_order_acquire);
		struct tunnel *tunnel = chunk ? from(chunk) : NULL;
		if (tunnel || !chunk)
			return tunnel;
	}
	return NULL;
}

struct tunnel *slots_take(void)
{
	struct tunnel *tunnel = take(take_from, false);

	if (!tunnel)
		tunnel = take(reclaim_from, false);
	return tunnel ? tunnel : take(take_from, true);
}

void slots_give(struct tunnel *tunnel, uint64_t cookie)
{
	if (tunnel && atomic_compare_exchange_strong(&tunnel->cookie, &cookie, 0))
		tunnel_release(tunnel);
}
