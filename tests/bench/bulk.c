/*
 * bulk MODE PORT down|up MEGABYTES CHUNK: so much through one connection, CHUNK bytes in each
 * read() or write(); megabytes a second. MODE is one of by_hand.h.
 */
#include "by_hand.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The answer's head is little enough to be counted with it. */
static void receive(int fd, long long size, char *chunk, size_t length)
{
	char request[64];
	const int n = snprintf(request, sizeof(request), "GET /%lld HTTP/1.1\r\n\r\n", size);

	if (write(fd, request, (size_t)n) != n)
		err(1, "write");
	while (size > 0) {
		const ssize_t got = read(fd, chunk, length);
		if (got <= 0)
			err(1, "read");
		size -= got;
	}
}

/* All has arrived when the other end closes too. */
static void transmit(int fd, long long size, char *chunk, size_t length)
{
	for (; size > 0; size -= (long long)length) {
		if (write(fd, chunk, length) != (ssize_t)length)
			err(1, "write");
	}
	shutdown(fd, SHUT_WR);
	if (read(fd, chunk, 1) != 0)
		errx(1, "no end");
}

int main(int argc, char **argv)
{
	if (argc != 6)
		errx(2, "usage: bulk MODE PORT down|up MEGABYTES CHUNK");
	const enum by_hand mode = by_hand_mode(argv[1]);
	const struct sockaddr_in to = by_hand_address(mode, argv[2]);
	const long long size = atoll(argv[4]) * 1000000;
	const size_t length = (size_t)atoi(argv[5]);
	char *chunk = calloc(1, length);
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "connect");
	by_hand_talk(fd, mode);
	const double start = by_hand_now();
	if (strcmp(argv[3], "down") == 0)
		receive(fd, size, chunk, length);
	else
		transmit(fd, size, chunk, length);
	printf("%.0f\n", (double)size / 1e3 / (by_hand_now() - start));
	free(chunk);
	return 0;
}
