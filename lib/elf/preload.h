/*
 * preload: the items of LD_PRELOAD, and the order in which they work. ld.so(8): spaces or colons
 * separate them, and the last variable of that name counts. Allocation-free; any thread.
 */
#ifndef ELF_PRELOAD_H
#define ELF_PRELOAD_H

#include <stdbool.h>
#include <stddef.h>

#define PRELOAD_LIBRARY "libisosocks.so"

struct bytes_writer;

enum preload_place {
	PRELOAD_BEFORE, /* AddressSanitizer refuses to be anything but first */
	PRELOAD_OURS,	/* PRELOAD_LIBRARY, wherever it is */
	/*
	 * ThreadSanitizer takes what runs inside a call of its own for libc: in front of the
	 * library it would not see how the library's threads wait for each other.
	 */
	PRELOAD_BEHIND,
	PRELOAD_LAST,
};

/* Where a library's file name, or path, stands. */
enum preload_place preload_place(const char *item, size_t length);

/* Whether the list has an item of this place. */
bool preload_has(const char *list, enum preload_place place);

/*
 * The list with the library (NULL: as the list has it) and a sanitizer's runtime (NULL: none; not
 * when the list has one) in their places, each item once, and no NUL. preload_size() bytes are
 * enough.
 */
void preload_put(struct bytes_writer *w, const char *library, const char *runtime,
		 const char *list);
/* The list without the library. */
void preload_put_others(struct bytes_writer *w, const char *list);

size_t preload_size(const char *library, const char *runtime, const char *list);

#endif
