#include "policy/sealed.h"

#include "base/error.h"
#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK  '@' /* not of base64url */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

bool sealed_is_wanted(const struct policy *policy)
{
	const struct blob_proxy *proxy;

	for (uint32_t i = 0; (proxy = policy_proxy(policy, i)); i++)
		if (proxy->has_credentials)
			return true;
	return false;
}

bool sealed_is_text(const char *value)
{
	return value[0] == MARK;
}

static int fill(int fd, const void *blob, size_t size)
{
	const ssize_t written = file_write(fd, blob, size, 0);

	if (written < 0)
		return (int)written;
	if ((size_t)written != size)
		return -ENOSPC;
	return error_or(fcntl(fd, F_ADD_SEALS, SEALS));
}

int sealed_create(const void *blob, size_t size)
{
	ERROR_PROTECT;
	const int fd = handed_create("isosocks-policy");
	const int r = fd < 0 ? fd : fill(fd, blob, size);

	if (r >= 0)
		return handed_raise(fd);
	if (fd >= 0)
		close(fd);
	return r;
}

int sealed_describe(int fd, char ret_text[SEALED_TEXT_SIZE])
{
	ret_text[0] = MARK;
	return handed_describe(fd, ret_text + 1);
}

static bool is_sealed(int fd, uint64_t inode)
{
	struct stat file;

	if (fstat(fd, &file) < 0 || file.st_ino != inode || !S_ISREG(file.st_mode) ||
	    file.st_size > BLOB_MAX || (file.st_uid != 0 && file.st_uid != geteuid()))
		return false;
	const int seals = fcntl(fd, F_GET_SEALS);
	return seals >= 0 && (seals & SEALS) == SEALS;
}

static bool parse(const char *text, struct handed *ret)
{
	return sealed_is_text(text) && handed_parse(text + 1, ret);
}

int sealed_find(const char *text)
{
	ERROR_PROTECT;
	struct handed handed;

	return parse(text, &handed) && is_sealed(handed.fd, handed.inode) ? handed.fd : -ENOENT;
}

static ssize_t read_above(const char *text, void *blob)
{
	struct handed handed;
	const int fd =
		parse(text, &handed) ? handed_open_above(&handed, O_RDONLY, is_sealed) : -ENOENT;

	if (fd < 0)
		return fd;
	const ssize_t length = error_or(pread(fd, blob, BLOB_MAX, 0));
	close(fd);
	return length;
}

ssize_t sealed_read(const char *text, void *blob)
{
	ERROR_PROTECT;
	const int fd = sealed_find(text);

	return fd < 0 ? read_above(text, blob) : error_or(pread(fd, blob, BLOB_MAX, 0));
}
