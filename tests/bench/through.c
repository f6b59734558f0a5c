/*
 * through PORT connects COUNT | through PORT bytes MEGABYTES: a SOCKS5 proxy on this port of
 * loopback under load, method 00, its target here in the same process. connects: so many, 64 of
 * them at a time, each from connect() until the target's first byte is there; how many a second.
 * bytes: so much from the target, megabytes a second. Port 0 goes to the target directly.
 */
#include "by_hand.h"

#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE 64
#define CHUNK	(256 * 1024)

static struct sockaddr_in proxy;  /* or the target itself */
static struct sockaddr_in target; /* where the listener is */
static long long size;		  /* of what the target says */

/* ---- the target ---- */

static void *say(void *data)
{
	static const char chunk[CHUNK];
	const int fd = (int)(long)data;

	for (long long left = size; left > 0;) {
		const ssize_t n =
			send(fd, chunk, left < CHUNK ? (size_t)left : CHUNK, MSG_NOSIGNAL);
		if (n < 0)
			break;
		left -= n;
	}
	close(fd);
	return NULL;
}

static void *serve(void *data)
{
	const int listener = (int)(long)data;

	for (;;) {
		const int fd = accept(listener, NULL, NULL);
		if (fd >= 0)
			say((void *)(long)fd);
	}
	return NULL;
}

static void start_target(void)
{
	socklen_t length = sizeof(target);
	const int listener = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t thread;

	target.sin_family = AF_INET;
	target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(listener, (struct sockaddr *)&target, sizeof(target)) < 0 ||
	    listen(listener, 4096) < 0 ||
	    getsockname(listener, (struct sockaddr *)&target, &length) < 0)
		err(1, "listen");
	errno = pthread_create(&thread, NULL, serve, (void *)(long)listener);
	if (errno)
		err(1, "pthread_create");
}

/* ---- a client ---- */

enum state { CONNECTING, GREETED, ASKED, DONE };

struct one {
	int fd;
	enum state state;
	size_t got;
};

static void request(int fd)
{
	unsigned char bytes[10] = "\x05\x01\x00\x01";

	memcpy(bytes + 4, &target.sin_addr, 4);
	memcpy(bytes + 8, &target.sin_port, 2);
	if (send(fd, bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		err(1, "send");
}

static void greet(struct one *c)
{
	if (send(c->fd, "\x05\x01\x00", 3, 0) != 3)
		err(1, "send");
	c->state = GREETED;
	c->got = 0;
}

/* One more answer, as far as it is there. */
static void hear(struct one *c)
{
	unsigned char in[16];
	const size_t whole = c->state == GREETED ? 2 : c->state == ASKED ? 10 : 1;
	const ssize_t n = recv(c->fd, in, whole - c->got, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		errx(3, "wrong result");
	if (c->got == 0 && n > 1 && in[1] != 0)
		errx(3, "wrong result");
	c->got += (size_t)n;
	if (c->got < whole)
		return;
	c->got = 0;
	if (c->state == GREETED)
		request(c->fd);
	c->state++;
}

static void begin(struct one *c, int epoll)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = c };

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	c->state = CONNECTING;
	if (connect(c->fd, (struct sockaddr *)&proxy, sizeof(proxy)) < 0 && errno != EINPROGRESS)
		err(1, "connect");
	if (c->fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) < 0)
		err(1, "epoll_ctl");
}

/* Whether the target's byte is there. */
static int advance(struct one *c, int epoll)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };

	if (c->state == CONNECTING) {
		if (proxy.sin_port == target.sin_port)
			c->state = DONE;
		else
			greet(c);
		epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event);
		return 0;
	}
	if (c->state != DONE) {
		hear(c);
		return 0;
	}
	hear(c);
	return c->state > DONE;
}

static double connects(int count)
{
	static struct one all[AT_ONCE];
	struct epoll_event events[AT_ONCE];
	const int epoll = epoll_create1(0);
	int begun = 0, over = 0;
	const double start = by_hand_now();

	for (; begun < AT_ONCE && begun < count; begun++)
		begin(&all[begun], epoll);
	while (over < count) {
		const int n = epoll_wait(epoll, events, AT_ONCE, 10000);
		if (n <= 0)
			errx(1, "%d of %d connects", over, count);
		for (int i = 0; i < n; i++) {
			struct one *c = events[i].data.ptr;
			if (!advance(c, epoll))
				continue;
			close(c->fd);
			over++;
			if (begun++ < count)
				begin(c, epoll);
		}
	}
	return count / (by_hand_now() - start) * 1e3;
}

static double bytes(void)
{
	static char chunk[CHUNK];
	struct one c = { .fd = socket(AF_INET, SOCK_STREAM, 0), .state = DONE };

	if (connect(c.fd, (struct sockaddr *)&proxy, sizeof(proxy)) < 0)
		err(1, "connect");
	if (proxy.sin_port != target.sin_port)
		greet(&c);
	while (c.state != DONE)
		hear(&c);
	const double start = by_hand_now();
	for (long long left = size; left > 0;) {
		const ssize_t n = read(c.fd, chunk, CHUNK);
		if (n <= 0)
			errx(3, "wrong result");
		left -= n;
	}
	return (double)size / 1e3 / (by_hand_now() - start);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: through PORT connects|bytes COUNT");
	const int is_bytes = strcmp(argv[2], "bytes") == 0;
	size = is_bytes ? atoll(argv[3]) * 1000000 : 1;
	start_target();
	proxy = target;
	if (atoi(argv[1]) != 0)
		proxy.sin_port = htons((uint16_t)atoi(argv[1]));
	printf("%.0f\n", is_bytes ? bytes() : connects(atoi(argv[3])));
	return 0;
}
