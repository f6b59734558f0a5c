#include "explain.h"

#include "compile.h"
#include "rule.h"
#include "show.h"

#include "base/bytes.h"
#include "names/hostname.h"
#include "names/hosts.h"
#include "policy/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* ---- all of it ---- */

static void put_group(GString *text, const char *group)
{
	g_autofree char *shown = show_text(group);

	g_string_append_printf(text, "%s[%s]\n", text->len ? "\n" : "", shown);
}

static void put_text(GString *text, const char *key, const char *value)
{
	g_autofree char *shown = show_text(value ? value : "");

	g_string_append_printf(text, "%s=%s\n", key, shown);
}

static void put_word(GString *text, const char *group, const char *key, uint8_t number)
{
	put_text(text, key, config_word(group, key, number));
}

static void put_owned(GString *text, const char *key, char *value)
{
	put_text(text, key, value);
	g_free(value);
}

static void put_pairs(GString *text, const GPtrArray *pairs)
{
	for (guint i = 0; i < pairs->len; i++) {
		const struct config_pair *pair = pairs->pdata[i];
		g_autofree char *key = g_strconcat("key.", pair->name, NULL);
		put_owned(text, key, g_strescape(pair->value, NULL));
	}
}

static void put_rules(GString *text, const struct config *config, const char *key, uint8_t action)
{
	g_autoptr(GString) list = g_string_new(NULL);

	for (guint i = 0; i < config->rules->len; i++) {
		const struct config_rule *rule =
			&g_array_index(config->rules, struct config_rule, i);
		g_autofree char *item = rule_text(rule);
		if (rule->action == action)
			g_string_append_printf(list, "%s%s", list->len ? ";" : "", item);
	}
	put_text(text, key, list->str);
}

static void put_url(GString *text, const struct config *config, uint32_t index)
{
	const struct url *url =
		&g_array_index(config->proxies, struct url, index == BLOB_NONE ? 0 : index);

	if (url->has_credentials)
		g_string_append(text, "# with credentials\n");
	put_owned(text, "url", config_url_text(config, index));
}

static void put_application(GString *text, const struct config *config,
			    const struct config_application *application)
{
	g_autofree char *group = g_strconcat("application ", application->label, NULL);
	g_autoptr(GString) match = g_string_new(NULL);
	g_autoptr(GString) users = g_string_new(NULL);

	for (guint i = 0; i < application->match->len; i++)
		g_string_append_printf(match, "%s%s", i ? ";" : "",
				       (char *)application->match->pdata[i]);
	for (guint i = 0; i < application->users->len; i++)
		g_string_append_printf(users, "%s%u", i ? ";" : "",
				       g_array_index(application->users, uint32_t, i));
	put_group(text, group);
	put_text(text, "match", match->str);
	put_text(text, "user", users->str);
	put_word(text, "application", "action", application->action);
	if (application->has_by)
		put_owned(text, "by", config_by_text(application->by));
	put_pairs(text, application->pairs);
	if (application->proxy != BLOB_NONE)
		put_url(text, config, application->proxy);
}

static void put_network(GString *text, const struct config *config)
{
	put_group(text, "names");
	put_word(text, "names", "resolve", config->resolve);
	put_word(text, "names", "family", config->family);
	put_owned(text, "pool",
		  g_strdup_printf("%u.%u.%u.%u/%u", config->pool[0], config->pool[1],
				  config->pool[2], config->pool[3], config->pool_prefix));
	put_text(text, "alias", config->alias);
	put_group(text, "network");
	put_word(text, "network", "loopback", config->loopback);
	put_rules(text, config, "direct", BLOB_ACTION_DIRECT);
	put_rules(text, config, "deny", BLOB_ACTION_DENY);
	put_word(text, "network", "listen", config->listen);
	put_group(text, "guard");
	put_word(text, "guard", "enabled", config->guard);
}

char *explain_config(const struct config *config)
{
	GString *text = g_string_new(NULL);

	put_group(text, "proxy");
	put_url(text, config, 0);
	put_owned(text, "timeout", g_strdup_printf("%u", config->timeout));
	put_owned(text, "methods", config_methods_text(config->methods));
	put_word(text, "proxy", "pipeline", config->pipeline);
	put_owned(text, "retry", g_strdup_printf("%u", config->retry));
	put_group(text, "isolation");
	if (config->token)
		g_string_append(text, "# with a token\n");
	put_owned(text, "by", config_by_text(config->by));
	put_word(text, "isolation", "require", config->require);
	put_pairs(text, config->pairs);
	put_network(text, config);
	put_group(text, "log");
	put_word(text, "log", "level", config_log_level(config));
	put_word(text, "log", "format", config->log_format);
	put_text(text, "file", config->log_file);
	put_word(text, "log", "why", config->why);
	for (guint i = 0; i < config->applications->len; i++)
		put_application(text, config, config->applications->pdata[i]);
	return g_string_free(text, FALSE);
}

/* ---- keys ---- */

static int set_pairs(struct keys *keys, const GPtrArray *pairs)
{
	int r = 0;

	for (guint i = 0; i < pairs->len && r == 0; i++) {
		const struct config_pair *pair = pairs->pdata[i];
		r = keys_set(keys, pair->name, strlen(pair->name), pair->value, pair->length);
	}
	return r;
}

static uint32_t by_of(const struct config *config, const struct config_application *application)
{
	return application && application->has_by ? application->by : config->by;
}

bool explain_keys_must_arrive(const struct config *config,
			      const struct config_application *application)
{
	const guint set = config->pairs->len + (application ? application->pairs->len : 0) +
			  (config->token ? 1 : 0);
	const guint derived = by_of(config, application) ? 1 : 0;

	return policy_keys_must_arrive(config->require, set, set + derived);
}

int explain_set_keys(const struct config *config, const char *executable, uint32_t user,
		     struct keys *keys)
{
	const struct config_application *application =
		config_find_application(config, executable, user);
	const struct keys_facts facts = {
		.by = by_of(config, application),
		.user = user,
		.application = executable,
		.session = config->session,
		.token = config->token,
		.token_length = config->token ? strlen(config->token) : 0,
	};
	int r = set_pairs(keys, config->pairs);

	if (r == 0 && application)
		r = set_pairs(keys, application->pairs);
	return r < 0 ? r : keys_set_isolation(keys, &facts);
}

/* The pairs of a message, KLEN KEY VLEN VALUE, for people to read. */
static GPtrArray *list_pairs(const struct keys *keys, const struct keys_now *now)
{
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GByteArray) message = g_byte_array_new();
	struct iovec part[KEYS_PARTS];
	uint8_t vlen[2];
	const unsigned parts = keys_message(keys, now, vlen, part);
	struct bytes_reader at;

	for (unsigned i = 0; i < parts; i++)
		g_byte_array_append(message, part[i].iov_base, (guint)part[i].iov_len);
	at = bytes_reader(message->data, message->len);
	for (unsigned i = 0; i < keys->count && bytes_left(&at) > 0; i++) {
		const uint16_t name_length = bytes_take_u16(&at);
		const char *name = (const char *)bytes_take(&at, name_length);
		const uint16_t value_length = bytes_take_u16(&at);
		const char *value = (const char *)bytes_take(&at, value_length);
		g_autofree char *text = value ? g_strndup(value, value_length) : NULL;
		g_autofree char *printable = text ? g_strescape(text, NULL) : NULL;

		if (printable)
			g_ptr_array_add(list,
					g_strdup_printf("%.*s=%s", name_length, name, printable));
	}
	return list;
}

static gboolean explain_keys(struct explain *explain, GError **error)
{
	const struct config *config = explain->config;
	const uint32_t by = by_of(config, explain->application);
	struct keys *keys = g_new0(struct keys, 1);
	char varying[KEYS_VARYING_MAX];
	struct keys_now now = { .varying = varying };
	int r = explain_set_keys(config, explain->executable, explain->user, keys);

	if (r < 0) {
		g_free(keys);
		g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
			    "all keys together have more than the %d bytes accepted",
			    KEYS_PAYLOAD_MAX);
		return FALSE;
	}
	if (keys->varying)
		now.varying_length = keys_put_varying(
			varying, NULL, by & KEYS_BY_DESTINATION ? explain->host : NULL,
			strlen(explain->host), explain->port);
	explain->keys = list_pairs(keys, &now);
	explain->keys_must_arrive = explain_keys_must_arrive(config, explain->application);
	g_free(keys);
	return TRUE;
}

/* ---- the decision ---- */

static char *place(const struct config *config, uint32_t origin, uint32_t line)
{
	if (origin >= config->origins->len)
		return g_strdup("");
	return g_strdup_printf("%s:%u: ", (char *)config->origins->pdata[origin], line);
}

static char *explain_rule(const struct config *config, const struct policy *policy,
			  const struct blob_rule *rule)
{
	struct config_rule copy = { .prefix = rule->prefix, .port = rule->port };
	struct policy_text suffix = policy_text(policy, rule->suffix);
	g_autofree char *at = place(config, rule->origin, rule->line);
	g_autofree char *text = NULL;

	memcpy(copy.address, rule->address, sizeof(copy.address));
	copy.suffix = suffix.length ? g_strndup(suffix.at, suffix.length) : NULL;
	text = rule_text(&copy);
	g_free(copy.suffix);
	return g_strdup_printf("%s[network] %s: %s", at,
			       rule->action == BLOB_ACTION_DENY ? "deny" : "direct", text);
}

static char *explain_application(const struct config *config,
				 const struct config_application *application)
{
	g_autofree char *at = place(config, application->origin, application->line);

	return g_strdup_printf("%s[application %s] action: %s", at, application->label,
			       config_word("application", "action", application->action));
}

static void take_address(const struct hosts_address *address, uint8_t ret[16])
{
	memset(ret, 0, 16);
	memset(ret + 10, 0xff, 2);
	memcpy(ret + (address->family == AF_INET ? 12 : 0), address->bytes,
	       address->family == AF_INET ? 4 : 16);
}

/* Whatever getaddrinfo(3) takes for an address. */
static gboolean parse_literal(const char *host, uint8_t ret[16])
{
	struct hosts_address address = { .family = AF_INET6 };
	g_autofree char *without_zone = g_strndup(host, strcspn(host, "%"));

	if (url_parse_address(host, ret) == 0)
		return TRUE;
	if (!hostname_is_literal(host))
		return FALSE;
	if (inet_pton(AF_INET6, without_zone, address.bytes) != 1) {
		address.family = AF_INET;
		if (!inet_aton(host, (struct in_addr *)(void *)address.bytes))
			return FALSE;
	}
	take_address(&address, ret);
	return TRUE;
}

/* A name stands behind an address of the pool, as it will for the program. */
static void take_name(struct explain *explain, const char *name, struct policy_target *target)
{
	g_free(explain->name);
	explain->name = g_strdup(name);
	memset(target->address + 10, 0xff, 2);
	memcpy(target->address + 12, explain->config->pool, 4);
	target->address[15] |= 1;
	target->name = explain->name;
	target->name_length = strlen(explain->name);
}

/* The name itself, or one beside it in the hosts file, as lookup_find_denied() has it. */
static gboolean take_denied(struct explain *explain, const struct policy *policy, const char *meant,
			    struct policy_target *target)
{
	const struct blob_rule *rule;
	struct hosts_address address;
	char text[2048];
	uint64_t offset = 0;
	gboolean same = FALSE;

	take_name(explain, meant, target);
	if (policy_decide(policy, target, &rule) == POLICY_DENY && rule)
		return TRUE;
	for (struct hosts_names names = { .at = text, .size = sizeof(text) };
	     hosts_next(HOSTS_PATH, &offset, &address, &names);
	     names = (struct hosts_names){ .at = text, .size = sizeof(text) }) {
		same = FALSE;
		for (size_t i = 0; i < names.used; i += strlen(text + i) + 1)
			same |= g_ascii_strcasecmp(text + i, meant) == 0;
		for (size_t i = 0; same && i < names.used; i += strlen(text + i) + 1) {
			take_name(explain, text + i, target);
			if (text[i] && policy_decide(policy, target, &rule) == POLICY_DENY && rule)
				return TRUE;
		}
	}
	return FALSE;
}

/* FALSE: it is no host at all, and nothing is asked for it. */
static gboolean fill_target(struct explain *explain, const struct policy *policy,
			    struct policy_target *target)
{
	struct hosts_address local[HOSTS_MAX];
	char meant[HOSTNAME_MAX + 1];
	const char *alias = explain->config->alias;

	target->port = explain->port;
	target->is_stream = true;
	if (parse_literal(explain->host, target->address))
		return TRUE;
	if (hostname_meant(explain->host, strlen(explain->host), alias, alias ? strlen(alias) : 0,
			   meant) < 0)
		return FALSE;
	if (take_denied(explain, policy, meant, target))
		return TRUE;
	take_name(explain, meant, target);
	if (explain->application && explain->application->action == BLOB_ACTION_DIRECT)
		return TRUE;
	if (hosts_find(HOSTS_PATH, explain->host, strlen(explain->host), local) == 0)
		return TRUE;
	target->name = NULL;
	take_address(local, target->address);
	return TRUE;
}

/* A program that speaks SOCKS to the proxy by itself. */
static void decide_own_socks(struct explain *explain, const struct policy *policy,
			     const struct policy_target *target, const struct blob_proxy *proxy)
{
	const gboolean is_proxy =
		explain->verdict == POLICY_DIRECT ||
		(target->port == proxy->port &&
		 memcmp(target->address, proxy->address, sizeof(target->address)) == 0);

	if (!is_proxy || !policy_is_a_proxy(policy, proxy, target))
		return;
	explain->verdict = explain->keys_must_arrive ? POLICY_DENY : POLICY_DIRECT;
	explain->rule = g_strdup(explain->keys_must_arrive
					 ? "the proxy itself: a program that speaks to it sends "
					   "none of the keys, which must arrive"
					 : "the proxy itself: a program that speaks to it sends "
					   "none of the keys");
}

static void decide(struct explain *explain, const struct policy *policy,
		   const struct blob_proxy *proxy)
{
	const struct config_application *application = explain->application;
	const struct blob_rule *rule = NULL;
	struct policy_target target = { 0 };

	if (!fill_target(explain, policy, &target)) {
		explain->verdict = POLICY_DENY;
		explain->rule = g_strdup("no host name, and no address: it is never looked up");
		return;
	}
	explain->verdict = policy_decide(policy, &target, &rule);
	if (application && application->action == BLOB_ACTION_DIRECT) {
		rule = policy_find_deny(policy, &target);
		explain->verdict = rule ? POLICY_DENY : POLICY_DIRECT;
	}
	if (application && application->action == BLOB_ACTION_DENY) {
		rule = NULL;
		explain->verdict = POLICY_DENY;
	}
	if (rule)
		explain->rule = explain_rule(explain->config, policy, rule);
	else if (application && application->action != BLOB_ACTION_PROXY)
		explain->rule = explain_application(explain->config, application);
	else
		decide_own_socks(explain, policy, &target, proxy);
	if (!explain->rule && policy_is_loopback(policy, target.address))
		explain->rule = g_strdup_printf(
			"[network] loopback: %s%s",
			config_word("network", "loopback", explain->config->loopback),
			target.port == 53 ? ", port 53 never" : "");
}

gboolean explain_decide(struct explain *explain, GError **error)
{
	const struct config *config = explain->config;
	g_autoptr(GByteArray) blob = compile_policy(config, error);
	const struct url *url;
	struct policy policy;
	uint32_t proxy;

	if (!blob)
		return FALSE;
	policy_open(&policy, blob->data, blob->len);
	explain->application = config_find_application(config, explain->executable, explain->user);
	proxy = explain->application && explain->application->proxy != BLOB_NONE
			? explain->application->proxy
			: 0;
	url = &g_array_index(config->proxies, struct url, proxy);
	if (!explain_keys(explain, error))
		return FALSE;
	decide(explain, &policy, policy_proxy(&policy, proxy));
	explain->method_count = policy_methods(&policy, explain->keys_must_arrive,
					       url->has_credentials, explain->methods);
	explain->is_leashed = policy_stays_on_loopback(&policy, policy_proxy(&policy, proxy));
	return TRUE;
}

void explain_clear(struct explain *explain)
{
	g_free(explain->rule);
	g_free(explain->name);
	if (explain->keys)
		g_ptr_array_unref(explain->keys);
}
