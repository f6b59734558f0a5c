/*
 * loading: dlopen and dlmopen without RTLD_DEEPBIND. What is loaded with it looks for its symbols
 * among its own libraries first, libc one of them, and its calls would pass this library by; PHP
 * loads its extensions so. All else is libc's, which looks at who calls it: that decides what
 * RUNPATH and $ORIGIN mean, and in which namespace the library is looked for. So the return address
 * stays the caller's, and libc's function is jumped to.
 */
#include "hooks/hook.h"
#include "session/session.h"

#include <dlfcn.h>

/* Where to jump, and the flags to bring: one register each. */
struct loading {
	long function;
	long flags;
};

struct loading loading_dlopen(int flags);
struct loading loading_dlmopen(int flags);

static struct loading without_deepbind(void *function, int flags)
{
	ERROR_PROTECT;
	const bool is_ours = !session_get()->passive;
	return (struct loading){ (long)function, is_ours ? flags & ~RTLD_DEEPBIND : flags };
}

__attribute__((used, visibility("hidden"))) struct loading loading_dlopen(int flags)
{
	return without_deepbind((void *)libc()->dlopen, flags);
}

__attribute__((used, visibility("hidden"))) struct loading loading_dlmopen(int flags)
{
	return without_deepbind((void *)libc()->dlmopen, flags);
}

#define BEGIN(name)                                                                                \
	".pushsection .text\n.globl " name "\n.type " name ", %function\n.p2align 4\n" name ":\n"
#define END(name) ".size " name ", . - " name "\n.popsection\n"

#if defined(__x86_64__) && !defined(__ILP32__)

/* flags: the register that the caller has them in. Three words keep the stack aligned. */
#define JUMP(name, flags)                                                                          \
	__asm__(BEGIN(name) "endbr64\n"                                                            \
			    "push %rdi\npush %rsi\npush %rdx\n"                                    \
			    "mov %e" flags ", %edi\n"                                              \
			    "call loading_" name "\n"                                              \
			    "mov %rdx, %rcx\n"                                                     \
			    "pop %rdx\npop %rsi\npop %rdi\n"                                       \
			    "mov %ecx, %e" flags "\n"                                              \
			    "jmp *%rax\n" END(name))

JUMP("dlopen", "si");
JUMP("dlmopen", "dx");

#elif defined(__aarch64__)

/* hint #34: where a jump may lead (BTI). */
#define JUMP(name, flags)                                                                          \
	__asm__(BEGIN(name) "hint #34\n"                                                           \
			    "stp x29, x30, [sp, #-48]!\n"                                          \
			    "mov x29, sp\n"                                                        \
			    "stp x0, x1, [sp, #16]\nstr x2, [sp, #32]\n"                           \
			    "mov w0, w" flags "\n"                                                 \
			    "bl loading_" name "\n"                                                \
			    "mov x16, x0\nmov x17, x1\n"                                           \
			    "ldp x0, x1, [sp, #16]\nldr x2, [sp, #32]\n"                           \
			    "ldp x29, x30, [sp], #48\n"                                            \
			    "mov w" flags ", w17\n"                                                \
			    "br x16\n" END(name))

JUMP("dlopen", "1");
JUMP("dlmopen", "2");

#else

/* The compiler makes a jump of a call at the end; where it does not, libraries that only their
 * loader's RUNPATH leads to are not found. */
__attribute__((optimize("O2"))) HOOK void *dlopen(const char *file, int flags)
{
	const struct loading to = loading_dlopen(flags);
	return ((__typeof__(dlopen) *)to.function)(file, (int)to.flags);
}

__attribute__((optimize("O2"))) HOOK void *dlmopen(Lmid_t names, const char *file, int flags)
{
	const struct loading to = loading_dlmopen(flags);
	return ((__typeof__(dlmopen) *)to.function)(names, file, (int)to.flags);
}

#endif
