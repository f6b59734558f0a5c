#include "base/libc.h"

#include <criterion/criterion.h>
#include <dlfcn.h>

/* A name that dlsym(3) does not find makes it allocate memory, in every program and before its own
 * malloc is ready: such a one must not be in the table. */
Test(libc, has_every_function_of_its_table)
{
#define FIND(name)   cr_expect_not_null((void *)libc()->name, #name);
#define IGNORE(name) cr_expect_null(dlsym(RTLD_NEXT, #name), #name);
	LIBC_FUNCTIONS(FIND, FIND, IGNORE)
	cr_expect_not_null(dlerror());
}
