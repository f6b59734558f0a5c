/*
 * threads MODE PORT THREADS COUNT: COUNT blocking connects in all by THREADS threads; connects a
 * second. MODE is one of by_hand.h.
 */
#include "by_hand.h"

#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static enum by_hand mode;
static struct sockaddr_in to;
static int each;

static void *work(void *unused)
{
	for (int i = 0; i < each; i++) {
		const int fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
			err(1, "connect");
		by_hand_talk(fd, mode);
		if (i == 0 && !by_hand_is_connected(fd))
			errx(3, "wrong result");
		close(fd);
	}
	return unused;
}

int main(int argc, char **argv)
{
	if (argc != 5)
		errx(2, "usage: threads MODE PORT THREADS COUNT");
	mode = by_hand_mode(argv[1]);
	to = by_hand_address(mode, argv[2]);
	const int count = atoi(argv[3]);
	pthread_t *threads = calloc((size_t)count, sizeof(*threads));
	each = atoi(argv[4]) / count;
	const double start = by_hand_now();
	for (int i = 0; i < count; i++) {
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			errx(1, "pthread_create");
	}
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("%.0f\n", each * count / (by_hand_now() - start) * 1e3);
	free(threads);
	return 0;
}
