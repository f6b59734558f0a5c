/*
 * daemon [OPTIONS] HOST PORT [UID]...: connects as each of these users in turn, without executing
 * anything, and says `connect=0` for each: in a child that has become the user by setuid(2), or
 * with -e in this process, by seteuid(2) and back. -f forks a child more that connects as this
 * process does, and -v one by vfork(2), before it connects itself.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_in target = { .sin_family = AF_INET };

static void forbid(void)
{
	struct sock_filter rows[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_geteuid, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_readlinkat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog filter = { sizeof(rows) / sizeof(rows[0]), rows };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0)
		err(1, "seccomp");
}

static void connect_once(void)
{
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const int r = connect(fd, (const struct sockaddr *)&target, sizeof(target));

	dprintf(STDOUT_FILENO, "connect=%s\n", r < 0 ? strerrorname_np(errno) : "0");
	close(fd);
}

static void wait_for(pid_t child)
{
	int status;

	if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
		err(1, "child");
}

static void connect_in_child(const char *user)
{
	const pid_t child = fork();

	if (child == 0) {
		if (user && setuid((uid_t)atoi(user)) < 0)
			err(1, "setuid");
		connect_once();
		_exit(0);
	}
	wait_for(child);
}

static void connect_in_vfork(void)
{
	const pid_t child = vfork();

	if (child == 0) {
		connect_once();
		_exit(0);
	}
	wait_for(child);
}

static void connect_between(const char *user)
{
	const uid_t before = geteuid();

	if (seteuid((uid_t)atoi(user)) < 0)
		err(1, "seteuid");
	connect_once();
	if (seteuid(before) < 0)
		err(1, "seteuid");
}

int main(int argc, char **argv)
{
	bool in_child = true, forks = false, vforks = false, forbids = false;
	int option;

	while ((option = getopt(argc, argv, "+efsv")) > 0) {
		in_child &= option != 'e';
		forks |= option == 'f';
		forbids |= option == 's';
		vforks |= option == 'v';
	}
	if (argc - optind < 2 || inet_pton(AF_INET, argv[optind], &target.sin_addr) != 1)
		return 1;
	target.sin_port = htons((uint16_t)atoi(argv[optind + 1]));
	if (forbids)
		forbid();
	if (forks)
		connect_in_child(NULL);
	if (vforks)
		connect_in_vfork();
	if (argc - optind == 2)
		connect_once();
	for (char **user = argv + optind + 2; *user; user++) {
		if (in_child)
			connect_in_child(*user);
		else
			connect_between(*user);
	}
	return 0;
}
