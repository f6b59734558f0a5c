/* children: processes that somebody else than libc makes, and programs that they become. */
#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* ---- children ---- */

static void await_child(pid_t child)
{
	waitpid(child, NULL, 0);
}

static void by_fork(void)
{
	const pid_t child = fork();

	if (child > 0)
		await_child(child);
	else
		send_datagram(TARGET4);
}

static void by_vfork(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const pid_t child = vfork();

	if (child == 0) {
		const int fd = socket(AF_INET, SOCK_DGRAM, 0);
		sendto(fd, "leak", 4, 0, &to.any, length);
		_exit(0);
	}
	await_child(child);
	tell(0);
}

static void by_clone(void)
{
	/* fork(2) without libc, so that nobody is told of it. */
	const long child = kernel(SYS_clone, SIGCHLD, 0, 0, 0, 0, 0);

	if (child > 0) {
		await_child((pid_t)child);
		return;
	}
	tell_negative(kernel_sendto(open_socket(AF_INET, SOCK_DGRAM, 0), TARGET4));
	_exit(0);
}

/* ---- other programs: call WAY PROGRAM ARGS ---- */

static void run_execv(char **argv)
{
	execv(argv[0], argv);
}

static void run_execve(char **argv)
{
	execve(argv[0], argv, environ);
}

static void run_execve_bare(char **argv)
{
	execve(argv[0], argv, (char *[]){ NULL });
}

static void run_execvp(char **argv)
{
	execvp(argv[0], argv);
}

static void run_execvpe(char **argv)
{
	execvpe(argv[0], argv, (char *[]){ NULL });
}

static void run_execl(char **argv)
{
	execl(argv[0], argv[0], argv[1], argv[1] ? argv[2] : NULL, NULL);
}

static void run_execle(char **argv)
{
	execle(argv[0], argv[0], argv[1], argv[1] ? argv[2] : NULL, NULL, (char *[]){ NULL });
}

static void run_fexecve(char **argv)
{
	fexecve(open(argv[0], O_PATH | O_CLOEXEC), argv, environ);
}

static void run_execveat(char **argv)
{
	execveat(AT_FDCWD, argv[0], argv, environ, 0);
}

static void run_syscall(char **argv)
{
	syscall(SYS_execve, argv[0], argv, environ);
}

static void run_asm(char **argv)
{
	errno = (int)-kernel(SYS_execve, (long)argv[0], (long)argv, (long)environ, 0, 0, 0);
}

static void run_asm_bare(char **argv)
{
	char *none[] = { NULL };
	errno = (int)-kernel(SYS_execve, (long)argv[0], (long)argv, (long)none, 0, 0, 0);
}

static void run_spawn(char **argv)
{
	pid_t child;

	errno = posix_spawn(&child, argv[0], NULL, NULL, argv, environ);
	if (errno == 0) {
		await_child(child);
		exit(0);
	}
}

static void run_spawnp(char **argv)
{
	char *none[] = { NULL };
	pid_t child;

	errno = posix_spawnp(&child, argv[0], NULL, NULL, argv, none);
	if (errno == 0) {
		await_child(child);
		exit(0);
	}
}

static void join(char **argv, char line[1024])
{
	*line = '\0';
	for (; *argv; argv++) {
		strcat(line, *argv);
		strcat(line, " ");
	}
}

static void run_system(char **argv)
{
	char line[1024];

	join(argv, line);
	exit(system(line) == 0 ? 0 : 1);
}

static void run_popen(char **argv)
{
	char line[1024];

	join(argv, line);
	FILE *out = popen(line, "r");
	while (out && fgets(line, sizeof(line), out))
		fputs(line, stdout);
	exit(0);
}

static void run_clearenv(char **argv)
{
	clearenv();
	execv(argv[0], argv);
}

/* A descriptor for the program to come: `inherit KIND PROGRAM ARGS`, as number 7. */
static void run_inherit(char **argv)
{
	dup2(descriptors_fresh(argv[0]), 7);
	execv(argv[1], argv + 1);
}

static const struct {
	const char *name;
	void (*run)(char **argv);
} ways[] = {
	{ "execv", run_execv },
	{ "execve", run_execve },
	{ "execve-bare", run_execve_bare },
	{ "execvp", run_execvp },
	{ "execvpe-bare", run_execvpe },
	{ "execl", run_execl },
	{ "execle-bare", run_execle },
	{ "fexecve", run_fexecve },
	{ "execveat", run_execveat },
	{ "syscall-execve", run_syscall },
	{ "asm-execve", run_asm },
	{ "asm-execve-bare", run_asm_bare },
	{ "spawn", run_spawn },
	{ "spawnp-bare", run_spawnp },
	{ "system", run_system },
	{ "popen", run_popen },
	{ "clearenv", run_clearenv },
	{ "inherit", run_inherit },
};

bool children_run(const char *way, char **argv)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].name, way) != 0)
			continue;
		ways[i].run(argv);
		return true;
	}
	return false;
}

const struct call child_calls[] = {
	{ "fork", by_fork },
	{ "vfork", by_vfork },
	{ "clone", by_clone },
	{ NULL, NULL },
};
