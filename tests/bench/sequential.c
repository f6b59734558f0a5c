/*
 * sequential MODE PORT COUNT: blocking connects one after the other, in microseconds each (the
 * median of 20 batches). MODE is one of by_hand.h.
 */
#include "by_hand.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static enum by_hand mode;
static struct sockaddr_in to;

static int connected(void)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		err(1, "connect");
	by_hand_talk(fd, mode);
	return fd;
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
		errx(2, "usage: sequential pipelined|stepwise|shim PORT COUNT");
	mode = by_hand_mode(argv[1]);
	to = by_hand_address(mode, argv[2]);
	const int count = atoi(argv[3]) / 20;
	for (int i = 0; i < 50; i++) {
		const int fd = connected();
		if (!by_hand_is_connected(fd))
			errx(3, "wrong result");
		close(fd);
	}
	for (int b = 0; b < 20; b++) {
		const double start = by_hand_now();
		for (int i = 0; i < count; i++)
			close(connected());
		batch[b] = (by_hand_now() - start) * 1e3 / count;
	}
	qsort(batch, 20, sizeof(batch[0]), compare);
	printf("%.2f\n", batch[10]);
	return 0;
}
