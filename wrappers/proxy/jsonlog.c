#include "jsonlog.h"

#include "sink.h"
#include "text.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct jsonlog {
	struct sink *sink;
	guint64 dropped; /* lines, since the last that was taken */
	gboolean complained;
};

static void tell_dropped(void *data);

struct jsonlog *jsonlog_open(const char *path, GError **error)
{
	struct sink *sink = sink_open(path, error);

	if (!sink)
		return NULL;
	struct jsonlog *log = g_new0(struct jsonlog, 1);
	log->sink = sink;
	sink_set_room(sink, tell_dropped, log);
	return log;
}

void jsonlog_close(struct jsonlog *log)
{
	if (!log)
		return;
	tell_dropped(log);
	sink_close(log->sink);
	g_free(log);
}

static void append_quoted(GString *line, const char *text, gsize length)
{
	g_string_append_c(line, '"');
	text_append_escaped(line, text, length);
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

/* Once: stderr may be just as full, and is not waited for either. */
static void complain(struct jsonlog *log, int cause)
{
	g_autofree char *text = NULL;
	int ignored;

	if (log->complained)
		return;
	log->complained = TRUE;
	text = g_strdup_printf("isosocks-proxy: the log cannot be written: %s\n",
			       g_strerror(-cause));
	struct sink *err = sink_open_fd(STDERR_FILENO, &ignored);
	if (err)
		sink_write(err, text, strlen(text));
	sink_close(err);
}

static int put(struct jsonlog *log, GString *line)
{
	g_string_append(line, "}\n");
	int r = sink_write(log->sink, line->str, line->len);
	if (r < 0 && r != -EAGAIN)
		complain(log, r);
	g_string_free(line, TRUE);
	return r;
}

static void tell_dropped(void *data)
{
	struct jsonlog *log = data;

	if (log->dropped == 0)
		return;
	GString *line = jsonlog_begin("dropped", 0);
	jsonlog_add_number(line, "lines", (gint64)log->dropped);
	if (put(log, line) == 0)
		log->dropped = 0;
}

void jsonlog_write(struct jsonlog *log, GString *line)
{
	if (!log) {
		g_string_free(line, TRUE);
		return;
	}
	tell_dropped(log);
	if (log->dropped > 0)
		g_string_free(line, TRUE);
	if (log->dropped > 0 || put(log, line) < 0)
		log->dropped++;
}
