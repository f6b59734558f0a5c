#include "base/libc.h"

#include <dlfcn.h>
#include <stddef.h>

const struct libc *_Atomic libc_table;

static struct libc real;

/*
 * Several threads, or a call inside another (dlsym may reach a hooked function through an
 * allocator's start-up), may fill the table at once: all store the same values.
 */
const struct libc *libc_load(void)
{
#define LIBC_IGNORE(name)
#define LIBC_FIND(name)                                                                            \
	__atomic_store_n((void **)&real.name, dlsym(RTLD_NEXT, #name), __ATOMIC_RELAXED);
	LIBC_FUNCTIONS(LIBC_FIND, LIBC_FIND, LIBC_IGNORE)
#undef LIBC_FIND
#undef LIBC_IGNORE
	atomic_store_explicit(&libc_table, &real, memory_order_release);
	return &real;
}

void libc_install(const struct libc *table)
{
	atomic_store_explicit(&libc_table, table, memory_order_release);
}
