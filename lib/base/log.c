#include "base/log.h"
#include "base/error.h"
#include "base/file.h"
#include "base/libc.h"
#include "base/printable.h"

#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>

static _Atomic(enum log_level) threshold = LOG_NONE;
static const char *_Atomic file;

/* What standard error was at the start: a program may close it, and get something else in its
 * place.
 */
static _Atomic uint64_t device, inode;

static const char *const names[] = { "none", "error", "warning", "info", "debug" };

void log_configure(enum log_level level, const char *path)
{
	ERROR_PROTECT;
	struct stat error;

	if (path && strcmp(path, LOG_STANDARD_ERROR) == 0)
		path = NULL;
	const bool good = level != LOG_NONE && !path && fstat(STDERR_FILENO, &error) == 0;

	atomic_store_explicit(&device, good ? error.st_dev : 0, memory_order_relaxed);
	atomic_store_explicit(&inode, good ? error.st_ino : 0, memory_order_relaxed);
	atomic_store_explicit(&file, path, memory_order_relaxed);
	atomic_store_explicit(&threshold, level, memory_order_relaxed);
}

bool log_wants(enum log_level level)
{
	return level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

int log_parse_level(const char *name, size_t length, enum log_level *ret_level)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strlen(names[i]) == length && memcmp(names[i], name, length) == 0) {
			*ret_level = (enum log_level)i;
			return 0;
		}
	}
	return -EINVAL;
}

void log_begin(struct log_line *line, enum log_level level)
{
	struct timespec now = { 0 };

	/* One byte stays free for the newline, however long the line. */
	line->text = bytes_writer(line->room, sizeof(line->room) - 1);
	clock_gettime(CLOCK_REALTIME, &now);
	bytes_put_decimal(&line->text, (uint64_t)now.tv_sec);
	bytes_put_text(&line->text, " isosocks[");
	bytes_put_decimal(&line->text, (uint64_t)getpid());
	bytes_put_text(&line->text, "] ");
	bytes_put_text(&line->text, names[level]);
	bytes_put_text(&line->text, ": ");
}

/* A descriptor that takes a line now, and whose reader is still there. */
static bool is_ready(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	return libc()->poll(&ready, 1, 0) == 1 && ready.revents == POLLOUT;
}

/*
 * A line is shorter than PIPE_BUF: a pipe that is ready takes it whole, without waiting (pipe(7)).
 * What does not go through at once is dropped: a log must neither stop nor end the program.
 */
static void put(int fd, const struct stat *status, const struct log_line *line)
{
	const size_t length = bytes_length(&line->text);

	if (S_ISSOCK(status->st_mode))
		libc()->send(fd, line->room, length, MSG_NOSIGNAL | MSG_DONTWAIT);
	else if (is_ready(fd))
		file_write(fd, line->room, length, -1);
}

static void put_to_error(const struct log_line *line)
{
	struct stat status;

	if (fstat(STDERR_FILENO, &status) == 0 &&
	    status.st_dev == atomic_load_explicit(&device, memory_order_relaxed) &&
	    status.st_ino == atomic_load_explicit(&inode, memory_order_relaxed))
		put(STDERR_FILENO, &status, line);
}

static void put_to_file(const char *path, const struct log_line *line)
{
	struct stat status;
	const int fd = file_open(path, O_WRONLY | O_APPEND | O_CREAT, true);

	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0)
		put(fd, &status, line);
	libc()->close(fd);
}

void log_end(struct log_line *line)
{
	ERROR_PROTECT;
	const char *path = atomic_load_explicit(&file, memory_order_relaxed);

	printable_mask(line->room, bytes_length(&line->text));
	*line->text.at++ = '\n';
	if (path)
		put_to_file(path, line);
	else
		put_to_error(line);
}
