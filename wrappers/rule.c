#include "rule.h"

#include "policy/blob.h"
#include "policy/url.h"

#include <arpa/inet.h>
#include <string.h>

#define MAPPED_BITS 96 /* ::ffff:0:0/96 is IPv4 */
#define DNS_PORT    53

static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

/* ---- text to rule ---- */

static gboolean parse_number(const char *text, guint64 least, guint64 most, guint64 *ret_number)
{
	return g_ascii_string_to_unsigned(text, 10, least, most, ret_number, NULL);
}

static gboolean parse_port(const char *text, struct config_rule *rule)
{
	guint64 port;

	if (!parse_number(text, 1, UINT16_MAX, &port))
		return FALSE;
	rule->port = (uint16_t)port;
	return TRUE;
}

/* Bits beyond the length are no part of a network, and say that something else was meant. */
static gboolean is_whole(const uint8_t address[16], unsigned prefix)
{
	for (unsigned bit = prefix; bit < 128; bit++)
		if (address[bit / 8] & (0x80 >> bit % 8))
			return FALSE;
	return TRUE;
}

static gboolean parse_network(const char *text, int family, struct config_rule *rule)
{
	g_auto(GStrv) parts = g_strsplit(text, "/", 2);
	const unsigned bits = family == AF_INET ? 32 : 128;
	guint64 length = bits;

	memset(rule->address, 0, sizeof(rule->address));
	if (family == AF_INET)
		memcpy(rule->address, mapped, sizeof(mapped));
	if (!parts[0] || inet_pton(family, parts[0],
				   rule->address + (family == AF_INET ? sizeof(mapped) : 0)) != 1)
		return FALSE;
	if (parts[1] && !parse_number(parts[1], 0, bits, &length))
		return FALSE;
	/* 0 means both families in a compiled policy, which is what * is for. */
	rule->prefix = (uint8_t)(family == AF_INET ? MAPPED_BITS + length : length);
	return is_whole(rule->address, rule->prefix) && rule->prefix > 0;
}

static gboolean parse_ipv4(const char *text, struct config_rule *rule)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 2);

	return parts[0] && parse_network(parts[0], AF_INET, rule) &&
	       (!parts[1] || parse_port(parts[1], rule));
}

static gboolean parse_ipv6(const char *text, struct config_rule *rule)
{
	const char *end = strchr(text, ']');
	g_autofree char *network = end ? g_strndup(text + 1, (gsize)(end - text - 1)) : NULL;

	return network && parse_network(network, AF_INET6, rule) &&
	       (end[1] == '\0' || (end[1] == ':' && parse_port(end + 2, rule)));
}

static gboolean parse_suffix(const char *text, struct config_rule *rule)
{
	g_auto(GStrv) parts = g_strsplit(text, ":", 2);

	if (rule->action != BLOB_ACTION_DENY || !config_is_suffix(parts[0]))
		return FALSE;
	if (parts[1] && !parse_port(parts[1], rule))
		return FALSE;
	rule->suffix = g_ascii_strdown(parts[0], -1);
	return TRUE;
}

gboolean rule_parse(const char *text, struct config_rule *rule)
{
	memset(rule->address, 0, sizeof(rule->address));
	rule->port = 0;
	rule->prefix = 0;
	rule->suffix = NULL;
	if (g_str_has_prefix(text, "*:"))
		return parse_port(text + 2, rule);
	if (*text == '.')
		return parse_suffix(text, rule);
	return *text == '[' ? parse_ipv6(text, rule) : parse_ipv4(text, rule);
}

/* ---- rule to text ---- */

static gboolean is_ipv4(const struct config_rule *rule)
{
	return rule->prefix >= MAPPED_BITS && memcmp(rule->address, mapped, sizeof(mapped)) == 0;
}

static char *network_text(const struct config_rule *rule)
{
	char address[INET6_ADDRSTRLEN];

	if (is_ipv4(rule)) {
		inet_ntop(AF_INET, rule->address + sizeof(mapped), address, sizeof(address));
		return rule->prefix == 128
			       ? g_strdup(address)
			       : g_strdup_printf("%s/%d", address, rule->prefix - MAPPED_BITS);
	}
	inet_ntop(AF_INET6, rule->address, address, sizeof(address));
	return rule->prefix == 128 ? g_strdup_printf("[%s]", address)
				   : g_strdup_printf("[%s/%d]", address, rule->prefix);
}

char *rule_text(const struct config_rule *rule)
{
	g_autofree char *what = rule->suffix	    ? g_strdup(rule->suffix)
				: rule->prefix == 0 ? g_strdup("*")
						    : network_text(rule);

	return rule->port ? g_strdup_printf("%s:%u", what, rule->port) : g_steal_pointer(&what);
}

/* ---- rules that never decide ---- */

/* Whether both have these first bits. */
static gboolean agree(const uint8_t a[16], const uint8_t b[16], unsigned bits)
{
	const uint8_t mask = (uint8_t)(0xff00 >> bits % 8);

	return memcmp(a, b, bits / 8) == 0 &&
	       (bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) & mask) == 0);
}

static gboolean names_cover(const char *wide, const char *narrow)
{
	return g_str_has_suffix(narrow, wide);
}

/* Whether whatever the narrow one matches is matched by the wide one as well. */
static gboolean covers(const struct config_rule *wide, const struct config_rule *narrow)
{
	if (wide->port != 0 && wide->port != narrow->port)
		return FALSE;
	if (!wide->suffix && wide->prefix == 0)
		return TRUE;
	if (wide->suffix || narrow->suffix)
		return wide->suffix && narrow->suffix && names_cover(wide->suffix, narrow->suffix);
	/* The families are apart: a short IPv6 prefix does not mean all of IPv4. */
	return narrow->prefix >= wide->prefix && is_ipv4(wide) == is_ipv4(narrow) &&
	       agree(wide->address, narrow->address, wide->prefix);
}

static struct config_rule network(const char *text)
{
	struct config_rule rule = { 0 };

	rule_parse(text, &rule);
	return rule;
}

static gboolean is_in_pool(const struct config *config, const struct config_rule *rule)
{
	struct config_rule pool = { .prefix = (uint8_t)(MAPPED_BITS + config->pool_prefix) };

	memcpy(pool.address, mapped, sizeof(mapped));
	memcpy(pool.address + sizeof(mapped), config->pool, sizeof(config->pool));
	return !rule->suffix && rule->prefix > 0 && covers(&pool, rule);
}

static gboolean is_loopback(const struct config_rule *rule)
{
	static const char *const own[] = { "127.0.0.0/8", "0.0.0.0", "[::1]", "[::]" };

	for (size_t i = 0; i < G_N_ELEMENTS(own); i++) {
		const struct config_rule wide = network(own[i]);
		if (!rule->suffix && rule->prefix > 0 && covers(&wide, rule))
			return TRUE;
	}
	return FALSE;
}

/* The rule before this one that leaves nothing to it; deny goes before direct. */
static const struct config_rule *find_cover(const GArray *rules, guint index)
{
	const struct config_rule *rule = &g_array_index(rules, struct config_rule, index);

	for (guint i = 0; i < rules->len; i++) {
		const struct config_rule *other = &g_array_index(rules, struct config_rule, i);
		const gboolean goes_before = other->action == rule->action
						     ? i < index
						     : other->action == BLOB_ACTION_DENY;
		if (i != index && goes_before && covers(other, rule))
			return other;
	}
	return NULL;
}

static char *place(const struct config *config, uint32_t origin, uint32_t line)
{
	if (origin >= config->origins->len)
		return g_strdup("");
	return g_strdup_printf("%s:%u: ", (char *)config->origins->pdata[origin], line);
}

static char *explain_cover(const struct config *config, const struct config_rule *cover)
{
	g_autofree char *text = rule_text(cover);
	g_autofree char *at = place(config, cover->origin, cover->line);

	return g_strdup_printf("never decides anything: %s%s = %s goes before it", at,
			       cover->action == BLOB_ACTION_DENY ? "deny" : "direct", text);
}

/* Why it never decides anything; free it. NULL: it does. */
static char *find_reason(const struct config *config, guint index)
{
	const struct config_rule *rule = &g_array_index(config->rules, struct config_rule, index);
	const struct config_rule *cover = find_cover(config->rules, index);
	const gboolean is_direct = rule->action == BLOB_ACTION_DIRECT;

	if (cover)
		return explain_cover(config, cover);
	if (is_in_pool(config, rule))
		return g_strdup("never decides anything: these are addresses of the pool, which "
				"stand for names");
	if (is_direct && is_loopback(rule))
		return g_strdup("never decides anything: [network] loopback says what becomes of "
				"this machine's own addresses");
	if (is_direct && rule->port == DNS_PORT)
		return g_strdup("never decides anything: no name is asked of a nameserver, so port "
				"53 is never direct");
	return NULL;
}

static void find_idle_rules(const struct config *config, GPtrArray *idle)
{
	for (guint i = 0; i < config->rules->len; i++) {
		const struct config_rule *rule =
			&g_array_index(config->rules, struct config_rule, i);
		g_autofree char *reason = find_reason(config, i);
		g_autofree char *at = place(config, rule->origin, rule->line);
		g_autofree char *text = rule_text(rule);

		if (reason)
			g_ptr_array_add(idle,
					g_strdup_printf("%s[network] %s: %s: %s", at,
							rule->action == BLOB_ACTION_DENY ? "deny"
											 : "direct",
							text, reason));
	}
}

static gboolean has_user(const struct config_application *application, uint32_t user)
{
	for (guint i = 0; i < application->users->len; i++)
		if (g_array_index(application->users, uint32_t, i) == user)
			return TRUE;
	return FALSE;
}

static gboolean users_cover(const struct config_application *wide,
			    const struct config_application *narrow)
{
	for (guint i = 0; wide->users->len > 0 && i < narrow->users->len; i++)
		if (!has_user(wide, g_array_index(narrow->users, uint32_t, i)))
			return FALSE;
	return wide->users->len == 0 || narrow->users->len > 0;
}

static gboolean has_glob(const struct config_application *application, const char *glob)
{
	for (guint i = 0; i < application->match->len; i++)
		if (strcmp(application->match->pdata[i], glob) == 0 ||
		    strcmp(application->match->pdata[i], "*") == 0)
			return TRUE;
	return application->match->len == 0;
}

static gboolean application_covers(const struct config_application *wide,
				   const struct config_application *narrow)
{
	for (guint i = 0; i < narrow->match->len; i++)
		if (!has_glob(wide, narrow->match->pdata[i]))
			return FALSE;
	return users_cover(wide, narrow) && (narrow->match->len > 0 || has_glob(wide, "*"));
}

static void find_idle_applications(const struct config *config, GPtrArray *idle)
{
	for (guint i = 0; i < config->applications->len; i++) {
		const struct config_application *application = config->applications->pdata[i];
		g_autofree char *at = place(config, application->origin, application->line);

		for (guint j = 0; j < i; j++) {
			const struct config_application *before = config->applications->pdata[j];
			if (!application_covers(before, application))
				continue;
			g_ptr_array_add(idle,
					g_strdup_printf("%s[application %s]: never decides "
							"anything: [application %s] goes "
							"before it",
							at, application->label, before->label));
			break;
		}
	}
}

GPtrArray *rule_find_idle(const struct config *config)
{
	GPtrArray *idle = g_ptr_array_new_with_free_func(g_free);

	find_idle_rules(config, idle);
	find_idle_applications(config, idle);
	return idle;
}
