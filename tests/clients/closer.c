/*
 * closer HOST PORT: one thread connects, blocking; another closes the descriptor meanwhile, and
 * opens a pair of sockets, one of which gets its number. Whatever the connect says, no byte of a
 * handshake may come out of the pair.
 */
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fd;
static struct addrinfo *to;

static char connector[64]; /* the thread that does, as /proc has it */
static _Atomic bool connecting;

static void *run(void *ignored)
{
	(void)ignored;
	if (readlink("/proc/thread-self", connector, sizeof(connector) - 1) < 0)
		err(1, "/proc/thread-self");
	connecting = true;
	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0)
		printf("connect=%s\n", strerrorname_np(errno));
	else
		printf("connect=0\n");
	return NULL;
}

/* Whether the other thread waits in the kernel: in connect(2), for the proxy. */
static bool sleeps(void)
{
	char path[128], state = 0;

	snprintf(path, sizeof(path), "/proc/%s/stat", connector);
	FILE *file = fopen(path, "r");
	if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		err(1, "%s", path);
	fclose(file);
	return state == 'S';
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	pthread_t thread;
	char bytes[64];
	int pair[2];

	if (argc != 3 || getaddrinfo(argv[1], argv[2], &hints, &to) != 0)
		errx(2, "usage: closer HOST PORT");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	pthread_create(&thread, NULL, run, NULL);
	while (!connecting || !sleeps())
		sched_yield();
	close(fd);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		err(1, "socketpair");
	printf("reused=%d\n", pair[0] == fd);
	send(pair[1], "\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00", 12, 0);
	pthread_join(thread, NULL);
	printf("sent=%zd\n", recv(pair[1], bytes, sizeof(bytes), MSG_DONTWAIT));
	printf("left=%zd\n", recv(pair[0], bytes, sizeof(bytes), MSG_DONTWAIT));
	return 0;
}
