#include "hooks/sandbox.h"
#include "base/filter.h"
#include "base/question.h"
#include "hooks/hook.h"

#include <linux/audit.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#define ARCHITECTURE 0
#endif

/* Each of the options that are asked for must be. Numbers of descriptors and where answers go are
 * not known; no filter looks at them. */
static const struct {
	enum question question;
	struct seccomp_data call;
} questions[] = {
	{ QUESTION_OPTION,
	  { .nr = SYS_getsockopt, .arch = ARCHITECTURE, .args = { 3, SOL_SOCKET, SO_DOMAIN } } },
	{ QUESTION_OPTION,
	  { .nr = SYS_getsockopt,
	    .arch = ARCHITECTURE,
	    .args = { 3, SOL_SOCKET, SO_BINDTOIFINDEX } } },
	{ QUESTION_OPTION,
	  { .nr = SYS_getsockopt, .arch = ARCHITECTURE, .args = { 3, SOL_SOCKET, SO_COOKIE } } },
	{ QUESTION_PROCESS, { .nr = SYS_getpid, .arch = ARCHITECTURE } },
	{ QUESTION_MEMORY,
	  { .nr = SYS_futex, .arch = ARCHITECTURE, .args = { 0, FUTEX_CMP_REQUEUE_PRIVATE } } },
	{ QUESTION_PEER, { .nr = SYS_getpeername, .arch = ARCHITECTURE, .args = { 3 } } },
	{ QUESTION_MESSAGE, { .nr = SYS_sendmsg, .arch = ARCHITECTURE, .args = { 3 } } },
	{ QUESTION_USER, { .nr = SYS_geteuid, .arch = ARCHITECTURE } },
#ifdef SYS_readlink
	{ QUESTION_USER, { .nr = SYS_readlink, .arch = ARCHITECTURE } },
#else
	{ QUESTION_USER, { .nr = SYS_readlinkat, .arch = ARCHITECTURE, .args = { AT_FDCWD } } },
#endif
};

void sandbox_learn(const struct sock_fprog *filter)
{
	for (unsigned i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		if (!filter_spares(filter->filter, filter->len, &questions[i].call))
			question_forbid(questions[i].question);
	}
}

HOOK int prctl(int option, ...)
{
	unsigned long argument[4];
	va_list arguments;

	va_start(arguments, option);
	for (unsigned i = 0; i < 4; i++)
		argument[i] = va_arg(arguments, unsigned long);
	va_end(arguments);
	const int r = libc()->prctl(option, argument[0], argument[1], argument[2], argument[3]);
	if (r == 0 && option == PR_SET_SECCOMP && argument[0] == SECCOMP_MODE_FILTER)
		sandbox_learn((const struct sock_fprog *)argument[1]);
	return r;
}
