/*
 * fallback [HOST PORT]: a program that would rather have io_uring. It asks for that by syscall(2),
 * and says what it was told; then it goes on by ordinary calls, all by syscall(2) too: some that
 * have nothing to do with the network, and with HOST a non-blocking connection, of which it prints
 * what the target says, or the error.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void ask_for_ring(void)
{
	char parameters[4096] = { 0 }; /* more than any kernel's struct io_uring_params */
	const long r = syscall(SYS_io_uring_setup, 4, parameters);

	printf("io_uring_setup: %s\n", r < 0 ? strerrorname_np(errno) : "there it is");
	if (r >= 0)
		close((int)r);
}

static void say(const char *what, long r)
{
	printf("%s: %ld %s\n", what, r, r < 0 ? strerrorname_np(errno) : "");
}

/* Answers wider than an int, all six arguments, errors, and an errno that stays. */
static void call_others(void)
{
	const off_t far = (off_t)1 << 40;
	char text[8] = { 0 };

	errno = EXDEV;
	const long pid = syscall(SYS_getpid);
	say("getpid", pid == getpid() && errno == EXDEV);
	const int from = (int)syscall(SYS_memfd_create, "from", MFD_CLOEXEC);
	const int to = (int)syscall(SYS_memfd_create, "to", MFD_CLOEXEC);
	say("pwrite64", syscall(SYS_pwrite64, from, "abcdef", 6, 0));
	loff_t begin = 2, end = 1;
	say("copy_file_range", syscall(SYS_copy_file_range, from, &begin, to, &end, 3, 0));
	say("pread64", syscall(SYS_pread64, to, text, sizeof(text), 0));
	printf("«%s»\n", text + 1);
	say("lseek", syscall(SYS_lseek, to, far, SEEK_SET));
	const long page = syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_SHARED, from, 0);
	printf("mmap: «%.6s»\n", page == -1 ? "" : (const char *)page);
	say("close", syscall(SYS_close, -1));
	say("no such call", syscall(100000));
}

static int begin_connecting(const struct addrinfo *target)
{
	const int fd = (int)syscall(SYS_socket, target->ai_family,
				    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || syscall(SYS_connect, fd, target->ai_addr, target->ai_addrlen) == 0 ||
	    errno != EINPROGRESS)
		err(1, "connect");
	return fd;
}

static void wait_for(int set, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events }, seen;

	if (syscall(SYS_epoll_ctl, set, EPOLL_CTL_MOD, fd, &event) < 0 &&
	    (errno != ENOENT || syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, fd, &event) < 0))
		err(1, "epoll_ctl");
	if (syscall(SYS_epoll_pwait, set, &seen, 1, -1, NULL, 8) != 1)
		err(1, "epoll_pwait");
}

static void fetch(const char *host, const char *port)
{
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	const int set = (int)syscall(SYS_epoll_create1, EPOLL_CLOEXEC);
	struct addrinfo *target;
	int error = 0;
	socklen_t length = sizeof(error);
	char text[64];

	if (getaddrinfo(host, port, &hints, &target) != 0)
		errx(1, "%s: no address", host);
	const int fd = begin_connecting(target);
	wait_for(set, fd, EPOLLOUT);
	if (syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0) {
		printf("%s: %s\n", host, strerrorname_np(error));
		return;
	}
	wait_for(set, fd, EPOLLIN);
	const long got = syscall(SYS_recvfrom, fd, text, sizeof(text), 0, NULL, NULL);
	printf("%s: %.*s", host, got < 0 ? 0 : (int)got, text);
}

int main(int argc, char **argv)
{
	ask_for_ring();
	call_others();
	if (argc == 3)
		fetch(argv[1], argv[2]);
	return 0;
}
