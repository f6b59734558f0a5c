#include "replace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER "/etc"
#define DRAFT  ".isosocks-new."

static gboolean fail(GError **error, const char *path, const char *what)
{
	const int number = errno;

	g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(number), "%s cannot be %s: %s",
		    path, what, g_strerror(number));
	return FALSE;
}

static char *draft_of(const char *path)
{
	return g_strdup_printf("%s%s%d", path, DRAFT, (int)getpid());
}

/* Of one that is no number nobody knows; its own is from a process of the same number. */
static gboolean is_left_over(const char *name)
{
	const char *draft = strstr(name, DRAFT);
	guint64 process;

	if (!draft ||
	    !g_ascii_string_to_unsigned(draft + strlen(DRAFT), 10, 1, G_MAXINT, &process, NULL))
		return FALSE;
	return (pid_t)process == getpid() || (kill((pid_t)process, 0) < 0 && errno == ESRCH);
}

void replace_begin(void)
{
	DIR *folder = opendir(FOLDER);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder)))
		if (is_left_over(entry->d_name))
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
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

gboolean replace_file(const char *path, const void *contents, gsize length, GError **error)
{
	g_autofree char *draft = draft_of(path);

	if (!write_draft(draft, contents, length) || rename(draft, path) < 0) {
		fail(error, path, "written");
		unlink(draft);
		return FALSE;
	}
	keep_names();
	return TRUE;
}

gboolean replace_remove(const char *path, GError **error)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return fail(error, path, "removed");
	keep_names();
	return TRUE;
}
