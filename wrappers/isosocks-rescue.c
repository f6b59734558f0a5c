/*
 * isosocks-rescue: takes libisosocks.so out of /etc/ld.so.preload on a machine where nothing that
 * is dynamically linked runs any more. Static, libc only. It keeps every other entry as it stands.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PRELOAD	  "/etc/ld.so.preload"
#define FRESH	  PRELOAD ".isosocks-rescue"
#define LIBRARY	  "libisosocks.so"
#define SEPARATOR " \t\n:" /* ld.so(8) */

static int fail(const char *what)
{
	dprintf(STDERR_FILENO, "isosocks-rescue: %s " PRELOAD ": %s\n", what,
		strerrordesc_np(errno));
	return 1;
}

static bool is_ours(const char *entry, size_t length)
{
	const size_t own = sizeof(LIBRARY) - 1;

	return length >= own && strncmp(entry + length - own, LIBRARY, own) == 0 &&
	       (length == own || entry[length - own - 1] == '/');
}

/* Blanks our entries, in place; how many there were. A comment reaches to the end of its line. */
static unsigned blank(char *at)
{
	unsigned found = 0;

	while (*(at += strspn(at, SEPARATOR))) {
		const size_t length = strcspn(at, *at == '#' ? "\n" : SEPARATOR "#");
		if (*at != '#' && is_ours(at, length)) {
			memset(at, ' ', length);
			found++;
		}
		at += length;
	}
	return found;
}

static bool put_all(int fd, const char *text, size_t length)
{
	return fd >= 0 && pwrite(fd, text, length, 0) == (ssize_t)length && fsync(fd) == 0;
}

/*
 * A new file in the old one's place; where that cannot be (a full disk, a mounted file), the same
 * number of bytes over the old ones, which takes no room.
 */
static int replace(const char *text, size_t length, mode_t mode)
{
	const int fresh = open(FRESH, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	/* Whatever the umask: who cannot read the file is not preloaded at all. */
	if (put_all(fresh, text, length) && fchmod(fresh, mode & 0777) == 0 &&
	    rename(FRESH, PRELOAD) == 0)
		return 0;
	unlink(FRESH);
	return put_all(open(PRELOAD, O_WRONLY | O_CLOEXEC), text, length) ? 0
									  : fail("cannot write");
}

int main(int argc, char **argv)
{
	static char text[1 << 16];
	const bool disable = argc == 2 && strcmp(argv[1], "disable") == 0;
	struct stat status;

	if (!disable && !(argc == 2 && strcmp(argv[1], "status") == 0)) {
		dprintf(STDERR_FILENO, "usage: isosocks-rescue status | disable\n");
		return 2;
	}
	const int fd = open(PRELOAD, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return fail("cannot read");
	const ssize_t length =
		fd < 0 || fstat(fd, &status) < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	if (length < 0 || length == sizeof(text) - 1)
		return fail("cannot read the whole of");
	if (blank(text) == 0) {
		puts(LIBRARY " is not in " PRELOAD);
		return disable ? 0 : 1;
	}
	if (disable && replace(text, (size_t)length, status.st_mode) != 0)
		return 1;
	puts(disable ? "removed " LIBRARY " from " PRELOAD : LIBRARY " is in " PRELOAD);
	return 0;
}
