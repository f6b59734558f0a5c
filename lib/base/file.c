#include "base/file.h"
#include "base/error.h"
#include "base/libc.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define LINKS_MAX 40 /* as many as the kernel follows (path_resolution(7)) */

/* Linux, admin-guide/devices.rst */
#define DEVICE_NULL makedev(1, 3)
#define DEVICE_TTY  makedev(5, 0)
#define PTS_FIRST   136
#define PTS_LAST    143

/* ---- a path ---- */

/* 1 for a link that may be followed, 0 for anything else. `end` is behind the name's last byte. */
static int look_at(char *path, size_t end)
{
	struct stat status;

	path[end] = '\0';
	const int r = error_or(fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW));
	path[end] = '/';
	if (r < 0 || !S_ISLNK(status.st_mode))
		return r;
	return status.st_uid == 0 || status.st_uid == geteuid() ? 1 : -ELOOP;
}

/* Puts what a link says in the place of its name, from `at` to `end`. Where to go on, or -errno. */
static int follow(char *path, size_t at, size_t end)
{
	char target[PATH_MAX];

	path[end] = '\0';
	const ssize_t length = readlink(path, target, sizeof(target));
	path[end] = '/';
	if (length < 0)
		return error_last();
	const size_t keep = target[0] == '/' ? 0 : at;
	const size_t rest = strlen(path + end) + 1;
	if (keep + (size_t)length + rest > PATH_MAX)
		return -ENAMETOOLONG;
	memmove(path + keep + length, path + end, rest);
	memcpy(path + keep, target, (size_t)length);
	return keep ? (int)keep : 1;
}

/* Takes a name out, and one slash behind it. */
static void cut(char *from, char *end)
{
	end += *end == '/';
	memmove(from, end, strlen(end) + 1);
}

static size_t before(const char *path, size_t at)
{
	while (at > 1 && path[--at - 1] != '/')
		;
	return at;
}

/* `.`, `..` and nothing between two slashes: gone, and 1. */
static bool simplify(char *path, size_t *at, size_t length)
{
	const char *name = path + *at;
	const bool is_parent = length == 2 && name[0] == '.' && name[1] == '.';

	if (length > 0 && !is_parent && !(length == 1 && name[0] == '.'))
		return false;
	const size_t end = *at + length;
	if (is_parent)
		*at = before(path, *at);
	cut(path + *at, path + end);
	return true;
}

int file_settle(char path[PATH_MAX])
{
	int r, links = 0;

	if (path[0] != '/')
		return -EINVAL;
	for (size_t at = 1; path[at];) {
		const size_t length = strcspn(path + at, "/");
		const size_t end = at + length;
		if (simplify(path, &at, length))
			continue;
		if (path[end] == '\0')
			break;
		r = look_at(path, end);
		if (r > 0)
			r = ++links > LINKS_MAX ? -ELOOP : follow(path, at, end);
		if (r < 0)
			return r;
		at = r > 0 ? (size_t)r : end + 1;
	}
	return 0;
}

/* ---- opening ---- */

static bool is_stream(const struct stat *status)
{
	const unsigned kind = major(status->st_rdev);

	if (S_ISCHR(status->st_mode) &&
	    (status->st_rdev == DEVICE_NULL || status->st_rdev == DEVICE_TTY))
		return true;
	return status->st_uid == geteuid() &&
	       (S_ISFIFO(status->st_mode) ||
		(S_ISCHR(status->st_mode) && kind >= PTS_FIRST && kind <= PTS_LAST));
}

static int check_status(const struct stat *status, bool streams)
{
	if (streams && is_stream(status))
		return 0;
	if (S_ISLNK(status->st_mode))
		return -ELOOP;
	if (!S_ISREG(status->st_mode))
		return -EINVAL;
	if (status->st_uid != geteuid())
		return -EPERM;
	return status->st_nlink == 1 ? 0 : -EMLINK;
}

/* Looked at before, since to open a device may do something, and behind, for what came between. */
static int open_name(int folder, const char *name, int flags, bool streams)
{
	struct stat status;
	int r = error_or(fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW));

	if (r == 0)
		r = check_status(&status, streams);
	else if (r == -ENOENT && (flags & O_CREAT))
		r = 0;
	if (r < 0)
		return r;
	const int fd =
		openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (fd < 0)
		return error_last();
	r = fstat(fd, &status) < 0 ? error_last() : check_status(&status, streams);
	if (r < 0)
		libc()->close(fd);
	return r < 0 ? r : fd;
}

/* The next name of a path, on which *path moves behind it. */
static int take_name(const char **path, char ret_name[NAME_MAX + 1])
{
	const char *at = *path + strspn(*path, "/");
	const size_t length = strcspn(at, "/");

	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(ret_name, at, length);
	ret_name[length] = '\0';
	*path = at + length;
	return length > 0 ? 0 : -EISDIR;
}

/* By one folder after the other: openat2(2) would do it at once, and is unknown to the filters of
 * programs that restrict themselves. */
int file_open(const char *path, int flags, bool streams)
{
	char name[NAME_MAX + 1];
	int folder = error_or(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
	int r = 0;

	while (folder >= 0) {
		r = take_name(&path, name);
		if (r < 0 || *path == '\0')
			break;
		const int next = error_or(
			openat(folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
		libc()->close(folder);
		folder = next;
	}
	if (folder < 0)
		return folder;
	if (r == 0)
		r = open_name(folder, name, flags, streams);
	libc()->close(folder);
	return r;
}

/* ---- writing ---- */

/* Takes a signal away that the last call has raised in this thread. */
static void take_signal(int number)
{
	static const long none[4];
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, number);
	libc()->syscall(SYS_rt_sigtimedwait, &signals, NULL, none, _NSIG / 8);
}

ssize_t file_write(int fd, const void *from, size_t length, off_t at)
{
	sigset_t blocked, saved, pending;

	sigemptyset(&blocked);
	sigemptyset(&pending);
	sigaddset(&blocked, SIGPIPE);
	sigaddset(&blocked, SIGXFSZ);
	sigaddset(&blocked, SIGTTOU); /* not raised in who blocks it (termios(3), TOSTOP) */
	sigprocmask(SIG_BLOCK, &blocked, &saved);
	/* One that the program itself waits for stays its own. */
	if (sigismember(&saved, SIGPIPE) || sigismember(&saved, SIGXFSZ))
		sigpending(&pending);
	ssize_t written = at < 0 ? libc()->write(fd, from, length) : pwrite(fd, from, length, at);
	if (written < 0) {
		written = error_last();
		const int number = written == -EPIPE ? SIGPIPE : SIGXFSZ;
		if ((written == -EPIPE || written == -EFBIG) && !sigismember(&pending, number))
			take_signal(number);
	}
	sigprocmask(SIG_SETMASK, &saved, NULL);
	return written;
}
