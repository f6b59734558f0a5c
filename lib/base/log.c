#include "base/log.h"
#include "base/error.h"
#include "base/libc.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic(enum log_level) threshold = LOG_NONE;
static const char *_Atomic file;

static const char *const names[] = { "none", "error", "warning", "info", "debug" };

void log_configure(enum log_level level, const char *path)
{
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

void log_end(struct log_line *line)
{
	ERROR_PROTECT;
	const char *path = atomic_load_explicit(&file, memory_order_relaxed);
	int fd = STDERR_FILENO;

	*line->text.at++ = '\n';
	if (path) {
		fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
			  0600);
		if (fd < 0)
			return;
	}
	/* What does not go through at once is dropped: a log must not stop the program. */
	ssize_t written = libc()->write(fd, line->room, bytes_length(&line->text));
	(void)written;
	if (path)
		libc()->close(fd);
}
