/*
 * pairs: the named values of proposal 229's authentication (method 0x97), parsed as they arrive.
 * Whole pairs are consumed one after the other, so that input by single bytes costs no more than
 * input at once. Owned by one connection; one thread.
 */
#ifndef PROXY_PAIRS_H
#define PROXY_PAIRS_H

#include <gio/gio.h>

#define PAIRS_NAME_MAX 255
#define PAIRS_MAX      (8 * 1024) /* names and values together */

struct pair {
	char *name;
	GBytes *value; /* may hold any byte */
};

struct pairs;

struct pairs *pairs_new(void);
void pairs_free(struct pairs *pairs);

/*
 * Consumes what is whole. Returns the bytes used; -EPROTO for a violation (wrong VER, KLEN 0),
 * after which the connection is closed without an answer; -EINVAL for invalid arguments (STATUS
 * 02): a name outside [A-Za-z0-9._-] or above 255 bytes, a name twice, more than 8 KiB. Errors are
 * final.
 */
int pairs_parse(struct pairs *pairs, const guint8 *in, gsize length);

/* True once all that the head announced are there. */
gboolean pairs_is_complete(const struct pairs *pairs);

guint pairs_count(const struct pairs *pairs);
const struct pair *pairs_get(const struct pairs *pairs, guint index);

/* NULL when there is no such pair. */
const struct pair *pairs_find(const struct pairs *pairs, const char *name);

#endif
