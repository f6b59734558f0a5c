/*
 * search SEED COUNT: what execvp, execvpe and posix_spawnp make of COUNT random values of PATH,
 * names and folders, a line for each: `execvp=3`, an exit status that tells the file, or an errno.
 * In the current folder, which must be empty; the same seed makes the same files. A search that
 * does not end is ended by SIGALRM.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDERS	     6
#define CASES_A_TREE 20
#define ELEMENTS_MAX 7
#define PATH_ROOM    32768
#define LONGEST_WAIT 20 /* s; only a search that is stuck takes that long */

static unsigned long long state;

static unsigned pick(unsigned below)
{
	state = state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(state >> 33) % below;
}

/* ---- files ---- */

static void write_file(const char *path, const char *text, mode_t mode)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0 || fchmod(fd, mode) < 0)
		err(1, "%s", path);
	close(fd);
}

static void make_script(const char *path, const char *first, unsigned number, mode_t mode)
{
	char text[100];

	snprintf(text, sizeof(text), "%sexit %u\n", first, number);
	write_file(path, text, mode);
}

static int make_kind(const char *path, unsigned kind, unsigned number)
{
	switch (kind) {
	case 0:
		make_script(path, "#!/bin/sh\n", number, 0755);
		return 0;
	case 1: /* what the shell runs, when execvp finds it */
		make_script(path, "", number, 0755);
		return 0;
	case 2:
		make_script(path, "#!/bin/sh\n", number, 0644);
		return 0;
	case 3:
		make_script(path, "#!/nonexistent/sh\n", number, 0755);
		return 0;
	case 4:
		return mkdir(path, 0755);
	case 5:
		return symlink("prog", path);
	case 6:
		return symlink("/bin/false", path);
	case 7:
		return mkfifo(path, 0755);
	case 8:
		return symlink("/nonexistent", path);
	case 9:
		write_file(path, "", 0755);
		return 0;
	default:
		return 0; /* nothing is there */
	}
}

static void make_tree(void)
{
	char path[100];

	for (unsigned i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof(path), "d%u", i);
		if (mkdir(path, 0755) < 0)
			err(1, "%s", path);
		snprintf(path, sizeof(path), "d%u/prog", i);
		if (make_kind(path, pick(18), 10 + i) < 0)
			err(1, "%s", path);
		if (pick(12) == 0)
			chmod(dirname(strdupa(path)), 0);
	}
	if (make_kind("prog", pick(18), 30) < 0 || symlink("loop", "loop") < 0)
		err(1, "prog");
	write_file("file", "", 0755);
}

static int take_away(const char *path, const struct stat *status, int type, struct FTW *at)
{
	(void)status, (void)type;
	return at->level == 0 ? 0 : remove(path);
}

static void remove_tree(void)
{
	char path[100];

	for (unsigned i = 0; i < FOLDERS; i++) {
		snprintf(path, sizeof(path), "d%u", i);
		chmod(path, 0755);
	}
	if (nftw(".", take_away, 8, FTW_DEPTH | FTW_PHYS) != 0)
		err(1, "nftw");
}

/* ---- cases ---- */

static void put_long(char *to, unsigned length)
{
	char *at = to + strlen(to);

	memset(at, 'x', length);
	at[length] = '\0';
}

static void put_element(char *to)
{
	static const char *const odd[] = { "", "", ".", "./", "missing", "file", "loop", "..//." };
	char text[1200];

	switch (pick(24)) {
	case 0:
		put_long(to, 4000 + pick(200));
		return;
	case 1:
		put_long(to, 300);
		return;
	case 2:
		if (!getcwd(text, sizeof(text)))
			err(1, "getcwd");
		strcat(to, text);
		snprintf(text, sizeof(text), "/d%u", pick(FOLDERS));
		strcat(to, text);
		return;
	case 3:
	case 4:
	case 5:
	case 6:
	case 7:
		strcat(to, odd[pick(sizeof(odd) / sizeof(odd[0]))]);
		return;
	default:
		snprintf(text, sizeof(text), pick(4) ? "d%u" : "d%u//", pick(FOLDERS));
		strcat(to, text);
	}
}

static bool make_path(char path[PATH_ROOM])
{
	const unsigned elements = pick(ELEMENTS_MAX);

	path[0] = '\0';
	if (pick(30) == 0)
		return false;
	for (unsigned i = 0; i <= elements; i++) {
		put_element(path);
		if (i < elements || pick(6) == 0)
			strcat(path, ":");
	}
	return true;
}

static const char *make_name(char room[600])
{
	static const char *const names[] = { "", "d0/prog", "./prog", "d1", "loop", "nothing" };

	room[0] = '\0';
	switch (pick(20)) {
	case 0:
		put_long(room, 255);
		return room;
	case 1:
		put_long(room, 256);
		return room;
	case 2:
	case 3:
		return names[pick(sizeof(names) / sizeof(names[0]))];
	default:
		return "prog";
	}
}

static void print_end(const char *call, int error, pid_t child)
{
	int status;

	if (child > 0 && waitpid(child, &status, 0) != child)
		err(1, "waitpid");
	if (error)
		printf("%s=%s\n", call, strerrorname_np(error));
	else
		printf("%s=%d\n", call, status);
}

static void try_exec(const char *name, bool with_environment)
{
	char *const arguments[] = { (char *)name, NULL };
	volatile int error = 0;
	const pid_t child = vfork();

	if (child == 0) {
		if (with_environment)
			execvpe(name, arguments, environ);
		else
			execvp(name, arguments);
		error = errno;
		_exit(0);
	}
	print_end(with_environment ? "execvpe" : "execvp", error, child);
}

static void try_spawn(const char *name)
{
	char *const arguments[] = { (char *)name, NULL };
	pid_t child = 0;
	const int error = posix_spawnp(&child, name, NULL, NULL, arguments, environ);

	print_end("posix_spawnp", error, error ? 0 : child);
}

int main(int argc, char **argv)
{
	static char path[PATH_ROOM];
	char room[600];

	if (argc != 3)
		errx(2, "search SEED COUNT");
	state = strtoull(argv[1], NULL, 10);
	for (int i = 0; i < atoi(argv[2]); i++) {
		if (i % CASES_A_TREE == 0) {
			remove_tree();
			make_tree();
		}
		alarm(LONGEST_WAIT);
		if (make_path(path))
			setenv("PATH", path, 1);
		else
			unsetenv("PATH");
		const char *name = make_name(room);
		printf("%d %.40s in %.120s\n", i, name, path);
		fflush(stdout);
		try_exec(name, false);
		try_exec(name, true);
		try_spawn(name);
	}
	return 0;
}
