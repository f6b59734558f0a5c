#include "base/libc.h"
#include "base/symbol.h"

#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

const struct libc *_Atomic libc_table;

static struct libc real LIBC_WITH_DATA;

/* The names of the slots, in their order. */
#define LIBC_IGNORE(name)
#define LIBC_NAME(name) #name "\0"
static const char names[] = LIBC_FUNCTIONS(LIBC_NAME, LIBC_NAME, LIBC_IGNORE);
#undef LIBC_NAME
#undef LIBC_IGNORE

#define SLOTS (sizeof(struct libc) / sizeof(void *))
_Static_assert(SLOTS <= SYMBOL_MAX, "all slots are found in one pass");

/*
 * Several threads, or a call inside another (dlsym may reach a hooked function through an
 * allocator's start-up), may fill the table at once: all store the same values.
 */
const struct libc *libc_load(void)
{
	void *found[SLOTS] = { NULL };
	const char *name = names;

	symbol_find_next(names, SLOTS, found);
	for (unsigned i = 0; i < SLOTS; i++, name += strlen(name) + 1) {
		void *function = found[i] ? found[i] : dlsym(RTLD_NEXT, name);
		__atomic_store_n((void **)&real + i, function, __ATOMIC_RELAXED);
	}
	atomic_store_explicit(&libc_table, &real, memory_order_release);
	return &real;
}

void libc_install(const struct libc *table)
{
	atomic_store_explicit(&libc_table, table, memory_order_release);
}
