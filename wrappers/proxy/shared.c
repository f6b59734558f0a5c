#include "shared.h"

#include "deadline.h"
#include "settings.h"

/* How long a client may still send after our last byte; RFC 1928 §6 allows 10 s. */
#define FAREWELL_MS 5000

void shared_init(struct shared *shared, const struct settings *settings)
{
	*shared = (struct shared){
		.settings = settings,
		.handshakes = deadlines_new((gint64)settings->handshake_seconds * 1000),
		.farewells = deadlines_new(FAREWELL_MS),
		.hops = deadlines_new((gint64)settings->hop_seconds * 1000),
	};
}

void shared_done(struct shared *shared)
{
	deadlines_free(shared->handshakes);
	deadlines_free(shared->farewells);
	deadlines_free(shared->hops);
}

gboolean shared_make_room(struct shared *shared)
{
	gboolean made;

	shared->crowded = TRUE;
	made = deadlines_hurry(shared->farewells) || deadlines_hurry(shared->handshakes);
	shared->crowded = FALSE;
	return made;
}
