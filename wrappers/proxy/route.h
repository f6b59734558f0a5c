/*
 * route: the hops to a target: a chain of stages, each with the proxies that may stand there, of
 * which one is picked for each connection. One that fails is left out for a while, and then tried
 * again. Filled once at the start; owned by the settings; one thread.
 */
#ifndef PROXY_ROUTE_H
#define PROXY_ROUTE_H

#include "hop.h"

#define ROUTE_HOPS_MAX	 64 /* of all stages together */
#define ROUTE_STAGES_MAX 16

enum route_pick {
	PICK_FIRST, /* the first that is not dead */
	PICK_RANDOM,
	PICK_ROTATE, /* each in turn */
};

struct route;

struct route *route_new(void);
void route_free(struct route *route);

/* A stage behind those that are there: HOP, or HOP,HOP... of which one is picked. */
gboolean route_add(struct route *route, const char *text, GError **error);

/* `by_key`: whoever has the same key goes the same way. */
void route_set_pick(struct route *route, enum route_pick pick, gboolean by_key);

guint route_stages(const struct route *route);

/* One connection's way: the hops in order, and which of all have failed it already. */
struct way {
	struct hop *hops[ROUTE_STAGES_MAX];
	guint count;
	guint64 start; /* what was drawn for it */
	guint64 failed;
};

/* `key`, NULL: none, and then each connection is by itself. */
void way_init(struct way *way, struct route *route, const struct credentials *key);

/* Picks a hop of each stage. FALSE when all of a stage have failed this way. */
gboolean way_pick(struct way *way, struct route *route);

/* This hop of the way has failed, for this connection, and if `dead` for a while for all. */
void way_fail(struct way *way, struct route *route, guint at, gboolean dead);

#endif
