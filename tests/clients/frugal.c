/*
 * frugal HOST PORT: how often malloc and its kin were called in a non-blocking connect that is
 * waited for by epoll, poll and select: "allocations=0".
 */
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);

static unsigned allocations;

void *malloc(size_t size)
{
	allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations++;
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	allocations++;
	return __libc_realloc(old, size);
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET };
	struct epoll_event event = { .events = EPOLLOUT };
	struct timeval short_time = { 0, 1000 };
	struct addrinfo *to;
	int error = -1;
	socklen_t length = sizeof(error);
	fd_set writable;

	if (argc != 3 || getaddrinfo(argv[1], argv[2], &hints, &to) != 0)
		errx(2, "usage: frugal HOST PORT");
	const unsigned before = allocations;
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), set = epoll_create1(0);
	struct pollfd one = { .fd = fd, .events = POLLOUT };
	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 || errno != EINPROGRESS)
		err(1, "connect");
	epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
	FD_ZERO(&writable);
	FD_SET(fd, &writable);
	const int early = epoll_wait(set, &event, 1, 1) + poll(&one, 1, 1) +
			  select(fd + 1, NULL, &writable, NULL, &short_time);
	epoll_wait(set, &event, 1, -1);
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	printf("early=%d error=%d allocations=%u\n", early, error, allocations - before);
	return 0;
}
