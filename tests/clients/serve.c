/*
 * serve NAME: listens on a free port of 127.0.0.1 and ::1, prints the port, and answers every
 * connection with "this is NAME\n" and then its own bytes back, until they end. What a client reads
 * here it can have from nowhere else.
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int listen_on(uint16_t *port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
	socklen_t length = sizeof(any);
	const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 1024) < 0 ||
	    getsockname(fd, (struct sockaddr *)&any, &length) < 0)
		err(1, "listen");
	*port = ntohs(any.sin6_port);
	return fd;
}

static void answer(int fd, const char *name)
{
	char bytes[4096];
	ssize_t got;

	dprintf(fd, "this is %s\n", name);
	while ((got = read(fd, bytes, sizeof(bytes))) > 0) {
		if (write(fd, bytes, (size_t)got) != got)
			break;
	}
}

int main(int argc, char **argv)
{
	uint16_t port;

	if (argc != 2)
		errx(2, "usage: serve NAME");
	signal(SIGCHLD, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	const int listener = listen_on(&port);
	printf("%u\n", port);
	fflush(stdout);
	for (;;) {
		const int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		if (fork() == 0) {
			answer(fd, argv[1]);
			_exit(0);
		}
		close(fd);
	}
}
