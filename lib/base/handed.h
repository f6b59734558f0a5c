/*
 * handed: memory on a descriptor that outlives exec, and how a process tells its children which:
 * `FD:INODE`, since programs close descriptors and use their numbers again. Allocation-free,
 * async-signal-safe; any thread.
 */
#ifndef BASE_HANDED_H
#define BASE_HANDED_H

#include <stdbool.h>
#include <stdint.h>

/* Two numbers, the colon and the NUL. */
#define HANDED_TEXT_SIZE (10 + 1 + 20 + 1)

struct handed {
	int fd;
	uint64_t inode;
};

/* What such a text says. Whether it is so is the caller's to see. */
bool handed_parse(const char *text, struct handed *ret);

/* The text for a descriptor. -errno. */
int handed_describe(int fd, char ret_text[HANDED_TEXT_SIZE]);

/* New empty memory that can be sealed, with FD_CLOEXEC. -errno. */
int handed_create(const char *name);

/* A second descriptor of the same memory, high and without FD_CLOEXEC. -errno. */
int handed_duplicate(int fd);

/* Takes fd and returns as high a descriptor as there is, without FD_CLOEXEC; fd itself where there
 * is no other. -errno. */
int handed_raise(int fd);

/*
 * Opens what a text says anew, with FD_CLOEXEC and these flags (O_RDONLY or O_RDWR), in the nearest
 * ancestor that has it, by the caller's word. -ENOENT.
 */
int handed_open_above(const struct handed *handed, int flags,
		      bool (*is_it)(int fd, uint64_t inode));

#endif
