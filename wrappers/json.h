/*
 * json: text of the JSON that commands print for programs (RFC 8259), appended to a GString. The
 * caller opens and closes objects and arrays by writing the brackets; commas come by themselves.
 * One thread.
 */
#ifndef WRAPPERS_JSON_H
#define WRAPPERS_JSON_H

#include <glib.h>

/* A comma, unless what is written is the first in its object or array. */
void json_next(GString *json);

/* A string; what is no UTF-8 in it becomes \u00XX, byte for byte. */
void json_put_text(GString *json, const char *text, size_t length);

/* Members of an object; NULL is null. */
void json_add_key(GString *json, const char *key);
void json_add_text(GString *json, const char *key, const char *text);
void json_add_number(GString *json, const char *key, gint64 number);
void json_add_bool(GString *json, const char *key, gboolean value);

#endif
