#include "jsonlog.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct jsonlog {
	int fd;
	gboolean complained;
};

struct jsonlog *jsonlog_open(const char *path, GError **error)
{
	int fd = strcmp(path, "-") == 0
			 ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
			 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);

	if (fd < 0) {
		int saved = errno;
		g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(saved), "%s: %s", path,
			    g_strerror(saved));
		return NULL;
	}
	struct jsonlog *log = g_new0(struct jsonlog, 1);
	log->fd = fd;
	return log;
}

void jsonlog_close(struct jsonlog *log)
{
	if (!log)
		return;
	close(log->fd);
	g_free(log);
}

/* RFC 8259 §7: quotation mark, reverse solidus and U+0000 to U+001F must be escaped. */
static void append_quoted(GString *line, const char *text, gsize length)
{
	const char *end = text + length;

	g_string_append_c(line, '"');
	while (text < end) {
		gunichar c = g_utf8_get_char_validated(text, end - text);
		if (*text == '"' || *text == '\\')
			g_string_append_c(line, '\\');
		if (c == (gunichar)-1 || c == (gunichar)-2 || c < 0x20 || c == 0x7f) {
			g_string_append_printf(line, "\\u%04X", (guint8)*text++);
			continue;
		}
		gsize size = (gsize)(g_utf8_next_char(text) - text);
		g_string_append_len(line, text, (gssize)size);
		text += size;
	}
	g_string_append_c(line, '"');
}

static void append_key(GString *line, const char *key)
{
	if (line->str[line->len - 1] != '{')
		g_string_append_c(line, ',');
	append_quoted(line, key, strlen(key));
	g_string_append_c(line, ':');
}

GString *jsonlog_begin(const char *event, guint64 conn)
{
	GString *line = g_string_new("{");
	jsonlog_add_text(line, "event", event, strlen(event));
	jsonlog_add_number(line, "conn", (gint64)conn);
	return line;
}

void jsonlog_add_number(GString *line, const char *key, gint64 value)
{
	append_key(line, key);
	g_string_append_printf(line, "%" G_GINT64_FORMAT, value);
}

void jsonlog_add_null(GString *line, const char *key)
{
	append_key(line, key);
	g_string_append(line, "null");
}

void jsonlog_add_numbers(GString *line, const char *key, const guint8 *values, gsize count)
{
	append_key(line, key);
	g_string_append_c(line, '[');
	for (gsize i = 0; i < count; i++)
		g_string_append_printf(line, i > 0 ? ",%u" : "%u", values[i]);
	g_string_append_c(line, ']');
}

void jsonlog_add_text(GString *line, const char *key, const void *text, gsize length)
{
	append_key(line, key);
	append_quoted(line, text, length);
}

void jsonlog_open_object(GString *line, const char *key)
{
	append_key(line, key);
	g_string_append_c(line, '{');
}

void jsonlog_close_object(GString *line)
{
	g_string_append_c(line, '}');
}

static int write_all(int fd, const char *at, gsize length)
{
	while (length > 0) {
		ssize_t n = write(fd, at, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		at += n;
		length -= (gsize)n;
	}
	return 0;
}

void jsonlog_write(struct jsonlog *log, GString *line)
{
	if (log) {
		g_string_append(line, "}\n");
		int r = write_all(log->fd, line->str, line->len);
		if (r < 0 && !log->complained) {
			g_printerr("isosocks-proxy: the log cannot be written: %s\n",
				   g_strerror(-r));
			log->complained = TRUE;
		}
	}
	g_string_free(line, TRUE);
}
