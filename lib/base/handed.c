#include "base/handed.h"

#include "base/bytes.h"
#include "base/error.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

/* They are below this: above what programs use, and where select(2) still counts. */
#define FD_TOP 1024

#define ANCESTORS 16
#define PATH_SIZE 64
#define STAT_SIZE 512

/* ---- the text ---- */

static bool take_number(const char **text, char end, uint64_t *ret)
{
	uint64_t value = 0, digit;
	const char *at = *text;

	for (; *at >= '0' && *at <= '9'; at++) {
		digit = (uint64_t)(*at - '0');
		if (value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (at == *text || *at != end)
		return false;
	*text = at + 1;
	*ret = value;
	return true;
}

bool handed_parse(const char *text, struct handed *ret)
{
	uint64_t fd;

	if (!text || !take_number(&text, ':', &fd) || fd > INT_MAX ||
	    !take_number(&text, '\0', &ret->inode))
		return false;
	ret->fd = (int)fd;
	return true;
}

int handed_describe(int fd, char ret_text[HANDED_TEXT_SIZE])
{
	ERROR_PROTECT;
	struct bytes_writer text = bytes_writer(ret_text, HANDED_TEXT_SIZE);
	struct stat file;

	if (fstat(fd, &file) < 0)
		return error_last();
	bytes_put_decimal(&text, (uint64_t)fd);
	bytes_put_u8(&text, ':');
	bytes_put_decimal(&text, file.st_ino);
	bytes_put_u8(&text, '\0');
	return 0;
}

/* ---- descriptors ---- */

int handed_create(const char *name)
{
	ERROR_PROTECT;
	int fd = memfd_create(name, MFD_ALLOW_SEALING | MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(name, MFD_ALLOW_SEALING | MFD_CLOEXEC);
	return error_or(fd);
}

int handed_duplicate(int fd)
{
	ERROR_PROTECT;
	struct rlimit limit = { .rlim_cur = FD_TOP };

	getrlimit(RLIMIT_NOFILE, &limit);
	for (int least = limit.rlim_cur < FD_TOP ? (int)limit.rlim_cur : FD_TOP; --least > fd;) {
		const int high = fcntl(fd, F_DUPFD, least);
		if (high >= 0)
			return high;
	}
	return error_or(fcntl(fd, F_DUPFD, 0));
}

int handed_raise(int fd)
{
	ERROR_PROTECT;
	const int high = handed_duplicate(fd);

	if (high < 0)
		return fcntl(fd, F_SETFD, 0) < 0 ? error_last() : fd;
	close(fd);
	return high;
}

/* ---- in an ancestor ---- */

/* `/proc/PID` (0: of this process) and what is in there. */
static void put_path(char path[PATH_SIZE], uint64_t process, const char *what, int number)
{
	struct bytes_writer text = bytes_writer(path, PATH_SIZE);

	bytes_put_text(&text, "/proc/");
	if (process == 0)
		bytes_put_text(&text, "self");
	else
		bytes_put_decimal(&text, process);
	bytes_put_text(&text, what);
	if (number >= 0)
		bytes_put_decimal(&text, (uint64_t)number);
	bytes_put_u8(&text, '\0');
}

/* Field 4 of /proc/PID/stat; field 2, the command's name, may have anything in it and ends at the
 * last `)`. 0: it is not known. */
static uint64_t parent_of(uint64_t process)
{
	char path[PATH_SIZE], status[STAT_SIZE];
	uint64_t parent = 0;

	put_path(path, process, "/stat", -1);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	const ssize_t length = pread(fd, status, sizeof(status) - 1, 0);
	close(fd);
	status[length > 0 ? length : 0] = '\0';
	const char *at = strrchr(status, ')');
	at = at && strlen(at) > 4 ? at + 4 : "";
	return take_number(&at, ' ', &parent) ? parent : 0;
}

/* Looks before it opens: what else has that number may be a device. */
static int open_there(uint64_t process, const struct handed *handed, int flags)
{
	char path[PATH_SIZE];
	struct stat file;

	put_path(path, process, "/fd/", handed->fd);
	if (stat(path, &file) < 0 || !S_ISREG(file.st_mode) || file.st_ino != handed->inode)
		return -ENOENT;
	return error_or(open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

int handed_open_above(const struct handed *handed, int flags, bool (*is_it)(int fd, uint64_t inode))
{
	ERROR_PROTECT;
	/* Not getppid(2): /proc may be that of another PID namespace. */
	uint64_t process = parent_of(0);

	for (int i = 0; i < ANCESTORS && process > 1; i++, process = parent_of(process)) {
		const int fd = open_there(process, handed, flags);
		if (fd >= 0 && is_it(fd, handed->inode))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -ENOENT;
}
