/*
 * sequential MODE PORT COUNT: blocking connects one after the other, in microseconds each (the
 * median of 20 batches).
 *
 *   shim       connect() to 203.0.113.5:80, which a preloaded library takes to the proxy
 *   pipelined  by hand: connect() to the proxy, greeting, keys and request in one send(), the
 * replies stepwise   by hand, waiting for each answer
 */
#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KEYS	 "\x01\x00\x01\x00\x09ISOLATION\x00\x21user=1000;app=/usr/bin/sequential"
#define GREETING "\x05\x01\x97"
#define REQUEST	 "\x05\x01\x00\x01\xcb\x00\x71\x05\x00\x50"

static struct sockaddr_in proxy = { .sin_family = AF_INET }, target = { .sin_family = AF_INET };

/* A reply of ten bytes ends the longer answers; a refusal must not be taken for a fast success. */
static void talk(int fd, const char *bytes, size_t length, size_t answer)
{
	uint8_t in[64];

	if (length > 0 && send(fd, bytes, length, 0) < 0)
		err(1, "send");
	for (size_t got = 0; got < answer;) {
		const ssize_t n = recv(fd, in + got, answer - got, 0);
		if (n <= 0)
			err(1, "recv");
		got += (size_t)n;
	}
	if (answer >= 10 && in[answer - 9] != 0)
		errx(1, "refused: %02x", in[answer - 9]);
}

static void once(const char *mode)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	const struct sockaddr_in *to = strcmp(mode, "shim") == 0 ? &target : &proxy;

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		err(1, "connect");
	if (strcmp(mode, "pipelined") == 0) {
		talk(fd, GREETING KEYS REQUEST, sizeof(GREETING KEYS REQUEST) - 1, 2 + 4 + 10);
	} else if (strcmp(mode, "stepwise") == 0) {
		talk(fd, GREETING, sizeof(GREETING) - 1, 2);
		talk(fd, KEYS, sizeof(KEYS) - 1, 4);
		talk(fd, REQUEST, sizeof(REQUEST) - 1, 10);
	}
	close(fd);
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	double batch[20];

	if (argc != 4)
		errx(2, "usage: sequential shim|pipelined|stepwise PORT COUNT");
	proxy.sin_port = htons((uint16_t)atoi(argv[2]));
	proxy.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	target.sin_port = htons(80);
	inet_pton(AF_INET, "203.0.113.5", &target.sin_addr);
	const int count = atoi(argv[3]) / 20;
	for (int i = 0; i < 50; i++)
		once(argv[1]);
	for (int b = 0; b < 20; b++) {
		struct timespec start, end;
		clock_gettime(CLOCK_MONOTONIC, &start);
		for (int i = 0; i < count; i++)
			once(argv[1]);
		clock_gettime(CLOCK_MONOTONIC, &end);
		batch[b] = ((double)(end.tv_sec - start.tv_sec) * 1e6 +
			    (double)(end.tv_nsec - start.tv_nsec) / 1e3) /
			   count;
	}
	qsort(batch, 20, sizeof(batch[0]), compare);
	printf("%.2f\n", batch[10]);
	return 0;
}
