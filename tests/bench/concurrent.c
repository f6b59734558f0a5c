/*
 * concurrent BACKEND ADDRESS PORT COUNT: COUNT non-blocking connects at once, waited for by epoll,
 * et (edge-triggered epoll), poll or select. Prints the milliseconds until the last one is
 * connected, and those of the longest connect().
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int count, left;
static int *fds;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void end(int i)
{
	int error = -1;
	socklen_t length = sizeof(error);

	if (getsockopt(fds[i], SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0)
		errx(1, "connect: %s", strerror(error));
	close(fds[i]);
	fds[i] = -1;
	left--;
}

static void by_epoll(uint32_t flags)
{
	const int set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[64];

	for (int i = 0; i < count; i++) {
		struct epoll_event event = { .events = EPOLLOUT | flags, .data.u64 = (uint64_t)i };
		epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &event);
	}
	while (left > 0) {
		const int ready = epoll_wait(set, events, 64, -1);
		for (int i = 0; i < ready; i++)
			end((int)events[i].data.u64);
	}
}

static void by_poll(void)
{
	struct pollfd *set = calloc((size_t)count, sizeof(*set));

	while (left > 0) {
		for (int i = 0; i < count; i++)
			set[i] = (struct pollfd){ fds[i], POLLOUT, 0 };
		poll(set, (nfds_t)count, -1);
		for (int i = 0; i < count; i++) {
			if (set[i].revents)
				end(i);
		}
	}
	free(set);
}

static void by_select(void)
{
	while (left > 0) {
		fd_set writable;
		int most = 0;

		FD_ZERO(&writable);
		for (int i = 0; i < count; i++) {
			if (fds[i] >= 0)
				FD_SET(fds[i], &writable);
			most = fds[i] > most ? fds[i] : most;
		}
		select(most + 1, NULL, &writable, NULL, NULL);
		for (int i = 0; i < count; i++) {
			if (fds[i] >= 0 && FD_ISSET(fds[i], &writable))
				end(i);
		}
	}
}

int main(int argc, char **argv)
{
	const struct rlimit many = { 65536, 65536 };
	struct sockaddr_in to = { .sin_family = AF_INET };
	double longest = 0;

	if (argc != 5)
		errx(2, "usage: concurrent epoll|et|poll|select ADDRESS PORT COUNT");
	setrlimit(RLIMIT_NOFILE, &many);
	inet_pton(AF_INET, argv[2], &to.sin_addr);
	to.sin_port = htons((uint16_t)atoi(argv[3]));
	left = count = atoi(argv[4]);
	fds = calloc((size_t)count, sizeof(*fds));
	const double start = now();
	for (int i = 0; i < count; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		const double before = now();
		if (connect(fds[i], (const struct sockaddr *)&to, sizeof(to)) < 0 &&
		    errno != EINPROGRESS)
			err(1, "connect");
		const double took = now() - before;
		longest = took > longest ? took : longest;
	}
	if (strcmp(argv[1], "poll") == 0)
		by_poll();
	else if (strcmp(argv[1], "select") == 0)
		by_select();
	else
		by_epoll(strcmp(argv[1], "et") == 0 ? EPOLLET : 0);
	printf("%.1f %.3f\n", now() - start, longest);
	return 0;
}
