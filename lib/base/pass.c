#include "base/pass.h"
#include "base/libc.h"

#include <pthread.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>

/* The halves of the cookie, as the filter compares them. */
static uint64_t halves[2] LIBC_WITH_DATA;

void pass_put(const uint8_t cookie[PASS_COOKIE])
{
	memcpy(halves, cookie, sizeof(halves));
}

int pass_socket(int domain, int type, int protocol)
{
	return (int)libc()->syscall(SYS_socket, domain, type, protocol, halves[0], halves[1]);
}

int pass_set_device(int fd, int level, int name, const void *value, socklen_t length)
{
	return (int)libc()->syscall(SYS_setsockopt, fd, level, name, value, length, halves[0]);
}

ssize_t pass_sendmsg_at_once(int fd, const struct msghdr *message, int flags)
{
	return libc()->syscall(SYS_sendmsg, fd, message, flags, halves[0], halves[1]);
}

/* A thread that waits in the kernel can be cancelled there; where there is one thread nobody does
 * it. */
ssize_t pass_sendmsg(int fd, const struct msghdr *message, int flags)
{
	int type = PTHREAD_CANCEL_DEFERRED;

	if (__libc_single_threaded)
		return pass_sendmsg_at_once(fd, message, flags);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	const ssize_t r = pass_sendmsg_at_once(fd, message, flags);
	pthread_setcanceltype(type, NULL);
	return r;
}

/* sendto(2) uses all its arguments. */
ssize_t pass_sendto(int fd, const void *buffer, size_t size, int flags, const struct sockaddr *addr,
		    socklen_t length)
{
	struct iovec piece = { (void *)buffer, size };
	const struct msghdr message = {
		.msg_name = (void *)addr, .msg_namelen = length, .msg_iov = &piece, .msg_iovlen = 1
	};

	return pass_sendmsg(fd, &message, flags);
}

int pass_pidfd_getfd(int process, int fd, unsigned flags)
{
	return (int)libc()->syscall(SYS_pidfd_getfd, process, fd, flags, halves[0], halves[1]);
}
