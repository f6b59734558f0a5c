/*
 * deny seccomp|leash PROGRAM ARGS: runs a program on a kernel that refuses a seccomp filter, or to
 * bind a socket to a device, with EPERM.
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define LOW_WORD(n) LOAD(args[n]) /* of a little-endian machine */
#define ALLOW	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define REFUSE	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM)
/* Goes on when the word is this, and otherwise skips that many statements. */
#define IS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)

static struct sock_filter no_filters[] = {
	LOAD(nr),
	IS(SYS_seccomp, 1),
	REFUSE,
	ALLOW,
};

static struct sock_filter no_devices[] = {
	LOAD(nr), IS(SYS_setsockopt, 3), LOW_WORD(2), IS(SO_BINDTODEVICE, 1), REFUSE, ALLOW,
};

int main(int argc, char **argv)
{
	struct sock_fprog program = { 4, no_filters };

	if (argc < 3)
		errx(2, "usage: deny seccomp|leash PROGRAM ARGS");
	if (strcmp(argv[1], "leash") == 0)
		program = (struct sock_fprog){ 6, no_devices };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		err(1, "seccomp");
	execv(argv[2], argv + 2);
	err(1, "%s", argv[2]);
}
