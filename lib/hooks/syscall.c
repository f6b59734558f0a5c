/*
 * syscall: what goes through syscall(2) and has a hook goes through the hook; io_uring, which no
 * hook sees, is not there (programs fall back); everything else passes unchanged.
 */
#include "hooks/hook.h"
#include "hooks/sandbox.h"

#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/syscall.h>

#define POINTER(n) ((void *)argument[n])
#define INT(n)	   ((int)argument[n])

/* libc has no function for it. With SECCOMP_FILTER_FLAG_NEW_LISTENER it returns a descriptor. */
static long install_filter(int operation, unsigned flags, void *filter)
{
	const long r = libc()->syscall(SYS_seccomp, operation, flags, filter);

	if (r >= 0 && operation == SECCOMP_SET_MODE_FILTER)
		sandbox_learn(filter);
	return r;
}

static bool by_hook(long number, const long argument[6], long *ret)
{
	switch (number) {
	case SYS_socket:
		*ret = socket(INT(0), INT(1), INT(2));
		return true;
	case SYS_bind:
		*ret = bind(INT(0), POINTER(1), (socklen_t)argument[2]);
		return true;
	case SYS_listen:
		*ret = listen(INT(0), INT(1));
		return true;
#ifdef SYS_accept /* i386 and s390x have accept4 alone */
	case SYS_accept:
		*ret = accept(INT(0), POINTER(1), POINTER(2));
		return true;
#endif
	case SYS_accept4:
		*ret = accept4(INT(0), POINTER(1), POINTER(2), INT(3));
		return true;
	case SYS_setsockopt:
		*ret = setsockopt(INT(0), INT(1), INT(2), POINTER(3), (socklen_t)argument[4]);
		return true;
	case SYS_getsockname:
		*ret = getsockname(INT(0), POINTER(1), POINTER(2));
		return true;
	case SYS_connect:
		*ret = connect(INT(0), POINTER(1), (socklen_t)argument[2]);
		return true;
	case SYS_getpeername:
		*ret = getpeername(INT(0), POINTER(1), POINTER(2));
		return true;
	case SYS_getsockopt:
		*ret = getsockopt(INT(0), INT(1), INT(2), POINTER(3), POINTER(4));
		return true;
	case SYS_shutdown:
		*ret = shutdown(INT(0), INT(1));
		return true;
	case SYS_sendto:
		*ret = sendto(INT(0), POINTER(1), (size_t)argument[2], INT(3), POINTER(4),
			      (socklen_t)argument[5]);
		return true;
	case SYS_sendmsg:
		*ret = sendmsg(INT(0), POINTER(1), INT(2));
		return true;
	case SYS_sendmmsg:
		*ret = sendmmsg(INT(0), POINTER(1), (unsigned)argument[2], INT(3));
		return true;
	case SYS_recvfrom:
		*ret = recvfrom(INT(0), POINTER(1), (size_t)argument[2], INT(3), POINTER(4),
				POINTER(5));
		return true;
	case SYS_recvmsg:
		*ret = recvmsg(INT(0), POINTER(1), INT(2));
		return true;
	case SYS_recvmmsg:
		*ret = recvmmsg(INT(0), POINTER(1), (unsigned)argument[2], INT(3), POINTER(4));
		return true;
	case SYS_epoll_ctl:
		*ret = epoll_ctl(INT(0), INT(1), INT(2), POINTER(3));
		return true;
#ifdef SYS_poll
	case SYS_poll:
		*ret = poll(POINTER(0), (nfds_t)argument[1], INT(2));
		return true;
	case SYS_epoll_wait:
		*ret = epoll_wait(INT(0), POINTER(1), INT(2), INT(3));
		return true;
#endif
	case SYS_epoll_pwait: /* the kernel's signal sets are smaller than libc's and begin alike */
		*ret = epoll_pwait(INT(0), POINTER(1), INT(2), INT(3), POINTER(4));
		return true;
	case SYS_epoll_pwait2:
		*ret = epoll_pwait2(INT(0), POINTER(1), INT(2), POINTER(3), POINTER(4));
		return true;
	case SYS_prctl:
		*ret = prctl(INT(0), argument[1], argument[2], argument[3], argument[4]);
		return true;
	case SYS_seccomp:
		*ret = install_filter(INT(0), (unsigned)argument[1], POINTER(2));
		return true;
	case SYS_pidfd_getfd:
		*ret = pidfd_getfd(INT(0), INT(1), (unsigned)argument[2]);
		return true;
	case SYS_execve:
		*ret = execve(POINTER(0), POINTER(1), POINTER(2));
		return true;
	case SYS_execveat:
		*ret = execveat(INT(0), POINTER(1), POINTER(2), POINTER(3), INT(4));
		return true;
	case SYS_io_uring_setup:
		errno = ENOSYS;
		*ret = -1;
		return true;
	default:
		return false;
	}
}

/* A caller may have given fewer: what lies there instead is read and not used, as libc does it. */
__attribute__((no_sanitize("address"))) HOOK long syscall(long number, ...)
{
	long argument[6], r;
	va_list arguments;

	va_start(arguments, number);
	for (unsigned i = 0; i < 6; i++)
		argument[i] = va_arg(arguments, long);
	va_end(arguments);
	if (by_hook(number, argument, &r))
		return r;
	return libc()->syscall(number, argument[0], argument[1], argument[2], argument[3],
			       argument[4], argument[5]);
}
