/*
 * execute [OPTIONS] HOW PROGRAM [ARGUMENTS]: executes the program by the call of that name, execve
 * to popen, `syscall`, or `raw` for an instruction of its own; where that returns, says so in a
 * line: `execve=EACCES`. A spawned program's output and exit status become its own.
 *
 * -c clears the environment, and gives an empty one; -0 gives NULL for it; -d closes all
 * descriptors above 2; -x sets FD_CLOEXEC on them; -v does it in a child of vfork(); -n NAME
 * resolves the name first, and `%a` among the arguments stands for its address; -l LIMIT sets
 * RLIMIT_NOFILE; -f has a spawned program's descriptors above 2 closed by a file action.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <netdb.h>
#include <netinet/in.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char address[INET_ADDRSTRLEN];

static void resolve(const char *name)
{
	const struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;

	if (getaddrinfo(name, "80", &hints, &found) != 0)
		errx(1, "%s is not known", name);
	inet_ntop(AF_INET, &((struct sockaddr_in *)found->ai_addr)->sin_addr, address,
		  sizeof(address));
	freeaddrinfo(found);
}

static void limit_descriptors(rlim_t number)
{
	const struct rlimit limit = { number, number };

	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(1, "setrlimit");
}

static int status_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void leave_with(pid_t child)
{
	int status;

	if (waitpid(child, &status, 0) < 0)
		err(1, "waitpid");
	_exit(status_of(status));
}

/* All words as one command of a shell. */
static const char *command_of(char **argv)
{
	static char command[65536];

	for (; *argv; argv++) {
		strcat(command, *argv);
		strcat(command, argv[1] ? " " : "");
	}
	return command;
}

static posix_spawn_file_actions_t *actions; /* NULL: none */

static void close_when_spawned(void)
{
	static posix_spawn_file_actions_t closing;

	actions = &closing;
	posix_spawn_file_actions_init(actions);
	posix_spawn_file_actions_addclosefrom_np(actions, 3);
}

static void spawn(const char *how, char **argv, char **environment)
{
	pid_t child;
	const int r = strcmp(how, "posix_spawn") == 0
			      ? posix_spawn(&child, argv[0], actions, NULL, argv, environment)
			      : posix_spawnp(&child, argv[0], actions, NULL, argv, environment);

	if (r == 0)
		leave_with(child);
	errno = r;
}

static void open_pipe(char **argv)
{
	char line[4096];
	FILE *stream = popen(command_of(argv), "r");

	if (!stream)
		return;
	while (fgets(line, sizeof(line), stream))
		fputs(line, stdout);
	exit(status_of(pclose(stream)));
}

/* The environment stands behind the first NULL. */
static void execute_list(char **argv, char **environment)
{
	if (!argv[1])
		execle(argv[0], argv[0], NULL, environment);
	else if (!argv[2])
		execle(argv[0], argv[0], argv[1], NULL, environment);
	else
		execle(argv[0], argv[0], argv[1], argv[2], NULL, environment);
}

static void execute_raw(char **argv, char **environment)
{
#if defined(__x86_64__)
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(SYS_execve), "D"(argv[0]), "S"(argv), "d"(environment)
			 : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long number __asm__("x8") = SYS_execve;
	register long r __asm__("x0") = (long)argv[0];
	register char **second __asm__("x1") = argv, **third __asm__("x2") = environment;

	__asm__ volatile("svc 0" : "+r"(r) : "r"(number), "r"(second), "r"(third) : "memory");
#else
#error "how does a program of this machine call the kernel?"
#endif
	errno = (int)-r;
}

static void execute(const char *how, char **argv, char **environment)
{
	if (strcmp(how, "execve") == 0)
		execve(argv[0], argv, environment);
	else if (strcmp(how, "execv") == 0)
		execv(argv[0], argv);
	else if (strcmp(how, "execvp") == 0)
		execvp(argv[0], argv);
	else if (strcmp(how, "execvpe") == 0)
		execvpe(argv[0], argv, environment);
	else if (strcmp(how, "execl") == 0)
		execl(argv[0], argv[0], argv[1], argv[2], argv[3], NULL);
	else if (strcmp(how, "execlp") == 0)
		execlp(argv[0], argv[0], argv[1], argv[2], argv[3], NULL);
	else if (strcmp(how, "execle") == 0)
		execute_list(argv, environment);
	else if (strcmp(how, "execveat") == 0)
		execveat(AT_FDCWD, argv[0], argv, environment, 0);
	else if (strcmp(how, "fexecve") == 0)
		fexecve(open(argv[0], O_PATH | O_CLOEXEC), argv, environment);
	else if (strcmp(how, "syscall") == 0)
		syscall(SYS_execve, argv[0], argv, environment);
	else if (strcmp(how, "raw") == 0)
		execute_raw(argv, environment);
	else if (strncmp(how, "posix_spawn", 11) == 0)
		spawn(how, argv, environment);
	else if (strcmp(how, "system") == 0)
		_exit(status_of(system(command_of(argv))));
	else if (strcmp(how, "popen") == 0)
		open_pipe(argv);
	else
		errx(1, "%s: no such call", how);
	printf("%s=%s\n", how, strerrorname_np(errno));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	static char *none[] = { NULL };
	bool clears = false, is_null = false, in_vfork = false;
	int option;

	while ((option = getopt(argc, argv, "+c0dfxvn:l:")) != -1) {
		switch (option) {
		case 'c':
			clears = true;
			break;
		case '0':
			is_null = true;
			break;
		case 'd':
			close_range(3, ~0u, 0);
			break;
		case 'f':
			close_when_spawned();
			break;
		case 'x':
			close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
			break;
		case 'v':
			in_vfork = true;
			break;
		case 'n':
			resolve(optarg);
			break;
		case 'l':
			limit_descriptors((rlim_t)atoi(optarg));
			break;
		default:
			errx(1, "see the source");
		}
	}
	if (argc - optind < 2)
		errx(1, "HOW and PROGRAM are missing");
	for (char **at = argv + optind + 1; *at; at++)
		if (strcmp(*at, "%a") == 0)
			*at = address;
	if (clears)
		environ = NULL;
	char **environment = is_null ? NULL : clears ? none : environ;
	if (in_vfork) {
		const pid_t child = vfork();
		if (child > 0)
			leave_with(child);
	}
	execute(argv[optind], argv + optind + 1, environment);
	_exit(1);
}
