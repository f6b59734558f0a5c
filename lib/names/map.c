#include "names/map.h"

#include "base/bytes.h"
#include "base/error.h"
#include "names/pool.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
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

/* Another process could shrink an unsealed one, and a read of ours would fault. */
static bool is_map(int fd, uint64_t inode)
{
	struct stat file;

	if (fstat(fd, &file) < 0 || file.st_ino != inode || file.st_size < (off_t)pool_map_size())
		return false;
	const int seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 && (seals & F_SEAL_SHRINK);
}

int map_find(const char *text)
{
	ERROR_PROTECT;
	uint64_t fd, inode;

	if (!text || !take_number(&text, ':', &fd) || fd > INT_MAX ||
	    !take_number(&text, '\0', &inode) || !is_map((int)fd, inode))
		return -ENOENT;
	return (int)fd;
}

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

static int create_file(void)
{
	int fd = memfd_create("isosocks-names", MFD_ALLOW_SEALING | MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("isosocks-names", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	return error_or(fd);
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

int map_create(void)
{
	ERROR_PROTECT;
	const int fd = create_file();
	int r = fd;

	if (fd < 0)
		return r;
	if (ftruncate(fd, (off_t)pool_map_size()) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		r = error_last();
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
