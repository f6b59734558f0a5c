/*
 * million CONNECTS: connects to hosts of 4096 names, half of them blocking in one thread, half
 * non-blocking in an epoll of 64 in another, and says what this process has more of at the end than
 * after its first tenth: memory in KiB and descriptors.
 *
 *   connects=COUNT failed=COUNT resident=KIB data=KIB descriptors=COUNT
 */
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define AT_ONCE 64
#define NAMES	4096

static _Atomic unsigned failed, done;
static unsigned half;
static pthread_barrier_t still;

struct usage {
	long resident, data, descriptors;
};

static struct usage before;

static long status(const char *key)
{
	char line[128];
	long value = -1;
	FILE *file = fopen("/proc/self/status", "re");

	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, key, strlen(key)) == 0)
			value = atol(line + strlen(key));
	}
	if (file)
		fclose(file);
	return value;
}

static long descriptors(void)
{
	DIR *folder = opendir("/proc/self/fd");
	long count = 0;

	while (folder && readdir(folder))
		count++;
	if (folder)
		closedir(folder);
	return count;
}

static struct usage measure(void)
{
	return (struct usage){ status("VmRSS:"), status("VmData:"), descriptors() };
}

/* Both threads are still while it is measured, with as much under way as at any time. */
static void wait_for_both(unsigned number)
{
	if (number != half / 10)
		return;
	if (pthread_barrier_wait(&still) == PTHREAD_BARRIER_SERIAL_THREAD)
		before = measure();
	pthread_barrier_wait(&still);
}

static int start(unsigned number, int flags, struct addrinfo **ret_to)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET };
	const struct linger at_once = { 1, 0 }; /* and no TIME_WAIT, which would use up the ports */
	char host[32];

	snprintf(host, sizeof(host), "h%u.test", number % NAMES);
	if (getaddrinfo(host, "80", &hints, ret_to) != 0)
		errx(1, "%s does not resolve", host);
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) < 0)
		err(1, "socket");
	return fd;
}

static void *work_blocking(void *unused)
{
	for (unsigned i = 0; i < half; i++) {
		struct addrinfo *to;
		const int fd = start(i, 0, &to);
		if (connect(fd, to->ai_addr, to->ai_addrlen) < 0)
			failed++;
		done++;
		freeaddrinfo(to);
		close(fd);
		wait_for_both(i);
	}
	return unused;
}

static void begin(unsigned number, int set)
{
	struct addrinfo *to;
	const int fd = start(number, SOCK_NONBLOCK, &to);
	struct epoll_event event = { .events = EPOLLOUT, .data.fd = fd };

	if (connect(fd, to->ai_addr, to->ai_addrlen) == 0 || errno != EINPROGRESS)
		err(1, "connect");
	if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
	freeaddrinfo(to);
}

static void end(int fd)
{
	int error = -1;
	socklen_t length = sizeof(error);

	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	failed += error != 0;
	done++;
	close(fd);
}

static void work_at_once(void)
{
	const int set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[AT_ONCE];
	unsigned begun = 0, ended = 0;

	while (ended < half) {
		while (begun < half && begun - ended < AT_ONCE)
			begin(begun++, set);
		const int count = epoll_wait(set, events, AT_ONCE, 60000);
		if (count == 0)
			errx(1, "nothing became ready");
		for (int i = 0; i < count; i++) {
			end(events[i].data.fd);
			wait_for_both(ended++);
		}
	}
	close(set);
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc != 2)
		errx(2, "usage: million CONNECTS");
	half = (unsigned)atoi(argv[1]) / 2;
	pthread_barrier_init(&still, NULL, 2);
	if (pthread_create(&thread, NULL, work_blocking, NULL) != 0)
		errx(1, "pthread_create");
	work_at_once();
	pthread_join(thread, NULL);
	const struct usage after = measure();
	printf("connects=%u failed=%u resident=%ld data=%ld descriptors=%ld\n", done, failed,
	       after.resident - before.resident, after.data - before.data,
	       after.descriptors - before.descriptors);
	return 0;
}
