/*
 * strict HOST PORT: connects, then forbids itself every system call but those that moving bytes
 * needs, on pain of death; gets a line from the target by poll, recv, read, send and write, prints
 * it and ends.
 */
#include <err.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALLOW(name)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                     \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static void forbid(void)
{
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_poll
		ALLOW(poll),
#endif
		ALLOW(ppoll),
		ALLOW(read),
		ALLOW(write),
		ALLOW(recvfrom),
		ALLOW(sendto),
		ALLOW(close),
		ALLOW(exit_group),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const struct sock_fprog filter = { sizeof(rows) / sizeof(rows[0]), rows };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		err(1, "seccomp");
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *to;
	char line[256] = "";

	if (argc != 3 || getaddrinfo(argv[1], argv[2], &hints, &to) != 0)
		errx(1, "strict HOST PORT");
	const int fd = socket(to->ai_family, SOCK_STREAM, 0);
	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0)
		err(1, "connect");
	forbid();
	struct pollfd readable = { fd, POLLIN, 0 };
	if (poll(&readable, 1, -1) != 1 || recv(fd, line, 1, 0) != 1 ||
	    read(fd, line + 1, sizeof(line) - 2) < 1)
		_exit(2);
	if (send(fd, "x", 1, MSG_NOSIGNAL) != 1 || write(fd, "y", 1) != 1)
		_exit(3);
	if (write(1, line, strlen(line)) < 1 || close(fd) < 0)
		_exit(4);
	_exit(0);
}
