/* listeners: sockets that wait for the far end, which is told to come. */
#include "call.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Has the far end come by this socket's port, to an address of this end. */
static void invite(int fd, char kind)
{
	union address at;
	socklen_t length = sizeof(at);
	struct errand errand = { .kind = kind };
	struct pollfd poller = { .fd = fd, .events = POLLIN };
	char done;

	getsockname(fd, &at.any, &length);
	errand.length = fill(&errand.to, at.any.sa_family == AF_INET6 ? NEAR6 : NEAR4,
			     ntohs(at.v4.sin_port));
	const int by = descriptors_visit("far-end");
	if (write(by, &errand, sizeof(errand)) != sizeof(errand) || read(by, &done, 1) != 1)
		err(1, "far-end");
	printf("%s=%s came\n", channel, poll(&poller, 1, 0) == 1 ? "somebody" : "nobody");
}

/* The far end's part: an attempt from there, over when its outcome is known. */
void listeners_come(const struct errand *errand)
{
	const bool stream = errand->kind == 'T';
	const int fd = socket(errand->to.any.sa_family,
			      (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
	struct pollfd poller = { .fd = fd, .events = POLLOUT };

	if (!stream)
		sendto(fd, "come", 4, 0, &errand->to.any, errand->length);
	else if (connect(fd, &errand->to.any, errand->length) < 0 && errno == EINPROGRESS)
		poll(&poller, 1, PATIENCE);
	close(fd);
}

static void serve_stream(const char *local, int protocol)
{
	union address at;
	const int fd = open_socket(family_of(local), SOCK_STREAM, protocol);
	int r = bind(fd, &at.any, fill(&at, local, 0));

	if (r == 0)
		r = listen(fd, 4);
	if (r < 0)
		tell(r);
	else
		invite(fd, 'T');
}

static void listen_any(void)
{
	serve_stream("0.0.0.0", 0);
}

static void listen_any6(void)
{
	serve_stream("::", 0);
}

static void listen_near(void)
{
	serve_stream(NEAR4, 0);
}

static void listen_near6(void)
{
	serve_stream(NEAR6, 0);
}

static void listen_mptcp(void)
{
	serve_stream("0.0.0.0", IPPROTO_MPTCP);
}

static void listen_unbound(void)
{
	const int fd = open_socket(AF_INET, SOCK_STREAM, 0);

	if (listen(fd, 4) < 0)
		tell(-1);
	else
		invite(fd, 'T');
}

static void listen_asm(void)
{
	union address at;
	const int fd = open_socket(AF_INET, SOCK_STREAM, 0);

	kernel(SYS_bind, fd, (long)&at, fill(&at, "0.0.0.0", 0), 0, 0, 0);
	kernel(SYS_listen, fd, 4, 0, 0, 0, 0);
	invite(fd, 'T');
}

/* What comes is answered, if it comes. */
static void serve_datagrams(const char *local)
{
	union address at, from;
	socklen_t length = sizeof(from);
	const int fd = open_socket(family_of(local), SOCK_DGRAM, 0);
	char text[16];

	if (bind(fd, &at.any, fill(&at, local, 0)) < 0) {
		tell(-1);
		return;
	}
	invite(fd, 'U');
	if (recvfrom(fd, text, sizeof(text), MSG_DONTWAIT, &from.any, &length) > 0)
		sendto(fd, "leak", 4, 0, &from.any, length);
}

static void receive_any(void)
{
	serve_datagrams("0.0.0.0");
}

static void receive_any6(void)
{
	serve_datagrams("::");
}

static void receive_near(void)
{
	serve_datagrams(NEAR4);
}

const struct call listener_calls[] = {
	{ "listen-any", listen_any },
	{ "listen-any6", listen_any6 },
	{ "listen-near", listen_near },
	{ "listen-near6", listen_near6 },
	{ "listen-mptcp", listen_mptcp },
	{ "listen-unbound", listen_unbound },
	{ "listen-asm", listen_asm },
	{ "receive-any", receive_any },
	{ "receive-any6", receive_any6 },
	{ "receive-near", receive_near },
	{ NULL, NULL },
};
