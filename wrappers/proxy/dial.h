/*
 * dial: one request carried out: a name looked up, a target connected to, directly or through the
 * upstream proxy. Owned by a connection, which may free it at any time; one thread, the main
 * loop's.
 */
#ifndef PROXY_DIAL_H
#define PROXY_DIAL_H

#include "message.h"

struct shared;

struct dial_result {
	guint8 reply;
	struct address bound; /* when it succeeded */
	int socket;	      /* CONNECT only; the receiver's; -1: none */
	GByteArray *early;    /* what the target has said already; borrowed, may be NULL */
	const char *via;      /* the proxies in between; borrowed, NULL: none */
	const char *why;      /* which of them failed and how; borrowed, NULL: none did */
};

struct dial;

/* All pointers are borrowed. `done` is called once, unless freed before. */
struct dial *dial_new(const struct request *request, struct shared *shared,
		      const struct credentials *login,
		      void (*done)(void *data, const struct dial_result *result), void *data);
void dial_free(struct dial *dial);

/* May call `done` before it returns. */
void dial_start(struct dial *dial);

/* The reply code for a connect that failed with this errno. */
guint8 dial_reply(int error);

#endif
