/*
 * interleave HOST PORT PROXYPORT: who waits by epoll, when, and how, against one non-blocking
 * connect whose proxy is this program itself and answers when it is told: every row of when × kind
 * × way × call × data in a process of its own. Nobody may see data that is not the application's,
 * nor anything of the socket before it is connected; a wait by a system call of the program's own
 * may see the application's data with bits that no program asks for, some times, and no more.
 * Prints how many rows there were; a deviation ends it with a word on standard error.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* When the wait begins. */
enum when { EMPTY_SET, REGISTERED, CONNECTING, BETWEEN, WHENS };

enum kind { LEVEL, EDGE, ONESHOT, EXCLUSIVE, EDGE_ONESHOT, KINDS };
static const uint32_t bits[KINDS] = { 0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE,
				      EPOLLET | EPOLLONESHOT };

/* What is waited for, and where. */
enum way {
	PLAIN,
	DUPLICATE_SET,
	CLOSED_SET, /* by a duplicate of the set, which itself is closed */
	DUPLICATE_SOCKET,
	SIXTH_SET,
	NESTED,
	NESTED_EDGE,
	NESTED_ONESHOT,
	NESTED_TWICE,
	POLLED,
	SELECTED,
	CHILD,	     /* a process that was forked before connect(), on the same set */
	LATER_CHILD, /* or after it */
	WAYS
};

enum call { WAIT, PWAIT, PWAIT2, PWAIT2_PART, RAW_WAIT, RAW_PWAIT, RAW_PWAIT2, CALLS };
enum data { POINTER, SHARED, DATAS };

/* Times that a wait which nobody sees may be told something by a handshake. */
#define RAW_AT_MOST 12

#define OUTER UINT64_C(0x5555666677778888)

static struct {
	enum when when;
	enum kind kind;
	enum way way;
	enum call call;
	enum data data;
} row;

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			errx(1,                                                                    \
			     "when %d kind %d way %d call %d data %d: line %d: " #condition        \
			     ", errno %s",                                                         \
			     row.when, row.kind, row.way, row.call, row.data, __LINE__,            \
			     strerrorname_np(errno));                                              \
	} while (0)

static const struct addrinfo *to;
static int listener, fd, registered, set, outer, waited, fifo[2];
static uint64_t own;

/* Of the one who waits; children have it too. */
static struct shared {
	_Atomic int state; /* its file in /proc; of a child any */
	_Atomic bool returned;
	_Atomic uint32_t events;
	_Atomic uint64_t data;
} * waiter;

static bool is_raw(void)
{
	return row.call >= RAW_WAIT;
}

static bool is_nested(void)
{
	return row.way >= NESTED && row.way <= NESTED_TWICE;
}

static bool is_from_outside(void)
{
	return is_nested() || row.way == POLLED || row.way == SELECTED;
}

static bool is_child(void)
{
	return row.way == CHILD || row.way == LATER_CHILD;
}

/* ---- waiting ---- */

static long raw(long number, long a, void *b, long c, long d)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = 0, r9 __asm__("r9") = 8;
	long r;
	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	if (r < 0)
		errno = (int)-r;
	return r < 0 ? -1 : r;
#else
	(void)number, (void)a, (void)b, (void)c, (void)d;
	errno = ENOSYS;
	return -1;
#endif
}

static int wait_once(struct epoll_event *event)
{
	const struct timespec part = { .tv_sec = 1000, .tv_nsec = 500 };

	switch (row.call) {
	case WAIT:
		return epoll_wait(waited, event, 1, -1);
	case PWAIT:
		return epoll_pwait(waited, event, 1, 1000000, NULL);
	case PWAIT2:
		return epoll_pwait2(waited, event, 1, NULL, NULL);
	case PWAIT2_PART:
		return epoll_pwait2(waited, event, 1, &part, NULL);
#ifdef SYS_epoll_wait
	case RAW_WAIT:
		return (int)raw(SYS_epoll_wait, waited, event, 1, -1);
#endif
	case RAW_PWAIT2:
		return (int)raw(SYS_epoll_pwait2, waited, event, 1, 0);
	default:
		return (int)raw(SYS_epoll_pwait, waited, event, 1, -1);
	}
}

static void wait_by_poll(struct epoll_event *event)
{
	struct pollfd one = { .fd = set, .events = POLLIN };

	MUST(poll(&one, 1, -1) == 1);
	event->events = (uint32_t)one.revents;
	event->data.u64 = OUTER;
}

static void wait_by_select(struct epoll_event *event)
{
	fd_set readable;

	FD_ZERO(&readable);
	FD_SET(set, &readable);
	MUST(select(set + 1, &readable, NULL, NULL, NULL) == 1 && FD_ISSET(set, &readable));
	event->events = EPOLLIN;
	event->data.u64 = OUTER;
}

/* A wait that no hook sees is woken by what the handshake asks, and takes no notice. */
static void wait_raw(struct epoll_event *event)
{
	unsigned told = 0;

	do {
		MUST(wait_once(event) == 1);
		MUST(event->data.u64 == own && ++told <= RAW_AT_MOST);
	} while (!(event->events & ~(uint32_t)(EPOLLRDNORM | EPOLLWRNORM | EPOLLERR | EPOLLHUP)));
}

static void *be_waiter(void *unused)
{
	struct epoll_event event = { 0 };

	(void)unused;
	waiter->state = open("/proc/thread-self/stat", O_RDONLY | O_CLOEXEC);
	if (row.way == POLLED)
		wait_by_poll(&event);
	else if (row.way == SELECTED)
		wait_by_select(&event);
	else if (is_raw())
		wait_raw(&event);
	else
		MUST(wait_once(&event) == 1);
	waiter->events = event.events;
	waiter->data = event.data.u64;
	waiter->returned = true;
	return NULL;
}

static pthread_t thread;
static pid_t child;

/* By the number that a child has where /proc is from, which may be another PID namespace. */
static int open_state_of_child(void)
{
	const int list = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	char text[32] = "", path[64];

	MUST(list >= 0 && read(list, text, sizeof(text) - 1) > 0);
	close(list);
	snprintf(path, sizeof(path), "/proc/%d/stat", atoi(text));
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* It sleeps: there is nothing else in it to sleep in. */
static void is_asleep(void)
{
	char text[512];

	while (waiter->state == 0)
		sched_yield();
	const int file = is_child() ? open_state_of_child() : waiter->state;
	for (bool asleep = false; !asleep && !waiter->returned; sched_yield()) {
		const ssize_t length = pread(file, text, sizeof(text) - 1, 0);
		text[length > 0 ? length : 0] = '\0';
		const char *state = strrchr(text, ')');
		MUST(state || waiter->returned);
		asleep = state && state[2] == 'S';
	}
	if (is_child())
		close(file);
}

static void start_waiting(void)
{
	waiter->state = 0;
	waiter->returned = false;
	if (is_child()) {
		child = fork();
		MUST(child >= 0);
		if (child == 0) {
			be_waiter(NULL);
			_exit(0);
		}
	} else {
		MUST(pthread_create(&thread, NULL, be_waiter, NULL) == 0);
	}
	is_asleep();
}

static void has_returned(uint64_t data, uint32_t events)
{
	int status = 0;

	if (is_child())
		MUST(waitpid(child, &status, 0) == child && status == 0);
	else
		pthread_join(thread, NULL);
	MUST(waiter->data == data);
	MUST(waiter->events == events);
}

/* ---- the proxy ---- */

/* Where nobody who waits can drive the handshake, this one does. */
static bool drives_itself(void)
{
	return is_raw() || row.way == CHILD || waiter->state == 0;
}

static int error_of(int socket)
{
	int error = -1;
	socklen_t length = sizeof(error);
	MUST(getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
	return error;
}

static void hear(int client, uint8_t *bytes, size_t length)
{
	while (length > 0) {
		const ssize_t got = recv(client, bytes, length, drives_itself() ? MSG_DONTWAIT : 0);
		MUST(got > 0 || (got < 0 && errno == EAGAIN));
		if (got < 0) {
			MUST(error_of(fd) == 0);
			sched_yield();
			continue;
		}
		bytes += got;
		length -= (size_t)got;
	}
}

static void hear_greeting(int client)
{
	uint8_t head[2], methods[255];

	hear(client, head, 2);
	hear(client, methods, head[1]);
	MUST(head[0] == 5 && memchr(methods, 0, head[1]));
}

static void hear_request(int client)
{
	uint8_t head[5], rest[257];

	hear(client, head, 5);
	MUST(head[0] == 5 && head[1] == 1 && head[3] == 3);
	hear(client, rest, head[4] + 2u);
}

static void say(int client, const char *bytes, size_t length)
{
	MUST(write(client, bytes, length) == (ssize_t)length);
}

/* ---- a row ---- */

static void add(int where, int what, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };
	MUST(epoll_ctl(where, EPOLL_CTL_ADD, what, &event) == 0);
}

static int duplicate_of(int old)
{
	switch (row.kind) {
	case LEVEL:
		return dup(old);
	case EDGE:
		return fcntl(old, F_DUPFD, 200);
	case ONESHOT:
		return dup2(old, 201);
	default:
		return dup3(old, 202, O_CLOEXEC);
	}
}

static void make_sets(void)
{
	static const uint32_t kinds[] = { EPOLLIN, EPOLLIN | EPOLLET, EPOLLIN | EPOLLONESHOT,
					  EPOLLIN };

	MUST(pipe2(fifo, O_NONBLOCK | O_CLOEXEC) == 0);
	set = waited = epoll_create1(EPOLL_CLOEXEC);
	add(set, fifo[0], EPOLLIN, row.data == SHARED ? own : OUTER);
	if (is_nested()) {
		waited = outer = epoll_create1(EPOLL_CLOEXEC);
		add(outer, set, kinds[row.way - NESTED], OUTER);
	}
	if (row.way == NESTED_TWICE) {
		waited = epoll_create1(EPOLL_CLOEXEC);
		add(waited, outer, EPOLLIN, OUTER);
	}
	if (row.way == DUPLICATE_SET || row.way == CLOSED_SET)
		MUST((waited = duplicate_of(set)) >= 0);
	if (row.way == CLOSED_SET)
		set = waited;
}

static void make_socket(void)
{
	registered = fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	MUST(fd >= 0);
	if (row.way == DUPLICATE_SOCKET)
		registered = dup(fd);
}

static void put_in(void)
{
	for (unsigned i = 0; row.way == SIXTH_SET && i < 5; i++)
		add(epoll_create1(EPOLL_CLOEXEC), registered, EPOLLOUT | bits[row.kind], own);
	add(set, registered, EPOLLOUT | bits[row.kind], own);
}

/* An unconnected socket is hung up, and says so: once, where the kind is so. */
static void drain(void)
{
	struct epoll_event event;

	while (epoll_wait(set, &event, 1, 0) > 0 && (bits[row.kind] & (EPOLLET | EPOLLONESHOT)))
		MUST(event.data.u64 == own && event.events == (EPOLLOUT | EPOLLHUP));
}

static void begin(void)
{
	MUST(connect(fd, to->ai_addr, to->ai_addrlen) == -1 && errno == EINPROGRESS);
	if (row.way == DUPLICATE_SOCKET && row.kind == LEVEL)
		close(fd), fd = registered;
}

/* What has the same data, or is in the same set, is told as ever. */
static void others_are_told(void)
{
	char byte = 'x';

	MUST(write(fifo[1], &byte, 1) == 1);
	has_returned(is_from_outside() ? OUTER : own, EPOLLIN);
	MUST(read(fifo[0], &byte, 1) == 1);
	if (row.way == NESTED_ONESHOT) {
		struct epoll_event event = { EPOLLIN | EPOLLONESHOT, { .u64 = OUTER } };
		MUST(epoll_ctl(outer, EPOLL_CTL_MOD, set, &event) == 0);
	}
	start_waiting();
}

static void is_connected(int client)
{
	struct epoll_event event = { 0 };
	uint8_t byte = 0;

	if (is_from_outside()) {
		has_returned(OUTER, EPOLLIN);
		MUST(epoll_wait(set, &event, 1, 0) == 1);
		MUST(event.data.u64 == own && event.events == EPOLLOUT);
	} else {
		has_returned(own, EPOLLOUT);
	}
	MUST(error_of(fd) == 0);
	MUST(send(fd, "x", 1, MSG_NOSIGNAL) == 1);
	MUST(read(client, &byte, 1) == 1 && byte == 'x');
}

static void run_row(void)
{
	own = row.data == POINTER ? (uint64_t)(uintptr_t)&row : 5;
	make_sets();
	make_socket();
	if (row.when == EMPTY_SET)
		start_waiting();
	if (row.when == REGISTERED) {
		put_in();
		drain();
		if ((bits[row.kind] & (EPOLLET | EPOLLONESHOT)) && !is_from_outside())
			start_waiting();
	}
	begin();
	if (row.when != REGISTERED)
		put_in();
	if (waiter->state == 0 && row.when != BETWEEN)
		start_waiting();
	const int client = accept(listener, NULL, NULL);
	MUST(client >= 0);
	hear_greeting(client);
	if (row.when == BETWEEN)
		start_waiting();
	if (row.data == SHARED && !is_child())
		others_are_told();
	is_asleep();
	MUST(!waiter->returned);
	say(client, "\5\0", 2);
	hear_request(client);
	is_asleep();
	MUST(!waiter->returned);
	say(client, "\5\0\0\1\0\0\0\0\0\0", 10);
	while (drives_itself() && getpeername(fd, &(struct sockaddr){ 0 }, &(socklen_t){ 0 }) != 0)
		sched_yield();
	is_connected(client);
}

/* ---- all rows ---- */

static bool is_sensible(bool has_raw_pwait2)
{
	if (row.call == RAW_PWAIT2 && !has_raw_pwait2)
		return false;
#ifndef SYS_epoll_wait
	if (row.call == RAW_WAIT)
		return false;
#endif
	if (is_raw() && (is_from_outside() || row.data == SHARED || is_child()))
		return false;
	if ((row.way == POLLED || row.way == SELECTED) && row.call != WAIT)
		return false;
	/* A child that waits before there is a connection is one of before connect(). */
	if (row.way == LATER_CHILD && row.when < CONNECTING)
		return false;
	if (row.way == CHILD && row.when > REGISTERED)
		return false;
	return row.way != CHILD || row.when == EMPTY_SET ||
	       (bits[row.kind] & (EPOLLET | EPOLLONESHOT));
}

static void run_in_process(void)
{
	int status = 0;
	const pid_t one = fork();

	MUST(one >= 0);
	if (one == 0) {
		alarm(60); /* one that hangs says which it is */
		run_row();
		_exit(0);
	}
	MUST(waitpid(one, &status, 0) == one);
	if (status != 0)
		errx(1, "when %d kind %d way %d call %d data %d: status %d", row.when, row.kind,
		     row.way, row.call, row.data, status);
}

static unsigned run_all(bool has_raw_pwait2)
{
	unsigned count = 0;

	for (unsigned i = 0; i < WHENS * KINDS * WAYS * CALLS * DATAS; i++) {
		row.when = (enum when)(i % WHENS);
		row.kind = (enum kind)(i / WHENS % KINDS);
		row.way = (enum way)(i / WHENS / KINDS % WAYS);
		row.call = (enum call)(i / WHENS / KINDS / WAYS % CALLS);
		row.data = (enum data)(i / WHENS / KINDS / WAYS / CALLS);
		if (!is_sensible(has_raw_pwait2))
			continue;
		memset(waiter, 0, sizeof(*waiter));
		run_in_process();
		count++;
	}
	return count;
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET };
	struct sockaddr_in here = { .sin_family = AF_INET };
	struct addrinfo *list;
	struct epoll_event event;
	const int one = 1;

	if (argc != 4 || getaddrinfo(argv[1], argv[2], &hints, &list) != 0)
		errx(2, "usage: interleave HOST PORT PROXYPORT");
	to = list;
	here.sin_port = htons((uint16_t)atoi(argv[3]));
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	waiter = mmap(NULL, sizeof(*waiter), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (waiter == MAP_FAILED || bind(listener, (struct sockaddr *)&here, sizeof(here)) < 0 ||
	    listen(listener, 8) < 0)
		err(2, "listener");
	raw(SYS_epoll_pwait2, -1, &event, 1, 0);
	const int error = errno;
	printf("raw epoll_pwait2: %s\n", strerrorname_np(error));
	fflush(stdout);
	printf("rows=%u\n", run_all(error != ENOSYS));
	return 0;
}
