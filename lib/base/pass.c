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

static ssize_t send_as_many(int fd, const struct msghdr *message, int flags)
{
	struct mmsghdr one = { .msg_hdr = *message };
	const long r = libc()->syscall(SYS_sendmmsg, fd, &one, 1, flags, halves[0], halves[1]);

	return r < 0 ? r : (ssize_t)one.msg_len;
}

/* A thread that waits in the kernel can be cancelled there; where there is one thread nobody does
 * it. */
static ssize_t send_cancellably(ssize_t (*send_it)(int, const struct msghdr *, int), int fd,
				const struct msghdr *message, int flags)
{
	int type = PTHREAD_CANCEL_DEFERRED;

	if (__libc_single_threaded)
		return send_it(fd, message, flags);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	const ssize_t r = send_it(fd, message, flags);
	pthread_setcanceltype(type, NULL);
	return r;
}

ssize_t pass_sendmsg(int fd, const struct msghdr *message, int flags)
{
	return send_cancellably(pass_sendmsg_at_once, fd, message, flags);
}

ssize_t pass_sendmmsg(int fd, const struct msghdr *message, int flags)
{
	return send_cancellably(send_as_many, fd, message, flags);
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

int pass_epoll_pwait2(int set, struct epoll_event *events, int most, const struct timespec *timeout)
{
	return (int)libc()->syscall(SYS_epoll_pwait2, set, events, most, timeout, NULL, halves[0]);
}

bool pass_has_cookie(void)
{
	return halves[0] != 0;
}
