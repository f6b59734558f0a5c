#include "base/memory.h"
#include "base/libc.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE 4096u

/* Two pages, of which the second cannot be touched. */
static char *make_edge(void)
{
	char *pages =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(pages + PAGE, PAGE, PROT_NONE);
	return pages + PAGE;
}

Test(memory, what_can_be_read_is_readable)
{
	static char variable;
	char local[100];
	char *edge = make_edge(), *heap = malloc(3 * PAGE);

	cr_assert(memory_is_readable(&variable, 1));
	cr_assert(memory_is_readable(local, sizeof(local)));
	cr_assert(memory_is_readable("constant", 9));
	cr_assert(memory_is_readable(heap + 1, 3 * PAGE - 1));
	cr_assert(memory_is_readable(edge - 1, 1));
	cr_assert(memory_is_readable(edge - 100, 100));
	free(heap);
}

Test(memory, what_cannot_be_read_is_not)
{
	char *edge = make_edge();

	cr_assert(!memory_is_readable(NULL, 1));
	cr_assert(!memory_is_readable((void *)1, 16));
	cr_assert(!memory_is_readable((void *)-16, 16));
	cr_assert(!memory_is_readable((void *)-16, 32));
	cr_assert(!memory_is_readable(edge, 1));
	cr_assert(!memory_is_readable(edge - 1, 2));
	cr_assert(!memory_is_readable(edge - PAGE, 2 * PAGE));
}

Test(memory, nothing_is_always_readable)
{
	cr_assert(memory_is_readable(NULL, 0));
}

Test(memory, looking_changes_neither_errno_nor_the_memory)
{
	char *edge = make_edge();

	memset(edge - PAGE, 'x', PAGE);
	errno = EDOM;
	cr_assert(!memory_is_readable(edge, 8));
	cr_assert_eq(errno, EDOM);
	cr_assert(memory_is_readable(edge - 16, 16));
	cr_assert_eq(errno, EDOM);
	cr_assert_eq(edge[-16], 'x');
}

/* ---- what is asked of the kernel ---- */

static unsigned asked;

static long count_question(long number, ...)
{
	va_list rest;
	long a[6];

	va_start(rest, number);
	for (unsigned i = 0; i < 6; i++)
		a[i] = va_arg(rest, long);
	va_end(rest);
	asked++;
	return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void count_questions(void)
{
	static struct libc table;

	table = *libc();
	table.syscall = count_question;
	libc_install(&table);
}

Test(memory, variables_and_the_stack_are_known_without_a_question)
{
	static char zero[100], set[100] = "set";
	char local[100];

	count_questions();
	cr_assert(memory_is_readable(zero, sizeof(zero)));
	cr_assert(memory_is_readable(set, sizeof(set)));
	cr_assert(memory_is_readable(local, sizeof(local)));
	cr_assert_eq(asked, 0);
	cr_assert(!memory_is_readable(make_edge(), 1));
	cr_assert_eq(asked, 1);
}

Test(memory, the_heap_is_asked_for_once)
{
	count_questions();
	char *heap = sbrk(4 * PAGE);

	cr_assert(memory_is_readable(heap, 16));
	cr_assert_eq(asked, 1);
	cr_assert(memory_is_readable(heap + 1, 4 * PAGE - 1));
	cr_assert_eq(asked, 1);
}

Test(memory, a_heap_that_was_given_back_is_not_readable)
{
	char *heap = sbrk(4 * PAGE);

	cr_assert(memory_is_readable(heap, 4 * PAGE));
	cr_assert_neq(sbrk(-2 * (intptr_t)PAGE), (void *)-1);
	cr_assert(memory_is_readable(heap, 2 * PAGE));
	cr_assert(!memory_is_readable(heap + 2 * PAGE, 1));
	cr_assert(!memory_is_readable(heap, 4 * PAGE));
}
