/*
 * stress THREADS CONNECTS SEED: each thread keeps some dozens of non-blocking connects under way
 * with one kind of readiness call or another, closes some early, duplicates some, asks for hosts
 * that the proxy refuses, and judges each by what its target says: "this is HOST" and then its own
 * bytes back. Prints one line of counts, and ends with 1 when a single result is wrong: another
 * target, lost or foreign bytes, another errno, a readiness that came before its time.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE 24

enum backend { LEVEL, EDGE, ONESHOT, POLL, SELECT, EARLY_LEVEL, EARLY_EDGE, BACKENDS };

struct one {
	int fd;
	char host[32];
	char line[80];
	size_t length;
	bool connected, refused;
};

struct worker {
	pthread_t thread;
	enum backend backend;
	uint32_t random;
	unsigned number;
	unsigned left;
	int set;
	struct one all[AT_ONCE];
};

static _Atomic unsigned good, refused, closed, bad;
static unsigned seed;

static uint32_t draw(struct worker *w, uint32_t below)
{
	w->random = w->random * 1664525u + 1013904223u;
	return (w->random >> 8) % below;
}

static void complain(struct worker *w, struct one *o, const char *what, int error)
{
	if (bad++ < 20)
		fprintf(stderr, "%s (%d): backend %d fd %d host %s got «%.*s»\n", what, error,
			w->backend, o->fd, o->host, (int)o->length, o->line);
}

static void end_one(struct one *o)
{
	close(o->fd);
	o->fd = -1;
}

static uint32_t wanted(const struct worker *w)
{
	switch (w->backend) {
	case EDGE:
	case EARLY_EDGE:
		return EPOLLIN | EPOLLOUT | EPOLLET;
	case ONESHOT:
		return EPOLLIN | EPOLLOUT | EPOLLONESHOT;
	default:
		return EPOLLOUT;
	}
}

static bool uses_epoll(const struct worker *w)
{
	return w->backend != POLL && w->backend != SELECT;
}

static void watch(struct worker *w, struct one *o, int op, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = o };

	if (uses_epoll(w) && epoll_ctl(w->set, op, o->fd, &event) < 0)
		complain(w, o, "epoll_ctl", errno);
}

static void begin(struct worker *w, struct one *o)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	const bool early = w->backend == EARLY_LEVEL || w->backend == EARLY_EDGE;
	struct addrinfo *to;

	w->left--;
	memset(o, 0, sizeof(*o));
	o->refused = draw(w, 5) == 0;
	snprintf(o->host, sizeof(o->host), "%c%u-%u.test", o->refused ? 'r' : 'h', w->number,
		 w->left % 512);
	if (getaddrinfo(o->host, "80", &hints, &to) != 0)
		errx(1, "%s does not resolve", o->host);
	o->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (o->fd < 0)
		err(1, "socket");
	if (early)
		watch(w, o, EPOLL_CTL_ADD, wanted(w));
	if (connect(o->fd, to->ai_addr, to->ai_addrlen) == 0 || errno != EINPROGRESS)
		complain(w, o, "connect did not say EINPROGRESS", errno);
	freeaddrinfo(to);
	if (draw(w, 16) == 0) {
		const int duplicate = dup(o->fd);
		if (early)
			watch(w, o, EPOLL_CTL_DEL, 0);
		close(o->fd);
		o->fd = duplicate;
		watch(w, o, EPOLL_CTL_ADD, wanted(w));
	} else if (!early) {
		watch(w, o, EPOLL_CTL_ADD, wanted(w));
	}
	if (draw(w, 12) == 0) {
		end_one(o);
		closed++;
	}
}

/* The first readiness must be the end of the connect. */
static bool finish_connect(struct worker *w, struct one *o)
{
	int error = -1;
	socklen_t length = sizeof(error);

	getsockopt(o->fd, SOL_SOCKET, SO_ERROR, &error, &length);
	if (error != (o->refused ? ECONNREFUSED : 0)) {
		complain(w, o, "SO_ERROR", error);
		end_one(o);
		return false;
	}
	if (o->refused) {
		refused++;
		end_one(o);
		return false;
	}
	struct sockaddr_storage peer;
	length = sizeof(peer);
	if (getpeername(o->fd, (struct sockaddr *)&peer, &length) < 0) {
		complain(w, o, "ready before it was connected", errno);
		end_one(o);
		return false;
	}
	o->connected = true;
	if (write(o->fd, "ping", 4) != 4) {
		complain(w, o, "write", errno);
		end_one(o);
		return false;
	}
	if (w->backend == LEVEL || w->backend == EARLY_LEVEL)
		watch(w, o, EPOLL_CTL_MOD, EPOLLIN);
	return true;
}

static void on_ready(struct worker *w, struct one *o)
{
	char expected[80];
	ssize_t got;

	if (o->fd < 0 || (!o->connected && !finish_connect(w, o)))
		return;
	const size_t whole =
		(size_t)snprintf(expected, sizeof(expected), "this is %s\nping", o->host);
	while (o->length < whole && (got = read(o->fd, o->line + o->length, whole - o->length)) > 0)
		o->length += (size_t)got;
	if (o->length < whole && (got == 0 || errno != EAGAIN)) {
		complain(w, o, "the target hung up", errno);
		end_one(o);
		return;
	}
	if (o->length < whole) {
		if (w->backend == ONESHOT)
			watch(w, o, EPOLL_CTL_MOD, EPOLLIN | EPOLLONESHOT);
		return;
	}
	if (memcmp(o->line, expected, whole) != 0)
		complain(w, o, "another target", 0);
	else
		good++;
	end_one(o);
}

static void wait_epoll(struct worker *w)
{
	struct epoll_event events[8];
	const int count = epoll_wait(w->set, events, 8, 20000);

	if (count == 0)
		errx(1, "nothing became ready: backend %d", w->backend);
	for (int i = 0; i < count; i++)
		on_ready(w, events[i].data.ptr);
}

static void wait_poll(struct worker *w)
{
	struct pollfd fds[AT_ONCE];

	for (unsigned i = 0; i < AT_ONCE; i++)
		fds[i] = (struct pollfd){ w->all[i].fd, w->all[i].connected ? POLLIN : POLLOUT, 0 };
	if (poll(fds, AT_ONCE, 20000) == 0)
		errx(1, "nothing became ready: poll");
	for (unsigned i = 0; i < AT_ONCE; i++) {
		if (fds[i].revents)
			on_ready(w, &w->all[i]);
	}
}

static void wait_select(struct worker *w)
{
	struct timeval limit = { 20, 0 };
	fd_set readable, writable;
	int most = -1;

	FD_ZERO(&readable);
	FD_ZERO(&writable);
	for (unsigned i = 0; i < AT_ONCE; i++) {
		const int fd = w->all[i].fd;
		if (fd >= 0)
			FD_SET(fd, w->all[i].connected ? &readable : &writable);
		most = fd > most ? fd : most;
	}
	if (select(most + 1, &readable, &writable, NULL, &limit) == 0)
		errx(1, "nothing became ready: select");
	for (unsigned i = 0; i < AT_ONCE; i++) {
		const int fd = w->all[i].fd;
		if (fd >= 0 && (FD_ISSET(fd, &readable) || FD_ISSET(fd, &writable)))
			on_ready(w, &w->all[i]);
	}
}

static bool fill(struct worker *w)
{
	bool any = false;

	for (unsigned i = 0; i < AT_ONCE; i++) {
		while (w->all[i].fd < 0 && w->left > 0)
			begin(w, &w->all[i]);
		any |= w->all[i].fd >= 0;
	}
	return any;
}

static void *work(void *argument)
{
	struct worker *w = argument;

	w->set = epoll_create1(EPOLL_CLOEXEC);
	for (unsigned i = 0; i < AT_ONCE; i++)
		w->all[i].fd = -1;
	while (fill(w)) {
		if (uses_epoll(w))
			wait_epoll(w);
		else if (w->backend == POLL)
			wait_poll(w);
		else
			wait_select(w);
	}
	close(w->set);
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: stress THREADS CONNECTS SEED");
	const unsigned threads = (unsigned)atoi(argv[1]), connects = (unsigned)atoi(argv[2]);
	struct worker *workers = calloc(threads, sizeof(*workers));
	const struct rlimit many = { 1024, 1024 };

	seed = (unsigned)atoi(argv[3]);
	setrlimit(RLIMIT_NOFILE, &many);
	for (unsigned i = 0; i < threads; i++) {
		workers[i].backend = (enum backend)((i + seed) % BACKENDS);
		workers[i].random = seed * 7919 + i;
		workers[i].number = i;
		workers[i].left = connects / threads;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			errx(1, "pthread_create");
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(workers[i].thread, NULL);
	printf("good=%u refused=%u closed=%u bad=%u\n", good, refused, closed, bad);
	return bad > 0;
}
