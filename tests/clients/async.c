/*
 * async CASE HOST PORT [OTHER]: one situation of a non-blocking connect that programs come into,
 * judged by what the kernel does on a socket of its own: nothing is seen of the socket before it is
 * connected, and then the target's line. Prints what it saw, and "ok" at the end; a deviation ends
 * it with a word on standard error. OTHER is a second host.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		const sigset_t *mask, size_t size);
ssize_t __read_chk(int fd, void *buffer, size_t length, size_t size);
ssize_t __recv_chk(int fd, void *buffer, size_t length, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buffer, size_t length, size_t size, int flags,
		       struct sockaddr *addr, socklen_t *addr_length);

static struct addrinfo *to, *to_other;
static int family = AF_INET;

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			errx(1, "line %d: " #condition ", errno %s", __LINE__,                     \
			     strerrorname_np(errno));                                              \
	} while (0)

/* ---- helpers ---- */

static uint64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static struct addrinfo *resolve(const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					.ai_family = family,
					.ai_flags = AI_V4MAPPED };
	struct addrinfo *list;

	if (getaddrinfo(host, port, &hints, &list) != 0)
		errx(2, "%s does not resolve", host);
	return list;
}

static int new_socket(int flags)
{
	const int fd = socket(family, SOCK_STREAM | flags, 0);
	MUST(fd >= 0);
	return fd;
}

static void begin_on(int fd, const struct addrinfo *at)
{
	MUST(connect(fd, at->ai_addr, at->ai_addrlen) == -1 && errno == EINPROGRESS);
}

static int begin(void)
{
	const int fd = new_socket(SOCK_NONBLOCK);
	begin_on(fd, to);
	return fd;
}

static int error_of(int fd)
{
	int error = -1;
	socklen_t length = sizeof(error);
	MUST(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0);
	return error;
}

/* It is connected, and what is read comes from the target. */
static void is_there(int fd)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);
	char line[64] = "";
	size_t have = 0;

	MUST(error_of(fd) == 0);
	MUST(getpeername(fd, (struct sockaddr *)&peer, &length) == 0);
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
	while (have < sizeof(line) - 1 && read(fd, line + have, 1) == 1 && line[have] != '\n')
		have++;
	line[have] = '\0';
	printf("%s\n", line);
}

static void wait_for(int fd)
{
	struct pollfd writable = { .fd = fd, .events = POLLOUT };
	MUST(poll(&writable, 1, -1) == 1 && writable.revents == POLLOUT);
}

static void is_pending(int fd)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);
	MUST(getpeername(fd, (struct sockaddr *)&peer, &length) == -1 && errno == ENOTCONN);
}

static int new_set(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.u64 = 0x1122334455667788u };
	const int set = epoll_create1(EPOLL_CLOEXEC);
	MUST(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
	return set;
}

/* What a set says within so many milliseconds; 0 for nothing. */
static uint32_t events_of(int set, int milliseconds)
{
	struct epoll_event event = { 0 };
	const int r = epoll_wait(set, &event, 1, milliseconds);
	MUST(r >= 0);
	MUST(r == 0 || event.data.u64 == 0x1122334455667788u);
	return r ? event.events : 0;
}

/* ---- epoll ---- */

static const uint32_t kinds[] = {
	0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE, EPOLLET | EPOLLONESHOT, EPOLLET | EPOLLEXCLUSIVE
};

static void registered(bool before)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const int fd = new_socket(SOCK_NONBLOCK);
		/* An unconnected socket is hung up, and says so at once. */
		const uint32_t asked = EPOLLOUT | kinds[i];
		const int set = before ? new_set(fd, asked) : -1;
		begin_on(fd, to);
		const int after = before ? set : new_set(fd, asked);
		MUST(events_of(after, 0) == 0);
		is_pending(fd);
		MUST(events_of(after, -1) == EPOLLOUT);
		/* Level: again; edge and one-shot: not. */
		const bool again = !(kinds[i] & (EPOLLET | EPOLLONESHOT));
		MUST(events_of(after, 0) == (again ? (uint32_t)EPOLLOUT : 0u));
		if (!(kinds[i] & EPOLLEXCLUSIVE)) {
			struct epoll_event in = { .events = EPOLLIN | kinds[i],
						  .data.u64 = 0x1122334455667788u };
			MUST(epoll_ctl(after, EPOLL_CTL_MOD, fd, &in) == 0);
			MUST(events_of(after, -1) == EPOLLIN);
		}
		is_there(fd);
		close(after);
		close(fd);
	}
}

static void case_after(void)
{
	registered(false);
}

static void case_before(void)
{
	registered(true);
}

static void case_two_sets(void)
{
	const int fd = begin();
	const int level = new_set(fd, EPOLLOUT), edge = new_set(fd, EPOLLOUT | EPOLLET);

	MUST(events_of(level, 0) == 0 && events_of(edge, 0) == 0);
	MUST(events_of(level, -1) == EPOLLOUT && events_of(edge, -1) == EPOLLOUT);
	MUST(events_of(level, 0) == EPOLLOUT && events_of(edge, 0) == 0);
	is_there(fd);
}

static int shared_set;

static void *wait_in_thread(void *ret)
{
	*(uint32_t *)ret = events_of(shared_set, -1);
	return NULL;
}

static void case_threads(void)
{
	const int fd = begin();
	pthread_t threads[4];
	uint32_t seen[4] = { 0 };

	shared_set = new_set(fd, EPOLLOUT);
	for (unsigned i = 0; i < 4; i++)
		MUST(pthread_create(&threads[i], NULL, wait_in_thread, &seen[i]) == 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 4; i++)
		MUST(seen[i] == EPOLLOUT);
	is_there(fd);
}

static void *poll_in_thread(void *argument)
{
	wait_for(*(int *)argument);
	return NULL;
}

static void case_pollers(void)
{
	int fd = begin();
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++)
		MUST(pthread_create(&threads[i], NULL, poll_in_thread, &fd) == 0);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	is_there(fd);
}

static void case_nested(void)
{
	const int fd = begin();
	const int inner = new_set(fd, EPOLLOUT | EPOLLET), outer = new_set(inner, EPOLLIN);

	MUST(events_of(outer, 0) == 0);
	MUST(events_of(outer, -1) == EPOLLIN);
	MUST(events_of(inner, 0) == EPOLLOUT);
	is_there(fd);
}

static void case_set_in_poll(void)
{
	const int fd = begin();
	struct pollfd set = { .fd = new_set(fd, EPOLLOUT), .events = POLLIN };

	MUST(poll(&set, 1, 0) == 0);
	MUST(poll(&set, 1, -1) == 1 && set.revents == POLLIN);
	MUST(events_of(set.fd, 0) == EPOLLOUT);
	is_there(fd);
}

/* More sets than a descriptor has room for at first, and all of them know it. */
static void case_many_sets(void)
{
	const int fd = new_socket(SOCK_NONBLOCK);
	int sets[40];

	for (unsigned i = 0; i < 20; i++)
		sets[i] = new_set(fd, EPOLLOUT | EPOLLET);
	begin_on(fd, to);
	for (unsigned i = 20; i < 40; i++)
		sets[i] = new_set(fd, EPOLLOUT | EPOLLET);
	for (unsigned i = 0; i < 40; i++)
		MUST(events_of(sets[i], 0) == 0);
	wait_for(fd);
	for (unsigned i = 0; i < 40; i++)
		MUST(events_of(sets[i], 0) == EPOLLOUT);
	is_there(fd);
}

/* A child that closes what it has, as daemons do, leaves its parent's registration alone. */
static void case_closing_child(void)
{
	const int fd = begin(), set = new_set(fd, EPOLLOUT);
	int status = 0;
	const pid_t child = fork();

	if (child == 0) {
		close(fd);
		close(set);
		_exit(0);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
	MUST(events_of(set, 0) == 0);
	MUST(events_of(set, -1) == EPOLLOUT);
	is_there(fd);
}

/* What an application changes meanwhile is what it is told then: data, events, and no more. */
static void case_changed_set(void)
{
	const int fd = begin(), set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 1 };

	MUST(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event) == -1 && errno == ENOENT);
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == -1 && errno == EEXIST);
	event = (struct epoll_event){ .events = EPOLLOUT, .data.u64 = 0x1122334455667788u };
	MUST(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == 0);
	MUST(epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL) == -1 && errno == ENOENT);
	event.events = EPOLLOUT | EPOLLEXCLUSIVE | EPOLLONESHOT;
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == -1 && errno == EINVAL);
	event.events = EPOLLOUT | EPOLLEXCLUSIVE;
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0);
	MUST(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event) == -1 && errno == EINVAL);
	event.events = EPOLLOUT;
	MUST(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event) == -1 && errno == EINVAL);
	MUST(epoll_ctl(fd, EPOLL_CTL_ADD, fd, &event) == -1 && errno == EINVAL);
	MUST(events_of(set, 0) == 0);
	MUST(events_of(set, -1) == EPOLLOUT);
	is_there(fd);
}

/* ---- time ---- */

/* The target takes longer than all these waits together; each lasts as long as it should. */
static void case_timeouts(void)
{
	const int fd = begin(), set = new_set(fd, EPOLLOUT);
	struct pollfd one = { .fd = fd, .events = POLLIN | POLLOUT };
	struct timespec wait = { 0, 30000000 };
	struct timeval limit = { 0, 30000 };
	struct epoll_event event;
	uint64_t start;
	fd_set writable;

	start = now();
	MUST(poll(&one, 1, 30) == 0 && now() - start >= 29);
	start = now();
	MUST(ppoll(&one, 1, &wait, NULL) == 0 && now() - start >= 29);
	start = now();
	MUST(epoll_wait(set, &event, 1, 30) == 0 && now() - start >= 29);
	start = now();
	MUST(epoll_pwait(set, &event, 1, 30, NULL) == 0 && now() - start >= 29);
	start = now();
	MUST(epoll_pwait2(set, &event, 1, &wait, NULL) == 0 && now() - start >= 29);
	FD_ZERO(&writable);
	FD_SET(fd, &writable);
	start = now();
	MUST(select(fd + 1, NULL, &writable, NULL, &limit) == 0 && now() - start >= 29);
	MUST(!FD_ISSET(fd, &writable) && limit.tv_sec == 0 && limit.tv_usec == 0);
	FD_SET(fd, &writable);
	start = now();
	MUST(pselect(fd + 1, NULL, &writable, NULL, &wait, NULL) == 0 && now() - start >= 29);
	is_pending(fd);
	wait_for(fd);
	is_there(fd);
}

/* The longest times there are, which some programs take for "for ever". */
static void case_endless(void)
{
	const struct timespec longest = { .tv_sec = INT64_MAX };
	struct timeval limit = { .tv_sec = INT64_MAX };
	struct epoll_event event;
	fd_set writable;
	int fd = begin();

	MUST(ppoll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, &longest, NULL) == 1);
	is_there(fd);
	fd = begin();
	FD_ZERO(&writable);
	FD_SET(fd, &writable);
	MUST(pselect(fd + 1, NULL, &writable, NULL, &longest, NULL) == 1);
	is_there(fd);
	fd = begin();
	FD_ZERO(&writable);
	FD_SET(fd, &writable);
	MUST(select(fd + 1, NULL, &writable, NULL, &limit) == 1 && limit.tv_sec > 1000000);
	is_there(fd);
	fd = begin();
	MUST(epoll_pwait2(new_set(fd, EPOLLOUT), &event, 1, &longest, NULL) == 1);
	is_there(fd);
}

/* A set as it is, and all the descriptors that a process may have: the kernel looks at no more than
 * there are. */
static void case_wide_select(void)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd_set *writable = (fd_set *)(void *)(memory + page - sizeof(fd_set));
	struct timespec wait = { .tv_nsec = 1000000 };
	const int fd = begin();

	MUST(memory != MAP_FAILED && mprotect(memory + page, page, PROT_NONE) == 0);
	FD_SET(fd, writable);
	MUST(pselect(1 << 20, NULL, writable, NULL, &wait, NULL) == 0 && !FD_ISSET(fd, writable));
	FD_SET(fd, writable);
	MUST(select(1 << 20, NULL, writable, NULL, NULL) == 1 && FD_ISSET(fd, writable));
	is_there(fd);
}

/* ---- descriptors ---- */

static void case_reuse(void)
{
	const int fd = begin(), set = new_set(fd, EPOLLOUT);

	close(fd);
	const int again = new_socket(SOCK_NONBLOCK);
	MUST(again == fd && events_of(set, 0) == 0);
	begin_on(again, to_other);
	const int other = new_set(again, EPOLLOUT);
	MUST(events_of(other, -1) == EPOLLOUT && events_of(set, 0) == 0);
	is_there(again);
}

static void case_duplicate(void)
{
	const int fd = begin(), duplicate = dup(fd), high = fcntl(fd, F_DUPFD, 100);

	MUST(dup2(fd, 90) == 90);
	close(fd);
	const int set = new_set(duplicate, EPOLLOUT);
	MUST(events_of(set, -1) == EPOLLOUT);
	wait_for(90);
	MUST(error_of(high) == 0);
	is_there(duplicate);
}

/* It is on its way by any of its numbers, whichever was given to connect(). */
static void is_under_way(int fd)
{
	struct pollfd one = { .fd = fd, .events = POLLIN | POLLOUT };
	const int set = new_set(fd, EPOLLOUT);
	char byte = 'x';

	MUST(poll(&one, 1, 0) == 0 && events_of(set, 0) == 0);
	MUST(send(fd, &byte, 1, MSG_NOSIGNAL) == -1 && errno == EAGAIN);
	MUST(recv(fd, &byte, 1, 0) == -1 && errno == EAGAIN);
	MUST(connect(fd, to->ai_addr, to->ai_addrlen) == -1 && errno == EALREADY);
	MUST(error_of(fd) == 0);
	is_pending(fd);
	close(set);
}

static void case_older_duplicates(void)
{
	int fds[4];

	for (unsigned by = 0; by < 4; by++) {
		fds[0] = new_socket(SOCK_NONBLOCK);
		fds[1] = dup(fds[0]);
		fds[2] = fcntl(fds[1], F_DUPFD_CLOEXEC, 700);
		MUST((fds[3] = dup2(fds[2], 90)) == 90);
		const int set = new_set(fds[(by + 1) % 4], EPOLLOUT | EPOLLET);
		MUST(events_of(set, 0) == (EPOLLOUT | EPOLLHUP));
		begin_on(fds[by], to);
		MUST(events_of(set, 0) == 0);
		for (unsigned i = 0; i < 4; i++)
			is_under_way(fds[i]);
		close(fds[by]);
		MUST(events_of(set, -1) == EPOLLOUT);
		wait_for(fds[(by + 2) % 4]);
		is_there(fds[(by + 3) % 4]);
		for (unsigned i = 0; i < 4; i++)
			close(fds[i]);
	}
}

/* Its number is another socket's by now, which has nothing to do with it. */
static void case_former_duplicate(void)
{
	const int fd = new_socket(SOCK_NONBLOCK), former = dup(fd);

	close(former);
	const int other = new_socket(SOCK_NONBLOCK);
	MUST(other == former);
	begin_on(fd, to);
	is_under_way(fd);
	begin_on(other, to_other);
	wait_for(other);
	wait_for(fd);
	is_there(fd);
}

static void case_closed_copy(void)
{
	const int fd = new_socket(SOCK_NONBLOCK), set = new_set(fd, EPOLLOUT | EPOLLET);

	begin_on(fd, to);
	const int duplicate = dup(fd);
	close(fd); /* the set keeps the socket, as the kernel has it */
	is_pending(duplicate);
	wait_for(duplicate);
	MUST(events_of(set, -1) & EPOLLOUT);
	is_there(duplicate);
}

static void case_vfork(void)
{
	const int fd = begin();
	int status = 0;
	const pid_t child = vfork();

	if (child == 0) {
		dup2(STDERR_FILENO, fd);
		close(fd);
		_exit(0);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
	is_pending(fd);
	wait_for(fd);
	is_there(fd);
}

static void case_fork(void)
{
	const int fd = begin();
	int status = 0;
	const pid_t child = fork();

	if (child == 0) {
		const int set = new_set(fd, EPOLLOUT);
		MUST(events_of(set, -1) == EPOLLOUT && error_of(fd) == 0);
		_exit(0);
	}
	wait_for(fd);
	MUST(waitpid(child, &status, 0) == child && status == 0);
	is_there(fd);
}

/* ---- signals and cancellation ---- */

static sigjmp_buf back;

static void on_alarm(int signal)
{
	(void)signal;
}

static void jump(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

static void set_alarm(void (*handler)(int))
{
	const struct sigaction action = { .sa_handler = handler };
	const struct itimerval timer = { .it_value = { 0, 40000 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

static void case_signal(void)
{
	const int fd = begin(), set = new_set(fd, EPOLLOUT);
	struct epoll_event event;
	struct pollfd one = { .fd = fd, .events = POLLOUT };
	fd_set writable;

	set_alarm(on_alarm);
	MUST(poll(&one, 1, -1) == -1 && errno == EINTR);
	set_alarm(on_alarm);
	MUST(epoll_wait(set, &event, 1, -1) == -1 && errno == EINTR);
	FD_ZERO(&writable);
	FD_SET(fd, &writable);
	set_alarm(on_alarm);
	MUST(select(fd + 1, NULL, &writable, NULL, NULL) == -1 && errno == EINTR);
	is_pending(fd);
	wait_for(fd);
	is_there(fd);
}

static void case_jump(void)
{
	static int fd;

	fd = new_socket(0);
	if (sigsetjmp(back, 1) == 0) {
		set_alarm(jump);
		connect(fd, to->ai_addr, to->ai_addrlen);
		errx(1, "connect was not interrupted");
	}
	is_pending(fd);
	wait_for(fd);
	is_there(fd);
}

static void *connect_in_thread(void *argument)
{
	connect(*(int *)argument, to->ai_addr, to->ai_addrlen);
	return NULL;
}

static void case_cancel(void)
{
	int fd = new_socket(0);
	pthread_t thread;
	void *result;

	MUST(pthread_create(&thread, NULL, connect_in_thread, &fd) == 0);
	usleep(20000);
	MUST(pthread_cancel(thread) == 0);
	MUST(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
	close(fd);
	fd = begin();
	wait_for(fd);
	is_there(fd);
}

/* ---- the socket meanwhile ---- */

static void case_made_blocking(void)
{
	const int fd = begin();
	char byte;

	MUST(recv(fd, &byte, 1, 0) == -1 && errno == EAGAIN);
	fcntl(fd, F_SETFL, 0);
	MUST(recv(fd, &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
	MUST(recv(fd, &byte, 1, MSG_PEEK) == 1 && byte == 't'); /* and waits */
	is_there(fd);
}

/* Each direction waits as long as its own option says. */
static void case_impatient(void)
{
	const struct timeval short_time = { .tv_usec = 30000 }, none = { 0 };
	const int fd = begin();
	char byte = 'x';

	fcntl(fd, F_SETFL, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof(short_time));
	MUST(recv(fd, &byte, 1, 0) == -1 && errno == EAGAIN);
	MUST(read(fd, &byte, 1) == -1 && errno == EAGAIN);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &short_time, sizeof(short_time));
	MUST(send(fd, &byte, 1, MSG_NOSIGNAL) == -1 && errno == EAGAIN);
	is_pending(fd);
	MUST(recv(fd, &byte, 1, MSG_PEEK) == 1 && byte == 't');
	is_there(fd);
}

static struct sockaddr_un meeting;
static socklen_t meeting_length = sizeof(meeting);

static void be_a_guest(int signal)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)signal;
	connect(fd, (const struct sockaddr *)&meeting, meeting_length);
}

/* accept() goes on behind a handler that was installed with SA_RESTART. */
static void case_accept(void)
{
	const struct sigaction action = { .sa_handler = be_a_guest, .sa_flags = SA_RESTART };
	const struct itimerval timer = { .it_value = { 0, 40000 } };
	const int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd = begin();

	meeting.sun_family = AF_UNIX; /* a name that nobody has */
	MUST(bind(listener, (const struct sockaddr *)&meeting, sizeof(sa_family_t)) == 0);
	MUST(getsockname(listener, (struct sockaddr *)&meeting, &meeting_length) == 0);
	MUST(listen(listener, 1) == 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	MUST(accept(listener, NULL, NULL) >= 0);
	is_pending(fd);
	sigaction(SIGALRM, &(const struct sigaction){ .sa_handler = on_alarm }, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	MUST(accept(listener, NULL, NULL) == -1 && errno == EINTR);
	wait_for(fd);
	is_there(fd);
}

static void case_calls(void)
{
	const int fd = begin();
	struct iovec piece = { .iov_base = (char[4]){ 0 }, .iov_len = 4 };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	struct pollfd one = { .fd = fd, .events = POLLOUT };
	const struct timespec none = { 0 };
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);
	char bytes[8];
	int waiting = -1, unsent = -1;

#define SAYS(call, code) MUST((call) == -1 && errno == (code))
	SAYS(read(fd, bytes, 1), EAGAIN);
	SAYS(write(fd, bytes, 1), EAGAIN);
	SAYS(readv(fd, &piece, 1), EAGAIN);
	SAYS(writev(fd, &piece, 1), EAGAIN);
	SAYS(preadv2(fd, &piece, 1, -1, 0), EAGAIN);
	SAYS(pwritev2(fd, &piece, 1, -1, 0), EAGAIN);
	SAYS(preadv64v2(fd, &piece, 1, -1, 0), EAGAIN);
	SAYS(pwritev64v2(fd, &piece, 1, -1, 0), EAGAIN);
	SAYS(recv(fd, bytes, 1, MSG_PEEK), EAGAIN);
	SAYS(send(fd, bytes, 1, MSG_NOSIGNAL), EAGAIN);
	SAYS(recvfrom(fd, bytes, 1, 0, NULL, NULL), EAGAIN);
	SAYS(sendto(fd, bytes, 1, 0, NULL, 0), EAGAIN);
	SAYS(recvmsg(fd, &message, 0), EAGAIN);
	SAYS(sendmsg(fd, &message, 0), EAGAIN);
	SAYS(__read_chk(fd, bytes, 1, sizeof(bytes)), EAGAIN);
	SAYS(__recv_chk(fd, bytes, 1, sizeof(bytes), 0), EAGAIN);
	SAYS(__recvfrom_chk(fd, bytes, 1, sizeof(bytes), 0, NULL, NULL), EAGAIN);
	SAYS(connect(fd, to->ai_addr, to->ai_addrlen), EALREADY);
	MUST(__poll_chk(&one, 1, 0, sizeof(one)) == 0);
	MUST(__ppoll_chk(&one, 1, &none, NULL, sizeof(one)) == 0);
	MUST(getsockname(fd, (struct sockaddr *)&name, &length) == 0);
	MUST(error_of(fd) == 0);
	MUST(ioctl(fd, FIONREAD, &waiting) == 0 && waiting == 0);
	MUST(ioctl(fd, TIOCOUTQ, &unsent) == 0 && unsent == 0);
	is_pending(fd);
	MUST(__poll_chk(&one, 1, -1, sizeof(one)) == 1 && one.revents == POLLOUT);
	MUST(connect(fd, to->ai_addr, to->ai_addrlen) == 0);
	SAYS(connect(fd, to->ai_addr, to->ai_addrlen), EISCONN);
	is_there(fd);
}

static void case_shutdown(void)
{
	const int fd = begin();

	MUST(shutdown(fd, SHUT_RDWR) == 0);
	is_pending(fd);
	begin_on(fd, to_other);
	wait_for(fd);
	is_there(fd);
}

static void case_bound(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET };
	const int fd = new_socket(SOCK_NONBLOCK);
	struct sockaddr_in before, after;
	socklen_t length = sizeof(before);

	MUST(bind(fd, (const struct sockaddr *)&any, sizeof(any)) == 0);
	MUST(getsockname(fd, (struct sockaddr *)&before, &length) == 0);
	begin_on(fd, to);
	wait_for(fd);
	MUST(getsockname(fd, (struct sockaddr *)&after, &length) == 0);
	MUST(after.sin_port == before.sin_port);
	is_there(fd);
}

static void case_many(void)
{
	int fds[300];
	static struct pollfd all[300];

	for (unsigned i = 0; i < 300; i++)
		all[i] = (struct pollfd){ .fd = fds[i] = begin(), .events = POLLOUT };
	for (unsigned left = 300; left > 0;) {
		MUST(poll(all, 300, -1) > 0);
		for (unsigned i = 0; i < 300; i++) {
			if (all[i].fd >= 0 && all[i].revents) {
				MUST(all[i].revents == POLLOUT && error_of(fds[i]) == 0);
				all[i].fd = -1;
				left--;
			}
		}
	}
	is_there(fds[0]);
	is_there(fds[299]);
}

/* For strace to count in: nothing but one connect and one wait. */
static void case_poll(void)
{
	wait_for(begin());
}

static void case_select(void)
{
	const int fd = begin();
	fd_set writable;

	FD_ZERO(&writable);
	FD_SET(fd, &writable);
	MUST(select(fd + 1, NULL, &writable, NULL, NULL) == 1);
}

static void case_epoll(void)
{
	const int fd = begin();
	MUST(events_of(new_set(fd, EPOLLOUT), -1) == EPOLLOUT);
}

/* ---- an IPv6 socket that takes no IPv4 ---- */

static int only_of(int fd)
{
	int only = -1;
	socklen_t length = sizeof(only);
	MUST(getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length) == 0);
	return only;
}

/* HOST is refused: the socket is then what it was. */
static void case_v6only(void)
{
	const int on = 1;

	for (int flags = 0; flags <= SOCK_NONBLOCK; flags += SOCK_NONBLOCK) {
		const int fd = new_socket(flags);
		struct pollfd one = { .fd = fd, .events = POLLIN | POLLOUT };
		MUST(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0);
		const int r = connect(fd, to->ai_addr, to->ai_addrlen);
		MUST(r == -1 && errno == (flags ? EINPROGRESS : ECONNREFUSED));
		if (flags) {
			MUST(poll(&one, 1, -1) == 1);
			MUST(one.revents == (POLLIN | POLLOUT | POLLERR | POLLHUP));
			MUST(error_of(fd) == ECONNREFUSED);
		}
		MUST(only_of(fd) == 1);
		close(fd);
	}
}

/* ---- how much must be there to be read ---- */

static int low_mark_of(int fd)
{
	int mark = -1;
	socklen_t length = sizeof(mark);
	MUST(getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, &length) == 0);
	return mark;
}

static void set_low_mark(int fd, int mark)
{
	MUST(setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &mark, sizeof(mark)) == 0);
	MUST(low_mark_of(fd) == (mark ? mark : 1));
}

/* The target's line has 19 bytes; the proxy's answers have fewer, and more. */
#define LINE 19

static void case_low_mark(void)
{
	static const int marks[] = { LINE, LINE + 1, 4096 };

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const int fd = new_socket(SOCK_NONBLOCK);
		struct pollfd one = { .fd = fd, .events = POLLIN | POLLOUT };
		int there = 0;
		set_low_mark(fd, marks[i]);
		begin_on(fd, to);
		const int set = new_set(fd, EPOLLIN);
		MUST(low_mark_of(fd) == marks[i]);
		wait_for(fd);
		MUST(low_mark_of(fd) == marks[i]);
		while (there < LINE)
			MUST(ioctl(fd, FIONREAD, &there) == 0 && there <= LINE);
		const bool is_enough = marks[i] <= LINE;
		MUST(events_of(set, 0) == (is_enough ? (uint32_t)EPOLLIN : 0u));
		MUST(poll(&one, 1, 0) == 1);
		MUST(one.revents == (is_enough ? POLLIN | POLLOUT : POLLOUT));
		set_low_mark(fd, 1);
		MUST(events_of(set, 0) == EPOLLIN);
		is_there(fd);
	}
}

/* Set on the way, by way of a duplicate too; and it stays when the connect fails. */
static void case_low_mark_meanwhile(void)
{
	const int fd = begin(), set = new_set(fd, EPOLLIN | EPOLLET);

	set_low_mark(fd, 0);
	set_low_mark(dup(fd), 4096);
	MUST(low_mark_of(fd) == 4096);
	wait_for(fd);
	MUST(low_mark_of(fd) == 4096 && events_of(set, 0) == 0);
	set_low_mark(fd, LINE);
	MUST(events_of(set, -1) == EPOLLIN);
	is_there(fd);
	const int other = new_socket(SOCK_NONBLOCK);
	set_low_mark(other, 4096);
	begin_on(other, to_other);
	set_low_mark(other, 77);
	MUST(shutdown(other, SHUT_RDWR) == 0 && low_mark_of(other) == 77);
}

static void case_low_mark_blocking(void)
{
	const int fd = new_socket(0);

	set_low_mark(fd, 4096);
	MUST(connect(fd, to->ai_addr, to->ai_addrlen) == 0);
	MUST(low_mark_of(fd) == 4096);
	set_low_mark(fd, 1);
	is_there(fd);
}

/* HOST is refused. */
static void case_low_mark_refused(void)
{
	const int fd = new_socket(SOCK_NONBLOCK);
	struct pollfd one = { .fd = fd, .events = POLLOUT };

	set_low_mark(fd, 4096);
	begin_on(fd, to);
	MUST(poll(&one, 1, -1) == 1 && error_of(fd) == ECONNREFUSED);
	MUST(low_mark_of(fd) == 4096);
}

/* ---- handed to another process ---- */

static void pass(int carrier, int fd)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	struct iovec piece = { .iov_base = (char[1]){ 'x' }, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &piece,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	for (unsigned tries = 0; sendmsg(carrier, &message, 0) != 1; tries++) {
		/* One that may not wait is told so, and not asked again at full speed. */
		MUST(errno == EAGAIN && (fcntl(carrier, F_GETFL) & O_NONBLOCK) && tries < 200);
	}
}

static int receive(int carrier)
{
	union {
		char room[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec piece = { .iov_base = (char[1]){ 0 }, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &piece,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };
	int fd;

	MUST(recvmsg(carrier, &message, 0) == 1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* The receiver was forked before: it knows nothing of the handshake, and writes at once. */
static void passed(int flags)
{
	int pair[2], status = 0;

	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	fflush(stdout);
	const pid_t child = fork();
	if (child == 0) {
		const int fd = receive(pair[1]);
		char answer[64] = "";
		size_t have = 0;

		fcntl(fd, F_SETFL, 0);
		MUST(write(fd, "hello\n", 6) == 6);
		shutdown(fd, SHUT_WR);
		for (ssize_t got = 1; got > 0 && have < sizeof(answer) - 1; have += (size_t)got) {
			got = read(fd, answer + have, sizeof(answer) - 1 - have);
			MUST(got >= 0);
		}
		printf("%s", answer);
		fflush(stdout);
		_exit(0);
	}
	fcntl(pair[0], F_SETFL, flags);
	const int fd = begin();
	pass(pair[0], fd);
	close(fd);
	MUST(waitpid(child, &status, 0) == child && status == 0);
}

static void case_passed(void)
{
	passed(0);
}

static void case_passed_at_once(void)
{
	passed(O_NONBLOCK);
}

/* The new program writes at once, and reads. */
static void case_executed(void)
{
	const int fd = begin();
	char command[64];

	fcntl(fd, F_SETFL, 0);
	snprintf(command, sizeof(command), "echo hello >&%d; head -n 2 <&%d; echo ok", fd, fd);
	execlp("sh", "sh", "-c", command, NULL);
	err(1, "exec");
}

/* FD_CLOEXEC does not count for what the child is given by a file action, under any number. */
static void spawn_with(int fd, int number)
{
	posix_spawn_file_actions_t actions;
	char command[64];
	char *const arguments[] = { (char *)"sh", (char *)"-c", command, NULL };
	int status = -1;
	pid_t child;

	MUST(posix_spawn_file_actions_init(&actions) == 0);
	MUST(posix_spawn_file_actions_adddup2(&actions, fd, number) == 0);
	begin_on(fd, to);
	fcntl(fd, F_SETFL, 0);
	fflush(stdout);
	snprintf(command, sizeof(command), "echo hello >&%d; head -n 2 <&%d", number, number);
	MUST(posix_spawnp(&child, "sh", &actions, NULL, arguments, environ) == 0);
	MUST(waitpid(child, &status, 0) == child && status == 0);
	MUST(posix_spawn_file_actions_destroy(&actions) == 0);
}

static void case_spawned(void)
{
	const int plain = new_socket(SOCK_NONBLOCK);

	spawn_with(plain, plain);
	spawn_with(new_socket(SOCK_NONBLOCK), 9);
	spawn_with(new_socket(SOCK_NONBLOCK | SOCK_CLOEXEC), 8);
}

/* What only happens to be handed down is not; the flags are then as they were. */
static void is_kept_from_children(int fd)
{
	char command[64];
	char *const arguments[] = { (char *)"sh", (char *)"-c", command, NULL };
	int status = -1;
	pid_t child;

	snprintf(command, sizeof(command), "test ! -e /proc/self/fd/%d", fd);
	MUST(posix_spawnp(&child, "sh", NULL, NULL, arguments, environ) == 0);
	MUST(waitpid(child, &status, 0) == child && status == 0);
	MUST(fcntl(fd, F_GETFD) == 0);
	MUST(system(command) == 0 && fcntl(fd, F_GETFD) == 0);
	child = fork();
	if (child == 0) {
		execlp("sh", "sh", "-c", command, NULL);
		_exit(126);
	}
	MUST(waitpid(child, &status, 0) == child && status == 0);
}

static void case_not_handed_down(void)
{
	const int fd = begin();

	is_kept_from_children(fd);
	is_pending(fd);
	wait_for(fd);
	is_there(fd);
}

static const struct {
	const char *name;
	void (*run)(void);
	int family;
} cases[] = {
	{ "after", case_after, 0 },
	{ "before", case_before, 0 },
	{ "two-sets", case_two_sets, 0 },
	{ "threads", case_threads, 0 },
	{ "pollers", case_pollers, 0 },
	{ "nested", case_nested, 0 },
	{ "set-in-poll", case_set_in_poll, 0 },
	{ "many-sets", case_many_sets, 0 },
	{ "closing-child", case_closing_child, 0 },
	{ "changed-set", case_changed_set, 0 },
	{ "timeouts", case_timeouts, 0 },
	{ "reuse", case_reuse, 0 },
	{ "duplicate", case_duplicate, 0 },
	{ "older-duplicates", case_older_duplicates, 0 },
	{ "former-duplicate", case_former_duplicate, 0 },
	{ "closed-copy", case_closed_copy, 0 },
	{ "vfork", case_vfork, 0 },
	{ "fork", case_fork, 0 },
	{ "signal", case_signal, 0 },
	{ "jump", case_jump, 0 },
	{ "cancel", case_cancel, 0 },
	{ "made-blocking", case_made_blocking, 0 },
	{ "calls", case_calls, 0 },
	{ "shutdown", case_shutdown, 0 },
	{ "bound", case_bound, 0 },
	{ "many", case_many, 0 },
	{ "poll", case_poll, 0 },
	{ "select", case_select, 0 },
	{ "epoll", case_epoll, 0 },
	{ "v6only", case_v6only, AF_INET6 },
	{ "endless", case_endless, 0 },
	{ "wide-select", case_wide_select, 0 },
	{ "impatient", case_impatient, 0 },
	{ "accept", case_accept, 0 },
	{ "low-mark", case_low_mark, 0 },
	{ "low-mark-meanwhile", case_low_mark_meanwhile, 0 },
	{ "low-mark-blocking", case_low_mark_blocking, 0 },
	{ "low-mark-refused", case_low_mark_refused, 0 },
	{ "executed", case_executed, 0 },
	{ "spawned", case_spawned, 0 },
	{ "not-handed-down", case_not_handed_down, 0 },
	{ "passed", case_passed, 0 },
	{ "passed-at-once", case_passed_at_once, 0 },
};

int main(int argc, char **argv)
{
	if (argc != 4 && argc != 5)
		errx(2, "usage: async CASE HOST PORT [OTHER]");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(cases[i].name, argv[1]) != 0)
			continue;
		family = cases[i].family ? cases[i].family : AF_INET;
		to = resolve(argv[2], argv[3]);
		if (argc == 5)
			to_other = resolve(argv[4], argv[3]);
		cases[i].run();
		printf("ok\n");
		return 0;
	}
	errx(2, "no case %s", argv[1]);
}
