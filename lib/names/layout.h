/*
 * layout: the memory that the processes of one session share (a memfd, see pool.h): which hostname
 * stands behind which placeholder, and what is known of each proxy. All zero is a valid empty
 * start. Every word is atomic and nothing in it is trusted: another process may write anything at
 * any time.
 */
#ifndef NAMES_LAYOUT_H
#define NAMES_LAYOUT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Names kept; the oldest goes when one more comes. A power of two: fewer where memory or files are
 * limited. There are twice as many hash slots, so at most half of them are in use. */
#define LAYOUT_ENTRIES	   (1u << 17)
#define LAYOUT_ENTRIES_MIN 32
#define LAYOUT_NAME_MAX	   255 /* RFC 1928 §4: DST.ADDR of ATYP 3 */
#define LAYOUT_NAME_WORDS  ((LAYOUT_NAME_MAX + 7) / 8)
#define LAYOUT_NOTES	   16
#define LAYOUT_PARTS	   8 /* generations of copies that are remembered */

/*
 * One name. Numbers are given out in order; what a number leaves, divided by the size of the range,
 * is the placeholder's distance from the first address. It leaves 0 while the entry is empty or
 * being written.
 */
struct layout_entry {
	_Atomic uint32_t number;
	_Atomic uint32_t length;
	_Atomic uint64_t name[LAYOUT_NAME_WORDS];
};

/* What a process learned about a proxy: the method it takes. */
struct layout_note {
	_Atomic uint64_t key; /* 0: free */
	_Atomic uint32_t value;
	uint32_t zero;
};

struct layout {
	_Atomic uint32_t next; /* the last number given out; every map begins anywhere */
	/* In a copy: the last number that its original had given out, that one's original, and so
	 * on; 0 behind the last. */
	_Atomic uint32_t parts[LAYOUT_PARTS];
	uint32_t zero[7];
	struct layout_note notes[LAYOUT_NOTES];
	/* The number of an entry, by hash of its name; 0: free. Behind them the entries. */
	_Atomic uint32_t slots[];
};

static inline size_t layout_size(uint32_t entries)
{
	return sizeof(struct layout) +
	       entries * (2 * sizeof(uint32_t) + sizeof(struct layout_entry));
}

static inline struct layout_entry *layout_entries(struct layout *map, uint32_t entries)
{
	return (struct layout_entry *)(void *)(map->slots + (size_t)2 * entries);
}

#endif
