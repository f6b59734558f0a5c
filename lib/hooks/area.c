#include "hooks/area.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define LEAST  ((size_t)64 * 1024)
#define NOBODY ((uintptr_t)0)

/*
 * A child of vfork(2) has the thread pointer of the thread that sleeps for it. So who has both an
 * area's thread and another process than its user is the parent behind that child, or a later child
 * of the parent; with the same process it is a signal handler, in the middle of the other's use.
 */
struct area {
	struct area *next; /* never changes */
	size_t size;	   /* of what follows */
	_Atomic uintptr_t thread;
	_Atomic pid_t process;
	max_align_t memory[];
};

static struct area *_Atomic areas;

static bool take(struct area *area, size_t size, uintptr_t self, pid_t process)
{
	uintptr_t user = atomic_load(&area->thread);

	if (area->size < size ||
	    (user != NOBODY && (user != self || atomic_load(&area->process) == process)) ||
	    !atomic_compare_exchange_strong(&area->thread, &user, self))
		return false;
	atomic_store(&area->process, process);
	return true;
}

static struct area *make(size_t size, uintptr_t self, pid_t process)
{
	size_t whole = LEAST;

	while (whole < size + sizeof(struct area))
		whole *= 2; /* so that few are too small for the next time */
	struct area *area =
		mmap(NULL, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return NULL;
	area->size = whole - sizeof(struct area);
	atomic_store(&area->thread, self);
	atomic_store(&area->process, process);
	area->next = atomic_load(&areas);
	while (!atomic_compare_exchange_weak(&areas, &area->next, area))
		;
	return area;
}

void *area_take(size_t size)
{
	const uintptr_t self = (uintptr_t)pthread_self();
	const pid_t process = getpid();

	if (size > SIZE_MAX / 4)
		return NULL;
	for (struct area *area = atomic_load(&areas); area; area = area->next) {
		if (take(area, size, self, process))
			return area->memory;
	}
	struct area *fresh = make(size, self, process);
	return fresh ? fresh->memory : NULL;
}

void area_put(void *memory)
{
	struct area *area = (struct area *)((char *)memory - offsetof(struct area, memory));

	atomic_store(&area->thread, NOBODY);
}
