/*
 * answer [DELAY_MS [METHODS]]: the least a SOCKS5 proxy can be: takes the first of METHODS
 * (97,02,00) that is offered, says yes to every request after DELAY_MS, and is the target too: `GET
 * /N` has N bytes for an answer, all else is read and forgotten until the client closes. Prints its
 * port. What remains in a measurement against it is the client's side.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum state { GREETING, AUTHENTICATION, REQUEST, WAITING, DONE };

struct client {
	int fd;
	enum state state;
	uint8_t method;
	size_t length;
	uint8_t in[40000];
	uint8_t out[64];
	size_t out_length;
	struct client *next; /* in the queue of those whose delay runs */
	uint64_t due;
};

static int epoll;
static int timer;
static unsigned delay;
static uint8_t methods[8] = { 0x97, 0x02, 0x00 };
static unsigned method_count = 3;
static struct client *first, **last = &first;

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void say(struct client *c, const void *bytes, size_t length)
{
	memcpy(c->out + c->out_length, bytes, length);
	c->out_length += length;
}

static void flush(struct client *c)
{
	if (c->out_length > 0 && send(c->fd, c->out, c->out_length, MSG_NOSIGNAL) < 0)
		warn("send");
	c->out_length = 0;
}

/* The address is for those who ask where a name is: no loopback, which some would not connect to.
 */
static void reply(struct client *c)
{
	say(c, "\x05\x00\x00\x01\xcb\x00\x71\x05\x00\x00", 10);
	c->state = DONE;
}

static void arm(uint64_t due)
{
	const struct itimerspec at = { .it_value = { (time_t)(due / 1000000000u),
						     (long)(due % 1000000000u) } };
	timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void wait_for_delay(struct client *c)
{
	c->state = WAITING;
	c->due = now() + delay * 1000000ull;
	c->next = NULL;
	if (!first)
		arm(c->due);
	*last = c;
	last = &c->next;
}

/* How long the message at the front is, 0 while that is unknown. */
static size_t message(const struct client *c)
{
	size_t at;

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
		at = 3;
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
		return 0;
	}
}

static uint8_t choose(const struct client *c)
{
	for (unsigned i = 0; i < method_count; i++) {
		if (memchr(c->in + 2, methods[i], c->in[1]))
			return methods[i];
	}
	return 0xff;
}

static void take(struct client *c)
{
	switch (c->state) {
	case GREETING:
		c->method = choose(c);
		say(c, (uint8_t[]){ 5, c->method }, 2);
		c->state = c->method ? AUTHENTICATION : REQUEST;
		break;
	case AUTHENTICATION:
		say(c, "\x01\x00\x00\x00", c->method == 0x97 ? 4 : 2);
		c->state = REQUEST;
		break;
	default:
		if (delay)
			wait_for_delay(c);
		else
			reply(c);
	}
}

/* One client at a time, and the others wait: nobody measures two of them at once. */
static void give(int fd, long long size)
{
	static const char zeros[65536];
	char head[100];
	const int length = snprintf(head, sizeof(head),
				    "HTTP/1.1 200 OK\r\nContent-Length: %lld\r\n\r\n", size);

	if (send(fd, head, (size_t)length, MSG_NOSIGNAL) != length)
		return;
	while (size > 0) {
		const size_t most = size < (long long)sizeof(zeros) ? (size_t)size : sizeof(zeros);
		const ssize_t sent = send(fd, zeros, most, MSG_NOSIGNAL);
		if (sent < 0)
			return;
		size -= sent;
	}
}

/* What comes behind the reply. */
static void be_target(struct client *c)
{
	if (c->length >= 5 && memcmp(c->in, "GET /", 5) == 0) {
		if (!memmem(c->in, c->length, "\r\n\r\n", 4))
			return;
		give(c->fd, atoll((const char *)c->in + 5));
	}
	c->length = 0;
}

static void serve(struct client *c)
{
	const ssize_t got = recv(c->fd, c->in + c->length, sizeof(c->in) - c->length, MSG_DONTWAIT);
	size_t length;

	if (got <= 0) {
		if (c->state != WAITING && !(got < 0 && errno == EAGAIN)) {
			close(c->fd);
			free(c);
		}
		return;
	}
	c->length += (size_t)got;
	if (c->state == DONE)
		be_target(c);
	while ((length = message(c)) > 0 && length <= c->length) {
		take(c);
		c->length -= length;
		memmove(c->in, c->in + length, c->length);
	}
	flush(c);
}

static void serve_due(void)
{
	uint64_t ticks;

	if (read(timer, &ticks, sizeof(ticks)) < 0)
		return;
	while (first && first->due <= now()) {
		struct client *c = first;
		first = c->next;
		if (!first)
			last = &first;
		reply(c);
		flush(c);
	}
	if (first)
		arm(first->due);
}

static void welcome(int listener)
{
	const int on = 1;
	struct client *c = calloc(1, sizeof(*c));
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	c->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (c->fd < 0) {
		free(c);
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event);
	serve(c);
}

static void read_methods(const char *list)
{
	char *end;

	for (method_count = 0; method_count < sizeof(methods); list = end + 1) {
		methods[method_count++] = (uint8_t)strtoul(list, &end, 16);
		if (*end != ',')
			break;
	}
}

int main(int argc, char **argv)
{
	struct rlimit many;
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(at);
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct epoll_event events[64], event = { .events = EPOLLIN, .data.ptr = NULL };

	delay = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
	if (argc > 2)
		read_methods(argv[2]);
	getrlimit(RLIMIT_NOFILE, &many);
	many.rlim_cur = many.rlim_max;
	setrlimit(RLIMIT_NOFILE, &many);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 65535) < 0)
		err(1, "listen");
	getsockname(listener, (struct sockaddr *)&at, &length);
	printf("%u\n", ntohs(at.sin_port));
	fflush(stdout);
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	event.data.ptr = &timer;
	epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &event);
	for (;;) {
		const int count = epoll_wait(epoll, events, 64, -1);
		for (int i = 0; i < count; i++) {
			if (!events[i].data.ptr)
				welcome(listener);
			else if (events[i].data.ptr == &timer)
				serve_due();
			else
				serve(events[i].data.ptr);
		}
	}
}
