#include "executable.h"

#include "elf/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCRIPT_DEPTH 5 /* the kernel's own bound, and one more */

char *executable_follow_links(const char *path)
{
	char *real = realpath(path, NULL);
	char *copy = real ? g_strdup(real) : g_canonicalize_filename(path, NULL);

	free(real);
	return copy;
}

/* To open a device may do something, so it is looked at before. */
int executable_open(const char *path)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	struct stat file;
	int fd;

	if (stat(path, &file) < 0)
		return -errno;
	if (!S_ISREG(file.st_mode))
		return S_ISDIR(file.st_mode) ? -EISDIR : -EACCES;
	fd = open(path, flags);
	return fd < 0 ? -errno : fd;
}

/* The interpreter that a script names, or NULL. */
static char *find_interpreter(const char *path)
{
	struct elf_info info = { .interpreter = "" };
	int fd = executable_open(path);
	int r = fd < 0 ? -1 : elf_inspect(fd, &info);

	if (fd >= 0)
		close(fd);
	return r >= 0 && info.kind == ELF_SCRIPT ? g_strdup(info.interpreter) : NULL;
}

char *executable_resolve(const char *path)
{
	char *at = executable_follow_links(path);

	for (int depth = 0; depth < SCRIPT_DEPTH; depth++) {
		g_autofree char *interpreter = find_interpreter(at);
		if (!interpreter)
			break;
		g_free(at);
		at = executable_follow_links(interpreter);
	}
	return at;
}
