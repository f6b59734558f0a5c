#include "route.h"

#include <string.h>

#define DEAD_US	 (30 * G_USEC_PER_SEC)
#define KEYS_MAX 4096 /* whose turn is remembered */

struct stage {
	guint first; /* of the route's hops */
	guint count;
};

struct route {
	struct hop *hops[ROUTE_HOPS_MAX];
	guint hop_count;
	struct stage stages[ROUTE_STAGES_MAX];
	guint stage_count;
	enum route_pick pick;
	gboolean by_key;
	guint64 turn;
	guint64 salt;
	GHashTable *turns; /* key to its turn, both guint64 */
};

struct route *route_new(void)
{
	struct route *route = g_new0(struct route, 1);

	route->salt = (guint64)g_random_int() << 32 | g_random_int();
	route->turns = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);
	return route;
}

void route_free(struct route *route)
{
	if (!route)
		return;
	for (guint i = 0; i < route->hop_count; i++)
		hop_free(route->hops[i]);
	g_hash_table_unref(route->turns);
	g_free(route);
}

static gboolean fail(GError **error, const char *right)
{
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--upstream: %s", right);
	return FALSE;
}

static gboolean fail_hop(GError **error, const struct hop *hop, const char *right)
{
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--upstream %s: %s", hop->text,
		    right);
	return FALSE;
}

static gboolean add_hop(struct route *route, const char *text, GError **error)
{
	struct hop *hop;

	if (route->hop_count == ROUTE_HOPS_MAX)
		return fail(error, "there are more than 64 proxies");
	hop = hop_parse("--upstream", text, error);
	if (!hop)
		return FALSE;
	route->hops[route->hop_count++] = hop;
	if (!hop->address && route->stage_count == 0)
		return fail_hop(error, hop,
				"the first proxy should be an address literal, as "
				"127.0.0.1:9050; only a proxy can be asked for a name");
	if (hop->place.type == 0 && route->stage_count > 0)
		return fail_hop(error, hop, "should be the first proxy; no other one reaches it");
	return TRUE;
}

gboolean route_add(struct route *route, const char *text, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, ",", -1);
	struct stage *stage = &route->stages[route->stage_count];

	if (route->stage_count == ROUTE_STAGES_MAX)
		return fail(error, "a chain has at most 16 stages");
	stage->first = route->hop_count;
	stage->count = g_strv_length(parts);
	for (char **part = parts; *part; part++)
		if (!add_hop(route, *part, error))
			return FALSE;
	if (stage->count == 0)
		return fail(error, "should be ADDR:PORT");
	route->stage_count++;
	return TRUE;
}

void route_set_pick(struct route *route, enum route_pick pick, gboolean by_key)
{
	route->pick = pick;
	route->by_key = by_key;
}

guint route_stages(const struct route *route)
{
	return route->stage_count;
}

/* ---- one connection's way ---- */

/* Keyed by chance, so that nobody can choose a key by where it leads. */
static guint64 digest(const struct route *route, const struct credentials *key)
{
	g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
	guint8 bytes[32];
	gsize length = sizeof(bytes);
	guint64 first;

	g_checksum_update(sum, (const guchar *)&route->salt, sizeof(route->salt));
	g_checksum_update(sum, &key->user_length, 1);
	g_checksum_update(sum, key->user, key->user_length);
	g_checksum_update(sum, key->password, key->password_length);
	g_checksum_get_digest(sum, bytes, &length);
	memcpy(&first, bytes, sizeof(first));
	return first;
}

/* The turn that a key got when it came for the first time; with too many all begin anew. */
static guint64 turn_of(struct route *route, guint64 key)
{
	const guint64 *known = g_hash_table_lookup(route->turns, &key);

	if (known)
		return *known;
	if (g_hash_table_size(route->turns) == KEYS_MAX)
		g_hash_table_remove_all(route->turns);
	guint64 turn = route->turn++;
	g_hash_table_insert(route->turns, g_memdup2(&key, sizeof(key)),
			    g_memdup2(&turn, sizeof(turn)));
	return turn;
}

static guint64 draw(struct route *route, const struct credentials *key)
{
	guint64 own = key && route->by_key ? digest(route, key) : 0;

	switch (route->pick) {
	case PICK_RANDOM:
		return own ? own : (guint64)g_random_int() << 32 | g_random_int();
	case PICK_ROTATE:
		return own ? turn_of(route, own) : route->turn++;
	default:
		return 0;
	}
}

void way_init(struct way *way, struct route *route, const struct credentials *key)
{
	*way = (struct way){ .start = draw(route, key) };
}

static gboolean is_on(const struct way *way, const struct hop *hop)
{
	for (guint i = 0; i < way->count; i++)
		if (strcmp(way->hops[i]->text, hop->text) == 0)
			return TRUE;
	return FALSE;
}

/* By chance each stage is drawn by itself: two with the same proxies are not in step. */
static guint64 start_of(const struct way *way, const struct route *route, guint stage)
{
	guint64 mixed = way->start;

	if (route->pick != PICK_RANDOM)
		return mixed;
	for (guint i = 0; i <= stage; i++)
		mixed = (mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9u + 0x9e3779b97f4a7c15u;
	return mixed >> 16;
}

/* The living before the dead: if all are dead they are tried all the same. */
static struct hop *pick(const struct way *way, const struct route *route, guint stage)
{
	const struct stage *from = &route->stages[stage];
	const guint64 start = start_of(way, route, stage);
	const gint64 now = g_get_monotonic_time();
	struct hop *dead = NULL;

	for (guint i = 0; i < from->count; i++) {
		guint index = from->first + (guint)((start + i) % from->count);
		struct hop *hop = route->hops[index];
		if (way->failed & (1ull << index) || is_on(way, hop))
			continue;
		if (hop->dead_until <= now)
			return hop;
		dead = dead ? dead : hop;
	}
	return dead;
}

gboolean way_pick(struct way *way, struct route *route)
{
	way->count = 0;
	while (way->count < route->stage_count) {
		struct hop *hop = pick(way, route, way->count);
		if (!hop)
			return FALSE;
		way->hops[way->count++] = hop;
	}
	return TRUE;
}

void way_fail(struct way *way, struct route *route, guint at, gboolean dead)
{
	struct hop *hop = way->hops[at];

	if (dead)
		hop->dead_until = g_get_monotonic_time() + DEAD_US;
	for (guint i = 0; i < route->hop_count; i++)
		if (route->hops[i] == hop)
			way->failed |= 1ull << i;
}
