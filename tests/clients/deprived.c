/*
 * deprived OF PROGRAM [ARGUMENTS]: runs the program as on a kernel that lacks something: seccomp
 * (ENOSYS), leash (SO_BINDTODEVICE is EPERM), both, or nothing.
 */
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field)                                                                                \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define ANSWER(error)	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALLOW		    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

static struct sock_filter no_seccomp[] = {
	LOAD(nr),      UNLESS(SYS_seccomp, 1),	  ANSWER(ENOSYS), UNLESS(SYS_prctl, 3),
	LOAD(args[0]), UNLESS(PR_SET_SECCOMP, 1), ANSWER(EINVAL), ALLOW,
};

static struct sock_filter no_leash[] = {
	LOAD(nr),      UNLESS(SYS_setsockopt, 6),
	LOAD(args[1]), UNLESS(SOL_SOCKET, 4),
	LOAD(args[2]), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SO_BINDTODEVICE, 1, 0),
	UNLESS(62, 1), /* SO_BINDTOIFINDEX, which older headers lack */
	ANSWER(EPERM), ALLOW,
};

static void install(struct sock_filter *rows, size_t count)
{
	const struct sock_fprog filter = { (unsigned short)count, rows };

	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
		err(1, "seccomp");
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "deprived OF PROGRAM");
	const int all = strcmp(argv[1], "both") == 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		err(1, "prctl");
	if (all || strcmp(argv[1], "leash") == 0)
		install(no_leash, sizeof(no_leash) / sizeof(no_leash[0]));
	if (all || strcmp(argv[1], "seccomp") == 0)
		install(no_seccomp, sizeof(no_seccomp) / sizeof(no_seccomp[0]));
	execvp(argv[2], argv + 2);
	err(127, "%s", argv[2]);
}
