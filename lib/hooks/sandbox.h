/*
 * sandbox: what a program may no longer be asked about its descriptors, since it has installed a
 * seccomp filter of its own by which the question would be its death. Chromium's renderers do. One
 * word, which only gains bits; a child of fork(2) has its parent's, as it has the filters.
 */
#ifndef HOOKS_SANDBOX_H
#define HOOKS_SANDBOX_H

#include <linux/filter.h>
#include <stdbool.h>

enum sandbox_question {
	SANDBOX_OPTION, /* getsockopt(2), of the socket itself */
	SANDBOX_PEER,	/* getpeername(2) */
	SANDBOX_QUESTIONS,
};

bool sandbox_lets_ask(enum sandbox_question question);

/* The kernel has taken this filter. */
void sandbox_learn(const struct sock_fprog *filter);

#endif
