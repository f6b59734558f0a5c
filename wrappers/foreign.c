#include "foreign.h"

#include "config.h"
#include "rule.h"

#include <arpa/inet.h>
#include <string.h>

gboolean foreign_fail(const struct foreign *foreign, GError **error, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	g_autofree char *text = g_strdup_vprintf(format, values);
	va_end(values);
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, "%u: %s", foreign->line, text);
	return FALSE;
}

void foreign_remark(struct foreign *foreign, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	g_autofree char *text = g_strdup_vprintf(format, values);
	va_end(values);
	g_ptr_array_add(foreign->remarks, g_strdup_printf("%u: %s", foreign->line, text));
}

void foreign_set(struct foreign *foreign, enum foreign_key key, const char *value)
{
	struct foreign_setting *setting = &foreign->settings[key];

	g_free(setting->value);
	*setting = (struct foreign_setting){ g_strdup(value), foreign->line };
}

struct foreign_proxy *foreign_add_proxy(struct foreign *foreign, const char *type)
{
	struct foreign_proxy *proxy = g_new0(struct foreign_proxy, 1);

	proxy->type = g_strdup(type);
	proxy->line = foreign->line;
	g_ptr_array_add(foreign->proxies, proxy);
	return proxy;
}

/* ---- networks ---- */

struct network {
	int family;
	uint8_t bytes[16];
	unsigned length;
	unsigned port;
};

static unsigned bits_of(const struct network *network)
{
	return network->family == AF_INET ? 32 : 128;
}

static void mask_away(struct network *network)
{
	for (unsigned bit = network->length; bit < bits_of(network); bit++)
		network->bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
}

/* 255.255.0.0 is 16; one whose bits are not in a row is none. */
static gboolean parse_dotted(const char *mask, unsigned *ret_length)
{
	struct in_addr dotted;

	if (inet_pton(AF_INET, mask, &dotted) != 1)
		return FALSE;
	const uint32_t bits = ntohl(dotted.s_addr);
	*ret_length = (unsigned)__builtin_popcount(bits);
	return *ret_length == 0 || bits == ~0u << (32 - *ret_length);
}

static gboolean parse_mask(const char *mask, struct network *network)
{
	guint64 length;

	if (network->family == AF_INET && strchr(mask, '.'))
		return parse_dotted(mask, &network->length);
	if (!g_ascii_string_to_unsigned(mask, 10, 0, bits_of(network), &length, NULL))
		return FALSE;
	network->length = (unsigned)length;
	return TRUE;
}

static gboolean parse_network(const char *address, const char *mask, struct network *ret)
{
	ret->family = strchr(address, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(ret->family, address, ret->bytes) != 1 || !parse_mask(mask, ret))
		return FALSE;
	mask_away(ret);
	return TRUE;
}

static char *network_text(const struct network *network)
{
	char address[INET6_ADDRSTRLEN];
	g_autofree char *port =
		network->port ? g_strdup_printf(":%u", network->port) : g_strdup("");

	inet_ntop(network->family, network->bytes, address, sizeof(address));
	return g_strdup_printf(network->family == AF_INET ? "%s/%u%s" : "[%s/%u]%s", address,
			       network->length, port);
}

static gboolean covers(const struct network *network, const char *text)
{
	struct network other = { .family = network->family, .length = network->length };

	inet_pton(other.family, text, other.bytes);
	mask_away(&other);
	return memcmp(other.bytes, network->bytes, sizeof(other.bytes)) == 0;
}

/* Rules decide nothing about the loopback device: there is one setting for all of it. */
static gboolean is_inside_loopback(const struct network *network)
{
	if (network->family == AF_INET)
		return network->length >= 8 && network->bytes[0] == 127;
	return network->length == 128 && covers(network, "::1");
}

static void note_loopback(struct foreign *foreign, const struct network *network)
{
	const gboolean v4 = network->family == AF_INET;
	g_autofree char *text = network_text(network);

	if (!is_inside_loopback(network) && !covers(network, v4 ? "127.0.0.1" : "::1"))
		return;
	if (v4)
		foreign->local4 = TRUE;
	else
		foreign->local6 = TRUE;
	if ((v4 && network->length > 8) || network->port)
		foreign_remark(foreign, "%s: %s is direct on every port", text,
			       v4 ? "all of 127.0.0.0/8" : "::1");
}

/* A policy writes IPv4 as ::ffff:a.b.c.d, and this network would have all of it inside. */
static gboolean swallows_ipv4(const struct network *network)
{
	return network->family == AF_INET6 && network->length < 96 &&
	       covers(network, "::ffff:0.0.0.0");
}

static void add_rule(struct foreign *foreign, const struct network *network)
{
	g_autofree char *text = network_text(network);

	if (swallows_ipv4(network)) {
		foreign_remark(foreign,
			       "%s: goes to the proxy; a network of IPv6 that has IPv4's "
			       "::ffff:0:0/96 inside cannot be direct",
			       text);
		return;
	}
	if (network->port == 53)
		foreign_remark(foreign, "%s: port 53 is never direct", text);
	else
		g_string_append_printf(foreign->direct, "%s%s", foreign->direct->len ? ";" : "",
				       text);
}

gboolean foreign_add_direct(struct foreign *foreign, const char *address, const char *mask,
			    unsigned port)
{
	struct network network = { .port = port };

	if (!parse_network(address, mask, &network))
		return FALSE;
	note_loopback(foreign, &network);
	if (!is_inside_loopback(&network))
		add_rule(foreign, &network);
	return TRUE;
}

gboolean foreign_has_loopback(struct foreign *foreign)
{
	if (foreign->local4 && !foreign->local6)
		foreign_remark(foreign, "with 127.0.0.0/8, ::1 is direct as well");
	if (foreign->local6 && !foreign->local4)
		foreign_remark(foreign, "with ::1, 127.0.0.0/8 is direct as well");
	return foreign->local4 || foreign->local6;
}

/* ---- lines ---- */

char **foreign_words(const char *line)
{
	g_auto(GStrv) all = g_strsplit_set(line, " \t\r\f\v", -1);
	GPtrArray *words = g_ptr_array_new();

	for (char **word = all; *word; word++)
		if (**word)
			g_ptr_array_add(words, g_strdup(*word));
	g_ptr_array_add(words, NULL);
	return (char **)g_ptr_array_free(words, FALSE);
}

gboolean foreign_begins(const char *line, const char *const *names)
{
	line += strspn(line, " \t");
	for (; *names; names++) {
		const gsize length = strlen(*names);
		if (strncmp(line, *names, length) == 0 && !g_ascii_isalnum(line[length]) &&
		    line[length] != '_')
			return TRUE;
	}
	return FALSE;
}
