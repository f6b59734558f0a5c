/*
 * guard ROUNDS: what system calls cost, a line each: the best of ROUNDS rounds in nanoseconds. Run
 * bare and under isosocks, the difference is what leash, filter and hooks add.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int pair[2], tcp, udp, listener, pipes[2], set;
static struct sockaddr_in loopback;
static char byte;

static void make_and_close(int domain, int type)
{
	const int fd = socket(domain, type, 0);

	if (fd < 0)
		err(1, "socket");
	close(fd);
}

static void tcp4(void)
{
	make_and_close(AF_INET, SOCK_STREAM);
}

static void udp6(void)
{
	make_and_close(AF_INET6, SOCK_DGRAM);
}

static void local(void)
{
	make_and_close(AF_UNIX, SOCK_STREAM);
}

static void nothing(void)
{
	syscall(SYS_getppid);
}

static void option(void)
{
	static const int on = 1;
	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

static void name(void)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	getsockname(listener, (struct sockaddr *)&address, &length);
}

static void message(void)
{
	struct iovec piece = { &byte, 1 };
	struct msghdr header = { .msg_iov = &piece, .msg_iovlen = 1 };

	if (sendmsg(pair[0], &header, 0) != 1 || recvmsg(pair[1], &header, 0) != 1)
		err(1, "sendmsg, recvmsg");
}

static void write_read(void)
{
	if (write(pipes[1], &byte, 1) != 1 || read(pipes[0], &byte, 1) != 1)
		err(1, "write, read");
}

static void poll_once(void)
{
	struct pollfd ready = { .fd = pipes[0], .events = POLLIN };

	if (poll(&ready, 1, 0) != 0)
		err(1, "poll");
}

static void epoll_once(void)
{
	struct epoll_event event;

	if (epoll_wait(set, &event, 1, 0) != 0)
		err(1, "epoll_wait");
}

static void epoll_change(void)
{
	struct epoll_event event = { .events = EPOLLIN };

	if (epoll_ctl(set, EPOLL_CTL_MOD, pipes[0], &event) < 0)
		err(1, "epoll_ctl");
}

static void datagram(void)
{
	const struct sockaddr *to = (struct sockaddr *)&loopback;

	if (sendto(udp, &byte, 1, 0, to, sizeof(loopback)) != 1 || read(udp, &byte, 1) != 1)
		err(1, "sendto, read");
}

static void bind_listen(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET };
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 1) < 0)
		err(1, "bind, listen");
	close(fd);
}

static void connect_accept(void)
{
	struct sockaddr_in to;
	socklen_t length = sizeof(to);
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	const struct linger reset = { 1, 0 };

	getsockname(listener, (struct sockaddr *)&to, &length);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(fd, (struct sockaddr *)&to, length) < 0)
		err(1, "connect");
	close(accept(listener, NULL, NULL));
	close(fd);
}

static double best(void (*call)(void), int rounds)
{
	enum { CALLS = 2000 };
	double least = 1e12;

	for (int round = 0; round < rounds; round++) {
		struct timespec start, end;
		clock_gettime(CLOCK_MONOTONIC, &start);
		for (int i = 0; i < CALLS; i++)
			call();
		clock_gettime(CLOCK_MONOTONIC, &end);
		const double each = ((double)(end.tv_sec - start.tv_sec) * 1e9 +
				     (double)(end.tv_nsec - start.tv_nsec)) /
				    CALLS;
		if (each < least)
			least = each;
	}
	return least;
}

static void prepare(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	socklen_t length = sizeof(loopback);

	loopback = (struct sockaddr_in){ .sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(listener, (struct sockaddr *)&loopback, length) < 0 || listen(listener, 64) < 0 ||
	    bind(udp, (struct sockaddr *)&loopback, length) < 0 ||
	    getsockname(udp, (struct sockaddr *)&loopback, &length) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || pipe(pipes) < 0 ||
	    (set = epoll_create1(0)) < 0 || epoll_ctl(set, EPOLL_CTL_ADD, pipes[0], &event) < 0)
		err(1, "preparing");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*call)(void);
	} rows[] = {
		{ "socket+close(TCP)", tcp4 },
		{ "socket+close(UDP6)", udp6 },
		{ "socket+close(UNIX)", local },
		{ "getppid", nothing },
		{ "setsockopt", option },
		{ "getsockname", name },
		{ "sendmsg+recvmsg(UNIX)", message },
		{ "write+read(pipe)", write_read },
		{ "poll(pipe)", poll_once },
		{ "epoll_wait", epoll_once },
		{ "epoll_ctl", epoll_change },
		{ "sendto+read(UDP)", datagram },
		{ "socket+bind+listen+close", bind_listen },
		{ "connect+accept(loopback)", connect_accept },
	};

	if (argc != 2)
		errx(2, "usage: guard ROUNDS");
	prepare();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		printf("%s %.0f\n", rows[i].name, best(rows[i].call, atoi(argv[1])));
	return 0;
}
