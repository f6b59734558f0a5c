/*
 * hook: what every hook is made of. A hook is a plain function with libc's own prototype: it asks
 * the session, acts on the tunnel or calls through libc(), and translates the result. errno is
 * written here and nowhere else, and stays as it was when a call succeeds.
 *
 * To add one: a REPLACED row in base/libc.h, a function in its family's file here, a client in
 * tests/clients.
 */
#ifndef HOOKS_HOOK_H
#define HOOKS_HOOK_H

#include "base/error.h"
#include "base/libc.h"

#define HOOK __attribute__((visibility("default")))

/* The end of a hook: r is a result or -errno, saved is errno as the caller had it. */
static inline int hook_return(int r, int saved)
{
	errno = r < 0 ? -r : saved;
	return r < 0 ? -1 : r;
}

#endif
