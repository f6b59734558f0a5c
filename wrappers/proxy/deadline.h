/*
 * deadline: what must happen within a span of time. A queue has one span for all that are in it, so
 * the one that began first is due first, and one timer does for any number of them. A deadline is
 * embedded in its owner; one thread, the default main context's.
 */
#ifndef PROXY_DEADLINE_H
#define PROXY_DEADLINE_H

#include <glib.h>

struct deadlines;

struct deadline {
	GList link; /* its data is the deadline, NULL outside of a queue */
	gint64 at;
	struct deadlines *queue;
	void (*due)(void *owner);
	void *owner;
};

/* A span of 0: none of its deadlines ever comes by itself. */
struct deadlines *deadlines_new(gint64 milliseconds);
void deadlines_free(struct deadlines *queue);

/* Begins the span anew when it is running already. */
void deadline_start(struct deadline *deadline, struct deadlines *queue, void (*due)(void *owner),
		    void *owner);
void deadline_stop(struct deadline *deadline);
gboolean deadline_is_running(const struct deadline *deadline);

/* The one that began first is due now. FALSE when there is none. */
gboolean deadlines_hurry(struct deadlines *queue);

#endif
