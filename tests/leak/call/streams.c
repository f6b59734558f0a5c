/* streams: TCP by every function that begins a connection. */
#include "call.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void connect_stream(const char *target)
{
	union address to;
	const socklen_t length = fill(&to, target, PORT);
	const int fd = open_socket(family_of(target), SOCK_STREAM | SOCK_NONBLOCK, 0);

	tell(connect(fd, &to.any, length));
}

static void tcp_connect(void)
{
	connect_stream(TARGET4);
}

static void tcp_connect6(void)
{
	connect_stream(TARGET6);
}

static void tcp_mapped(void)
{
	connect_stream(MAPPED);
}

static void tcp_blocking(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const int fd = open_socket(AF_INET, SOCK_STREAM, 0);

	tell(connect(fd, &to.any, length));
}

static void tcp_syscall(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const long fd = syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	tell(fd < 0 ? fd : syscall(SYS_connect, fd, &to, length));
}

static void fast_open_sendto(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	tell(sendto(fd, "leak", 4, MSG_FASTOPEN, &to.any, length));
}

static void fast_open_sendmsg(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	const struct msghdr message = message_to(&to, length);

	tell(sendmsg(fd, &message, MSG_FASTOPEN));
}

static void fast_open_sendmmsg(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct mmsghdr message = { .msg_hdr = message_to(&to, length) };

	tell(sendmmsg(fd, &message, 1, MSG_FASTOPEN));
}

static void fast_open_syscall(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	tell(syscall(SYS_sendto, fd, "leak", 4, MSG_FASTOPEN, &to, length));
}

static void fast_open_connect(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &on, sizeof(on));
	const int r = connect(fd, &to.any, length);
	tell(r < 0 ? r : write(fd, "leak", 4));
}

static void bind_connect(const char *local, const char *target)
{
	union address to, from;
	const socklen_t length = fill(&to, target, PORT);
	const int fd = open_socket(family_of(target), SOCK_STREAM | SOCK_NONBLOCK, 0);
	const int r = bind(fd, &from.any, fill(&from, local, 0));

	tell(r < 0 ? r : connect(fd, &to.any, length));
}

static void tcp_bind_any(void)
{
	bind_connect("0.0.0.0", TARGET4);
}

static void tcp_bind_near(void)
{
	bind_connect(NEAR4, TARGET4);
}

static void tcp_bind_near6(void)
{
	bind_connect(NEAR6, TARGET6);
}

static void tcp_unspec(void)
{
	union address to;
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	connect(fd, &to.any, fill(&to, "127.0.0.1", 1));
	connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr));
	tell(connect(fd, &to.any, fill(&to, TARGET4, PORT)));
}

static void tcp_stdio(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	const int r = connect(fd, &to.any, length);
	FILE *stream = fdopen(fd, "w");

	fputs("leak", stream);
	fflush(stream);
	tell(r);
}

static void udp_stdio(void)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to(TARGET4, &to, &length);
	const int r = connect(fd, &to.any, length);
	FILE *stream = fdopen(fd, "w");

	fputs("leak", stream);
	tell(r < 0 ? r : fflush(stream));
}

/* ---- to this machine, by way of another ---- */

/* RFC 791 §3.1: the kernel sends to the first stop, and the address it is told comes last. */
static int by_way_of_target4(void)
{
	union address stop;
	uint8_t option[8] = { 131, 7, 4 };
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	fill(&stop, TARGET4, PORT);
	memcpy(option + 3, &stop.v4.sin_addr, 4);
	if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, option, sizeof(option)) < 0)
		tell(-1);
	return fd;
}

/* RFC 8754 §2: the segments are in reverse order. */
static int by_way_of_target6(int type)
{
	struct {
		uint8_t next, length, kind, left, last, flags, tag[2];
		struct in6_addr segments[2];
	} header = { .length = 4, .kind = 4, .left = 1, .last = 1 };
	union address stop;
	const int fd = open_socket(AF_INET6, type, 0);

	fill(&stop, TARGET6, PORT);
	header.segments[1] = stop.v6.sin6_addr;
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_RTHDR, &header, sizeof(header)) < 0)
		tell(-1);
	return fd;
}

static void connect_home(int fd, const char *home)
{
	union address to;
	const socklen_t length = fill(&to, home, PORT);

	tell(connect(fd, &to.any, length));
	if (write(fd, "leak", 4) < 0)
		tell(-1);
}

static void tcp_route(void)
{
	connect_home(by_way_of_target4(), "127.0.0.1");
}

static void tcp_route6(void)
{
	connect_home(by_way_of_target6(SOCK_STREAM | SOCK_NONBLOCK), "::1");
}

static void udp_route6(void)
{
	connect_home(by_way_of_target6(SOCK_DGRAM), "::1");
}

const struct call stream_calls[] = {
	{ "tcp-route", tcp_route },
	{ "tcp-route6", tcp_route6 },
	{ "udp-route6", udp_route6 },
	{ "udp-stdio", udp_stdio },
	{ "tcp-connect", tcp_connect },
	{ "tcp-connect6", tcp_connect6 },
	{ "tcp-mapped", tcp_mapped },
	{ "tcp-blocking", tcp_blocking },
	{ "tcp-syscall", tcp_syscall },
	{ "tcp-bind-any", tcp_bind_any },
	{ "tcp-bind-near", tcp_bind_near },
	{ "tcp-bind-near6", tcp_bind_near6 },
	{ "tcp-unspec", tcp_unspec },
	{ "tcp-stdio", tcp_stdio },
	{ "fastopen-sendto", fast_open_sendto },
	{ "fastopen-sendmsg", fast_open_sendmsg },
	{ "fastopen-sendmmsg", fast_open_sendmmsg },
	{ "fastopen-syscall", fast_open_syscall },
	{ "fastopen-connect", fast_open_connect },
	{ NULL, NULL },
};
