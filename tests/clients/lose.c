/*
 * lose WAY PARENTS CHILDS PORT: a process that looks PARENTS name up and executes itself in a WAY
 * by which descriptors get lost; the child connects to the address that it is given, looks CHILDS
 * name up and tells the address, and the parent connects to that. A line each:
 *
 *   child=0     connect()'s errno by name, of the child
 *   parent=0    and of the parent
 *
 * `lose -s WAY …`: RLIMIT_FSIZE is 100 KiB in the parent. `lose -u USER …`: the child becomes USER
 * before it executes. `lose -w …`: the parent loses its descriptors as well, by close().
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
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

extern char **environ;

static uid_t user;
static const char *port;

static const char *try_connect(const char *host)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_family = AF_INET };
	struct addrinfo *to;

	if (getaddrinfo(host, port, &hints, &to) != 0)
		return "no address";
	const int fd = socket(AF_INET, SOCK_STREAM, 0);
	const int r = connect(fd, to->ai_addr, to->ai_addrlen);
	const char *name = r < 0 ? strerrorname_np(errno) : "0";
	close(fd);
	return name;
}

static void look_up(const char *host, char ret[INET_ADDRSTRLEN])
{
	const struct hostent *entry = gethostbyname(host);

	if (!entry)
		errx(1, "%s has no address", host);
	inet_ntop(AF_INET, entry->h_addr_list[0], ret, INET_ADDRSTRLEN);
}

/* ---- ways to lose descriptors ---- */

static void by_close(void)
{
	for (int fd = 3; fd < 2048; fd++)
		close(fd);
}

static void by_closefrom(void)
{
	closefrom(3);
}

static void by_close_range(void)
{
	close_range(3, ~0u, 0);
}

static void by_cloexec(void)
{
	close_range(3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
}

static void by_fcntl(void)
{
	for (int fd = 3; fd < 2048; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void by_syscall(void)
{
	syscall(SYS_close_range, 3, ~0u, 0);
}

static void by_proc(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int fds[64], count = 0;
	struct dirent *entry;

	while (folder && (entry = readdir(folder)) && count < 64)
		if (atoi(entry->d_name) > 2 && atoi(entry->d_name) != dirfd(folder))
			fds[count++] = atoi(entry->d_name);
	closedir(folder);
	while (count-- > 0)
		close(fds[count]);
}

static void by_nothing(void)
{
}

static void change_user(void)
{
	if (user && (setgid(user) < 0 || setuid(user) < 0))
		err(1, "setuid");
}

static pid_t fork_and(void (*lose)(void), char **arguments, bool shares)
{
	const pid_t child = shares ? vfork() : fork();

	if (child == 0) {
		change_user();
		lose();
		execve(arguments[0], arguments, environ);
		_exit(127);
	}
	return child;
}

/* A child that ends at once, as a daemon's first one does. */
static pid_t fork_twice(char **arguments)
{
	const pid_t child = fork();

	if (child == 0) {
		by_closefrom();
		const pid_t grandchild = fork();
		if (grandchild == 0) {
			execve(arguments[0], arguments, environ);
			_exit(127);
		}
		waitpid(grandchild, NULL, 0);
		_exit(0);
	}
	return child;
}

static pid_t spawn(char **arguments, bool one_by_one)
{
	posix_spawn_file_actions_t actions;
	pid_t child;

	posix_spawn_file_actions_init(&actions);
	for (int fd = 3; one_by_one && fd < 1024; fd++)
		posix_spawn_file_actions_addclose(&actions, fd);
	if (!one_by_one)
		posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	if (posix_spawn(&child, arguments[0], &actions, NULL, arguments, environ) != 0)
		errx(1, "posix_spawn");
	posix_spawn_file_actions_destroy(&actions);
	return child;
}

static const struct {
	const char *name;
	void (*lose)(void);
} ways[] = {
	{ "nothing", by_nothing },	   { "close", by_close },     { "closefrom", by_closefrom },
	{ "close_range", by_close_range }, { "cloexec", by_cloexec }, { "fcntl", by_fcntl },
	{ "syscall", by_syscall },	   { "proc", by_proc },
};

static void start(const char *way, char **arguments)
{
	pid_t child = -1;

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (strcmp(way, ways[i].name) == 0)
			child = fork_and(ways[i].lose, arguments, false);
	if (strcmp(way, "vfork") == 0)
		child = fork_and(by_closefrom, arguments, true);
	if (strcmp(way, "fork_twice") == 0)
		child = fork_twice(arguments);
	if (strcmp(way, "spawn_closefrom") == 0)
		child = spawn(arguments, false);
	if (strcmp(way, "spawn_close") == 0)
		child = spawn(arguments, true);
	if (child < 0 || waitpid(child, NULL, 0) < 0)
		errx(2, "%s", way);
}

/* ---- the two of them ---- */

/* The address goes by standard output, which a child keeps in every way; so a file. */
static int be_child(char **argv)
{
	char address[INET_ADDRSTRLEN];

	port = argv[4];
	dprintf(1, "child=%s\n", try_connect(argv[2]));
	look_up(argv[3], address);
	dprintf(1, "address=%s\n", address);
	return 0;
}

static int be_parent(const char *self, const char *way, const char *mine, const char *childs)
{
	char address[INET_ADDRSTRLEN], text[512] = "";
	char *arguments[] = { (char *)self,   (char *)"child", address,
			      (char *)childs, (char *)port,    NULL };
	int pipes[2];

	look_up(mine, address);
	const int out = dup(1);
	if (pipe(pipes) < 0)
		err(1, "pipe");
	dup2(pipes[1], 1);
	start(way, arguments);
	dup2(out, 1);
	close(pipes[1]);
	if (read(pipes[0], text, sizeof(text) - 1) < 0)
		err(1, "read");
	const char *told = strstr(text, "address=");
	printf("%.*s\n", (int)strcspn(text, "\n"), text);
	if (!told)
		errx(1, "the child said: %s", text);
	told += 8;
	char *end = strchr(told, '\n');
	if (end)
		*end = '\0';
	printf("parent=%s\n", try_connect(told));
	return 0;
}

int main(int argc, char **argv)
{
	const struct rlimit small = { 100 * 1024, 100 * 1024 };
	int c;

	if (argc == 5 && strcmp(argv[1], "child") == 0)
		return be_child(argv);
	while ((c = getopt(argc, argv, "su:w")) != -1) {
		if (c == 's' && setrlimit(RLIMIT_FSIZE, &small) < 0)
			err(1, "setrlimit");
		if (c == 'u')
			user = (uid_t)atoi(optarg);
		if (c == 'w')
			by_close();
	}
	if (argc - optind != 4)
		errx(2, "usage: lose [-sw] [-u USER] WAY PARENTS CHILDS PORT");
	port = argv[optind + 3];
	return be_parent(argv[0], argv[optind], argv[optind + 1], argv[optind + 2]);
}
