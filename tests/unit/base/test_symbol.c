#include "base/symbol.h"
#include "base/libc.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <string.h>

#define IGNORE(name)
#define NAME(name) #name "\0"
static const char names[] = LIBC_FUNCTIONS(NAME, NAME, IGNORE);

#define COUNT (sizeof(struct libc) / sizeof(void *))

/* A sanitizer has some of them in the program itself, whose next ones are libc's all the same. */
Test(symbol, finds_all_that_dlsym_finds)
{
	void *found[COUNT] = { NULL };
	const char *name = names;

	symbol_find_next(names, COUNT, found);
	for (unsigned i = 0; i < COUNT; i++, name += strlen(name) + 1) {
		cr_expect_not_null(found[i], "%s", name);
		cr_expect_eq(found[i], dlsym(RTLD_NEXT, name), "%s", name);
	}
}

Test(symbol, takes_the_version_that_new_programs_get)
{
	/* Each has an older one in libc, which comes first in some tables. */
	static const char versioned[] = "posix_spawn\0regexec\0pthread_cond_wait";
	void *found[3] = { NULL };
	const char *name = versioned;

	symbol_find_next(versioned, 3, found);
	for (unsigned i = 0; i < 3; i++, name += strlen(name) + 1)
		cr_expect_eq(found[i], dlsym(RTLD_NEXT, name), "%s", name);
}

/* On most machines libc chooses these by the processor: its function that chooses is not the
 * answer. */
Test(symbol, leaves_to_dlsym_what_is_chosen_when_asked_for)
{
	static const char chosen[] = "memcpy\0rawmemchr\0gettimeofday\0no_such_function";
	void *found[4] = { NULL };
	const char *name = chosen;

	symbol_find_next(chosen, 4, found);
	for (unsigned i = 0; i < 4; i++, name += strlen(name) + 1)
		cr_expect(!found[i] || found[i] == dlsym(RTLD_NEXT, name), "%s", name);
	cr_expect_null(found[3]);
}
