/*
 * dial: one request carried out: a name looked up, a target connected to, directly or through the
 * upstream proxy. Owned by a connection, which may free it at any time; one thread, the main
 * loop's.
 */
#ifndef PROXY_DIAL_H
#define PROXY_DIAL_H

#include "message.h"

struct map;

struct dial_result {
	guint8 reply;
	struct address bound; /* when it succeeded */
	GSocket *socket;      /* CONNECT only; the receiver's */
	GByteArray *early;    /* what the target has said already; borrowed, may be NULL */
};

struct dial;

/* All pointers are borrowed; `upstream` NULL: directly. `done` is called once, unless freed before.
 */
struct dial *dial_new(const struct request *request, const struct map *map,
		      GSocketAddress *upstream, const struct credentials *login,
		      void (*done)(void *data, const struct dial_result *result), void *data);
void dial_free(struct dial *dial);

/* May call `done` before it returns. */
void dial_start(struct dial *dial);

/* The reply code for a failed connect or look-up. */
guint8 dial_reply(const GError *error);

/* Small writes of either side are sent at once: what arrives together and what not is the peers'
 * word. */
void dial_tune(GSocket *socket);

#endif
