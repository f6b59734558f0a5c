/*
 * killer N PROGRAM [ARGS]: runs a program and kills it right behind its Nth system call that
 * changes a file, with what it has started. 137 when it was killed; otherwise the program's own
 * status.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_GET_SYSCALL_INFO
#include <linux/ptrace.h>
#endif

static const long changing[] = {
#ifdef SYS_open
	SYS_open,
#endif
#ifdef SYS_rename
	SYS_rename,
#endif
#ifdef SYS_unlink
	SYS_unlink,
#endif
#ifdef SYS_link
	SYS_link,
#endif
#ifdef SYS_mkdir
	SYS_mkdir,
#endif
#ifdef SYS_chmod
	SYS_chmod,
#endif
#ifdef SYS_creat
	SYS_creat,
#endif
#ifdef SYS_renameat
	SYS_renameat,
#endif
	SYS_openat,   SYS_renameat2, SYS_unlinkat,  SYS_linkat, SYS_mkdirat,
	SYS_fchmodat, SYS_fchmod,    SYS_ftruncate, SYS_fsync,	SYS_fdatasync,
};

/* A call as it is entered: whether it changes a file. */
static bool changes(const struct __ptrace_syscall_info *call)
{
	const long number = (long)call->entry.nr;

	if (number == SYS_write || number == SYS_pwrite64)
		return call->entry.args[0] > 2;
	if (number == SYS_openat)
		return call->entry.args[2] & (O_WRONLY | O_RDWR | O_CREAT);
	for (size_t i = 0; i < sizeof(changing) / sizeof(changing[0]); i++)
		if (changing[i] == number)
			return true;
	return false;
}

/* Goes on to the next stop; what waitpid says of the program, when it has ended. */
static bool step(pid_t child, int signal, int *ret_status)
{
	/* One that is being killed cannot be told to go on. */
	ptrace(PTRACE_SYSCALL, child, NULL, signal);
	if (waitpid(child, ret_status, 0) < 0)
		exit(3);
	return WIFSTOPPED(*ret_status);
}

static int watch(pid_t child, int left)
{
	struct __ptrace_syscall_info call;
	bool counts = false;
	int status, signal = 0;

	while (step(child, signal, &status)) {
		signal = status >> 16 ? 0 : WSTOPSIG(status); /* of an event there is none */
		if (signal != (SIGTRAP | 0x80))
			continue;
		signal = 0;
		if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(call), &call) < 0)
			return 3;
		if (call.op == PTRACE_SYSCALL_INFO_ENTRY)
			counts = changes(&call);
		else if (counts && --left == 0)
			kill(child, SIGKILL);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	int status;
	pid_t child;

	if (argc < 3)
		return 2;
	child = fork();
	if (child == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execv(argv[2], argv + 2);
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, child, NULL,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL) < 0)
		return 3;
	return watch(child, atoi(argv[1]));
}
