#include "proxy/route.h"

#include <criterion/criterion.h>
#include <string.h>

static struct route *route_of(const char *const *stages)
{
	struct route *route = route_new();
	GError *error = NULL;

	for (; *stages; stages++)
		cr_assert(route_add(route, *stages, &error), "%s", error ? error->message : "");
	return route;
}

#define ROUTE(...) route_of((const char *const[]){ __VA_ARGS__, NULL })

/* The ports of the way's hops, which tell them apart. */
static void assert_way(const struct way *way, const char *ports)
{
	g_autoptr(GString) text = g_string_new(NULL);

	for (guint i = 0; i < way->count; i++)
		g_string_append_printf(text, i ? " %u" : "%u", way->hops[i]->place.port);
	cr_assert_str_eq(text->str, ports);
}

static void assert_next(struct route *route, const struct credentials *key, const char *ports)
{
	struct way way;

	way_init(&way, route, key);
	cr_assert(way_pick(&way, route));
	assert_way(&way, ports);
}

Test(proxy_route, goes_by_all_stages_in_their_order)
{
	struct route *route = ROUTE("127.0.0.1:1", "http://b.test:2", "socks4a://u@c.test:3");

	assert_next(route, NULL, "1 2 3");
	assert_next(route, NULL, "1 2 3");
	route_free(route);
}

Test(proxy_route, takes_the_first_that_is_not_dead)
{
	struct route *route = ROUTE("127.0.0.1:1,127.0.0.1:2,127.0.0.1:3", "d.test:4");
	struct way way;

	way_init(&way, route, NULL);
	cr_assert(way_pick(&way, route));
	assert_way(&way, "1 4");
	way_fail(&way, route, 0, TRUE);
	cr_assert(way_pick(&way, route));
	assert_way(&way, "2 4");
	assert_next(route, NULL, "2 4");
	way_fail(&way, route, 1, TRUE); /* a stage of its own is all there is */
	cr_assert_not(way_pick(&way, route));
	assert_next(route, NULL, "2 4"); /* it is tried by the next one all the same */
	route_free(route);
}

Test(proxy_route, leaves_one_out_for_one_connection_alone)
{
	struct route *route = ROUTE("127.0.0.1:1,127.0.0.1:2");
	struct way way;

	way_init(&way, route, NULL);
	cr_assert(way_pick(&way, route));
	way_fail(&way, route, 0, FALSE);
	cr_assert(way_pick(&way, route));
	assert_way(&way, "2");
	assert_next(route, NULL, "1");
	route_free(route);
}

Test(proxy_route, tries_the_dead_when_nobody_lives)
{
	struct route *route = ROUTE("127.0.0.1:1,127.0.0.1:2");
	struct way way;

	way_init(&way, route, NULL);
	for (int i = 0; i < 2; i++) {
		cr_assert(way_pick(&way, route));
		way_fail(&way, route, 0, TRUE);
	}
	cr_assert_not(way_pick(&way, route));
	assert_next(route, NULL, "1");
	route_free(route);
}

Test(proxy_route, takes_each_in_turn)
{
	struct route *route = ROUTE("127.0.0.1:1,127.0.0.1:2,127.0.0.1:3");

	route_set_pick(route, PICK_ROTATE, FALSE);
	assert_next(route, NULL, "1");
	assert_next(route, NULL, "2");
	assert_next(route, NULL, "3");
	assert_next(route, NULL, "1");
	route_free(route);
}

Test(proxy_route, goes_the_same_way_for_the_same_key)
{
	struct route *route = ROUTE("127.0.0.1:1,127.0.0.1:2");
	const struct credentials alice = { .user_length = 1, .user = "a" };
	const struct credentials bob = { .user_length = 1, .user = "b" };
	const struct credentials other = { .password_length = 1, .password = "a" };

	route_set_pick(route, PICK_ROTATE, TRUE);
	assert_next(route, &alice, "1");
	assert_next(route, &bob, "2");
	assert_next(route, &alice, "1");
	assert_next(route, &other, "1");
	assert_next(route, &bob, "2");
	assert_next(route, NULL, "2"); /* nobody's: a connection by itself */
	route_free(route);
}

Test(proxy_route, never_passes_the_same_proxy_twice)
{
	const char *const all = "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3";
	struct route *route = ROUTE(all, all, all);
	guint firsts[4] = { 0 };

	route_set_pick(route, PICK_RANDOM, FALSE);
	for (int i = 0; i < 300; i++) {
		struct way way;
		way_init(&way, route, NULL);
		cr_assert(way_pick(&way, route));
		cr_assert_eq(way.count, 3);
		cr_assert_eq(way.hops[0]->place.port + way.hops[1]->place.port +
				     way.hops[2]->place.port,
			     6);
		firsts[way.hops[0]->place.port]++;
	}
	for (int port = 1; port <= 3; port++)
		cr_assert_gt(firsts[port], 50, "port %d: %u of 300", port, firsts[port]);
	route_free(route);
}

Test(proxy_route, draws_by_chance_but_the_same_for_a_key)
{
	struct route *route = ROUTE("127.0.0.1:1,127.0.0.1:2,127.0.0.1:3,127.0.0.1:4");
	guint seen[5] = { 0 };

	route_set_pick(route, PICK_RANDOM, TRUE);
	for (guint i = 0; i < 200; i++) {
		struct credentials key = { .user_length = 1, .user = { (guint8)i } };
		struct way way, again;
		way_init(&way, route, &key);
		cr_assert(way_pick(&way, route));
		way_init(&again, route, &key);
		cr_assert(way_pick(&again, route));
		cr_assert_eq(way.hops[0], again.hops[0]);
		seen[way.hops[0]->place.port]++;
	}
	for (int port = 1; port <= 4; port++)
		cr_assert_gt(seen[port], 20, "port %d: %u of 200", port, seen[port]);
	route_free(route);
}
