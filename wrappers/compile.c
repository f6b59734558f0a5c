#include "compile.h"

#include "base/base64.h"
#include "base/log.h"
#include "policy/policy.h"
#include "policy/sealed.h"
#include "policy/url.h"

#include <stddef.h>
#include <string.h>

/*
 * Records and text grow apart, because text lies behind all records. Where it begins is known only
 * once they are all there, so a policy is laid out twice: the first time tells.
 */
struct draft {
	GByteArray *records;
	GByteArray *text;
	uint32_t text_at;
};

static void draft_init(struct draft *draft, uint32_t text_at)
{
	draft->records = g_byte_array_new();
	draft->text = g_byte_array_new();
	draft->text_at = text_at;
}

static void draft_done(struct draft *draft)
{
	g_byte_array_unref(draft->records);
	g_byte_array_unref(draft->text);
}

static struct blob_span put_text(struct draft *draft, const char *from, size_t length)
{
	struct blob_span span = { 0 };

	if (length == 0)
		return span;
	span.offset = draft->text_at + draft->text->len;
	span.length = (uint32_t)length;
	g_byte_array_append(draft->text, (const guint8 *)from, (guint)length);
	return span;
}

static struct blob_span put_string(struct draft *draft, const char *from)
{
	return put_text(draft, from, from ? strlen(from) : 0);
}

/* Appends the records of an array as one table, at a multiple of 8. */
static struct blob_table put_table(struct draft *draft, const GArray *records)
{
	static const guint8 zeros[8];
	struct blob_table table = { 0 };

	if (records->len == 0)
		return table;
	table.offset = draft->records->len;
	table.count = records->len;
	g_byte_array_append(draft->records, (const guint8 *)records->data,
			    records->len * g_array_get_element_size((GArray *)records));
	g_byte_array_append(draft->records, zeros, -draft->records->len % 8);
	return table;
}

static struct blob_table put_strings(struct draft *draft, const GPtrArray *strings)
{
	g_autoptr(GArray) spans = g_array_new(FALSE, TRUE, sizeof(struct blob_span));

	for (guint i = 0; i < strings->len; i++) {
		struct blob_span span = put_string(draft, strings->pdata[i]);
		g_array_append_val(spans, span);
	}
	return put_table(draft, spans);
}

static int compare_names(const void *a, const void *b)
{
	const struct config_pair *const *left = a, *const *right = b;

	return strcmp((*left)->name, (*right)->name);
}

static struct blob_table put_pairs(struct draft *draft, const GPtrArray *pairs)
{
	g_autoptr(GPtrArray) sorted = g_ptr_array_copy((GPtrArray *)pairs, NULL, NULL);
	g_autoptr(GArray) records = g_array_new(FALSE, TRUE, sizeof(struct blob_pair));

	g_ptr_array_set_free_func(sorted, NULL);
	g_ptr_array_sort(sorted, compare_names);
	for (guint i = 0; i < sorted->len; i++) {
		const struct config_pair *pair = sorted->pdata[i];
		struct blob_pair record = { .name = put_string(draft, pair->name) };
		record.value = put_text(draft, pair->value, pair->length);
		g_array_append_val(records, record);
	}
	return put_table(draft, records);
}

static struct blob_table put_proxies(struct draft *draft, const GArray *proxies)
{
	g_autoptr(GArray) records = g_array_new(FALSE, TRUE, sizeof(struct blob_proxy));

	for (guint i = 0; i < proxies->len; i++) {
		const struct url *url = &g_array_index(proxies, struct url, i);
		struct blob_proxy record = { .port = url->port };
		memcpy(record.address, url->address, sizeof(record.address));
		if (url->has_credentials) {
			record.has_credentials = 1;
			record.username = put_text(draft, url->username, url->username_length);
			record.password = put_text(draft, url->password, url->password_length);
		}
		g_array_append_val(records, record);
	}
	return put_table(draft, records);
}

char *compile_suffix(const char *suffix, const char *alias)
{
	const size_t length = suffix ? strlen(suffix) : 0, size = alias ? strlen(alias) : 0;

	if (length == 0 || size == 0 || length < size ||
	    g_ascii_strcasecmp(suffix + length - size, alias) != 0)
		return g_strdup(suffix);
	return g_strdup_printf("%.*s.onion", (int)(length - size), suffix);
}

static struct blob_span put_suffix(struct draft *draft, const char *suffix, const char *alias)
{
	g_autofree char *name = compile_suffix(suffix, alias);

	return put_string(draft, name);
}

static void add_rules(struct draft *draft, const struct config *config, uint8_t action,
		      GArray *records)
{
	const GArray *rules = config->rules;

	for (guint i = 0; i < rules->len; i++) {
		const struct config_rule *rule = &g_array_index(rules, struct config_rule, i);
		struct blob_rule record = {
			.prefix = rule->prefix,
			.action = action,
			.port = rule->port,
			.origin = rule->origin,
			.line = rule->line,
		};
		if (rule->action != action)
			continue;
		memcpy(record.address, rule->address, sizeof(record.address));
		record.suffix = put_suffix(draft, rule->suffix, config->alias);
		g_array_append_val(records, record);
	}
}

static struct blob_table put_rules(struct draft *draft, const struct config *config)
{
	g_autoptr(GArray) records = g_array_new(FALSE, TRUE, sizeof(struct blob_rule));

	add_rules(draft, config, BLOB_ACTION_DENY, records);
	add_rules(draft, config, BLOB_ACTION_DIRECT, records);
	return put_table(draft, records);
}

static struct blob_table put_applications(struct draft *draft, const GPtrArray *applications)
{
	g_autoptr(GArray) records = g_array_new(FALSE, TRUE, sizeof(struct blob_application));

	for (guint i = 0; i < applications->len; i++) {
		const struct config_application *application = applications->pdata[i];
		struct blob_application record = {
			.label = put_string(draft, application->label),
			.match = put_strings(draft, application->match),
			.users = put_table(draft, application->users),
			.pairs = put_pairs(draft, application->pairs),
			.proxy = application->proxy,
			.origin = application->origin,
			.line = application->line,
			.by = application->has_by ? application->by : 0,
			.has_by = application->has_by,
			.action = application->action,
		};
		g_array_append_val(records, record);
	}
	return put_table(draft, records);
}

static void set_scalars(struct blob_header *header, const struct config *config)
{
	static const uint8_t none[sizeof(config->cookie)];

	memcpy(header->magic, BLOB_MAGIC, sizeof(header->magic));
	header->version = BLOB_VERSION;
	memcpy(header->session, config->session, sizeof(header->session));
	memcpy(header->cookie, config->cookie, sizeof(header->cookie));
	header->timeout = config->timeout;
	header->by = config->by;
	memcpy(header->methods, config->methods, sizeof(header->methods));
	header->retry = config->retry;
	header->pipeline = config->pipeline;
	header->require = config->require;
	header->resolve = config->resolve;
	header->family = config->family;
	header->loopback = config->loopback;
	header->listen = config->listen;
	header->guard = config->guard && memcmp(config->cookie, none, sizeof(none)) != 0;
	header->log_level = config_log_level(config);
	header->log_format = config->log_format;
	header->why = config->why;
	memcpy(header->pool, config->pool, sizeof(header->pool));
	header->pool_prefix = config->pool_prefix;
	header->min_uid = config->min_uid;
}

static void lay_out(struct draft *draft, const struct config *config)
{
	struct blob_header header = { 0 };

	g_byte_array_set_size(draft->records, sizeof(header));
	set_scalars(&header, config);
	header.token = put_string(draft, config->token);
	header.alias = put_string(draft, config->alias);
	if (header.log_level != LOG_NONE)
		header.log_file = put_string(draft, config->log_file);
	header.origins = put_strings(draft, config->origins);
	header.proxies = put_proxies(draft, config->proxies);
	header.pairs = put_pairs(draft, config->pairs);
	header.rules = put_rules(draft, config);
	header.applications = put_applications(draft, config->applications);
	header.size = draft->records->len + draft->text->len;
	memcpy(draft->records->data, &header, sizeof(header));
}

static void seal(GByteArray *blob)
{
	size_t behind = offsetof(struct blob_header, checksum) + sizeof(uint64_t);
	uint64_t checksum = policy_checksum(blob->data + behind, blob->len - behind);

	memcpy(blob->data + offsetof(struct blob_header, checksum), &checksum, sizeof(checksum));
}

static gboolean check(const GByteArray *blob, GError **error)
{
	struct policy policy;

	if (blob->len > BLOB_MAX) {
		g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
			    "the policy has %u bytes: at most %d fit into the environment (64 KiB "
			    "once encoded), so give fewer or shorter keys and rules",
			    blob->len, BLOB_MAX);
		return FALSE;
	}
	if (policy_open(&policy, blob->data, blob->len) < 0) {
		g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
			    "the compiled policy does not pass its own check");
		return FALSE;
	}
	return TRUE;
}

GByteArray *compile_policy(const struct config *config, GError **error)
{
	g_autoptr(GByteArray) blob = NULL;
	struct draft first, second;

	draft_init(&first, 0);
	lay_out(&first, config);
	draft_init(&second, first.records->len);
	lay_out(&second, config);

	blob = g_byte_array_ref(second.records);
	g_byte_array_append(blob, second.text->data, second.text->len);
	draft_done(&first);
	draft_done(&second);
	seal(blob);
	return check(blob, error) ? g_steal_pointer(&blob) : NULL;
}

char *compile_text(const struct config *config, GError **error)
{
	g_autoptr(GByteArray) blob = compile_policy(config, error);
	char *text;

	if (!blob)
		return NULL;
	text = g_malloc(BASE64_ENCODED(blob->len) + 1);
	text[base64_encode(blob->data, blob->len, text)] = '\0';
	return text;
}

/* ---- back ---- */

static char *take_text(const struct policy *policy, struct blob_span span)
{
	struct policy_text text = policy_text(policy, span);

	return text.length ? g_strndup(text.at, text.length) : NULL;
}

/* A record of a table that policy_open has validated. */
static const void *record(const struct policy *policy, struct blob_table table, size_t size,
			  uint32_t index)
{
	return (const char *)policy->header + table.offset + index * size;
}

static void take_strings(const struct policy *policy, struct blob_table table, GPtrArray *strings)
{
	for (uint32_t i = 0; i < table.count; i++) {
		const struct blob_span *span = record(policy, table, sizeof(*span), i);
		g_ptr_array_add(strings, take_text(policy, *span));
	}
}

static void take_pairs(const struct policy *policy, struct blob_table table, GPtrArray *pairs)
{
	for (uint32_t i = 0; i < table.count; i++) {
		const struct blob_pair *pair = policy_pair(policy, table, i);
		struct policy_text value = policy_text(policy, pair->value);
		g_autofree char *name = take_text(policy, pair->name);
		g_ptr_array_add(pairs, config_pair_new(name, value.at, value.length, CONFIG_OUTER));
	}
}

static void take_proxies(const struct policy *policy, GArray *proxies)
{
	g_array_set_size(proxies, 0);
	for (uint32_t i = 0; i < policy->header->proxies.count; i++) {
		const struct blob_proxy *proxy = policy_proxy(policy, i);
		struct policy_text username = policy_text(policy, proxy->username);
		struct policy_text password = policy_text(policy, proxy->password);
		struct url url = {
			.port = proxy->port,
			.has_credentials = proxy->has_credentials,
			.username_length = (uint8_t)username.length,
			.password_length = (uint8_t)password.length,
		};
		memcpy(url.address, proxy->address, sizeof(url.address));
		memcpy(url.username, username.at, username.length);
		memcpy(url.password, password.at, password.length);
		g_array_append_val(proxies, url);
	}
}

static void take_rules(const struct policy *policy, GArray *rules)
{
	for (uint32_t i = 0; i < policy->header->rules.count; i++) {
		const struct blob_rule *from = policy_rule(policy, i);
		struct config_rule rule = {
			.prefix = from->prefix,
			.action = from->action,
			.port = from->port,
			.suffix = take_text(policy, from->suffix),
			.origin = from->origin,
			.line = from->line,
			.source = CONFIG_OUTER,
		};
		memcpy(rule.address, from->address, sizeof(rule.address));
		g_array_append_val(rules, rule);
	}
}

static struct config_application *take_application(const struct policy *policy,
						   const struct blob_application *from)
{
	g_autofree char *label = take_text(policy, from->label);
	struct config_application *application = config_application_new(label);

	take_strings(policy, from->match, application->match);
	if (from->users.count)
		g_array_append_vals(application->users,
				    record(policy, from->users, sizeof(uint32_t), 0),
				    from->users.count);
	take_pairs(policy, from->pairs, application->pairs);
	application->proxy = from->proxy;
	application->origin = from->origin;
	application->line = from->line;
	application->by = from->by;
	application->has_by = from->has_by;
	application->action = from->action;
	application->source = CONFIG_OUTER;
	return application;
}

static void take_scalars(const struct blob_header *header, struct config *config)
{
	memcpy(config->session, header->session, sizeof(config->session));
	memcpy(config->cookie, header->cookie, sizeof(config->cookie));
	config->timeout = header->timeout;
	config->by = header->by;
	memcpy(config->methods, header->methods, sizeof(config->methods));
	config->retry = header->retry;
	config->pipeline = header->pipeline;
	config->require = header->require;
	config->require_given = true;
	config->resolve = header->resolve;
	config->family = header->family;
	config->loopback = header->loopback;
	config->listen = header->listen;
	if (!config->guard_is_bound)
		config->guard = header->guard;
	config->why = header->why;
	memcpy(config->pool, header->pool, sizeof(config->pool));
	config->pool_prefix = header->pool_prefix;
	config->min_uid = header->min_uid;
	/* A level of none says that nobody asked; whoever asks now gets the built-in one. */
	config->log_format = header->log_format;
	config->log_wanted = header->log_level != LOG_NONE;
	if (config->log_wanted)
		config->log_level = header->log_level;
}

struct config *compile_restore(const void *blob, size_t length, GError **error)
{
	struct policy policy;
	struct config *config;
	const struct blob_header *header;
	int r = policy_open(&policy, blob, length);

	if (r < 0) {
		g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
			    r == -EPROTONOSUPPORT
				    ? "the policy is one of another version of isosocks"
				    : "the policy is damaged");
		return NULL;
	}
	header = policy.header;
	config = config_new();
	take_scalars(header, config);
	config->token = take_text(&policy, header->token);
	config->alias = take_text(&policy, header->alias);
	config->log_file = take_text(&policy, header->log_file);
	take_strings(&policy, header->origins, config->origins);
	take_proxies(&policy, config->proxies);
	take_pairs(&policy, header->pairs, config->pairs);
	take_rules(&policy, config->rules);
	for (uint32_t i = 0; i < header->applications.count; i++)
		g_ptr_array_add(
			config->applications,
			take_application(&policy, record(&policy, header->applications,
							 sizeof(struct blob_application), i)));
	return config;
}

static struct config *restore_sealed(const char *text, GError **error)
{
	g_autofree void *blob = g_malloc(BLOB_MAX);
	const ssize_t length = sealed_read(text, blob);

	if (length >= 0)
		return compile_restore(blob, (size_t)length, error);
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
		    "the descriptor that it names is not here, or has no policy");
	return NULL;
}

static struct config *restore_base64(const char *text, GError **error)
{
	size_t size = BASE64_DECODED(strlen(text));
	g_autofree void *blob = g_malloc(size + 8);
	size_t length;

	if (base64_decode(text, strlen(text), blob, size, &length) == 0)
		return compile_restore(blob, length, error);
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, "the policy is damaged");
	return NULL;
}

struct config *compile_restore_text(const char *text, GError **error)
{
	return sealed_is_text(text) ? restore_sealed(text, error) : restore_base64(text, error);
}
