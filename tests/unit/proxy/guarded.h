/*
 * guarded: bytes that end where the next page may not be read, so that a parser reading one too
 * many faults at once.
 */
#ifndef TESTS_PROXY_GUARDED_H
#define TESTS_PROXY_GUARDED_H

#include <stddef.h>
#include <stdint.h>

struct guarded {
	uint8_t *bytes;
	void *map;
	size_t mapped;
};

struct guarded guarded_copy(const void *bytes, size_t length);
void guarded_free(struct guarded *guarded);

#endif
