/*
 * shared: what all connections of a server have in common: its settings, the queues of their
 * deadlines, and how much of what there is they use. Owned by the server; one thread, the main
 * loop's.
 */
#ifndef PROXY_SHARED_H
#define PROXY_SHARED_H

#include <glib.h>

struct deadlines;
struct settings;

/* What all handshakes together may hold of what clients have sent. */
#define SHARED_HELD_MAX (32 * 1024 * 1024)

struct shared {
	const struct settings *settings;
	struct deadlines *handshakes; /* clients that have not said yet what they want */
	struct deadlines *farewells;  /* clients that were told the last thing */
	struct deadlines *hops;	      /* proxies and targets that are waited for */
	guint clients;
	gsize held;
	gboolean crowded; /* while one is made to go for others */
};

void shared_init(struct shared *shared, const struct settings *settings);
void shared_done(struct shared *shared);

/*
 * Clients, descriptors or memory have run out: one that was told the last thing already has to go,
 * or else the client that has been at its handshake for the longest time. FALSE when there is
 * neither.
 */
gboolean shared_make_room(struct shared *shared);

#endif
