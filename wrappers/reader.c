#include "reader.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#define DEVICE_NULL makedev(1, 3) /* Linux, admin-guide/devices.rst */

struct reading {
	const char *path;
	int fd;
	gboolean is_pipe;
	gsize size_max;
	gint64 end;
	GByteArray *text;
};

static gboolean fail(const char *path, int number, const char *problem, GError **error)
{
	g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(number), "%s: %s", path, problem);
	return FALSE;
}

static gboolean fail_errno(const char *path, int number, GError **error)
{
	g_autofree char *problem = g_strdup_printf("cannot be read: %s", g_strerror(number));

	return fail(path, number, problem, error);
}

static gboolean fail_size(const char *path, gsize size_max, GError **error)
{
	g_autofree char *problem =
		g_strdup_printf("is larger than the %zu KiB accepted", size_max / 1024);

	return fail(path, EFBIG, problem, error);
}

/* ---- what it is ---- */

/* A pipe(2) that this process was given, not one that anybody may have put somewhere. */
static gboolean has_no_name(const char *path, int fd)
{
	struct statfs system;

	return (fd < 0 ? statfs(path, &system) : fstatfs(fd, &system)) == 0 &&
	       system.f_type == PIPEFS_MAGIC;
}

static gboolean check_kind(const char *path, int fd, const struct stat *file, GError **error)
{
	if (S_ISREG(file->st_mode) || (S_ISFIFO(file->st_mode) && has_no_name(path, fd)) ||
	    (S_ISCHR(file->st_mode) && file->st_rdev == DEVICE_NULL))
		return TRUE;
	if (S_ISDIR(file->st_mode))
		return fail_errno(path, EISDIR, error);
	return fail(path, EINVAL,
		    S_ISFIFO(file->st_mode) ? "is a FIFO: give a regular file"
					    : "is a device or a socket: give a regular file",
		    error);
}

/* To open a device may do something, so it is looked at before. */
static int open_file(const char *path, struct stat *ret_file, GError **error)
{
	int fd = -1;

	if (stat(path, ret_file) == 0) {
		if (!check_kind(path, -1, ret_file, error))
			return -1;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	}
	if (fd < 0 || fstat(fd, ret_file) < 0)
		fail_errno(path, errno, error);
	else if (check_kind(path, fd, ret_file, error))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* ---- what is in it ---- */

/* Waits for a pipe; a regular file never has to be waited for, but those that the kernel makes. */
static gboolean wait_for(const struct reading *reading, GError **error)
{
	struct pollfd ready = { .fd = reading->fd, .events = POLLIN };
	const gint64 left = (reading->end - g_get_monotonic_time()) / 1000;

	if (reading->is_pipe && left > 0 && poll(&ready, 1, (int)left) != 0)
		return TRUE;
	return fail(reading->path, ETIMEDOUT,
		    "cannot be read: what is in it would have to be "
		    "waited for",
		    error);
}

static gboolean read_all(struct reading *reading, GError **error)
{
	guint8 piece[4096];

	for (;;) {
		const ssize_t n = read(reading->fd, piece, sizeof(piece));
		if (n == 0)
			return TRUE;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			return fail_errno(reading->path, errno, error);
		if (n < 0 && !wait_for(reading, error))
			return FALSE;
		if (n > 0 && reading->text->len + (gsize)n > reading->size_max)
			return fail_size(reading->path, reading->size_max, error);
		if (n > 0)
			g_byte_array_append(reading->text, piece, (guint)n);
	}
}

char *reader_read(const char *path, gsize size_max, gsize *ret_length, GError **error)
{
	g_autoptr(GByteArray) text = g_byte_array_new();
	struct stat file;
	struct reading reading = {
		.path = path,
		.fd = open_file(path, &file, error),
		.size_max = size_max,
		.end = g_get_monotonic_time() + READER_PATIENCE * G_USEC_PER_SEC,
		.text = text,
	};
	gboolean good;

	if (reading.fd < 0)
		return NULL;
	reading.is_pipe = S_ISFIFO(file.st_mode);
	good = S_ISREG(file.st_mode) && (guint64)file.st_size > size_max
		       ? fail_size(path, size_max, error)
		       : read_all(&reading, error);
	close(reading.fd);
	if (!good)
		return NULL;
	*ret_length = text->len;
	g_byte_array_append(text, (const guint8 *)"", 1);
	return (char *)g_byte_array_free(g_steal_pointer(&text), FALSE);
}
