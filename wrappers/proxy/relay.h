/*
 * relay: bytes between two connected sockets, both ways, until both sides have ended. A half-closed
 * stream goes on in its other direction; a reader that does not read stops its writer: what it does
 * not take stays in the kernel's buffers, so that a slow client costs no memory here. The sockets
 * are borrowed. One thread, the main loop's.
 */
#ifndef PROXY_RELAY_H
#define PROXY_RELAY_H

#include <glib.h>

struct relay;

/* `done` is told once, from the main loop or from relay_start, whether a side broke. */
struct relay *relay_new(int client, int target, void (*done)(void *data, gboolean broken),
			void *data);
void relay_free(struct relay *relay);

/* Begins with what each side has sent already; NULL or empty: nothing. */
void relay_start(struct relay *relay, GByteArray *up, GByteArray *down);

/* Moves nothing any more, and tells nobody; the sockets may be closed. */
void relay_stop(struct relay *relay);

/* Bytes delivered to the target and to the client so far. */
guint64 relay_up(const struct relay *relay);
guint64 relay_down(const struct relay *relay);

#endif
