/*
 * machine: whether this kernel lets isosocks close the ways past the proxy: the guard (a seccomp
 * filter) and the leash (sockets bound to the loopback device by an ordinary user). Both are tried,
 * in a child, because version numbers do not tell what a kernel was built with or what is around
 * this process. One thread.
 */
#ifndef WRAPPERS_MACHINE_H
#define WRAPPERS_MACHINE_H

#include <glib.h>

/* 0, or the -errno with which it is refused. */
int machine_try_guard(void);
int machine_try_leash(void);

/* Adds what is found about "kernel", "guard" and "leash"; the guard may be off by configuration. */
void machine_inspect(GPtrArray *findings, gboolean guard_enabled);

#endif
