/*
 * log: one line, one write(2), only when someone asked for it. Configured once by the session;
 * lines are built on the stack and written at the hooks' edge. Hostnames appear at debug level
 * only, credentials and key values never. The file is opened for each line, so that no descriptor
 * of ours lives in a foreign process. Standard error is written to while it is what it was when the
 * log was configured. A line never blocks and raises no signal: it is dropped instead. Whatever
 * comes into it, what is not printable leaves it as `?`, or escaped where the line is JSON.
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

enum log_format {
	LOG_TEXT, /* "2026-11-28 08:05:12.345 curl[4711] debug: …", local time */
	LOG_JSON, /* an object (RFC 8259): {"time":"2026-11-28T08:05:12.345+01:00",…,"message":"…"}
		   */
};

/* The one path that is no file's: standard error, as NULL. What it leads to can be opened again
 * only by some processes of a run. */
#define LOG_STANDARD_ERROR "/dev/stderr"

/*
 * path: settled (file.h), or NULL for stderr; it must stay valid. The program's name and the
 * difference of local time from UTC are taken here, for all lines: what tells them (localtime(3))
 * allocates, and no line may.
 */
void log_configure(enum log_level level, enum log_format format, const char *path);

bool log_wants(enum log_level level);

/* none, error, warning, info or debug: 0 and the level, or -EINVAL. */
int log_parse_level(const char *name, size_t length, enum log_level *ret_level);

/* text or json: 0 and the format, or -EINVAL. */
int log_parse_format(const char *name, size_t length, enum log_format *ret_format);

/*
 * A line in the making. log_begin puts the time, the program, the process and the level; the caller
 * adds text with the bytes_put family; log_end writes it. A line that is too long is cut. errno is
 * kept.
 *
 *     struct log_line line;
 *     log_begin(&line, LOG_WARNING);
 *     bytes_put_text(&line.text, "…");
 *     log_end(&line);
 */
struct log_line {
	struct bytes_writer text;
	uint8_t *message; /* where the caller's text begins */
	uint8_t room[1024];
};

void log_begin(struct log_line *line, enum log_level level);
void log_end(struct log_line *line);

/* A connection, or an attempt at one. */
struct log_connection {
	const char *host; /* a name, or an address without brackets */
	size_t host_length;
	uint16_t port;
	const char *what;			/* "connected", "refused by the proxy: " */
	const char *sentence;			/* why, or "" */
	int error;				/* errno, 0: none */
	const uint8_t *method, *reply, *status; /* of the proxy; NULL: none */
};

/* `HOST:PORT: WHATSENTENCE (ERRNO), method 97, reply 05`, or all of it as members of an object. */
void log_connection(enum log_level level, const struct log_connection *connection);

#endif
