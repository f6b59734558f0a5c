/*
 * log: one line, one write(2), only when someone asked for it. Configured once by the session;
 * lines are built on the stack and written at the hooks' edge. Hostnames appear at debug level
 * only, credentials and key values never. The file is opened for each line, so that no descriptor
 * of ours lives in a foreign process. Standard error is written to while it is what it was when the
 * log was configured. A line never blocks and raises no signal: it is dropped instead. Whatever
 * comes into it, what is not printable leaves it as `?`.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/bytes.h"

#include <stdbool.h>

enum log_level {
	LOG_NONE,
	LOG_ERROR,
	LOG_WARNING,
	LOG_INFO,
	LOG_DEBUG,
};

/* The one path that is no file's: standard error, as NULL. What it leads to can be opened again
 * only by some processes of a run. */
#define LOG_STANDARD_ERROR "/dev/stderr"

/* path: settled (file.h), or NULL for stderr; it must stay valid. */
void log_configure(enum log_level level, const char *path);

bool log_wants(enum log_level level);

/* none, error, warning, info or debug: 0 and the level, or -EINVAL. */
int log_parse_level(const char *name, size_t length, enum log_level *ret_level);

/*
 * A line in the making. log_begin puts the time, the process and the level; the caller adds text
 * with the bytes_put family; log_end writes it. A line that is too long is cut. errno is kept.
 *
 *     struct log_line line;
 *     log_begin(&line, LOG_WARNING);
 *     bytes_put_text(&line.text, "…");
 *     log_end(&line);
 */
struct log_line {
	struct bytes_writer text;
	uint8_t room[1024];
};

void log_begin(struct log_line *line, enum log_level level);
void log_end(struct log_line *line);

#endif
