/*
 * jsonlog: the log, one JSON object a line. A reader never sees half of one but where the file is
 * full, and is never waited for: lines that do not fit are counted, and the count is the next line
 * that does. A line is built as a GString and given away to jsonlog_write. One thread.
 */
#ifndef PROXY_JSONLOG_H
#define PROXY_JSONLOG_H

#include <gio/gio.h>

struct jsonlog;

/* Appends to the file, made for its owner alone as it holds what clients sent; "-" is stdout. */
struct jsonlog *jsonlog_open(const char *path, GError **error);
void jsonlog_close(struct jsonlog *log);

/* {"event":"…","conn":N */
GString *jsonlog_begin(const char *event, guint64 conn);

void jsonlog_add_number(GString *line, const char *key, gint64 value);
void jsonlog_add_null(GString *line, const char *key);
void jsonlog_add_numbers(GString *line, const char *key, const guint8 *values, gsize count);

/* Any bytes, as printable JSON: text.h. */
void jsonlog_add_text(GString *line, const char *key, const void *text, gsize length);

/* An object inside the line. */
void jsonlog_open_object(GString *line, const char *key);
void jsonlog_close_object(GString *line);

/* Ends the line, writes it if there is a log (NULL: no), frees it. */
void jsonlog_write(struct jsonlog *log, GString *line);

#endif
