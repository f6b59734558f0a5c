#include "guarded.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <criterion/criterion.h>

struct guarded guarded_copy(const void *bytes, size_t length)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (length + page - 1) / page * page;
	uint8_t *map =
		mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert(map != MAP_FAILED);
	cr_assert(mprotect(map + size, page, PROT_NONE) == 0);
	if (length > 0)
		memcpy(map + size - length, bytes, length);
	return (struct guarded){ .bytes = map + size - length, .map = map, .mapped = size + page };
}

void guarded_free(struct guarded *guarded)
{
	munmap(guarded->map, guarded->mapped);
}
