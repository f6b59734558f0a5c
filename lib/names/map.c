#include "names/map.h"

#include "base/error.h"
#include "base/handed.h"
#include "names/pool.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- which it is ---- */

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
	struct handed handed;

	return handed_parse(text, &handed) && is_ours(handed.fd, handed.inode) ? handed.fd
									       : -ENOENT;
}

int map_find_foreign(const char *text)
{
	ERROR_PROTECT;
	struct handed handed;
	struct stat file;

	return handed_parse(text, &handed) && is_map(handed.fd, handed.inode, &file) &&
			       file.st_uid != geteuid()
		       ? handed.fd
		       : -ENOENT;
}

/* ---- in an ancestor ---- */

/* Takes fd and returns the lasting descriptor. */
static int move_to(int fd, int number)
{
	const int there = fcntl(number, F_GETFD) < 0 ? fcntl(fd, F_DUPFD, number) : -1;

	if (there < 0)
		return handed_raise(fd);
	close(fd);
	return there;
}

int map_find_again(const char *text)
{
	ERROR_PROTECT;
	struct handed handed;

	if (!handed_parse(text, &handed))
		return -ENOENT;
	const int fd = handed_open_above(&handed, O_RDWR, is_ours);
	return fd < 0 ? fd : move_to(fd, handed.fd);
}

/* ---- a new one ---- */

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
	const int fd = entries > 0 ? handed_create("isosocks-names") : -EFBIG;
	int r = fd;

	if (fd < 0)
		return r;
	if (ftruncate(fd, (off_t)pool_map_size(entries)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		r = error_last();
	if (r >= 0)
		r = pool_begin(fd);
	if (r >= 0)
		return handed_raise(fd);
	close(fd);
	return r;
}
