/*
 * error: the house's way with errno. Inside the library a function returns >= 0 or -errno; errno
 * itself is read right after a libc call, here, and written only at the hooks' edge (hook_return in
 * hooks/hook.h). Nothing here has state; any thread and any signal handler may use it.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <errno.h>

/* The errno of the libc call that has just failed, as a negative number; never 0. */
static inline int error_last(void)
{
	return errno > 0 ? -errno : -EIO;
}

/* Turns libc's "-1 and errno" into the house's form: r as it is when good, -errno when not. */
static inline int error_or(long r)
{
	return r < 0 ? error_last() : (int)r;
}

static inline void error_restore(const int *saved)
{
	errno = *saved;
}

/* errno gets back, at the end of the enclosing scope, the value it has here. */
#define ERROR_PROTECT __attribute__((cleanup(error_restore), unused)) const int error_saved_ = errno

#endif
