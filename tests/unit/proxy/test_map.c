#include "proxy/map.h"

#include <criterion/criterion.h>
#include <string.h>

static struct address asked(const char *host, guint16 port)
{
	struct address address;
	g_autoptr(GInetAddress) inet = g_inet_address_new_from_string(host);

	if (inet)
		address_set_inet(&address, inet, port);
	else
		address_set_name(&address, host, port);
	return address;
}

static void assert_leads(const struct map *map, const char *host, guint16 port, const char *to,
			 guint16 to_port)
{
	struct address from = asked(host, port);
	struct address result = map_apply(map, &from);
	gsize length;
	g_autofree char *text = address_host(&result, &length);

	cr_assert_str_eq(text, to, "%s leads to %s", host, text);
	cr_assert_eq(result.port, to_port, "%s leads to port %u", host, result.port);
}

static struct map *map_of(const char *const *texts)
{
	struct map *map = map_new();
	GError *error = NULL;

	for (; *texts; texts++)
		cr_assert(map_add(map, *texts, &error), "%s", error ? error->message : "");
	return map;
}

#define MAP(...) map_of((const char *const[]){ __VA_ARGS__, NULL })

Test(proxy_map, leaves_what_it_does_not_know)
{
	struct map *map = MAP("example.com=127.0.0.1");

	assert_leads(map, "example.org", 80, "example.org", 80);
	assert_leads(map, "192.0.2.1", 80, "192.0.2.1", 80);
	map_free(map);
}

Test(proxy_map, keeps_the_port_unless_told)
{
	struct map *map = MAP("a.test=127.0.0.1", "b.test=127.0.0.2:8080");

	assert_leads(map, "a.test", 80, "127.0.0.1", 80);
	assert_leads(map, "A.Test", 443, "127.0.0.1", 443);
	assert_leads(map, "b.test", 80, "127.0.0.2", 8080);
	map_free(map);
}

Test(proxy_map, prefers_an_entry_with_the_port)
{
	struct map *map = MAP("a.test=127.0.0.1:1", "a.test:443=127.0.0.1:2");

	assert_leads(map, "a.test", 80, "127.0.0.1", 1);
	assert_leads(map, "a.test", 443, "127.0.0.1", 2);
	map_free(map);
}

Test(proxy_map, takes_addresses_on_both_sides)
{
	struct map *map =
		MAP("192.0.2.1=[::1]:80", "[2001:db8::1]:80=127.0.0.1:8080", "2001:db8:0::2=::1");

	assert_leads(map, "192.0.2.1", 22, "::1", 80);
	assert_leads(map, "2001:db8::1", 80, "127.0.0.1", 8080);
	assert_leads(map, "2001:db8::1", 81, "2001:db8::1", 81);
	assert_leads(map, "2001:db8::2", 81, "::1", 81);
	map_free(map);
}

Test(proxy_map, finds_the_name_of_an_address)
{
	struct map *map = MAP("192.0.2.1=127.0.0.1", "a.test=127.0.0.1", "b.test=127.0.0.1");
	g_autoptr(GInetAddress) known = g_inet_address_new_from_string("127.0.0.1");
	g_autoptr(GInetAddress) unknown = g_inet_address_new_from_string("127.0.0.2");

	cr_assert_str_eq(map_name(map, known), "a.test");
	cr_assert_null(map_name(map, unknown));
	map_free(map);
}

Test(proxy_map, refuses_what_leads_nowhere)
{
	static const char *const bad[] = { "",
					   "a",
					   "a=",
					   "=127.0.0.1",
					   "a=b.test",
					   "a=127.0.0.1:",
					   "a=127.0.0.1:65536",
					   "a=[::1",
					   "a:x=127.0.0.1" };

	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		struct map *map = map_new();
		GError *error = NULL;
		cr_assert_not(map_add(map, bad[i], &error), "%s", bad[i]);
		cr_assert_not_null(strstr(error->message, "should be"), "%s", error->message);
		g_error_free(error);
		map_free(map);
	}
}
