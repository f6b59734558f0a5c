/*
 * pass: the system calls that the guard's filter lets the library alone make: it knows it by a
 * cookie in arguments that they do not use. The session says once which; without one they are as
 * libc makes them. Results as libc's, with errno. Any thread; async-signal-safe.
 */
#ifndef BASE_PASS_H
#define BASE_PASS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

#define PASS_COOKIE 16 /* bytes */

/* Before the first of the others, or while nobody calls them. */
void pass_put(const uint8_t cookie[PASS_COOKIE]);

int pass_socket(int domain, int type, int protocol);

/* setsockopt(2) of an option that names a device. */
int pass_set_device(int fd, int level, int name, const void *value, socklen_t length);

/* sendto(2) with an address. A cancellation point. */
ssize_t pass_sendto(int fd, const void *buffer, size_t size, int flags, const struct sockaddr *addr,
		    socklen_t length);

/* A cancellation point, as sendmsg(2) is. */
ssize_t pass_sendmsg(int fd, const struct msghdr *message, int flags);

/* The same by sendmmsg(2), of one message: for a program whose own filter lets it make that call.
 */
ssize_t pass_sendmmsg(int fd, const struct msghdr *message, int flags);

/* sendmsg(2), but none: for a call that does not wait, in the middle of something. */
ssize_t pass_sendmsg_at_once(int fd, const struct msghdr *message, int flags);

/* epoll_pwait2(2) without a mask, whose size the kernel does not look at then; not a cancellation
 * point. Whether there is a cookie, without which the filter would refuse it. */
int pass_epoll_pwait2(int set, struct epoll_event *events, int most,
		      const struct timespec *timeout);
bool pass_has_cookie(void);

int pass_pidfd_getfd(int process, int fd, unsigned flags);

#endif
