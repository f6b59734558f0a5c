/*
 * sandbox: sees the program install a seccomp filter of its own, and finds out by running it which
 * questions it does not let the library ask any more (base/question). Chromium's renderers have
 * one.
 */
#ifndef HOOKS_SANDBOX_H
#define HOOKS_SANDBOX_H

#include <linux/filter.h>
#include <stdbool.h>

/* The kernel has taken this filter. */
void sandbox_learn(const struct sock_fprog *filter);

#endif
