/*
 * question: what the kernel may no longer be asked, since the program has installed a seccomp
 * filter of its own by which the question would be its death (hooks/sandbox). Whoever asks for the
 * library's sake alone looks here first, and does without. One word, which only gains bits; a child
 * of fork(2) has its parent's, as it has the filters. Any thread.
 */
#ifndef BASE_QUESTION_H
#define BASE_QUESTION_H

#include <stdatomic.h>
#include <stdbool.h>

enum question {
	QUESTION_OPTION,  /* getsockopt(2), of the socket itself */
	QUESTION_PEER,	  /* getpeername(2) */
	QUESTION_PROCESS, /* getpid(2) */
	QUESTION_MEMORY,  /* futex(2), whether memory can be read */
	QUESTION_MESSAGE, /* sendmsg(2) in place of sendto(2) */
	QUESTION_USER,	  /* geteuid(2), and what that user is outside of namespaces */
};

extern _Atomic unsigned question_forbidden;

static inline bool question_is_allowed(enum question question)
{
	return !(atomic_load_explicit(&question_forbidden, memory_order_relaxed) & 1u << question);
}

void question_forbid(enum question question);

#endif
