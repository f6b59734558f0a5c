/*
 * connect [OPTIONS] HOST PORT: one connect(), and what became of it, a line each:
 *
 *   connect=0 | connect=ECONNREFUSED     the errno by name, or socket()'s
 *   errno=kept | errno=EAGAIN            after a success errno must be what it was
 *   later=0                              with -n: SO_ERROR once poll() says it is writable
 *   so_error=0
 *   peer=ADDRESS PORT                    of getpeername
 *   line=this is NAME                    the first line the target says
 *   echo=ok                              with -e: 64 KiB go there and come back
 *   again=EISCONN                        with -a: a second connect()
 *   failure=ENXIO STAGE CODE HOST:PORT MEANING | failure=none | failure=unknown
 *                                        with -f: what isosocks_last_failure() says
 *
 * -4 -6 family, -o IPV6_V6ONLY, -n O_NONBLOCK, -u UDP, -b ADDRESS bind first, -l no line is read,
 * -f tells the failure, -D a dup() is asked for the peer, -t MS SO_SNDTIMEO, -s MS a SIGALRM whose
 * handler has no SA_RESTART, -S MS one with it.
 */
#include "../../lib/isosocks.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static struct {
	int family;
	int type;
	bool v6only, nonblocking, echo, again, no_line, ask_dup, tell_failure;
	const char *bind_to;
	int send_timeout, alarm, restarting_alarm;
} options = { .type = SOCK_STREAM };

static const char *name_of(int error)
{
	return error ? strerrorname_np(error) : "0";
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void set_alarm(int milliseconds, int flags)
{
	const struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };
	const struct itimerval timer = { .it_value = { milliseconds / 1000,
						       milliseconds % 1000 * 1000 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void prepare(int fd)
{
	const int on = 1;

	if (options.v6only)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (options.nonblocking)
		fcntl(fd, F_SETFL, O_NONBLOCK);
	if (options.bind_to) {
		struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *at;
		if (getaddrinfo(options.bind_to, NULL, &hints, &at) != 0 ||
		    bind(fd, at->ai_addr, at->ai_addrlen) < 0)
			err(1, "bind");
	}
	if (options.send_timeout) {
		const struct timeval limit = { options.send_timeout / 1000,
					       options.send_timeout % 1000 * 1000 };
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	}
	if (options.alarm)
		set_alarm(options.alarm, 0);
	if (options.restarting_alarm)
		set_alarm(options.restarting_alarm, SA_RESTART);
}

static void print_peer(int fd)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getpeername(fd, (struct sockaddr *)&peer, &length) < 0) {
		printf("peer=%s\n", name_of(errno));
		return;
	}
	getnameinfo((struct sockaddr *)&peer, length, host, sizeof(host), port, sizeof(port),
		    NI_NUMERICHOST | NI_NUMERICSERV);
	printf("peer=%s %s\n", host, port);
}

static void print_line(int fd)
{
	char line[256];
	size_t length = 0;

	struct pollfd readable = { .fd = fd, .events = POLLIN };

	while (length < sizeof(line) - 1 && poll(&readable, 1, -1) == 1 &&
	       read(fd, line + length, 1) == 1 && line[length] != '\n')
		length++;
	printf("line=%.*s\n", (int)length, line);
}

static void print_echo(int fd)
{
	static char sent[65536], back[65536];
	size_t length = 0;
	ssize_t got;

	for (size_t i = 0; i < sizeof(sent); i++)
		sent[i] = (char)(i * 7 + i / 256);
	fflush(stdout); /* ThreadSanitizer's _exit() would print it once more */
	if (fork() == 0) {
		fcntl(fd, F_SETFL, 0);
		for (size_t at = 0; at < sizeof(sent); at += (size_t)got) {
			got = write(fd, sent + at, sizeof(sent) - at);
			if (got <= 0)
				_exit(1);
		}
		shutdown(fd, SHUT_WR);
		_exit(0);
	}
	fcntl(fd, F_SETFL, 0);
	while (length < sizeof(back) && (got = read(fd, back + length, sizeof(back) - length)) > 0)
		length += (size_t)got;
	printf("echo=%s\n",
	       length == sizeof(sent) && memcmp(sent, back, length) == 0 ? "ok" : "BAD");
}

/* As an event loop does: wait until it is writable, then ask how it went. */
static int await_end(int fd)
{
	struct pollfd writable = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t length = sizeof(error);

	while (poll(&writable, 1, -1) < 0 && errno == EINTR)
		;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	printf("later=%s\n", name_of(error));
	return error ? -1 : 0;
}

/* As a program would that has nothing of isosocks. */
static void print_failure(void)
{
	int (*last)(struct isosocks_failure *, size_t) =
		(int (*)(struct isosocks_failure *, size_t))dlsym(RTLD_DEFAULT,
								  ISOSOCKS_LAST_FAILURE);
	struct isosocks_failure failure;

	if (!last)
		printf("failure=unknown\n");
	else if (last(&failure, sizeof(failure)) != 1)
		printf("failure=none\n");
	else
		printf("failure=%s %d %02x %s:%u %s\n", name_of(failure.error), failure.stage,
		       failure.code, failure.host, failure.port, failure.meaning);
}

static void report(int fd, int result, int after)
{
	int error = -1;
	socklen_t length = sizeof(error);

	printf("connect=%s\n", name_of(result < 0 ? after : 0));
	if (result == 0)
		printf("errno=%s\n", after == EDOM ? "kept" : name_of(after));
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	printf("so_error=%s\n", name_of(error));
	print_peer(options.ask_dup ? dup(fd) : fd);
}

int main(int argc, char **argv)
{
	struct addrinfo hints = { 0 }, *to;
	int c;

	while ((c = getopt(argc, argv, "46onuealfDb:t:s:S:")) != -1) {
		switch (c) {
		case '4':
			options.family = AF_INET;
			break;
		case '6':
			options.family = AF_INET6;
			break;
		case 'o':
			options.v6only = true;
			break;
		case 'n':
			options.nonblocking = true;
			break;
		case 'u':
			options.type = SOCK_DGRAM;
			break;
		case 'e':
			options.echo = true;
			break;
		case 'a':
			options.again = true;
			break;
		case 'l':
			options.no_line = true;
			break;
		case 'f':
			options.tell_failure = true;
			break;
		case 'D':
			options.ask_dup = true;
			break;
		case 'b':
			options.bind_to = optarg;
			break;
		case 't':
			options.send_timeout = atoi(optarg);
			break;
		case 's':
			options.alarm = atoi(optarg);
			break;
		case 'S':
			options.restarting_alarm = atoi(optarg);
			break;
		default:
			errx(2, "bad option");
		}
	}
	if (argc - optind != 2)
		errx(2, "usage: connect [OPTIONS] HOST PORT");
	hints.ai_family = options.family;
	hints.ai_flags = options.family == AF_INET6 ? AI_V4MAPPED : 0;
	hints.ai_socktype = options.type;
	const int r = getaddrinfo(argv[optind], argv[optind + 1], &hints, &to);
	if (r != 0) {
		printf("resolve=%s\n", gai_strerror(r));
		return 0;
	}
	const int fd = socket(to->ai_family, to->ai_socktype, 0);
	if (fd < 0) {
		printf("connect=%s\n", name_of(errno));
		return 0;
	}
	prepare(fd);
	errno = EDOM;
	int result = connect(fd, to->ai_addr, to->ai_addrlen);
	if (result < 0 && errno == EINPROGRESS && options.nonblocking)
		result = await_end(fd), errno = EDOM;
	report(fd, result, errno);
	if (options.tell_failure)
		print_failure();
	if (options.again) {
		const int second = connect(fd, to->ai_addr, to->ai_addrlen);
		printf("again=%s\n", name_of(second < 0 ? errno : 0));
		print_peer(fd);
		if (second == 0 && result < 0) {
			print_line(fd);
			return 0;
		}
	}
	if (result == 0 && !options.no_line)
		print_line(fd);
	if (result == 0 && options.echo)
		print_echo(fd);
	freeaddrinfo(to);
	return 0;
}
