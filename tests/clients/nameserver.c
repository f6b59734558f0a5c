/*
 * nameserver LOG: a nameserver on 127.0.0.1 and port 53, for datagrams and streams, that knows no
 * name. Prints `ready`, answers NXDOMAIN, and adds a line for each query to LOG: what reached a
 * nameserver, and nothing else, is there.
 */
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER 12

static int listen_for(int type)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
					.sin_port = htons(53),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0)
		err(1, "port 53");
	if (type == SOCK_STREAM && listen(fd, 16) < 0)
		err(1, "listen");
	return fd;
}

static void write_down(int log, const unsigned char *query, ssize_t length)
{
	char line[600];
	size_t used = 0;

	for (ssize_t at = HEADER; at < length && query[at] != 0 && used < 500;) {
		for (unsigned left = query[at++]; left > 0 && at < length; left--)
			line[used++] = (char)query[at++];
		line[used++] = '.';
	}
	line[used++] = '\n';
	if (write(log, line, used) < 0)
		err(1, "log");
}

/* RFC 1035 §4.1.1: an answer, recursion, NXDOMAIN; no records but the question. */
static void deny(unsigned char *query)
{
	query[2] |= 0x80;
	query[3] = 0x83;
	memset(query + 10, 0, 2);
}

static void serve_datagram(int fd, int log)
{
	unsigned char query[1500];
	struct sockaddr_in from;
	socklen_t length = sizeof(from);
	const ssize_t r = recvfrom(fd, query, sizeof(query), 0, (struct sockaddr *)&from, &length);

	if (r < HEADER)
		return;
	write_down(log, query, r);
	deny(query);
	sendto(fd, query, (size_t)r, 0, (const struct sockaddr *)&from, length);
}

static void serve_stream(int fd, int log)
{
	unsigned char query[1500];
	const int client = accept(fd, NULL, NULL);
	const ssize_t r = client < 0 ? -1 : recv(client, query, sizeof(query), 0);

	if (r >= HEADER + 2) {
		write_down(log, query + 2, r - 2);
		deny(query + 2);
		send(client, query, (size_t)r, MSG_NOSIGNAL);
	}
	if (client >= 0)
		close(client);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(2, "usage: nameserver LOG");
	const int log = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (log < 0)
		err(1, "%s", argv[1]);
	struct pollfd fds[2] = { { .fd = listen_for(SOCK_DGRAM), .events = POLLIN },
				 { .fd = listen_for(SOCK_STREAM), .events = POLLIN } };
	puts("ready");
	fflush(stdout);
	while (poll(fds, 2, -1) >= 0) {
		if (fds[0].revents)
			serve_datagram(fds[0].fd, log);
		if (fds[1].revents)
			serve_stream(fds[1].fd, log);
	}
	return 0;
}
