#include "base/log.h"
#include "base/error.h"
#include "base/file.h"
#include "base/libc.h"
#include "base/printable.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <time.h>

/* Behind a line that cannot take more: "}, a newline. */
#define ENDING 3

static _Atomic(enum log_level) threshold = LOG_NONE;
static _Atomic(enum log_format) format = LOG_TEXT;
static const char *_Atomic file;
static _Atomic int east_of_utc; /* seconds */
static char program[32];

/* What standard error was at the start: a program may close it, and get something else in its
 * place.
 */
static _Atomic uint64_t device, inode;

static const char *const names[] = { "none", "error", "warning", "info", "debug" };

/* ---- what is the same in all lines ---- */

/* A script's own name, and not its interpreter's. The program may write over its arguments. */
static void keep_program(void)
{
	const char *started = (const char *)getauxval(AT_EXECFN);
	const char *slash = started ? strrchr(started, '/') : NULL;
	struct bytes_writer name = bytes_writer(program, sizeof(program) - 1);

	memset(program, 0, sizeof(program));
	for (const char *at = slash ? slash + 1 : started ? started : ""; *at; at++)
		bytes_put_u8(&name, (uint8_t)*at);
	printable_mask(program, bytes_length(&name));
}

static void keep_zone(void)
{
	const time_t now = time(NULL);
	struct tm local;

	if (localtime_r(&now, &local))
		atomic_store_explicit(&east_of_utc, (int)local.tm_gmtoff, memory_order_relaxed);
}

void log_configure(enum log_level level, enum log_format wanted, const char *path)
{
	ERROR_PROTECT;
	struct stat error;

	if (level != LOG_NONE) {
		keep_program();
		keep_zone();
	}

	if (path && strcmp(path, LOG_STANDARD_ERROR) == 0)
		path = NULL;
	const bool good = level != LOG_NONE && !path && fstat(STDERR_FILENO, &error) == 0;

	atomic_store_explicit(&device, good ? error.st_dev : 0, memory_order_relaxed);
	atomic_store_explicit(&inode, good ? error.st_ino : 0, memory_order_relaxed);
	atomic_store_explicit(&file, path, memory_order_relaxed);
	atomic_store_explicit(&format, wanted, memory_order_relaxed);
	atomic_store_explicit(&threshold, level, memory_order_relaxed);
}

bool log_wants(enum log_level level)
{
	return level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

/* The place of a word in a list, or -EINVAL. */
static int find_word(const char *const *words, size_t count, const char *word, size_t length)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(words[i]) == length && memcmp(words[i], word, length) == 0)
			return (int)i;
	return -EINVAL;
}

int log_parse_level(const char *name, size_t length, enum log_level *ret_level)
{
	const int r = find_word(names, sizeof(names) / sizeof(names[0]), name, length);

	if (r >= 0)
		*ret_level = (enum log_level)r;
	return r < 0 ? r : 0;
}

int log_parse_format(const char *name, size_t length, enum log_format *ret_format)
{
	static const char *const formats[] = { "text", "json" };
	const int r = find_word(formats, sizeof(formats) / sizeof(formats[0]), name, length);

	if (r >= 0)
		*ret_format = (enum log_format)r;
	return r < 0 ? r : 0;
}

/* ---- the time ---- */

static void put_digits(struct bytes_writer *w, unsigned value, unsigned digits)
{
	for (unsigned scale = digits == 3 ? 100 : digits == 4 ? 1000 : 10; scale > 0; scale /= 10)
		bytes_put_u8(w, (uint8_t)('0' + value / scale % 10));
}

/*
 * The proleptic Gregorian calendar, in eras of 400 years that begin on the first of March, so that
 * a leap day is the last of its year. gmtime(3) takes a lock, which a forked child may find taken.
 */
static void put_date(struct bytes_writer *w, int64_t days)
{
	const int64_t since = days + 719468; /* since 0000-03-01 */
	const int64_t era = since / 146097;
	const unsigned day = (unsigned)(since - era * 146097);
	const unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	const unsigned of_year = day - (365 * year + year / 4 - year / 100);
	const unsigned month = (5 * of_year + 2) / 153; /* 0: March */
	const unsigned civil = month < 10 ? month + 3 : month - 9;

	put_digits(w, (unsigned)(era * 400) + year + (civil <= 2), 4);
	bytes_put_u8(w, '-');
	put_digits(w, civil, 2);
	bytes_put_u8(w, '-');
	put_digits(w, of_year - (153 * month + 2) / 5 + 1, 2);
}

static void put_hours(struct bytes_writer *w, unsigned seconds)
{
	put_digits(w, seconds / 3600, 2);
	bytes_put_u8(w, ':');
	put_digits(w, seconds / 60 % 60, 2);
}

/* Local time to the millisecond; before 1970 it is not. */
static void put_time(struct bytes_writer *w, char between)
{
	struct timespec now = { 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	const int64_t local = now.tv_sec + atomic_load_explicit(&east_of_utc, memory_order_relaxed);
	const unsigned of_day = (unsigned)(local % 86400);

	put_date(w, local / 86400);
	bytes_put_u8(w, (uint8_t)between);
	put_hours(w, of_day);
	bytes_put_u8(w, ':');
	put_digits(w, of_day % 60, 2);
	bytes_put_u8(w, '.');
	put_digits(w, (unsigned)(now.tv_nsec / 1000000), 3);
}

static void put_zone(struct bytes_writer *w)
{
	const int east = atomic_load_explicit(&east_of_utc, memory_order_relaxed);

	bytes_put_u8(w, east < 0 ? '-' : '+');
	put_hours(w, (unsigned)(east < 0 ? -east : east));
}

/* ---- JSON ---- */

static bool is_json(void)
{
	return atomic_load_explicit(&format, memory_order_relaxed) == LOG_JSON;
}

/* One character, or one byte that is no printable one, as a string has it; returns its length. */
static size_t put_string_unit(struct bytes_writer *w, const uint8_t *at, size_t left)
{
	const size_t good = printable_length(at, left);

	if (good == 0) {
		bytes_put_text(w, "\\u00");
		bytes_put_hex(w, at, 1);
		return 1;
	}
	if (*at == '"' || *at == '\\')
		bytes_put_u8(w, '\\');
	bytes_put(w, at, good);
	return good;
}

static void put_member(struct bytes_writer *w, const char *name, const char *text, size_t length)
{
	bytes_put_text(w, ",\"");
	bytes_put_text(w, name);
	bytes_put_text(w, "\":\"");
	for (size_t i = 0; i < length;)
		i += put_string_unit(w, (const uint8_t *)text + i, length - i);
	bytes_put_u8(w, '"');
}

static void put_number(struct bytes_writer *w, const char *name, uint64_t number)
{
	bytes_put_text(w, ",\"");
	bytes_put_text(w, name);
	bytes_put_text(w, "\":");
	bytes_put_decimal(w, number);
}

/* How much of the text there is room for, once it is a string. */
static size_t string_fits(const uint8_t *from, size_t length, size_t room)
{
	uint8_t unit[8];
	size_t at = 0;

	while (at < length) {
		struct bytes_writer w = bytes_writer(unit, sizeof(unit));
		const size_t next = put_string_unit(&w, from + at, length - at);
		if (bytes_length(&w) > room)
			break;
		room -= bytes_length(&w);
		at += next;
	}
	return at;
}

/*
 * Makes a string of the message, in its place: first it moves to the end of the room, from where
 * the string, which is nowhere shorter than its text, does not overtake it.
 */
static void escape_message(struct log_line *line)
{
	const size_t length = (size_t)(line->text.at - line->message);
	uint8_t *from = line->text.end - length;
	uint8_t unit[4];

	const size_t fits =
		string_fits(line->message, length, (size_t)(line->text.end - line->message));
	from += length - fits;
	memmove(from, line->message, fits);
	line->text.at = line->message;
	for (size_t left = fits; left > 0;) {
		const size_t whole = left < sizeof(unit) ? left : sizeof(unit);
		memcpy(unit, from, whole);
		const size_t taken = put_string_unit(&line->text, unit, whole);
		from += taken;
		left -= taken;
	}
}

/* ---- lines ---- */

static void begin_object(struct log_line *line, enum log_level level)
{
	struct bytes_writer *w = &line->text;

	bytes_put_text(w, "{\"time\":\"");
	put_time(w, 'T');
	put_zone(w);
	bytes_put_u8(w, '"');
	put_member(w, "program", program, strlen(program));
	put_number(w, "pid", (uint64_t)getpid());
	put_member(w, "level", names[level], strlen(names[level]));
}

static void begin_text(struct log_line *line, enum log_level level)
{
	struct bytes_writer *w = &line->text;

	put_time(w, ' ');
	bytes_put_u8(w, ' ');
	bytes_put_text(w, program);
	bytes_put_u8(w, '[');
	bytes_put_decimal(w, (uint64_t)getpid());
	bytes_put_text(w, "] ");
	bytes_put_text(w, names[level]);
	bytes_put_text(w, ": ");
}

/* However long the line, there is room for its ending. */
static void begin(struct log_line *line, enum log_level level)
{
	line->text = bytes_writer(line->room, sizeof(line->room) - ENDING);
	if (is_json())
		begin_object(line, level);
	else
		begin_text(line, level);
}

static void begin_message(struct log_line *line)
{
	if (is_json())
		bytes_put_text(&line->text, ",\"message\":\"");
	line->message = line->text.at;
}

void log_begin(struct log_line *line, enum log_level level)
{
	begin(line, level);
	begin_message(line);
}

/* ---- connections ---- */

static const char *error_name(int error)
{
	const char *name = strerrorname_np(error);
	return name ? name : "an unknown error";
}

static void put_members(struct bytes_writer *w, const struct log_connection *connection)
{
	put_member(w, "host", connection->host, connection->host_length);
	put_number(w, "port", connection->port);
	if (connection->error) {
		const char *name = error_name(connection->error);
		put_member(w, "errno", name, strlen(name));
	}
	if (connection->method)
		put_number(w, "method", *connection->method);
	if (connection->reply)
		put_number(w, "reply", *connection->reply);
	if (connection->status)
		put_number(w, "status", *connection->status);
}

static void put_code(struct bytes_writer *w, const char *name, const uint8_t *code)
{
	if (!code)
		return;
	bytes_put_text(w, name);
	bytes_put_hex(w, code, 1);
}

static void put_target(struct bytes_writer *w, const struct log_connection *connection)
{
	const bool is_ipv6 = memchr(connection->host, ':', connection->host_length) != NULL;

	bytes_put_text(w, is_ipv6 ? "[" : "");
	bytes_put(w, connection->host, connection->host_length);
	bytes_put_text(w, is_ipv6 ? "]:" : ":");
	bytes_put_decimal(w, connection->port);
	bytes_put_text(w, ": ");
}

void log_connection(enum log_level level, const struct log_connection *connection)
{
	struct log_line line;
	struct bytes_writer *w = &line.text;

	begin(&line, level);
	if (is_json())
		put_members(w, connection);
	begin_message(&line);
	put_target(w, connection);
	bytes_put_text(w, connection->what);
	bytes_put_text(w, connection->sentence);
	if (connection->error) {
		bytes_put_text(w, " (");
		bytes_put_text(w, error_name(connection->error));
		bytes_put_u8(w, ')');
	}
	put_code(w, ", method ", connection->method);
	put_code(w, ", reply ", connection->reply);
	put_code(w, ", status ", connection->status);
	log_end(&line);
}

/* ---- writing ---- */

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
static void write_line(int fd, const struct stat *status, const struct log_line *line)
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
		write_line(STDERR_FILENO, &status, line);
}

static void put_to_file(const char *path, const struct log_line *line)
{
	struct stat status;
	const int fd = file_open(path, O_WRONLY | O_APPEND | O_CREAT, true);

	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0)
		write_line(fd, &status, line);
	libc()->close(fd);
}

void log_end(struct log_line *line)
{
	ERROR_PROTECT;
	const char *path = atomic_load_explicit(&file, memory_order_relaxed);

	if (is_json())
		escape_message(line);
	else
		printable_mask(line->room, bytes_length(&line->text));
	for (const char *ending = is_json() ? "\"}\n" : "\n"; *ending; ending++)
		*line->text.at++ = (uint8_t)*ending;
	if (path)
		put_to_file(path, line);
	else
		put_to_error(line);
}
