/*
 * resolve NAMES COUNT: getaddrinfo of NAMES different names, COUNT calls in all; microseconds a
 * call.
 */
#include <err.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

static void ask(int number)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	char name[64];

	snprintf(name, sizeof(name), "host-%d.example.test", number);
	if (getaddrinfo(name, "80", &hints, &list) != 0)
		errx(1, "%s does not resolve", name);
	freeaddrinfo(list);
}

int main(int argc, char **argv)
{
	struct timespec start, end;

	if (argc != 3)
		errx(2, "usage: resolve NAMES COUNT");
	const int names = atoi(argv[1]), count = atoi(argv[2]);
	for (int i = 0; i < names; i++)
		ask(i);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < count; i++)
		ask(i % names);
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.2f\n", ((double)(end.tv_sec - start.tv_sec) * 1e6 +
			  (double)(end.tv_nsec - start.tv_nsec) / 1e3) /
				 count);
	return 0;
}
