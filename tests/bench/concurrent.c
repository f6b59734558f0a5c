/*
 * concurrent BACKEND MODE PORT COUNT [cold]: COUNT non-blocking connects at once, waited for by one
 * of
 *
 *   epoll, et (edge-triggered), before (epoll that is told of a socket before its connect()),
 *   poll, select
 *   paced    epoll, whose loop wants a turn each millisecond and begins one connect in each
 *
 * Prints the milliseconds until the last one is connected, those of the longest connect(), the
 * microseconds of processor time for each, and the most milliseconds between two turns of `paced`.
 * Then each is asked whether it is connected. MODE is one of by_hand.h. There is one connect before
 * the clock starts, since a library may learn from it what the client by hand was told; cold: none.
 */
#include "by_hand.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

struct one {
	int fd;
	bool sent, over;
	size_t got;
};

static enum by_hand mode;
static struct sockaddr_in to;
static struct one *all;
static int count, left;
static double longest;

static void begin(struct one *c)
{
	const double before = by_hand_now();

	if (connect(c->fd, (const struct sockaddr *)&to, sizeof(to)) < 0 && errno != EINPROGRESS)
		err(1, "connect");
	const double took = by_hand_now() - before;
	longest = took > longest ? took : longest;
}

static void make(struct one *c)
{
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (c->fd < 0)
		err(1, "socket");
}

/* What it waits for: with a library for the connect() alone. */
static bool wants_input(const struct one *c)
{
	return c->sent;
}

static void end(struct one *c)
{
	c->over = true;
	left--;
}

/* Something is ready. */
static void go_on(struct one *c)
{
	uint8_t in[BY_HAND_ANSWER];

	if (!c->sent) {
		int error = -1;
		socklen_t length = sizeof(error);
		if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0)
			errx(1, "connect: %s", strerror(error));
		if (mode == BY_HAND_NOT) {
			end(c);
			return;
		}
		if (send(c->fd, by_hand_bytes, by_hand_size, 0) < 0)
			err(1, "send");
		c->sent = true;
	}
	const ssize_t n = recv(c->fd, in, sizeof(in) - c->got, 0);
	if (n == 0 || (n < 0 && errno != EAGAIN))
		err(1, "recv");
	c->got += n > 0 ? (size_t)n : 0;
	if (c->got == BY_HAND_ANSWER)
		end(c);
}

static void tell(int set, int op, struct one *c, uint32_t flags)
{
	const uint32_t wanted = flags & EPOLLET	 ? EPOLLIN | EPOLLOUT
				: wants_input(c) ? EPOLLIN
						 : EPOLLOUT;
	struct epoll_event event = { .events = wanted | flags, .data.ptr = c };

	if (epoll_ctl(set, op, c->fd, &event) < 0)
		err(1, "epoll_ctl");
}

static void turn(int set, uint32_t flags, int timeout)
{
	struct epoll_event events[64];
	const int ready = epoll_wait(set, events, 64, timeout);

	for (int i = 0; i < ready; i++) {
		struct one *c = events[i].data.ptr;
		const bool sent = c->sent;
		if (c->over)
			continue;
		go_on(c);
		if (c->over)
			epoll_ctl(set, EPOLL_CTL_DEL, c->fd, NULL);
		else if (c->sent != sent && !(flags & EPOLLET))
			tell(set, EPOLL_CTL_MOD, c, flags);
	}
}

static void by_epoll(uint32_t flags, bool before)
{
	const int set = epoll_create1(EPOLL_CLOEXEC);

	for (int i = 0; i < count; i++) {
		make(&all[i]);
		if (before)
			tell(set, EPOLL_CTL_ADD, &all[i], flags);
		begin(&all[i]);
		if (!before)
			tell(set, EPOLL_CTL_ADD, &all[i], flags);
	}
	while (left > 0)
		turn(set, flags, -1);
}

/* Returns the most time between two turns. */
static double by_turns(void)
{
	const int set = epoll_create1(EPOLL_CLOEXEC);
	double last = by_hand_now(), most = 0;

	for (int next = 0; left > 0;) {
		if (next < count) {
			make(&all[next]);
			begin(&all[next]);
			tell(set, EPOLL_CTL_ADD, &all[next++], 0);
		}
		turn(set, 0, 1);
		const double now = by_hand_now();
		most = now - last > most ? now - last : most;
		last = now;
	}
	return most;
}

static void begin_all(void)
{
	for (int i = 0; i < count; i++) {
		make(&all[i]);
		begin(&all[i]);
	}
}

static void by_poll(void)
{
	struct pollfd *set = calloc((size_t)count, sizeof(*set));

	while (left > 0) {
		for (int i = 0; i < count; i++)
			set[i] = (struct pollfd){ all[i].over ? -1 : all[i].fd,
						  wants_input(&all[i]) ? POLLIN : POLLOUT, 0 };
		poll(set, (nfds_t)count, -1);
		for (int i = 0; i < count; i++) {
			if (set[i].revents)
				go_on(&all[i]);
		}
	}
	free(set);
}

static void by_select(void)
{
	while (left > 0) {
		fd_set sets[2];
		int most = 0;

		FD_ZERO(&sets[0]);
		FD_ZERO(&sets[1]);
		for (int i = 0; i < count; i++) {
			if (all[i].over)
				continue;
			if (all[i].fd >= FD_SETSIZE)
				errx(1, "too many for select");
			FD_SET(all[i].fd, &sets[!wants_input(&all[i])]);
			most = all[i].fd > most ? all[i].fd : most;
		}
		select(most + 1, &sets[0], &sets[1], NULL, NULL);
		for (int i = 0; i < count; i++) {
			if (!all[i].over &&
			    (FD_ISSET(all[i].fd, &sets[0]) || FD_ISSET(all[i].fd, &sets[1])))
				go_on(&all[i]);
		}
	}
}

static void warm_up(void)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "connect");
	by_hand_talk(fd, mode);
	close(fd);
}

static double used(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int argc, char **argv)
{
	struct rlimit many;
	double stall = 0;

	if (argc < 5)
		errx(2, "usage: concurrent BACKEND MODE PORT COUNT [cold]");
	getrlimit(RLIMIT_NOFILE, &many);
	many.rlim_cur = many.rlim_max;
	setrlimit(RLIMIT_NOFILE, &many);
	mode = by_hand_mode(argv[2]);
	to = by_hand_address(mode, argv[3]);
	left = count = atoi(argv[4]);
	all = calloc((size_t)count, sizeof(*all));
	if (argc == 5)
		warm_up();
	const double start = by_hand_now(), cpu = used();
	if (strcmp(argv[1], "paced") == 0) {
		stall = by_turns();
	} else if (strncmp(argv[1], "poll", 4) == 0) {
		begin_all();
		by_poll();
	} else if (strcmp(argv[1], "select") == 0) {
		begin_all();
		by_select();
	} else {
		by_epoll(strcmp(argv[1], "et") == 0 ? EPOLLET : 0, strcmp(argv[1], "before") == 0);
	}
	const double total = by_hand_now() - start, busy = used() - cpu;
	for (int i = 0; i < count; i++) {
		if (!by_hand_is_connected(all[i].fd))
			errx(3, "wrong result");
	}
	printf("%.2f %.3f %.2f %.2f\n", total, longest, busy / count, stall);
	return 0;
}
