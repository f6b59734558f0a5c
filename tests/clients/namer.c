/*
 * namer: a SOCKS5 proxy and its targets in one: it takes 0x97, 0x02 or 0x00, refuses hosts whose
 * name begins with `r` (reply 05), and to all others says yes and then, as the target, "this is
 * HOST\n" and every byte it gets. Its answers come whole, in pieces, glued to the target's first
 * bytes and late by up to 3 ms, by the host's name, so that a run can be repeated. Prints its port.
 *
 * namer [-p PORT] [-x REQUESTS] [-h STEP COUNT FAULT]
 *
 * -x: it dies of the request after so many. -h: each connection stops at a step, `connected` with
 * nothing heard, with `greeted`, `authenticated` or `asked` heard and not answered, `half` of the
 * reply said or `whole`, and when COUNT have come so far the fault comes: `kill` (SIGKILL), `stop`
 * (SIGSTOP), or `pause` (SIGSTOP, then SIGCONT, and it goes on where it was).
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
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
	bool held;
	struct client *next_held;
};

static int epoll;
static struct client *waiting, *held;
static unsigned requests_left = ~0u;

/* What -h asks for; `half` and `whole` are states of what is said, the others of what is heard. */
enum step { NO_STEP, CONNECTED, GREETED, AUTHENTICATED, ASKED, HALF, WHOLE };

static const char *const steps[] = { "",      "connected", "greeted", "authenticated",
				     "asked", "half",	   "whole" };

static struct {
	enum step step;
	unsigned left;
	const char *fault;
} hold;

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
	if (!c->waiting && !c->held)
		free(c);
}

/* ---- faults ---- */

/* Somebody else has to wake up one that is stopped: its parent, who hears of it. */
static void be_woken_up(void)
{
	const pid_t child = fork();
	int status;

	while (child > 0 && waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status))
		kill(child, SIGCONT);
	if (child > 0)
		exit(1);
}

static void fail(void)
{
	if (strcmp(hold.fault, "kill") == 0)
		raise(SIGKILL);
	else
		raise(SIGSTOP);
	hold.step = NO_STEP;
}

/* Whether this one waits here for the fault; the last one brings it. */
static bool holds(struct client *c, enum step step)
{
	if (hold.step != step || step == NO_STEP)
		return false;
	if (c->held)
		return true;
	if (--hold.left == 0) {
		fail();
		return false;
	}
	c->held = true;
	c->next_held = held;
	held = c;
	return true;
}

/* Sends a piece of what is queued, and the rest later. */
static void speak(struct client *c)
{
	if (c->queued == 0 || c->held)
		return;
	const bool stays = hold.step == HALF && c->state == TARGET;
	const size_t piece = stays				? 5
			     : c->state == TARGET || draw(c, 3) ? c->queued
								: 1 + draw(c, (uint32_t)c->queued);
	const ssize_t sent = send(c->fd, c->out, piece, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (sent > 0) {
		c->queued -= (size_t)sent;
		memmove(c->out, c->out + sent, c->queued);
	}
	if (c->state == TARGET && (holds(c, HALF) || (c->queued == 0 && holds(c, WHOLE))))
		return;
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

	if (requests_left-- == 0)
		raise(SIGKILL);
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

/* The step that this state comes to with a whole message. */
static enum step heard(const struct client *c)
{
	return c->state == GREETING	    ? GREETED
	       : c->state == AUTHENTICATION ? AUTHENTICATED
	       : c->state == REQUEST	    ? ASKED
					    : NO_STEP;
}

static void take_all(struct client *c)
{
	size_t length;

	while (c->state != CLOSING && c->length > 0 && (length = message(c)) > 0 &&
	       length <= c->length && !c->held && !holds(c, heard(c))) {
		take(c, length);
		c->length -= length;
		memmove(c->in, c->in + length, c->length);
	}
	speak(c);
	if (c->state == CLOSING && c->queued == 0)
		shutdown(c->fd, SHUT_WR);
}

/* Behind the fault all go on. */
static void serve_held(void)
{
	while (held && hold.step == NO_STEP) {
		struct client *c = held;
		held = c->next_held;
		c->held = false;
		if (c->gone && !c->waiting)
			free(c);
		else if (!c->gone)
			take_all(c);
	}
}

static void serve(struct client *c)
{
	const ssize_t got = recv(c->fd, c->in + c->length, sizeof(c->in) - c->length, MSG_DONTWAIT);

	if (got < 0 && errno == EAGAIN)
		return;
	if (got <= 0) {
		drop(c);
		return;
	}
	c->length += (size_t)got;
	take_all(c);
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
	holds(c, CONNECTED);
}

static void take_options(int argc, char **argv, struct sockaddr_in *at)
{
	int c;

	while ((c = getopt(argc, argv, "p:x:h:")) != -1) {
		if (c == 'p')
			at->sin_port = htons((uint16_t)atoi(optarg));
		else if (c == 'x')
			requests_left = (unsigned)atoi(optarg);
		else if (c == 'h' && argc - optind >= 2) {
			while (strcmp(optarg, steps[++hold.step]) != 0)
				if (hold.step == WHOLE)
					errx(2, "no step %s", optarg);
			hold.left = (unsigned)atoi(argv[optind++]);
			hold.fault = argv[optind++];
		} else
			errx(2, "usage: namer [-p PORT] [-x REQUESTS] [-h STEP COUNT FAULT]");
	}
}

int main(int argc, char **argv)
{
	const int on = 1;
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(at);
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct epoll_event events[256], event = { .events = EPOLLIN, .data.ptr = NULL };

	take_options(argc, argv, &at);
	if (hold.fault && strcmp(hold.fault, "pause") == 0)
		be_woken_up();
	/* Who takes the place of one that died finds its connections in the way. */
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
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
		serve_held();
	}
}
