#include "names/map.h"

#include "base/bytes.h"
#include "base/error.h"
#include "names/pool.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3 */
#endif

/* Maps are below this: above what programs use, and where select(2) still counts. */
#define FD_TOP 1024

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

/* ---- which it is ---- */

/* What a text says. */
struct place {
	int fd;
	uint64_t inode;
};

static bool parse(const char *text, struct place *ret)
{
	uint64_t fd;

	if (!text || !take_number(&text, ':', &fd) || fd > INT_MAX ||
	    !take_number(&text, '\0', &ret->inode))
		return false;
	ret->fd = (int)fd;
	return true;
}

/* Another process could shrink an unsealed one, and a read of ours would fault. */
static bool is_map(int fd, uint64_t inode, struct stat *ret_file)
{
	if (fstat(fd, ret_file) < 0 || ret_file->st_ino != inode ||
	    !pool_map_entries((uint64_t)ret_file->st_size))
		return false;
	const int seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 && (seals & F_SEAL_SHRINK);
}

static bool is_ours(int fd, uint64_t inode)
{
	struct stat file;

	return is_map(fd, inode, &file) && file.st_uid == geteuid();
}

int map_find(const char *text)
{
	ERROR_PROTECT;
	struct place place;

	return parse(text, &place) && is_ours(place.fd, place.inode) ? place.fd : -ENOENT;
}

int map_find_foreign(const char *text)
{
	ERROR_PROTECT;
	struct place place;
	struct stat file;

	return parse(text, &place) && is_map(place.fd, place.inode, &file) &&
			       file.st_uid != geteuid()
		       ? place.fd
		       : -ENOENT;
}

/* ---- its place ---- */

int map_duplicate(int fd)
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

/* Takes fd and returns as high a descriptor as there is; fd itself where there is no other. */
static int move_up(int fd)
{
	const int high = map_duplicate(fd);

	if (high < 0)
		return fcntl(fd, F_SETFD, 0) < 0 ? error_last() : fd;
	close(fd);
	return high;
}

/* ---- in an ancestor ---- */

#define ANCESTORS 16

#define SELF 0

/* `/proc/PID/` and what is in there. */
static const char *put_path(char path[64], pid_t process, const char *what, int number)
{
	struct bytes_writer text = bytes_writer(path, 64);

	bytes_put_text(&text, "/proc/");
	if (process == SELF)
		bytes_put_text(&text, "self");
	else
		bytes_put_decimal(&text, (uint64_t)process);
	bytes_put_text(&text, what);
	if (number >= 0)
		bytes_put_decimal(&text, (uint64_t)number);
	bytes_put_u8(&text, '\0');
	return path;
}

/* Field 4 of /proc/PID/stat, behind the command's name, which may hold anything but ends at the
 * last
 * `)`. 0: nobody knows. */
static pid_t parent_of(pid_t process)
{
	char path[64], stat[512];
	const int fd = open(put_path(path, process, "/stat", -1), O_RDONLY | O_CLOEXEC);
	const ssize_t length = fd < 0 ? 0 : pread(fd, stat, sizeof(stat) - 1, 0);
	pid_t parent = 0;

	if (fd >= 0)
		close(fd);
	stat[length > 0 ? length : 0] = '\0';
	const char *at = strrchr(stat, ')');
	for (at = at && strlen(at) > 4 ? at + 4 : ""; *at >= '0' && *at <= '9'; at++)
		parent = parent * 10 + (*at - '0');
	return parent;
}

/* Looks before it opens: what else has that number may be a device. */
static int open_there(pid_t process, const struct place *place)
{
	char path[64];
	struct stat file;

	put_path(path, process, "/fd/", place->fd);
	if (stat(path, &file) < 0 || !S_ISREG(file.st_mode) || file.st_ino != place->inode)
		return -ENOENT;
	const int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && is_ours(fd, place->inode))
		return fd;
	if (fd >= 0)
		close(fd);
	return -ENOENT;
}

/* Takes fd and returns the lasting descriptor. */
static int move_to(int fd, int number)
{
	const int there = fcntl(number, F_GETFD) < 0 ? fcntl(fd, F_DUPFD, number) : -1;

	if (there < 0)
		return move_up(fd);
	close(fd);
	return there;
}

int map_find_again(const char *text)
{
	ERROR_PROTECT;
	struct place place;

	if (!parse(text, &place))
		return -ENOENT;
	/* Not getppid(2): /proc may be that of another PID namespace. */
	pid_t process = parent_of(SELF);
	for (int i = 0; i < ANCESTORS && process > 1; i++, process = parent_of(process)) {
		const int fd = open_there(process, &place);
		if (fd >= 0)
			return move_to(fd, place.fd);
	}
	return -ENOENT;
}

/* ---- a new one ---- */

static int create_file(void)
{
	int fd = memfd_create("isosocks-names", MFD_ALLOW_SEALING | MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("isosocks-names", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	return error_or(fd);
}

/* Of this share of a limit, and all where there is none. */
static uint32_t entries_within(int resource, unsigned share)
{
	struct rlimit limit = { .rlim_cur = RLIM_INFINITY };

	getrlimit(resource, &limit);
	return pool_map_entries(limit.rlim_cur == RLIM_INFINITY ? UINT64_MAX
								: limit.rlim_cur / share);
}

/* A program needs its memory for itself. */
#define MEMORY_SHARE 16

uint32_t map_room(void)
{
	const uint32_t entries = entries_within(RLIMIT_AS, MEMORY_SHARE);
	return entries > 0 ? entries : pool_map_entries(pool_map_size(1024));
}

/* More than RLIMIT_FSIZE would not only be refused, but raise SIGXFSZ. */
static uint32_t entries_of_file(void)
{
	const uint32_t memory = map_room(), file = entries_within(RLIMIT_FSIZE, 1);
	return memory < file ? memory : file;
}

int map_create(void)
{
	ERROR_PROTECT;
	const uint32_t entries = entries_of_file();
	const int fd = entries > 0 ? create_file() : -EFBIG;
	int r = fd;

	if (fd < 0)
		return r;
	if (ftruncate(fd, (off_t)pool_map_size(entries)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		r = error_last();
	if (r >= 0)
		r = pool_begin(fd);
	if (r >= 0)
		return move_up(fd);
	close(fd);
	return r;
}

int map_describe(int fd, char ret_text[MAP_TEXT_SIZE])
{
	ERROR_PROTECT;
	struct bytes_writer text = bytes_writer(ret_text, MAP_TEXT_SIZE);
	struct stat file;

	if (fstat(fd, &file) < 0)
		return error_last();
	bytes_put_decimal(&text, (uint64_t)fd);
	bytes_put_u8(&text, ':');
	bytes_put_decimal(&text, file.st_ino);
	bytes_put_u8(&text, '\0');
	return 0;
}
