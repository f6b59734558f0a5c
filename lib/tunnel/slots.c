#include "tunnel/slots.h"
#include "tunnel/tunnel.h"

#include <sys/mman.h>

#define CHUNK_TUNNELS 64
#define CHUNKS	      1024

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

struct tunnel *slots_take(void)
{
	for (unsigned i = 0; i < CHUNKS; i++) {
		struct chunk *chunk = get_chunk(i);
		if (!chunk)
			return NULL;
		struct tunnel *tunnel = take_from(chunk);
		if (tunnel)
			return tunnel;
	}
	return NULL;
}

void slots_give(struct tunnel *tunnel)
{
	if (tunnel)
		atomic_store_explicit(&tunnel->taken, 0, memory_order_release);
}
