/*
 * namer: a SOCKS5 proxy and its targets in one: it takes 0x97, 0x02 or 0x00, refuses hosts whose
 * name begins with `r` (reply 05), and to all others says yes and then, as the target, "this is
 * HOST\n" and every byte it gets. Its answers come whole, in pieces, glued to the target's first
 * bytes and late by up to 3 ms, by the host's name, so that a run can be repeated. Prints its port.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum state { GREETING, AUTHENTICATION, REQUEST, TARGET, CLOSING };

struct client {
	int fd;
	enum state state;
	uint8_t method;
	uint32_t random;
	size_t length;
	uint8_t in[4096];
	size_t queued;
	uint8_t out[4096];
	uint64_t due;
	struct client *next; /* of those with something to say later */
	bool waiting, gone;
};

static int epoll;
static struct client *waiting;

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000;
}

static uint32_t draw(struct client *c, uint32_t below)
{
	c->random = c->random * 1664525u + 1013904223u;
	return (c->random >> 8) % below;
}

static void drop(struct client *c)
{
	c->gone = true;
	close(c->fd);
	if (!c->waiting)
		free(c);
}

/* Sends a piece of what is queued, and the rest later. */
static void speak(struct client *c)
{
	if (c->queued == 0)
		return;
	const size_t piece =
		c->state == TARGET || draw(c, 3) ? c->queued : 1 + draw(c, (uint32_t)c->queued);
	const ssize_t sent = send(c->fd, c->out, piece, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent > 0) {
		c->queued -= (size_t)sent;
		memmove(c->out, c->out + sent, c->queued);
	}
	if (c->queued == 0 || c->waiting)
		return;
	c->due = now() + draw(c, 3000);
	c->waiting = true;
	c->next = waiting;
	waiting = c;
}

static void say(struct client *c, const void *bytes, size_t length)
{
	if (c->queued + length > sizeof(c->out))
		return;
	memcpy(c->out + c->queued, bytes, length);
	c->queued += length;
}

/* How long the message at the front is, 0 while that is unknown. */
static size_t message(const struct client *c)
{
	size_t at = 3;

	switch (c->state) {
	case GREETING:
		return c->length < 2 ? 0 : 2u + c->in[1];
	case AUTHENTICATION:
		if (c->method == 0x02) {
			at = c->length < 2 ? 0 : 2u + c->in[1];
			return at == 0 || c->length <= at ? 0 : at + 1 + c->in[at];
		}
		if (c->length < 3)
			return 0;
		for (unsigned i = 0; i < 2u * (unsigned)(c->in[1] << 8 | c->in[2]); i++) {
			if (c->length < at + 2)
				return 0;
			at += 2u + (unsigned)(c->in[at] << 8 | c->in[at + 1]);
		}
		return at;
	case REQUEST:
		if (c->length < 5)
			return 0;
		return c->in[3] == 1 ? 10 : c->in[3] == 4 ? 22 : 7u + c->in[4];
	default:
		return c->length;
	}
}

static void answer_request(struct client *c)
{
	const char *host = (const char *)c->in + 5;
	const int length = c->in[4];
	char line[300];

	for (int i = 0; i < length; i++)
		c->random = c->random * 31 + (uint8_t)host[i];
	if (host[0] == 'r') {
		say(c, "\x05\x05\x00\x01\x00\x00\x00\x00\x00\x00", 10);
		c->state = CLOSING;
		return;
	}
	static const struct {
		const char *bytes;
		size_t length;
	} replies[] = {
		{ "\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50", 10 },
		{ "\x05\x00\x00\x04"
		  "0123456789abcdef"
		  "\x00\x50",
		  22 },
		{ "\x05\x00\x00\x03\x04"
		  "host"
		  "\x00\x50",
		  11 },
	};
	const uint32_t form = draw(c, 3);
	say(c, replies[form].bytes, replies[form].length);
	say(c, line, (size_t)snprintf(line, sizeof(line), "this is %.*s\n", length, host));
}

static void take(struct client *c, size_t length)
{
	switch (c->state) {
	case GREETING:
		c->method = memchr(c->in + 2, 0x97, c->in[1])	? 0x97
			    : memchr(c->in + 2, 0x02, c->in[1]) ? 0x02
								: 0;
		say(c, (uint8_t[]){ 5, c->method }, 2);
		c->state = c->method ? AUTHENTICATION : REQUEST;
		break;
	case AUTHENTICATION:
		say(c, "\x01\x00\x00\x00", c->method == 0x97 ? 4 : 2);
		c->state = REQUEST;
		break;
	case REQUEST:
		answer_request(c);
		if (c->state == REQUEST)
			c->state = TARGET;
		break;
	default:
		say(c, c->in, length);
	}
}

static void serve(struct client *c)
{
	const ssize_t got = recv(c->fd, c->in + c->length, sizeof(c->in) - c->length, MSG_DONTWAIT);
	size_t length;

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		drop(c);
		return;
	}
	c->length += (size_t)got;
	while (c->state != CLOSING && c->length > 0 && (length = message(c)) > 0 &&
	       length <= c->length) {
		take(c, length);
		c->length -= length;
		memmove(c->in, c->in + length, c->length);
	}
	speak(c);
	if (c->state == CLOSING && c->queued == 0)
		shutdown(c->fd, SHUT_WR);
}

static void serve_waiting(void)
{
	struct client *list = waiting;

	waiting = NULL;
	while (list) {
		struct client *c = list;
		list = c->next;
		if (c->gone) {
			free(c);
		} else if (c->due > now()) {
			c->next = waiting;
			waiting = c;
		} else {
			c->waiting = false;
			speak(c);
			if (c->state == CLOSING && c->queued == 0)
				shutdown(c->fd, SHUT_WR);
		}
	}
}

static void welcome(int listener)
{
	const int on = 1;
	const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	struct client *c = fd < 0 ? NULL : calloc(1, sizeof(*c));
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	if (!c)
		return;
	c->fd = fd;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int main(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(at);
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct epoll_event events[256], event = { .events = EPOLLIN, .data.ptr = NULL };

	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 4096) < 0)
		err(1, "listen");
	getsockname(listener, (struct sockaddr *)&at, &length);
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		const int count = epoll_wait(epoll, events, 256, waiting ? 1 : -1);
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr)
				serve(events[i].data.ptr);
			else
				welcome(listener);
		}
		serve_waiting();
	}
}
