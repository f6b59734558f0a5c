#include "map.h"

#include "endpoint.h"

#include <string.h>

struct entry {
	char *from;    /* a name, or an address in its canonical text */
	int from_port; /* -1: any */
	GInetAddress *to;
	int to_port; /* -1: the one that was asked for */
};

struct map {
	GPtrArray *entries;
};

static void entry_free(gpointer data)
{
	struct entry *entry = data;
	g_free(entry->from);
	g_clear_object(&entry->to);
	g_free(entry);
}

struct map *map_new(void)
{
	struct map *map = g_new0(struct map, 1);
	map->entries = g_ptr_array_new_with_free_func(entry_free);
	return map;
}

void map_free(struct map *map)
{
	if (!map)
		return;
	g_ptr_array_unref(map->entries);
	g_free(map);
}

/* ::1 and 0:0::1 are the same address, so entries are compared in one form. */
static char *canonical(char *host)
{
	g_autoptr(GInetAddress) inet = g_inet_address_new_from_string(host);

	if (!inet)
		return host;
	g_free(host);
	return g_inet_address_to_string(inet);
}

gboolean map_add(struct map *map, const char *text, GError **error)
{
	const char *equals = strchr(text, '=');
	g_autofree char *from = equals ? g_strndup(text, (gsize)(equals - text)) : NULL;
	g_autofree char *to = NULL;
	struct entry *entry = g_new0(struct entry, 1);

	if (from && endpoint_split(from, &entry->from, &entry->from_port) &&
	    endpoint_split(equals + 1, &to, &entry->to_port))
		entry->to = g_inet_address_new_from_string(to);
	if (!entry->to) {
		entry_free(entry);
		g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
			    "--map %s: should be NAME=ADDRESS or NAME:PORT=ADDRESS:PORT, as "
			    "example.com=127.0.0.1:8080",
			    text);
		return FALSE;
	}
	entry->from = canonical(entry->from);
	g_ptr_array_add(map->entries, entry);
	return TRUE;
}

static const struct entry *find(const struct map *map, const char *host, int port)
{
	for (guint i = 0; i < map->entries->len; i++) {
		const struct entry *entry = g_ptr_array_index(map->entries, i);
		if (entry->from_port == port && g_ascii_strcasecmp(entry->from, host) == 0)
			return entry;
	}
	return NULL;
}

struct address map_apply(const struct map *map, const struct address *asked)
{
	gsize length;

	if (map->entries->len == 0)
		return *asked;
	g_autofree char *host = canonical(address_host(asked, &length));
	const struct entry *entry = find(map, host, asked->port);
	struct address to = *asked;

	if (!entry)
		entry = find(map, host, -1);
	if (entry)
		address_set_inet(&to, entry->to,
				 entry->to_port >= 0 ? (guint16)entry->to_port : asked->port);
	return to;
}

const char *map_name(const struct map *map, GInetAddress *inet)
{
	for (guint i = 0; i < map->entries->len; i++) {
		const struct entry *entry = g_ptr_array_index(map->entries, i);
		if (g_inet_address_equal(entry->to, inet) && !g_hostname_is_ip_address(entry->from))
			return entry->from;
	}
	return NULL;
}
