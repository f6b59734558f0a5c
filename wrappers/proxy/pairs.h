/*
 * pairs: the named values of proposal 229's authentication (method 0x97), parsed as they arrive.
 * Whole pairs are consumed one after the other, so that input by single bytes costs no more than
 * input at once. They are kept in the room that they take on the wire, whatever their number. Owned
 * by one connection; one thread.
 */
#ifndef PROXY_PAIRS_H
#define PROXY_PAIRS_H

#include <gio/gio.h>

#define PAIRS_NAME_MAX 255
#define PAIRS_MAX      (8 * 1024) /* names and values together */

/* A view, good until more is parsed. */
struct pair {
	const char *name;
	const guint8 *value; /* may hold any byte */
	gsize length;
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

/* The bytes that they hold so far. */
gsize pairs_size(const struct pairs *pairs);

/* The next in the order of arrival; `at` is 0 for the first. FALSE behind the last. */
gboolean pairs_next(const struct pairs *pairs, gsize *at, struct pair *ret);

/* In the order of the bytes of their names; `index` is below the count. */
struct pair pairs_get_sorted(const struct pairs *pairs, guint index);

/* FALSE when there is no such pair. */
gboolean pairs_find(const struct pairs *pairs, const char *name, struct pair *ret);

#endif
