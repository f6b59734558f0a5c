/*
 * filter: what a seccomp filter would say of a system call, by running it here. For filters that
 * the kernel has taken: what it would not have taken counts as death. No state, any thread.
 */
#ifndef BASE_FILTER_H
#define BASE_FILTER_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>

/* Whether whoever makes this call lives on undisturbed: it may fail, but no signal comes of it. */
bool filter_spares(const struct sock_filter *program, size_t count,
		   const struct seccomp_data *call);

#endif
