/*
 * eyeballs [-F AI_FLAGS] [-o] FIRST HOST PORT: a client of both families that asks for each by
 * itself, in threads of their own, as curl from 8.23 on and GLib do, and connects to whatever it
 * has, the second address 50 ms behind the first (RFC 8305). FIRST is 4 or 6, the family that it
 * prefers; with -o it knows that one alone. A line each: `4=2` and `6=0`, how many addresses there
 * were, and `connected` or the last errno by name.
 */
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STEP 50 /* ms */
#define MOST 8

static const char *host, *port;
static int flags;

struct question {
	pthread_t thread;
	int family;
	struct addrinfo *list;
};

static void *ask(void *data)
{
	struct question *question = data;
	const struct addrinfo hints = { .ai_family = question->family,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = flags };

	if (getaddrinfo(host, port, &hints, &question->list) != 0)
		question->list = NULL;
	return NULL;
}

static unsigned count(const struct question *question)
{
	unsigned n = 0;

	for (const struct addrinfo *at = question->list; at; at = at->ai_next)
		n++;
	printf("%d=%u\n", question->family == AF_INET ? 4 : 6, n);
	return n;
}

static int begin(const struct addrinfo *to)
{
	const int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS)
		return fd;
	close(fd);
	return -1;
}

/* 0, or the errno of the last that failed; -EINPROGRESS while some are under way. */
static int look(struct pollfd *attempts, unsigned n, int timeout)
{
	unsigned left = 0;
	int error = 0;
	socklen_t length = sizeof(error);

	poll(attempts, n, timeout);
	for (unsigned i = 0; i < n; i++) {
		if (attempts[i].fd >= 0 && attempts[i].revents) {
			getsockopt(attempts[i].fd, SOL_SOCKET, SO_ERROR, &error, &length);
			if (error == 0)
				return 0;
			attempts[i].fd = -1;
		}
		left += attempts[i].fd >= 0;
	}
	return left > 0 ? -EINPROGRESS : error ? error : EHOSTUNREACH;
}

static int connect_to_any(const struct question *questions, unsigned n)
{
	struct pollfd attempts[MOST];
	unsigned begun = 0;
	int r = -EINPROGRESS;

	for (unsigned i = 0; i < n; i++) {
		for (const struct addrinfo *at = questions[i].list; at && begun < MOST;
		     at = at->ai_next) {
			attempts[begun++] = (struct pollfd){ .fd = begin(at), .events = POLLOUT };
			r = look(attempts, begun, STEP);
			if (r == 0)
				return 0;
		}
	}
	while (r == -EINPROGRESS)
		r = look(attempts, begun, -1);
	return r;
}

int main(int argc, char **argv)
{
	struct question questions[2];
	bool only_one = false;
	int c;

	while ((c = getopt(argc, argv, "F:o")) != -1) {
		if (c == 'F')
			flags = (int)strtol(optarg, NULL, 0);
		else
			only_one = true;
	}
	if (argc - optind != 3)
		errx(2, "usage: eyeballs [-F AI_FLAGS] [-o] 4|6 HOST PORT");
	host = argv[optind + 1];
	port = argv[optind + 2];
	const bool prefers_ipv6 = *argv[optind] == '6';
	const unsigned n = only_one ? 1 : 2;
	questions[0].family = prefers_ipv6 ? AF_INET6 : AF_INET;
	questions[1].family = prefers_ipv6 ? AF_INET : AF_INET6;
	for (unsigned i = 0; i < n; i++)
		pthread_create(&questions[i].thread, NULL, ask, &questions[i]);
	unsigned found = 0;
	for (unsigned i = 0; i < n; i++) {
		pthread_join(questions[i].thread, NULL);
		found += count(&questions[i]);
	}
	const int r = found > 0 ? connect_to_any(questions, n) : EADDRNOTAVAIL;
	printf("%s\n", r == 0 ? "connected" : strerrorname_np(r));
	return r != 0;
}
