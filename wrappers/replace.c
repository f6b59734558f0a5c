#include "replace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "/etc"
#define DRAFT  ".isosocks-new"

static gboolean fail(GError **error, const char *path, const char *what)
{
	const int number = errno;

	g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(number), "%s cannot be %s: %s",
		    path, what, g_strerror(number));
	return FALSE;
}

/* The lock is the folder's own: it leaves no file, and goes with the process. */
gboolean replace_begin(GError **error)
{
	const int fd = open(FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return fail(error, FOLDER, "locked");
	return fd >= 0 || fail(error, FOLDER, "locked");
}

static gboolean put_all(int fd, const char *at, gsize length)
{
	while (length > 0) {
		const ssize_t n = write(fd, at, length);
		if (n < 0 && errno != EINTR)
			return FALSE;
		at += n > 0 ? n : 0;
		length -= n > 0 ? (gsize)n : 0;
	}
	return TRUE;
}

static gboolean write_draft(const char *draft, const void *contents, gsize length)
{
	const int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	const gboolean good =
		fd >= 0 && put_all(fd, contents, length) && fchmod(fd, 0644) == 0 && fsync(fd) == 0;
	const int number = errno;

	if (fd >= 0)
		close(fd);
	errno = number;
	return good;
}

/* A name is on the disk when its folder is. */
static void keep_names(void)
{
	const int fd = open(FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!fsync(fd);
		close(fd);
	}
}

static gboolean remove_draft(const char *draft)
{
	return unlink(draft) == 0 || errno == ENOENT;
}

gboolean replace_file(const char *path, const void *contents, gsize length, GError **error)
{
	g_autofree char *draft = g_strconcat(path, DRAFT, NULL);

	if (!remove_draft(draft) || !write_draft(draft, contents, length) ||
	    rename(draft, path) < 0) {
		fail(error, path, "written");
		unlink(draft);
		return FALSE;
	}
	keep_names();
	return TRUE;
}

gboolean replace_remove(const char *path, GError **error)
{
	g_autofree char *draft = g_strconcat(path, DRAFT, NULL);

	if (!remove_draft(draft) || (unlink(path) < 0 && errno != ENOENT))
		return fail(error, path, "removed");
	keep_names();
	return TRUE;
}
