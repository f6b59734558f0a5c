#include "base/memory.h"
#include "base/error.h"
#include "base/libc.h"
#include "base/question.h"

#include <link.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#define PAGE 4096u /* the smallest there is: a page of the machine's has several of these */

/* So far above the frame of a function its callers' own frames are certain to be. */
#define STACK_NEAR (2 * PAGE)

static bool is_on_stack(uintptr_t at, size_t length)
{
	const uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	return at >= frame && length < STACK_NEAR && at - frame < STACK_NEAR - length;
}

/* ---- the program's own variables ---- */

/* From `first` on, up to `last` which is behind it; both 0 until somebody looked, then never again.
 */
static _Atomic uintptr_t data_first LIBC_WITH_DATA, data_last LIBC_WITH_DATA;

/* What the program's headers say of its variables; without PT_PHDR nobody knows where they are. */
static void find_data(void)
{
	const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	const unsigned long count = headers ? getauxval(AT_PHNUM) : 0;
	uintptr_t base = 0, first = 1, last = 1;

	for (unsigned long i = 0; i < count; i++) {
		if (headers[i].p_type == PT_PHDR)
			base = (uintptr_t)headers - headers[i].p_vaddr;
		if (headers[i].p_type == PT_LOAD && (headers[i].p_flags & PF_W)) {
			first = base + headers[i].p_vaddr;
			last = first + headers[i].p_memsz;
		}
	}
	atomic_store_explicit(&data_first, first, memory_order_relaxed);
	atomic_store_explicit(&data_last, last, memory_order_release);
}

static uintptr_t end_of_data(void)
{
	if (atomic_load_explicit(&data_last, memory_order_acquire) == 0)
		find_data();
	return atomic_load_explicit(&data_last, memory_order_acquire);
}

static bool is_in_data(uintptr_t first, uintptr_t last)
{
	return last < end_of_data() &&
	       first >= atomic_load_explicit(&data_first, memory_order_relaxed);
}

/* ---- the heap ---- */

/*
 * Above the program's variables and below the break there is the heap alone, behind a gap whose
 * size is random: what was found readable there once is in it, and so is all that follows.
 */
static _Atomic uintptr_t heap_first LIBC_WITH_DATA = UINTPTR_MAX;

static bool is_below_break(uintptr_t first, uintptr_t last)
{
	return first >= end_of_data() && last < (uintptr_t)sbrk(0); /* no system call */
}

static bool is_in_heap(uintptr_t first, uintptr_t last)
{
	return first >= atomic_load_explicit(&heap_first, memory_order_relaxed) &&
	       is_below_break(first, last);
}

static void note_heap(uintptr_t first, uintptr_t last)
{
	if (is_below_break(first, last) &&
	    first < atomic_load_explicit(&heap_first, memory_order_relaxed))
		atomic_store_explicit(&heap_first, first, memory_order_relaxed);
}

/* ---- anything else ---- */

/*
 * The kernel reads the word, finds it equal or not, and wakes nobody and moves nobody either way:
 * no other call looks at memory without doing anything, and passes every sandbox.
 */
static bool is_page_readable(uintptr_t at)
{
	const uintptr_t word = at & ~(uintptr_t)3;

	return libc()->syscall(SYS_futex, word, FUTEX_CMP_REQUEUE_PRIVATE, 0, 0, word, 0) >= 0 ||
	       errno != EFAULT;
}

bool memory_is_readable(const void *from, size_t length)
{
	ERROR_PROTECT;
	const uintptr_t first = (uintptr_t)from, last = first + length - 1;

	if (length == 0 || is_on_stack(first, length))
		return true;
	if (last < first)
		return false;
	if (is_in_data(first, last) || is_in_heap(first, last))
		return true;
	if (!question_is_allowed(QUESTION_MEMORY))
		return true;
	for (uintptr_t at = first; at <= last; at = (at | (PAGE - 1)) + 1) {
		if (!is_page_readable(at))
			return false;
	}
	note_heap(first, last);
	return true;
}
