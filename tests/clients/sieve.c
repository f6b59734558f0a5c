/*
 * sieve HOST PORT: whether each call works on descriptors that are no business of the library's, in
 * a process that forbids itself, on pain of death, all system calls but the one that it makes. A
 * line for each, `dup2=0`, or the signal by which it died. Everything is done twice: in a process
 * that never connected, and in one that has by now (`later-dup2=0`).
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS 4 /* that one row may need */

static int pipes[2], pair[2], set, inet = -1, spare;
static char *mapped; /* memory that is neither stack nor heap */
static struct sockaddr_un name;
static char bytes[64];

static const struct timespec no_time;

/* ---- what is done ---- */

static long do_read(void)
{
	return read(pipes[0], bytes, 1);
}

static long do_readv(void)
{
	return readv(pipes[0], &(struct iovec){ bytes, 1 }, 1);
}

static long do_write(void)
{
	return write(pipes[1], bytes, 1);
}

static long do_writev(void)
{
	return writev(pipes[1], &(struct iovec){ bytes, 1 }, 1);
}

static long do_close(void)
{
	return close(pipes[0]);
}

static long do_close_watched(void)
{
	return close(pair[0]);
}

static long do_close_inet(void)
{
	return close(inet);
}

static long do_dup(void)
{
	return dup(pipes[0]);
}

static long do_dup2(void)
{
	return dup2(pipes[0], spare);
}

static long do_dup2_over_inet(void)
{
	return dup2(pipes[0], inet);
}

static long do_dup_inet(void)
{
	return dup(inet);
}

static long do_dup3(void)
{
	return dup3(pipes[0], spare, O_CLOEXEC);
}

static long do_fcntl(void)
{
	return fcntl(pipes[0], F_DUPFD, 50);
}

static long do_poll(void)
{
	struct pollfd one = { pipes[0], POLLIN, 0 };
	return poll(&one, 1, 0);
}

static long do_poll_mapped(void)
{
	struct pollfd *one = (struct pollfd *)(void *)mapped;
	*one = (struct pollfd){ pipes[0], POLLIN, 0 };
	return poll(one, 1, 0);
}

static long do_ppoll(void)
{
	struct pollfd one = { pipes[0], POLLIN, 0 };
	return ppoll(&one, 1, &no_time, NULL);
}

static long do_select(void)
{
	fd_set readable;
	FD_ZERO(&readable);
	FD_SET(pipes[0], &readable);
	return select(pipes[0] + 1, &readable, NULL, NULL, &(struct timeval){ 0 });
}

static long do_pselect(void)
{
	fd_set readable;
	FD_ZERO(&readable);
	FD_SET(pipes[0], &readable);
	return pselect(pipes[0] + 1, &readable, NULL, NULL, &no_time, NULL);
}

static long do_epoll_ctl(void)
{
	struct epoll_event event = { .events = EPOLLIN };
	return epoll_ctl(set, EPOLL_CTL_ADD, pipes[0], &event);
}

static long do_epoll_wait(void)
{
	struct epoll_event event;
	return epoll_wait(set, &event, 1, 0);
}

static long do_epoll_pwait(void)
{
	struct epoll_event event;
	return epoll_pwait(set, &event, 1, 0, NULL);
}

static long do_send(void)
{
	return send(pair[0], bytes, 1, 0);
}

static long do_recv(void)
{
	return recv(pair[0], bytes, 1, MSG_DONTWAIT);
}

static long do_sendmsg(void)
{
	struct iovec piece = { bytes, 1 };
	return sendmsg(pair[0], &(struct msghdr){ .msg_iov = &piece, .msg_iovlen = 1 }, 0);
}

static long do_recvmsg(void)
{
	struct iovec piece = { bytes, 1 };
	return recvmsg(pair[0], &(struct msghdr){ .msg_iov = &piece, .msg_iovlen = 1 }, 0);
}

static long do_sendmmsg(void)
{
	struct iovec piece = { bytes, 1 };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &piece, .msg_iovlen = 1 } };
	return sendmmsg(pair[0], &message, 1, 0);
}

static long do_recvmmsg(void)
{
	struct iovec piece = { bytes, 1 };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &piece, .msg_iovlen = 1 } };
	return recvmmsg(pair[0], &message, 1, 0, NULL);
}

static long do_getpeername(void)
{
	return getpeername(pair[0], (struct sockaddr *)mapped, &(socklen_t){ 100 });
}

static long do_getpeername_inet(void)
{
	return inet < 0 ? 0 : getpeername(inet, (struct sockaddr *)mapped, &(socklen_t){ 100 });
}

static long do_getsockname(void)
{
	return getsockname(pair[0], (struct sockaddr *)mapped, &(socklen_t){ 100 });
}

static long do_getsockopt(void)
{
	return getsockopt(pair[0], SOL_SOCKET, SO_ERROR, bytes, &(socklen_t){ 4 });
}

static long do_setsockopt(void)
{
	return setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &(int){ 9000 }, sizeof(int));
}

static long do_ioctl(void)
{
	return ioctl(pipes[0], FIONREAD, mapped);
}

static long do_shutdown(void)
{
	return shutdown(pair[0], SHUT_WR);
}

static long do_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long do_bind(void)
{
	return bind(spare, (struct sockaddr *)&(sa_family_t){ AF_UNIX }, sizeof(sa_family_t));
}

static long do_accept(void)
{
	return accept(spare, NULL, NULL) < 0 && errno != EINVAL ? -1 : 0;
}

static long do_accept4(void)
{
	return accept4(spare, NULL, NULL, 0) < 0 && errno != EINVAL ? -1 : 0;
}

static long do_connect(void)
{
	const int r = connect(spare, (struct sockaddr *)&name, sizeof(name));
	return r < 0 && errno != ENOENT ? -1 : 0;
}

static long do_splice(void)
{
	return splice(pipes[0], NULL, pair[0], NULL, 1, 0);
}

static long do_syscall(void)
{
	return syscall(SYS_getppid);
}

static long do_prctl(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

#ifdef SYS_poll
#define OLD(call, other) SYS_##call, SYS_##other
#else
#define OLD(call, other) SYS_##other
#endif

static const struct {
	const char *name;
	long (*call)(void);
	uint32_t allowed[CALLS]; /* what libc makes of it, on any machine */
} rows[] = {
	{ "read", do_read, { SYS_read } },
	{ "readv", do_readv, { SYS_readv } },
	{ "write", do_write, { SYS_write } },
	{ "writev", do_writev, { SYS_writev } },
	{ "close", do_close, { SYS_close } },
	{ "close-watched", do_close_watched, { SYS_close } },
	{ "close-inet", do_close_inet, { SYS_close } },
	{ "dup", do_dup, { SYS_dup } },
	{ "dup-inet", do_dup_inet, { SYS_dup } },
	{ "dup2", do_dup2, { OLD(dup2, dup3) } },
	{ "dup2-over-inet", do_dup2_over_inet, { OLD(dup2, dup3) } },
	{ "dup3", do_dup3, { SYS_dup3 } },
	{ "fcntl", do_fcntl, { SYS_fcntl } },
	{ "poll", do_poll, { OLD(poll, ppoll) } },
	{ "poll-mapped", do_poll_mapped, { OLD(poll, ppoll) } },
	{ "ppoll", do_ppoll, { SYS_ppoll } },
	{ "select", do_select, { OLD(select, pselect6) } },
	{ "pselect", do_pselect, { SYS_pselect6 } },
	{ "epoll_ctl", do_epoll_ctl, { SYS_epoll_ctl } },
	{ "epoll_wait", do_epoll_wait, { OLD(epoll_wait, epoll_pwait) } },
	{ "epoll_pwait", do_epoll_pwait, { SYS_epoll_pwait } },
	{ "send", do_send, { SYS_sendto } },
	{ "recv", do_recv, { SYS_recvfrom } },
	{ "sendmsg", do_sendmsg, { SYS_sendmsg } },
	{ "recvmsg", do_recvmsg, { SYS_recvmsg } },
	{ "sendmmsg", do_sendmmsg, { SYS_sendmmsg } },
	{ "recvmmsg", do_recvmmsg, { SYS_recvmmsg } },
	{ "getpeername", do_getpeername, { SYS_getpeername } },
	{ "getpeername-inet", do_getpeername_inet, { SYS_getpeername } },
	{ "getsockname", do_getsockname, { SYS_getsockname } },
	{ "getsockopt", do_getsockopt, { SYS_getsockopt } },
	{ "setsockopt", do_setsockopt, { SYS_setsockopt } },
	{ "ioctl", do_ioctl, { SYS_ioctl } },
	{ "shutdown", do_shutdown, { SYS_shutdown } },
	{ "socket", do_socket, { SYS_socket } },
	{ "bind", do_bind, { SYS_bind } },
	{ "accept", do_accept, { SYS_accept, SYS_accept4 } },
	{ "accept4", do_accept4, { SYS_accept4 } },
	{ "connect", do_connect, { SYS_connect } },
	{ "splice", do_splice, { SYS_splice } },
	{ "syscall", do_syscall, { SYS_getppid } },
	{ "prctl", do_prctl, { SYS_prctl } },
};

/* ---- how ---- */

static void allow(struct sock_filter *to, uint32_t number)
{
	to[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
	to[1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
}

static void forbid_others(const uint32_t allowed[CALLS])
{
	struct sock_filter rows_of[2 * CALLS + 4] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog filter = { 1, rows_of };

	allow(&rows_of[1], SYS_exit_group);
	filter.len = 3;
	for (unsigned i = 0; i < CALLS; i++) {
		if (i > 0 && allowed[i] == 0)
			break;
		allow(&rows_of[filter.len], allowed[i]);
		filter.len += 2;
	}
	rows_of[filter.len++] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		err(1, "seccomp");
}

static void try_row(const char *prefix, unsigned i)
{
	const pid_t child = fork();
	int status;

	if (child == 0) {
		forbid_others(rows[i].allowed);
		_exit(rows[i].call() < 0 ? errno : 0);
	}
	if (waitpid(child, &status, 0) != child)
		err(1, "waitpid");
	printf("%s%s=%s%d\n", prefix, rows[i].name, WIFSIGNALED(status) ? "signal " : "",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	fflush(stdout);
}

static void try_rows(const char *prefix)
{
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		try_row(prefix, i);
}

static void prepare(void)
{
	struct epoll_event event = { .events = EPOLLIN };

	mapped = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	name = (struct sockaddr_un){ .sun_family = AF_UNIX, .sun_path = "/nonexistent/socket" };
	set = epoll_create1(0);
	if (mapped == MAP_FAILED || pipe2(pipes, O_NONBLOCK) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair) < 0 ||
	    write(pipes[1], bytes, 8) != 8 || write(pair[1], bytes, 8) != 8 ||
	    epoll_ctl(set, EPOLL_CTL_ADD, pair[0], &event) < 0)
		err(1, "pipe");
	spare = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
	inet = socket(AF_INET, SOCK_STREAM, 0);
}

int main(int argc, char **argv)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET };
	struct addrinfo *to;

	if (argc != 3 || getaddrinfo(argv[1], argv[2], &hints, &to) != 0)
		errx(2, "sieve HOST PORT");
	prepare();
	try_rows("");
	const int other = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	struct pollfd connected = { other, POLLOUT, 0 };
	if (connect(inet, to->ai_addr, to->ai_addrlen) < 0 ||
	    (connect(other, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS) ||
	    poll(&connected, 1, -1) != 1)
		err(1, "connect");
	close(other);
	try_rows("later-");
	return 0;
}
