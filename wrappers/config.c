#include "config.h"

#include "inifile.h"
#include "reader.h"
#include "rule.h"

#include "base/log.h"
#include "keys/keys.h"
#include "policy/blob.h"
#include "policy/policy.h"
#include "policy/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* The macro makes a string of its first argument: no blanks. */
/* clang-format off */
G_DEFINE_QUARK(isosocks-config-error, config_error)
/* clang-format on */

#define WORDS_MAX   5
#define TIMEOUT_MAX 86400
#define TOKEN_MAX   KEYS_PAYLOAD_MAX
#define ALIAS_MAX   64
#define SUFFIX_MAX  255
#define PASSWD_MAX  (16 * 1024 * 1024)

static void pair_free(void *data)
{
	struct config_pair *pair = data;

	g_free(pair->name);
	g_free(pair->value);
	g_free(pair);
}

static void rule_clear(void *data)
{
	g_free(((struct config_rule *)data)->suffix);
}

static void application_free(void *data)
{
	struct config_application *application = data;

	g_free(application->label);
	g_ptr_array_unref(application->match);
	g_array_unref(application->users);
	g_ptr_array_unref(application->pairs);
	g_free(application);
}

struct config_pair *config_pair_new(const char *name, const char *value, size_t length,
				    enum config_source source)
{
	struct config_pair *pair = g_new0(struct config_pair, 1);

	pair->name = g_strdup(name);
	pair->value = g_malloc0(length + 1);
	memcpy(pair->value, value, length);
	pair->length = length;
	pair->source = source;
	return pair;
}

struct config_application *config_application_new(const char *label)
{
	struct config_application *application = g_new0(struct config_application, 1);

	application->label = g_strdup(label);
	application->match = g_ptr_array_new_with_free_func(g_free);
	application->users = g_array_new(FALSE, FALSE, sizeof(uint32_t));
	application->pairs = g_ptr_array_new_with_free_func(pair_free);
	application->proxy = BLOB_NONE;
	application->origin = BLOB_NONE;
	return application;
}

static const struct url default_proxy = {
	.address = { [10] = 0xff, 0xff, 127, 0, 0, 1 },
	.port = URL_DEFAULT_PORT,
};

struct config *config_new(void)
{
	struct config *config = g_new0(struct config, 1);

	config->proxies = g_array_new(FALSE, TRUE, sizeof(struct url));
	g_array_append_val(config->proxies, default_proxy);
	config->origins = g_ptr_array_new_with_free_func(g_free);
	config->pairs = g_ptr_array_new_with_free_func(pair_free);
	config->rules = g_array_new(FALSE, TRUE, sizeof(struct config_rule));
	g_array_set_clear_func(config->rules, rule_clear);
	config->applications = g_ptr_array_new_with_free_func(application_free);

	config->timeout = 180;
	config->by = KEYS_BY_USER | KEYS_BY_APPLICATION;
	memcpy(config->methods, "\x97\x02\x00\xff", 4);
	config->retry = 1;
	config->pipeline = BLOB_PIPELINE_AUTO;
	config->require = BLOB_REQUIRE_EXPLICIT;
	config->resolve = BLOB_RESOLVE_DEFERRED;
	config->family = BLOB_FAMILY_IPV4;
	config->loopback = BLOB_LOOPBACK_DIRECT;
	config->listen = BLOB_LISTEN_LOOPBACK;
	config->guard = CONFIG_GUARD_ON;
	memcpy(config->pool, "\x7f\x40\x00\x00", 4);
	config->pool_prefix = 10;
	config->log_level = LOG_ERROR;
	return config;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	g_array_unref(config->proxies);
	g_ptr_array_unref(config->origins);
	g_ptr_array_unref(config->pairs);
	g_array_unref(config->rules);
	g_ptr_array_unref(config->applications);
	g_free(config->log_file);
	g_free(config->token);
	g_free(config->alias);
	g_free(config);
}

void config_free_at(struct config **config)
{
	config_free(*config);
}

gboolean config_new_session(struct config *config, GError **error)
{
	if (getrandom(config->session, sizeof(config->session), 0) == sizeof(config->session))
		return TRUE;
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, "the kernel gives no random bytes");
	return FALSE;
}

char *config_quote(const char *text)
{
	g_autofree char *start = g_strndup(text, 60);
	g_autofree char *printable = g_strescape(start, NULL);

	return g_strconcat("\"", printable, start[0] && strlen(text) > 60 ? "\"..." : "\"", NULL);
}

static gboolean refuse(GError **error, const char *text, const char *accepted)
{
	g_autofree char *quoted = config_quote(text);

	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, "%s is not accepted: it must be %s",
		    quoted, accepted);
	return FALSE;
}

static gboolean refuse_plainly(GError **error, const char *problem)
{
	g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, problem);
	return FALSE;
}

/* The label of a group [application LABEL], or NULL for another one. */
static const char *label_of(const char *group)
{
	return g_str_has_prefix(group, "application ") && group[12] ? group + 12 : NULL;
}

/* ---- pairs ---- */

static guint find_pair(const GPtrArray *pairs, const char *name)
{
	guint i = 0;

	while (i < pairs->len && strcmp(((struct config_pair *)pairs->pdata[i])->name, name) != 0)
		i++;
	return i;
}

static gboolean check_pair_name(const char *name, GError **error)
{
	if (keys_check_name(name, strlen(name)) < 0)
		return refuse(error, name,
			      "a key name of 1 to 255 characters from A-Z a-z 0-9 . _ and -");
	if (strcmp(name, "USERNAME") == 0 || strcmp(name, "PASSWD") == 0)
		return refuse_plainly(error,
				      "USERNAME and PASSWD are the proxy's credentials: give "
				      "them with -u and -p or in the proxy's URL");
	return TRUE;
}

static gboolean check_payload(const GPtrArray *pairs, const char *name, GError **error)
{
	g_autofree char *quoted = config_quote(name);
	size_t payload = 0;

	for (guint i = 0; i < pairs->len; i++) {
		const struct config_pair *pair = pairs->pdata[i];
		payload += strlen(pair->name) + pair->length;
	}
	if (payload <= KEYS_PAYLOAD_MAX)
		return TRUE;
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
		    "with key %s all key names and values together have %zu bytes: at most %d are "
		    "accepted",
		    quoted, payload, KEYS_PAYLOAD_MAX);
	return FALSE;
}

static gboolean refuse_twice(const char *name, GError **error)
{
	g_autofree char *quoted = config_quote(name);

	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, "key %s is given twice", quoted);
	return FALSE;
}

/* Of two sources the higher one wins; one of them says a name once. */
static gboolean add_pair(GPtrArray *pairs, enum config_source source, const char *name,
			 const char *value, size_t length, GError **error)
{
	guint at = find_pair(pairs, name);

	if (!check_pair_name(name, error))
		return FALSE;
	if (at < pairs->len) {
		const struct config_pair *before = pairs->pdata[at];
		if (before->source == source)
			return refuse_twice(name, error);
		g_ptr_array_remove_index(pairs, at);
	}
	g_ptr_array_add(pairs, config_pair_new(name, value, length, source));
	return check_payload(pairs, name, error);
}

/* ---- the table of settings ---- */

struct setting;

/* A setting about to be set. */
struct value {
	const struct setting *row;
	enum config_source source;
	struct config_application *application; /* of [application LABEL] */
	const char *name;			/* of key.NAME: NAME */
	const char *text;
};

struct setting {
	const char *group;
	const char *key; /* one that ends with a dot has any name behind it */
	gboolean (*set)(struct config *config, const struct value *value, GError **error);
	const char *accepted;	      /* what an error says; with words it is these */
	size_t field;		      /* of set_word: the uint8_t that it sets, in the config
				       * or the application */
	const char *words[WORDS_MAX]; /* of set_word: by their number in the blob */
};

static char *list_words(const struct setting *row)
{
	GString *list = g_string_new(row->words[0]);

	for (size_t i = 1; i < WORDS_MAX && row->words[i]; i++) {
		bool last = i + 1 == WORDS_MAX || !row->words[i + 1];
		g_string_append_printf(list, "%s%s", last ? " or " : ", ", row->words[i]);
	}
	return g_string_free(list, FALSE);
}

static gboolean refuse_value(GError **error, const struct value *value)
{
	g_autofree char *words = value->row->accepted ? NULL : list_words(value->row);

	return refuse(error, value->text, words ? words : value->row->accepted);
}

static gboolean set_word(struct config *config, const struct value *value, GError **error)
{
	uint8_t *target = value->application ? (uint8_t *)value->application : (uint8_t *)config;

	for (uint8_t i = 0; i < WORDS_MAX && value->row->words[i]; i++) {
		if (strcmp(value->text, value->row->words[i]) != 0)
			continue;
		target[value->row->field] = i;
		return TRUE;
	}
	return refuse_value(error, value);
}

/* The strictest of those that were given wins, whatever its source. */
static gboolean set_require(struct config *config, const struct value *value, GError **error)
{
	uint8_t before = config->require_given ? config->require : BLOB_REQUIRE_NEVER;

	if (!set_word(config, value, error))
		return FALSE;
	config->require = MAX(config->require, before);
	config->require_given = true;
	return TRUE;
}

/* What the administrator requires stays. */
static gboolean set_guard(struct config *config, const struct value *value, GError **error)
{
	if (!set_word(config, value, error))
		return FALSE;
	if (value->source == CONFIG_SYSTEM && config->guard == CONFIG_GUARD_REQUIRED)
		config->guard_is_bound = true;
	if (config->guard_is_bound)
		config->guard = CONFIG_GUARD_REQUIRED;
	return TRUE;
}

static gboolean parse_number(const char *text, guint64 min, guint64 max, guint64 *ret_number)
{
	return g_ascii_string_to_unsigned(text, 10, min, max, ret_number, NULL);
}

static gboolean set_timeout(struct config *config, const struct value *value, GError **error)
{
	guint64 number;

	if (!parse_number(value->text, 1, TIMEOUT_MAX, &number))
		return refuse_value(error, value);
	config->timeout = (uint32_t)number;
	return TRUE;
}

static gboolean set_retry(struct config *config, const struct value *value, GError **error)
{
	guint64 number;

	if (!parse_number(value->text, 0, UINT8_MAX, &number))
		return refuse_value(error, value);
	config->retry = (uint8_t)number;
	return TRUE;
}

/* What a higher source says of every program goes before what a lower one says of some. */
static void override_applications(struct config *config, enum config_source source,
				  void (*clear)(struct config_application *application))
{
	for (guint i = 0; i < config->applications->len; i++) {
		struct config_application *application = config->applications->pdata[i];
		if (application->source < source)
			clear(application);
	}
}

static void clear_by(struct config_application *application)
{
	application->has_by = false;
}

static void clear_url(struct config_application *application)
{
	application->proxy = BLOB_NONE;
}

/*
 * A URL replaces the lower source's with its credentials, so that they never reach another proxy.
 * Those that were given beside a URL belong to whichever URL is used, unless it has its own.
 */
static gboolean set_url(struct config *config, const struct value *value, GError **error)
{
	struct url *proxy = &g_array_index(config->proxies, struct url, 0);
	struct url url = { 0 };
	const char *problem = NULL;

	if (url_parse(value->text, &url, &problem) < 0)
		return refuse_plainly(error, problem);
	if (url.has_credentials) {
		config->separate_credentials = false;
	} else if (config->separate_credentials) {
		url.has_credentials = true;
		url.username_length = proxy->username_length;
		url.password_length = proxy->password_length;
		memcpy(url.username, proxy->username, sizeof(url.username));
		memcpy(url.password, proxy->password, sizeof(url.password));
	}
	*proxy = url;
	override_applications(config, value->source, clear_url);
	return TRUE;
}

/* Methods by the name that the configuration has for them. */
static int method_code(const char *name)
{
	static const struct {
		const char *name;
		int code;
	} methods[] = { { "extended", 0x97 }, { "password", 0x02 }, { "none", 0x00 } };

	for (size_t i = 0; i < G_N_ELEMENTS(methods); i++)
		if (strcmp(name, methods[i].name) == 0)
			return methods[i].code;
	return -EINVAL;
}

static gboolean set_methods(struct config *config, const struct value *value, GError **error)
{
	g_auto(GStrv) names = g_strsplit(value->text, ";", -1);
	uint8_t methods[4] = { BLOB_NO_METHOD, BLOB_NO_METHOD, BLOB_NO_METHOD, BLOB_NO_METHOD };
	guint count = 0;

	for (guint i = 0; names[i]; i++) {
		const char *name = g_strstrip(names[i]);
		int code = method_code(name);

		if (*name == '\0' && !names[i + 1] && i > 0)
			break; /* a list may end with its separator */
		if (code < 0 || memchr(methods, code, count))
			return refuse_value(error, value);
		methods[count++] = (uint8_t)code;
	}
	if (count == 0)
		return refuse_value(error, value);
	memcpy(config->methods, methods, sizeof(methods));
	return TRUE;
}

static gboolean set_by(struct config *config, const struct value *value, GError **error)
{
	uint32_t by;

	if (keys_parse_by(value->text, strlen(value->text), &by) < 0)
		return refuse_value(error, value);
	config->by = by;
	override_applications(config, value->source, clear_by);
	return TRUE;
}

static gboolean set_key(struct config *config, const struct value *value, GError **error)
{
	return config_set_pair(config, value->source, value->name, value->text, strlen(value->text),
			       error);
}

static gboolean in_range(uint32_t address, guint64 prefix, uint32_t base, guint64 base_prefix)
{
	return prefix >= base_prefix &&
	       (address >> (32 - base_prefix)) == (base >> (32 - base_prefix));
}

/*
 * Only ranges whose addresses never leave the machine by themselves: loopback, and RFC 2544's
 * benchmarking block. 127.0.0.1 and its neighbours in the range would no longer be themselves,
 * hence not theirs.
 */
static gboolean pool_is_acceptable(uint32_t address, guint64 prefix)
{
	uint32_t host = UINT32_MAX >> prefix;

	if ((address & host) != 0)
		return FALSE;
	if (in_range(INADDR_LOOPBACK, 32, address, prefix))
		return FALSE;
	return in_range(address, prefix, 0x7f000000, 8) ||
	       in_range(address, prefix, 0xc6120000, 15);
}

static gboolean set_pool(struct config *config, const struct value *value, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(value->text, "/", 2);
	struct in_addr address;
	guint64 prefix;

	if (!parts[0] || !parts[1] || inet_pton(AF_INET, parts[0], &address) != 1 ||
	    !parse_number(parts[1], 8, 30, &prefix) ||
	    !pool_is_acceptable(ntohl(address.s_addr), prefix))
		return refuse_value(error, value);
	memcpy(config->pool, &address, sizeof(config->pool));
	config->pool_prefix = (uint8_t)prefix;
	return TRUE;
}

bool config_is_suffix(const char *suffix)
{
	size_t length = strlen(suffix);

	return length >= 2 && length <= SUFFIX_MAX && suffix[0] == '.' &&
	       suffix[length - 1] != '.' && !strstr(suffix, "..") &&
	       strspn(suffix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
		       length;
}

static gboolean set_alias(struct config *config, const struct value *value, GError **error)
{
	gboolean empty = *value->text == '\0';

	if (!empty && (!config_is_suffix(value->text) || strlen(value->text) > ALIAS_MAX))
		return refuse_value(error, value);
	g_free(config->alias);
	config->alias = empty ? NULL : g_ascii_strdown(value->text, -1);
	return TRUE;
}

/* The program may change its directory, so the path becomes absolute here. */
static gboolean set_log_file(struct config *config, const struct value *value, GError **error)
{
	gboolean empty = *value->text == '\0';

	if (strlen(value->text) >= PATH_MAX)
		return refuse_value(error, value);
	g_free(config->log_file);
	config->log_file = empty ? NULL : g_canonicalize_filename(value->text, NULL);
	return TRUE;
}

/* The file that is being read, among those that rules and applications remember. */
static uint32_t get_origin(struct config *config)
{
	g_autofree char *path = config->path ? g_canonicalize_filename(config->path, NULL) : NULL;
	guint index;

	if (!path)
		return BLOB_NONE;
	if (!g_ptr_array_find_with_equal_func(config->origins, path, g_str_equal, &index)) {
		index = config->origins->len;
		g_ptr_array_add(config->origins, g_steal_pointer(&path));
	}
	return index;
}

/* ---- rules ---- */

/* The items of a list between ;, without blanks and without empty ones. */
static GPtrArray *split_list(const char *text)
{
	g_auto(GStrv) items = g_strsplit(text, ";", -1);
	GPtrArray *list = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; items[i]; i++)
		if (*g_strstrip(items[i]))
			g_ptr_array_add(list, g_strdup(items[i]));
	return list;
}

static gboolean add_rules(struct config *config, const struct value *value, enum blob_action action,
			  GError **error)
{
	g_autoptr(GPtrArray) items = split_list(value->text);

	for (guint i = 0; i < items->len; i++) {
		struct config_rule rule = { .action = action,
					    .origin = get_origin(config),
					    .line = config->line,
					    .source = value->source };
		if (!rule_parse(items->pdata[i], &rule))
			return refuse(error, items->pdata[i], value->row->accepted);
		g_array_append_val(config->rules, rule);
	}
	return TRUE;
}

/* Those of all sources add up. */
static gboolean set_deny(struct config *config, const struct value *value, GError **error)
{
	return add_rules(config, value, BLOB_ACTION_DENY, error);
}

static gboolean set_direct(struct config *config, const struct value *value, GError **error)
{
	for (guint i = config->rules->len; i-- > 0;)
		if (g_array_index(config->rules, struct config_rule, i).action ==
		    BLOB_ACTION_DIRECT)
			g_array_remove_index(config->rules, i);
	return add_rules(config, value, BLOB_ACTION_DIRECT, error);
}

/* ---- applications ---- */

static gboolean set_match(struct config *config, const struct value *value, GError **error)
{
	g_autoptr(GPtrArray) items = split_list(value->text);

	(void)config;
	for (guint i = 0; i < items->len; i++) {
		const char *item = items->pdata[i];
		if (*item != '/' && *item != '*')
			return refuse(error, item, value->row->accepted);
		g_ptr_array_add(value->application->match, g_strdup(item));
	}
	return TRUE;
}

/*
 * The user's number. Names are looked up in this file alone: whatever else a machine has for that
 * may ask the network.
 */
gboolean config_parse_user(const char *text, guint64 *ret_user)
{
	g_autofree char *passwd = NULL;
	g_auto(GStrv) lines = NULL;
	gsize length;

	if (parse_number(text, 0, UINT32_MAX - 1, ret_user))
		return TRUE;
	passwd = reader_read("/etc/passwd", PASSWD_MAX, &length, NULL);
	if (!passwd)
		return FALSE;
	lines = g_strsplit(passwd, "\n", -1);
	for (guint i = 0; lines[i]; i++) {
		g_auto(GStrv) fields = g_strsplit(lines[i], ":", 4);
		if (g_strv_length(fields) == 4 && strcmp(fields[0], text) == 0)
			return parse_number(fields[2], 0, UINT32_MAX - 1, ret_user);
	}
	return FALSE;
}

static gboolean set_users(struct config *config, const struct value *value, GError **error)
{
	g_autoptr(GPtrArray) items = split_list(value->text);

	(void)config;
	for (guint i = 0; i < items->len; i++) {
		guint64 number;
		uint32_t user;

		if (!config_parse_user(items->pdata[i], &number))
			return refuse(error, items->pdata[i], value->row->accepted);
		user = (uint32_t)number;
		g_array_append_val(value->application->users, user);
	}
	return TRUE;
}

static gboolean set_application_by(struct config *config, const struct value *value, GError **error)
{
	(void)config;
	if (keys_parse_by(value->text, strlen(value->text), &value->application->by) < 0)
		return refuse_value(error, value);
	value->application->has_by = true;
	return TRUE;
}

static gboolean set_application_url(struct config *config, const struct value *value,
				    GError **error)
{
	struct url url = { 0 };
	const char *problem = NULL;

	if (url_parse(value->text, &url, &problem) < 0)
		return refuse_plainly(error, problem);
	value->application->proxy = config->proxies->len;
	g_array_append_val(config->proxies, url);
	return TRUE;
}

static gboolean set_application_key(struct config *config, const struct value *value,
				    GError **error)
{
	(void)config;
	return add_pair(value->application->pairs, value->source, value->name, value->text,
			strlen(value->text), error);
}

#define METHODS "a list of extended, password and none, each once, between ;"
#define BY	"none, or a list of user, application, session, process and destination"
#define POOL                                                                                       \
	"a network ADDRESS/LENGTH in 127.0.0.0/8 or 198.18.0.0/15, of length 8 to 30 and without " \
	"127.0.0.1"

#define FIELD(name) .field = offsetof(struct config, name)

static const struct setting settings[] = {
	{ "proxy", "url", set_url, .accepted = "socks5://[USER:PASS@]ADDRESS[:PORT]" },
	{ "proxy", "timeout", set_timeout, .accepted = "a number of seconds from 1 to 86400" },
	{ "proxy", "methods", set_methods, .accepted = METHODS },
	{ "proxy", "pipeline", set_word, FIELD(pipeline), .words = { "auto", "yes", "no" } },
	{ "proxy", "retry", set_retry, .accepted = "a number from 0 to 255" },
	{ "isolation", "by", set_by, .accepted = BY },
	{ "isolation", "require", set_require, FIELD(require),
	  .words = { "never", "explicit", "always" } },
	{ "isolation", "key.", set_key, .accepted = "any text" },
	{ "names", "resolve", set_word, FIELD(resolve), .words = { "deferred", "proxy" } },
	{ "names", "family", set_word, FIELD(family), .words = { "ipv4", "both" } },
	{ "names", "pool", set_pool, .accepted = POOL },
	{ "names", "alias", set_alias, .accepted = "empty, or a suffix such as .tor" },
	{ "network", "loopback", set_word, FIELD(loopback),
	  .words = { "direct", "proxy", "deny" } },
	{ "network", "direct", set_direct, .accepted = RULE_ACCEPTED },
	{ "network", "deny", set_deny, .accepted = RULE_ACCEPTED_SUFFIX },
	{ "network", "listen", set_word, FIELD(listen), .words = { "loopback", "any" } },
	{ "guard", "enabled", set_guard, FIELD(guard), .words = { "false", "true", "require" } },
	{ "log", "level", set_word, FIELD(log_level),
	  .words = { "none", "error", "warning", "info", "debug" } },
	{ "log", "format", set_word, FIELD(log_format), .words = { "text", "json" } },
	{ "log", "file", set_log_file, .accepted = "empty, or the path of a file" },
	{ "log", "why", set_word, FIELD(why), .words = { "false", "true" } },
	{ "application", "match", set_match,
	  .accepted = "an absolute path, in which * stands for any text and ? for any character" },
	{ "application", "user", set_users,
	  .accepted = "a user's number, or a name that is in /etc/passwd" },
	{ "application", "action", set_word, .field = offsetof(struct config_application, action),
	  .words = { "proxy", "direct", "deny" } },
	{ "application", "by", set_application_by, .accepted = BY },
	{ "application", "key.", set_application_key, .accepted = "any text" },
	{ "application", "url", set_application_url,
	  .accepted = "socks5://[USER:PASS@]ADDRESS[:PORT]" },
};

/* What of the table a group of a file has: all [application LABEL] the same. */
static const char *table_group(const char *group)
{
	return label_of(group) ? "application" : strcmp(group, "application") ? group : "";
}

static gboolean key_is(const struct setting *row, const char *key)
{
	size_t length = strlen(row->key);

	if (row->key[length - 1] == '.')
		return strncmp(key, row->key, length) == 0;
	return strcmp(key, row->key) == 0;
}

static const struct setting *find_setting(const char *group, const char *key)
{
	for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
		if (strcmp(group, settings[i].group) == 0 && key_is(&settings[i], key))
			return &settings[i];
	return NULL;
}

/* What stands in the table: the keys of a group or, for NULL, the groups. */
static char *list_known(const char *group)
{
	GString *list = g_string_new(NULL);
	const char *before = "";

	for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
		const char *word = group ? settings[i].key : settings[i].group;

		if ((group && strcmp(group, settings[i].group) != 0) || strcmp(word, before) == 0)
			continue;
		g_string_append_printf(list, "%s%s%s", list->len ? ", " : "", word,
				       g_str_has_suffix(word, ".")		    ? "NAME"
				       : !group && strcmp(word, "application") == 0 ? " LABEL"
										    : "");
		before = word;
	}
	return g_string_free(list, FALSE);
}

static bool group_is_known(const char *group)
{
	for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
		if (strcmp(group, settings[i].group) == 0)
			return true;
	return false;
}

static gboolean refuse_group(GError **error)
{
	g_autofree char *known = list_known(NULL);

	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
		    "there is no such group: accepted are %s", known);
	return FALSE;
}

static gboolean refuse_key(const char *group, GError **error)
{
	g_autofree char *known = list_known(group);

	if (!group_is_known(group))
		return refuse_group(error);
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
		    "there is no such key in [%s]: accepted are %s", group, known);
	return FALSE;
}

/*
 * Where a group of this source goes: behind its earlier ones, which are before those of lower
 * sources; but for a lower source's up to its last denying one, which nobody takes back.
 */
static guint find_place(const struct config *config, enum config_source source)
{
	guint place = 0;

	for (guint i = 0; i < config->applications->len; i++) {
		const struct config_application *application = config->applications->pdata[i];
		if (application->source == source || application->action == BLOB_ACTION_DENY)
			place = i + 1;
	}
	return place;
}

static void open_application(struct config *config, enum config_source source, const char *label)
{
	struct config_application *application = config_application_new(label);

	application->source = source;
	application->origin = get_origin(config);
	application->line = config->line;
	g_ptr_array_insert(config->applications, (int)find_place(config, source), application);
}

static struct config_application *find_group(struct config *config, enum config_source source,
					     const char *group)
{
	const char *label = label_of(group);

	for (guint i = 0; label && i < config->applications->len; i++) {
		struct config_application *application = config->applications->pdata[i];
		if (application->source == source && strcmp(application->label, label) == 0)
			return application;
	}
	return NULL;
}

gboolean config_set(struct config *config, enum config_source source, const char *group,
		    const char *key, const char *value, GError **error)
{
	const struct setting *row = find_setting(table_group(group), key);

	if (!row)
		return refuse_key(table_group(group), error);
	return row->set(config,
			&(struct value){ .row = row,
					 .source = source,
					 .application = find_group(config, source, group),
					 .name = key + strlen(row->key),
					 .text = value },
			error);
}

/* ---- what has no row ---- */

gboolean config_set_address(struct config *config, const char *address, GError **error)
{
	struct url *proxy = &g_array_index(config->proxies, struct url, 0);
	uint8_t bytes[16];

	if (url_parse_address(address, bytes) < 0)
		return refuse(error, address,
			      "an IPv4 or IPv6 address (a name would need a DNS query)");
	memcpy(proxy->address, bytes, sizeof(bytes));
	return TRUE;
}

gboolean config_set_port(struct config *config, const char *port, GError **error)
{
	struct url *proxy = &g_array_index(config->proxies, struct url, 0);
	guint64 number;

	if (!parse_number(port, 1, UINT16_MAX, &number))
		return refuse(error, port, "a number from 1 to 65535");
	proxy->port = (uint16_t)number;
	return TRUE;
}

gboolean config_set_credentials(struct config *config, const char *username, const char *password,
				GError **error)
{
	struct url *proxy = &g_array_index(config->proxies, struct url, 0);
	size_t username_length = strlen(username);
	size_t password_length = strlen(password);

	if (username_length < 1 || username_length > sizeof(proxy->username))
		return refuse_plainly(error, "the user name must have 1 to 255 bytes");
	if (password_length < 1 || password_length > sizeof(proxy->password))
		return refuse_plainly(error, "the password must have 1 to 255 bytes");
	proxy->has_credentials = true;
	proxy->username_length = (uint8_t)username_length;
	proxy->password_length = (uint8_t)password_length;
	memcpy(proxy->username, username, username_length);
	memcpy(proxy->password, password, password_length);
	config->separate_credentials = true;
	return TRUE;
}

/* A pair ISOLATION replaces the value that the token would be part of, so the higher source's wins.
 */
static void drop_pair_below(GPtrArray *pairs, const char *name, enum config_source source)
{
	guint at = find_pair(pairs, name);

	if (at < pairs->len && ((struct config_pair *)pairs->pdata[at])->source < source)
		g_ptr_array_remove_index(pairs, at);
}

static void drop_pairs_below(struct config *config, const char *name, enum config_source source)
{
	drop_pair_below(config->pairs, name, source);
	for (guint i = 0; i < config->applications->len; i++) {
		struct config_application *application = config->applications->pdata[i];
		drop_pair_below(application->pairs, name, source);
	}
}

gboolean config_set_token(struct config *config, enum config_source source, const char *token,
			  GError **error)
{
	size_t length = strlen(token);

	if (length < 1 || length > TOKEN_MAX)
		return refuse_plainly(error, "the token must have 1 to 8192 bytes");
	drop_pairs_below(config, "ISOLATION", source);
	g_free(config->token);
	config->token = g_strdup(token);
	return TRUE;
}

gboolean config_set_pair(struct config *config, enum config_source source, const char *name,
			 const char *value, size_t length, GError **error)
{
	drop_pairs_below(config, name, source);
	return add_pair(config->pairs, source, name, value, length, error);
}

/* ---- files ---- */

/* A group's opening line. */
static gboolean open_group(struct config *config, enum config_source source, const char *group,
			   GError **error)
{
	if (!group_is_known(table_group(group)))
		return refuse_group(error);
	if (label_of(group))
		open_application(config, source, label_of(group));
	return TRUE;
}

static gboolean set_entry(struct config *config, enum config_source source, const char *path,
			  const struct inifile_entry *entry, GError **error)
{
	config->line = entry->line;
	if (!entry->key) {
		if (open_group(config, source, entry->group, error))
			return TRUE;
		g_prefix_error(error, "%s:%u: [%s]: ", path, entry->line, entry->group);
		return FALSE;
	}
	if (config_set(config, source, entry->group, entry->key, entry->value, error))
		return TRUE;
	g_prefix_error(error, "%s:%u: [%s] %s: ", path, entry->line, entry->group, entry->key);
	return FALSE;
}

/* The label names nothing: who forgets `match` has let all of them out. */
static gboolean check_application(const struct config_application *application,
				  enum config_source source, const char *path, GError **error)
{
	if (application->source != source || application->action != BLOB_ACTION_DIRECT ||
	    application->match->len > 0 || application->users->len > 0)
		return TRUE;
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
		    "%s:%u: [application %s]: every program would be direct: it must have match, "
		    "the paths of executables, or user; match=* is all of them",
		    path, application->line, application->label);
	return FALSE;
}

gboolean config_load_text(struct config *config, enum config_source source, const char *path,
			  const char *text, size_t length, GError **error)
{
	g_autoptr(GPtrArray) entries = inifile_parse(path, text, length, error);
	gboolean good = entries != NULL;

	config->path = path;
	for (guint i = 0; good && i < entries->len; i++)
		good = set_entry(config, source, path, entries->pdata[i], error);
	config->path = NULL;
	for (guint i = 0; good && i < config->applications->len; i++)
		good = check_application(config->applications->pdata[i], source, path, error);
	return good;
}

gboolean config_load_file(struct config *config, enum config_source source, const char *path,
			  GError **error)
{
	size_t length;
	g_autofree char *text = reader_read(path, CONFIG_FILE_MAX, &length, error);

	return text && config_load_text(config, source, path, text, length, error);
}

static void add_problem(GPtrArray *problems, GError **error)
{
	g_ptr_array_add(problems, g_strdup((*error)->message));
	g_clear_error(error);
}

/* Behind a group that is not there everything would be wrong. */
static void check_entries(struct config *config, enum config_source source, const char *path,
			  const GPtrArray *entries, GPtrArray *problems)
{
	const char *unknown = NULL;
	GError *error = NULL;

	config->path = path;
	for (guint i = 0; i < entries->len; i++) {
		const struct inifile_entry *entry = entries->pdata[i];
		if (unknown && strcmp(unknown, entry->group) == 0)
			continue;
		if (set_entry(config, source, path, entry, &error))
			continue;
		add_problem(problems, &error);
		if (!entry->key)
			unknown = entry->group;
	}
	config->path = NULL;
	for (guint i = 0; i < config->applications->len; i++)
		if (!check_application(config->applications->pdata[i], source, path, &error))
			add_problem(problems, &error);
}

GPtrArray *config_check_file(struct config *config, enum config_source source, const char *path)
{
	GPtrArray *problems = g_ptr_array_new_with_free_func(g_free);
	GError *error = NULL;
	size_t length;
	g_autofree char *text = reader_read(path, CONFIG_FILE_MAX, &length, &error);
	g_autoptr(GPtrArray) entries = text ? inifile_parse(path, text, length, &error) : NULL;

	if (entries)
		check_entries(config, source, path, entries, problems);
	else
		add_problem(problems, &error);
	return problems;
}

/* XDG Base Directory Specification: a relative path in the variable does not count. */
char *config_user_file(void)
{
	g_auto(GStrv) block = g_get_environ();
	const char *folder = g_environ_getenv(block, "XDG_CONFIG_HOME");
	const char *home = g_environ_getenv(block, "HOME");

	if (folder && *folder == '/')
		return g_build_filename(folder, "isosocks.conf", NULL);
	return home && *home == '/' ? g_build_filename(home, ".config", "isosocks.conf", NULL)
				    : NULL;
}

/* One that cannot be looked for is there as far as is known: what it denies must not get lost. */
static bool system_file_is_there(void)
{
	return access(CONFIG_SYSTEM_FILE, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

gboolean config_load_usual(struct config *config, const char *path, GError **error)
{
	g_autofree char *own = config_user_file();

	if (system_file_is_there() &&
	    !config_load_file(config, CONFIG_SYSTEM, CONFIG_SYSTEM_FILE, error))
		return FALSE;
	if (path)
		return config_load_file(config, CONFIG_FILE, path, error);
	/* In a folder that this user may not look into it is somebody else's, as after su(1). */
	return !own || access(own, F_OK) < 0 || config_load_file(config, CONFIG_FILE, own, error);
}

/* ---- what has been set ---- */

static bool names_user(const struct config_application *application, uint32_t user)
{
	for (guint i = 0; i < application->users->len; i++)
		if (g_array_index(application->users, uint32_t, i) == user)
			return true;
	return application->users->len == 0;
}

static bool names_executable(const struct config_application *application, const char *executable)
{
	for (guint i = 0; i < application->match->len; i++) {
		const char *glob = application->match->pdata[i];
		if (policy_glob((struct policy_text){ glob, strlen(glob) },
				(struct policy_text){ executable, strlen(executable) }))
			return true;
	}
	return application->match->len == 0;
}

const struct config_application *config_find_application(const struct config *config,
							 const char *executable, uint32_t user)
{
	for (guint i = 0; i < config->applications->len; i++) {
		const struct config_application *application = config->applications->pdata[i];
		if (names_user(application, user) && names_executable(application, executable))
			return application;
	}
	return NULL;
}

bool config_is_direct(const struct config *config, const char *executable, uint32_t user)
{
	const struct config_application *application =
		config_find_application(config, executable, user);

	return application && application->action == BLOB_ACTION_DIRECT;
}

uint8_t config_log_level(const struct config *config)
{
	if (config->quiet)
		return LOG_NONE;
	return config->log_wanted || config->log_file ? config->log_level : LOG_NONE;
}

const char *config_word(const char *group, const char *key, uint8_t number)
{
	return find_setting(group, key)->words[number];
}

char *config_methods_text(const uint8_t methods[4])
{
	GString *text = g_string_new(NULL);

	for (size_t i = 0; i < 4 && methods[i] != BLOB_NO_METHOD; i++)
		g_string_append_printf(text, "%s%s", i ? ";" : "",
				       methods[i] == 0x97   ? "extended"
				       : methods[i] == 0x02 ? "password"
							    : "none");
	return g_string_free(text, FALSE);
}

char *config_by_text(uint32_t by)
{
	static const char *const parts[] = { "user", "application", "session", "process",
					     "destination" };
	GString *text = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(parts); i++)
		if (by & (1u << i))
			g_string_append_printf(text, "%s%s", text->len ? ";" : "", parts[i]);
	return g_string_free(by ? text : g_string_assign(text, "none"), FALSE);
}

bool config_has_credentials(const struct config *config)
{
	for (guint i = 0; i < config->proxies->len; i++)
		if (g_array_index(config->proxies, struct url, i).has_credentials)
			return true;
	return false;
}

char *config_url_text(const struct config *config, uint32_t index)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };
	const struct url *proxy =
		&g_array_index(config->proxies, struct url, index == BLOB_NONE ? 0 : index);
	char text[INET6_ADDRSTRLEN];

	if (memcmp(proxy->address, mapped, sizeof(mapped)) == 0) {
		inet_ntop(AF_INET, proxy->address + sizeof(mapped), text, sizeof(text));
		return g_strdup_printf("socks5://%s:%u", text, proxy->port);
	}
	inet_ntop(AF_INET6, proxy->address, text, sizeof(text));
	return g_strdup_printf("socks5://[%s]:%u", text, proxy->port);
}

char *config_proxy_text(const struct config *config)
{
	return config_url_text(config, 0);
}
