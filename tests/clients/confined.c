/*
 * confined BY CALL KIND: forbids itself, by prctl(2) or by syscall(2), a system call (getsockopt,
 * getpeername, or reboot, which nobody makes), on pain of death; then it is handed a socket: unix,
 * or one of TCP that was made past the library. Prints `recvmsg=0` or `recvmsg=ERRNO`.
 */
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint32_t number_of(const char *call)
{
	if (strcmp(call, "getsockopt") == 0)
		return SYS_getsockopt;
	return strcmp(call, "getpeername") == 0 ? SYS_getpeername : SYS_reboot;
}

static void forbid(const char *by, const char *call)
{
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number_of(call), 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { sizeof(rows) / sizeof(rows[0]), rows };
	long r = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);

	if (r == 0 && strcmp(by, "prctl") == 0)
		r = prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
	else if (r == 0)
		r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
	if (r < 0)
		err(1, "%s", by);
}

static int make(const char *kind)
{
	int (*past)(int, int, int) =
		(int (*)(int, int, int))dlsym(dlopen("libc.so.6", RTLD_LAZY), "socket");
	const int fd = past(strcmp(kind, "unix") == 0 ? AF_UNIX : AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		err(1, "socket");
	return fd;
}

int main(int argc, char **argv)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .header = { CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	char byte = 'x';
	struct iovec piece = { &byte, 1 };
	struct msghdr message = { .msg_iov = &piece,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int pair[2];

	if (argc != 4)
		errx(2, "confined BY CALL KIND");
	const int fd = make(argv[3]);
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || sendmsg(pair[0], &message, 0) < 0)
		err(1, "sendmsg");
	forbid(argv[1], argv[2]);
	const ssize_t r = recvmsg(pair[1], &message, 0);
	printf("recvmsg=%s\n", r < 0 ? strerrorname_np(errno) : "0");
	return 0;
}
