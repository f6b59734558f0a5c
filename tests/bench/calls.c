/*
 * calls hot|filter|pending|socket ROUNDS: what system calls cost, a line "NAME NANOSECONDS" each,
 * the best of ROUNDS rounds. hot are those of a program at work, on descriptors that are no
 * business of a proxy's; filter are the same under a seccomp filter of one instruction, which lets
 * all pass; pending the same while a connect() is under way on another descriptor; socket are those
 * that make sockets and look at them. Run bare and under a library, the difference is what it adds.
 */
#include "by_hand.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int pair[2], tcp, udp, listener, pipes[2], set, zero, null;
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

/* Devices do as little as can be in the kernel. */
static void read_once(void)
{
	if (read(zero, &byte, 1) != 1)
		err(1, "read");
}

static void write_once(void)
{
	if (write(null, &byte, 1) != 1)
		err(1, "write");
}

static void select_once(void)
{
	struct timeval now = { 0, 0 };
	fd_set readable;

	FD_ZERO(&readable);
	FD_SET(pipes[0], &readable);
	if (select(pipes[0] + 1, &readable, NULL, NULL, &now) != 0)
		err(1, "select");
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
		const double start = by_hand_now();
		for (int i = 0; i < CALLS; i++)
			call();
		const double each = (by_hand_now() - start) * 1e6 / CALLS;
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
	    (set = epoll_create1(0)) < 0 || epoll_ctl(set, EPOLL_CTL_ADD, pipes[0], &event) < 0 ||
	    (zero = open("/dev/zero", O_RDONLY)) < 0 || (null = open("/dev/null", O_WRONLY)) < 0)
		err(1, "preparing");
}

/* The proxy is one that takes its time; somebody waits, or each wait of this thread would look
 * after it. */
static void begin_connect(void)
{
	const struct sockaddr_in to = by_hand_address(BY_HAND_NOT, "");
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0)
		errx(1, "connected at once");
	struct epoll_event event = { .events = EPOLLOUT };
	if (epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

static void install_filter(void)
{
	struct sock_filter pass[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	const struct sock_fprog program = { 1, pass };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &program) < 0)
		err(1, "seccomp");
}

struct row {
	const char *name;
	void (*call)(void);
};

static void print(const struct row *rows, size_t count, int rounds)
{
	for (size_t i = 0; i < count; i++)
		printf("%s %.1f\n", rows[i].name, best(rows[i].call, rounds));
}

int main(int argc, char **argv)
{
	static const struct row hot[] = {
		{ "read", read_once },		{ "write", write_once },
		{ "poll", poll_once },		{ "select", select_once },
		{ "epoll_wait", epoll_once },	{ "epoll_ctl", epoll_change },
		{ "sendmsg+recvmsg", message }, { "getppid", nothing },
	};
	static const struct row sockets[] = {
		{ "socket+close,TCP", tcp4 },
		{ "socket+close,UDP6", udp6 },
		{ "socket+close,UNIX", local },
		{ "setsockopt", option },
		{ "getsockname", name },
		{ "sendto+read,UDP", datagram },
		{ "socket+bind+listen+close", bind_listen },
		{ "connect+accept,loopback", connect_accept },
	};

	if (argc != 3)
		errx(2, "usage: calls hot|filter|pending|socket ROUNDS");
	prepare();
	if (strcmp(argv[1], "pending") == 0)
		begin_connect();
	if (strcmp(argv[1], "filter") == 0)
		install_filter();
	if (strcmp(argv[1], "socket") == 0)
		print(sockets, sizeof(sockets) / sizeof(*sockets), atoi(argv[2]));
	else
		print(hot, sizeof(hot) / sizeof(*hot), atoi(argv[2]));
	return 0;
}
