/*
 * memory: whether a pointer that the application passed may be read. The kernel answers such a call
 * with EFAULT, where a hook that looks for itself would fault. Any thread; async-signal-safe.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether all of it can be read now. Most arguments lie on the caller's stack, among the program's
 * variables or in its heap, and cost no system call.
 */
bool memory_is_readable(const void *at, size_t length);

#endif
