/*
 * faults CONNECTS AT_ONCE [FDS]: connects to hosts of their own, some of them blocking, each in a
 * thread, the others non-blocking in one epoll, AT_ONCE at a time, and judges each by its end:
 * "this is HOST" is good, an errno of connect() is counted by its name, a target that goes before
 * it has said its line is lost. With FDS RLIMIT_NOFILE is that, and what socket() fails with is
 * counted too.
 *
 *   good=COUNT lost=COUNT bad=COUNT [ERRNO=COUNT ...]
 *
 * Ends with 1 when one is bad: another target's line, or nothing heard for half a minute.
 *
 * faults memory CONNECTS: the same one after the other, and from the second on malloc has nothing
 * left to give.
 */
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 30000 /* ms, far above the policy's timeout in these tests */
#define THREADS	 64

struct one {
	int fd;
	char host[32];
	char line[64];
	size_t length;
	bool connected;
	struct sockaddr_storage to;
	socklen_t to_length;
};

static _Atomic unsigned good, lost, bad, failures[256];
static _Atomic unsigned next;
static unsigned connects;

static void complain(const struct one *o, const char *what)
{
	if (bad++ < 20)
		fprintf(stderr, "%s: %s (%s), got «%.*s»\n", o->host, what, strerror(errno),
			(int)o->length, o->line);
}

/* While the proxy is away the names are not to be used up on it. */
static void count_failure(int error)
{
	if (error == ENETDOWN)
		poll(NULL, 0, 10);
	failures[error > 0 && error < 256 ? error : 255]++;
}

/* A host that nobody has asked for before. false: they have all been asked for. */
static bool name_next(struct one *o)
{
	const unsigned number = next++;

	*o = (struct one){ .fd = -1 };
	if (number >= connects)
		return false;
	snprintf(o->host, sizeof(o->host), "h%u.test", number);
	return true;
}

static bool resolve(struct one *o)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET };
	struct addrinfo *to;

	const int r = getaddrinfo(o->host, "80", &hints, &to);
	if (r != 0) {
		complain(o, gai_strerror(r));
		return false;
	}
	memcpy(&o->to, to->ai_addr, to->ai_addrlen);
	o->to_length = to->ai_addrlen;
	freeaddrinfo(to);
	return true;
}

static void end_one(struct one *o)
{
	close(o->fd);
	o->fd = -1;
}

/* What there is of the line. true: it has ended, one way or the other. */
static bool read_line(struct one *o)
{
	char expected[64];
	const size_t whole = (size_t)snprintf(expected, sizeof(expected), "this is %s\n", o->host);
	ssize_t got = 1;

	while (o->length < whole &&
	       (got = recv(o->fd, o->line + o->length, whole - o->length, MSG_DONTWAIT)) > 0)
		o->length += (size_t)got;
	if (memcmp(o->line, expected, o->length) != 0)
		complain(o, "another target");
	else if (o->length == whole)
		good++;
	else if (got < 0 && errno == EAGAIN)
		return false;
	else
		lost++;
	return true;
}

static bool wait_for(struct one *o, short events)
{
	struct pollfd one = { .fd = o->fd, .events = events };

	if (poll(&one, 1, PATIENCE) == 1)
		return true;
	complain(o, "nothing heard");
	return false;
}

/* ---- blocking ---- */

static void connect_blocking(struct one *o)
{
	o->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (o->fd < 0) {
		count_failure(errno);
		return;
	}
	if (connect(o->fd, (struct sockaddr *)&o->to, o->to_length) < 0) {
		count_failure(errno);
	} else {
		while (!read_line(o) && wait_for(o, POLLIN))
			;
	}
	end_one(o);
}

static void *work(void *unused)
{
	struct one o;

	while (name_next(&o)) {
		if (resolve(&o))
			connect_blocking(&o);
	}
	return unused;
}

/* ---- non-blocking ---- */

static bool begin(struct one *o, int set)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = o };

	o->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (o->fd < 0) {
		count_failure(errno);
		return false;
	}
	if (connect(o->fd, (struct sockaddr *)&o->to, o->to_length) < 0 && errno != EINPROGRESS) {
		count_failure(errno);
		end_one(o);
		return false;
	}
	if (epoll_ctl(set, EPOLL_CTL_ADD, o->fd, &event) < 0)
		err(1, "epoll_ctl");
	return true;
}

static void on_ready(struct one *o, int set)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = o };
	int error = 0;
	socklen_t length = sizeof(error);

	if (!o->connected) {
		getsockopt(o->fd, SOL_SOCKET, SO_ERROR, &error, &length);
		if (error) {
			count_failure(error);
			end_one(o);
			return;
		}
		o->connected = true;
		epoll_ctl(set, EPOLL_CTL_MOD, o->fd, &event);
	}
	if (read_line(o))
		end_one(o);
}

/* Keeps them all under way. false: nothing is, and nothing will be. */
static bool fill(struct one *all, unsigned at_once, int set)
{
	bool any = false;

	for (unsigned i = 0; i < at_once; i++) {
		while (all[i].fd < 0 && name_next(&all[i])) {
			if (resolve(&all[i]) && begin(&all[i], set))
				break;
		}
		any |= all[i].fd >= 0;
	}
	return any;
}

static void work_at_once(unsigned at_once)
{
	struct one *all = calloc(at_once, sizeof(*all));
	const int set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event events[64];

	for (unsigned i = 0; i < at_once; i++)
		all[i].fd = -1;
	while (fill(all, at_once, set)) {
		const int count = epoll_wait(set, events, 64, PATIENCE);
		if (count == 0) {
			complain(&all[0], "nothing became ready");
			break;
		}
		for (int i = 0; i < count; i++)
			on_ready(events[i].data.ptr, set);
	}
	close(set);
	free(all);
}

static void work_both(unsigned at_once)
{
	const unsigned count = at_once > THREADS ? THREADS : at_once / 2;
	struct timespec limit;
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < count; i++) {
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			err(1, "pthread_create");
	}
	work_at_once(at_once - count);
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += PATIENCE / 1000;
	for (unsigned i = 0; i < count; i++) {
		if (pthread_timedjoin_np(threads[i], NULL, &limit) != 0) {
			fprintf(stderr, "a blocking connect does not come back\n");
			bad++;
		}
	}
}

/* ---- no memory ---- */

/* Every size down to the smallest, so that nothing at all is left. */
static void use_up_memory(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_AS, &none);
	setrlimit(RLIMIT_DATA, &none);
	for (size_t size = 1u << 20; size >= 1; size /= 2) {
		void *volatile taken; /* which a compiler would leave out */
		while ((taken = malloc(size)))
			;
	}
}

static void connect_nonblocking(struct one *o)
{
	int error = 0;
	socklen_t length = sizeof(error);

	o->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (connect(o->fd, (struct sockaddr *)&o->to, o->to_length) == 0 || errno != EINPROGRESS)
		complain(o, "not in progress");
	else if (wait_for(o, POLLOUT)) {
		getsockopt(o->fd, SOL_SOCKET, SO_ERROR, &error, &length);
		if (error)
			count_failure(error);
		while (!error && !read_line(o) && wait_for(o, POLLIN))
			;
	}
	end_one(o);
}

static void work_without_memory(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct one *all = calloc(connects, sizeof(*all));
	struct addrinfo *to;

	setvbuf(stdout, NULL, _IONBF, 0);
	for (unsigned i = 0; i < connects; i++) {
		if (!name_next(&all[i]) || !resolve(&all[i]))
			errx(1, "no name");
	}
	/* The library's first connect takes what it needs from then on. */
	connect_blocking(&all[0]);
	use_up_memory();
	for (unsigned i = 1; i < connects; i++) {
		if (i % 2)
			connect_blocking(&all[i]);
		else
			connect_nonblocking(&all[i]);
	}
	if (getaddrinfo("another.test", "80", &hints, &to) != EAI_MEMORY)
		complain(&all[0], "getaddrinfo has found memory");
}

int main(int argc, char **argv)
{
	if (argc < 3 || argc > 4)
		errx(2, "usage: faults CONNECTS AT_ONCE [FDS] | faults memory CONNECTS");
	if (strcmp(argv[1], "memory") == 0) {
		connects = (unsigned)atoi(argv[2]);
		work_without_memory();
	} else {
		const rlim_t most = argc == 4 ? (rlim_t)atoi(argv[3]) : 4096;
		connects = (unsigned)atoi(argv[1]);
		setrlimit(RLIMIT_NOFILE, &(struct rlimit){ most, most });
		work_both((unsigned)atoi(argv[2]));
	}
	printf("good=%u lost=%u bad=%u", good, lost, bad);
	for (int i = 0; i < 256; i++) {
		if (failures[i])
			printf(" %s=%u", i == 255 ? "other" : strerrorname_np(i), failures[i]);
	}
	printf("\n");
	return bad > 0;
}
