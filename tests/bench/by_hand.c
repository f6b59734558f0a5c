#include "by_hand.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define GREETING "\x05\x01\x97"
#define KEYS	 "\x01\x00\x01\x00\x09ISOLATION\x00\x21user=1000;app=/usr/bin/sequential"
#define REQUEST	 "\x05\x01\x00\x01\xcb\x00\x71\x05\x00\x50"

const char by_hand_bytes[] = GREETING KEYS REQUEST;
const size_t by_hand_size = sizeof(by_hand_bytes) - 1;

enum by_hand by_hand_mode(const char *word)
{
	if (strcmp(word, "pipelined") == 0)
		return BY_HAND_PIPELINED;
	if (strcmp(word, "stepwise") == 0)
		return BY_HAND_STEPWISE;
	if (strcmp(word, "shim") == 0)
		return BY_HAND_NOT;
	errx(2, "%s: pipelined, stepwise or shim", word);
}

struct sockaddr_in by_hand_address(enum by_hand mode, const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };

	address.sin_port = htons(mode == BY_HAND_NOT ? 80 : (uint16_t)atoi(port));
	inet_pton(AF_INET, mode == BY_HAND_NOT ? "203.0.113.5" : "127.0.0.1", &address.sin_addr);
	return address;
}

/* A reply of ten bytes ends the longer answers. */
static void exchange(int fd, const char *bytes, size_t length, size_t answer)
{
	uint8_t in[64];

	if (send(fd, bytes, length, 0) < 0)
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

void by_hand_talk(int fd, enum by_hand mode)
{
	if (mode == BY_HAND_PIPELINED) {
		exchange(fd, by_hand_bytes, by_hand_size, BY_HAND_ANSWER);
	} else if (mode == BY_HAND_STEPWISE) {
		exchange(fd, GREETING, sizeof(GREETING) - 1, 2);
		exchange(fd, KEYS, sizeof(KEYS) - 1, 4);
		exchange(fd, REQUEST, sizeof(REQUEST) - 1, 10);
	}
}

bool by_hand_is_connected(int fd)
{
	static const char request[] = "GET /1 HTTP/1.1\r\n\r\n", status[] = "HTTP/1.1 200";
	struct pollfd answered = { .fd = fd, .events = POLLIN };
	char in[sizeof(status) - 1];

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	return send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0 &&
	       poll(&answered, 1, 1000) == 1 &&
	       recv(fd, in, sizeof(in), MSG_WAITALL) == (ssize_t)sizeof(in) &&
	       memcmp(in, status, sizeof(in)) == 0;
}

double by_hand_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}
