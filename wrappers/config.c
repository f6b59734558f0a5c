#include "config.h"

#include "inifile.h"

#include "base/log.h"
#include "keys/keys.h"
#include "policy/blob.h"
#include "policy/url.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

/* The macro makes a string of its first argument: no blanks. */
/* clang-format off */
G_DEFINE_QUARK(isosocks-config-error, config_error)
/* clang-format on */

#define WORDS_MAX   5
#define TIMEOUT_MAX 86400
#define TOKEN_MAX   KEYS_PAYLOAD_MAX

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
	config->loopback = BLOB_LOOPBACK_DIRECT;
	config->listen = BLOB_LISTEN_LOOPBACK;
	config->guard = 1;
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

/* ---- the table of settings ---- */

struct setting;

/* A setting about to be set. */
struct value {
	const struct setting *row;
	enum config_source source;
	const char *name; /* of key.NAME: NAME */
	const char *text;
};

struct setting {
	const char *group;
	const char *key; /* one that ends with a dot has any name behind it */
	gboolean (*set)(struct config *config, const struct value *value, GError **error);
	const char *accepted;	      /* what an error says; with words it is these */
	size_t field;		      /* of set_word: the uint8_t that it sets */
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
	for (uint8_t i = 0; i < WORDS_MAX && value->row->words[i]; i++) {
		if (strcmp(value->text, value->row->words[i]) != 0)
			continue;
		*((uint8_t *)config + value->row->field) = i;
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

static gboolean suffix_is_acceptable(const char *suffix)
{
	size_t length = strlen(suffix);

	return length >= 2 && length <= 64 && suffix[0] == '.' && suffix[length - 1] != '.' &&
	       !strstr(suffix, "..") &&
	       strspn(suffix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") ==
		       length;
}

static gboolean set_alias(struct config *config, const struct value *value, GError **error)
{
	gboolean empty = *value->text == '\0';

	if (!empty && !suffix_is_acceptable(value->text))
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
	{ "names", "pool", set_pool, .accepted = POOL },
	{ "names", "alias", set_alias, .accepted = "empty, or a suffix such as .tor" },
	{ "network", "loopback", set_word, FIELD(loopback),
	  .words = { "direct", "proxy", "deny" } },
	{ "log", "level", set_word, FIELD(log_level),
	  .words = { "none", "error", "warning", "info", "debug" } },
	{ "log", "file", set_log_file, .accepted = "empty, or the path of a file" },
};

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
				       g_str_has_suffix(word, ".") ? "NAME" : "");
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

gboolean config_set(struct config *config, enum config_source source, const char *group,
		    const char *key, const char *value, GError **error)
{
	const struct setting *row = find_setting(group, key);

	if (!row)
		return refuse_key(group, error);
	return row->set(config,
			&(struct value){ .row = row,
					 .source = source,
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

static guint find_pair(const struct config *config, const char *name)
{
	guint i = 0;

	while (i < config->pairs->len &&
	       strcmp(((struct config_pair *)config->pairs->pdata[i])->name, name) != 0)
		i++;
	return i;
}

/* A pair ISOLATION replaces the value that the token would be part of, so the higher source's wins.
 */
static void drop_isolation_below(struct config *config, enum config_source source)
{
	guint at = find_pair(config, "ISOLATION");

	if (at < config->pairs->len &&
	    ((struct config_pair *)config->pairs->pdata[at])->source < source)
		g_ptr_array_remove_index(config->pairs, at);
}

gboolean config_set_token(struct config *config, enum config_source source, const char *token,
			  GError **error)
{
	size_t length = strlen(token);

	if (length < 1 || length > TOKEN_MAX)
		return refuse_plainly(error, "the token must have 1 to 8192 bytes");
	drop_isolation_below(config, source);
	g_free(config->token);
	config->token = g_strdup(token);
	return TRUE;
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

static gboolean check_payload(const struct config *config, const char *name, GError **error)
{
	g_autofree char *quoted = config_quote(name);
	size_t payload = 0;

	for (guint i = 0; i < config->pairs->len; i++) {
		const struct config_pair *pair = config->pairs->pdata[i];
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

gboolean config_set_pair(struct config *config, enum config_source source, const char *name,
			 const char *value, size_t length, GError **error)
{
	guint at = find_pair(config, name);

	if (!check_pair_name(name, error))
		return FALSE;
	if (at < config->pairs->len) {
		const struct config_pair *before = config->pairs->pdata[at];
		if (before->source == source)
			return refuse_twice(name, error);
		g_ptr_array_remove_index(config->pairs, at);
	}
	g_ptr_array_add(config->pairs, config_pair_new(name, value, length, source));
	return check_payload(config, name, error);
}

/* ---- files ---- */

static gboolean set_entry(struct config *config, const char *path,
			  const struct inifile_entry *entry, GError **error)
{
	if (!entry->key) {
		if (group_is_known(entry->group))
			return TRUE;
		refuse_group(error);
		g_prefix_error(error, "%s:%u: [%s]: ", path, entry->line, entry->group);
		return FALSE;
	}
	if (config_set(config, CONFIG_FILE, entry->group, entry->key, entry->value, error))
		return TRUE;
	g_prefix_error(error, "%s:%u: [%s] %s: ", path, entry->line, entry->group, entry->key);
	return FALSE;
}

gboolean config_load_text(struct config *config, const char *path, const char *text, size_t length,
			  GError **error)
{
	g_autoptr(GPtrArray) entries = inifile_parse(path, text, length, error);

	if (!entries)
		return FALSE;
	for (guint i = 0; i < entries->len; i++)
		if (!set_entry(config, path, entries->pdata[i], error))
			return FALSE;
	return TRUE;
}

gboolean config_load_file(struct config *config, const char *path, GError **error)
{
	size_t length;
	g_autofree char *text = inifile_read(path, CONFIG_FILE_MAX, &length, error);

	return text && config_load_text(config, path, text, length, error);
}

static void add_problem(GPtrArray *problems, GError **error)
{
	g_ptr_array_add(problems, g_strdup((*error)->message));
	g_clear_error(error);
}

static void check_entries(struct config *config, const char *path, const GPtrArray *entries,
			  GPtrArray *problems)
{
	GError *error = NULL;

	for (guint i = 0; i < entries->len; i++)
		if (!set_entry(config, path, entries->pdata[i], &error))
			add_problem(problems, &error);
}

GPtrArray *config_check_file(struct config *config, const char *path)
{
	GPtrArray *problems = g_ptr_array_new_with_free_func(g_free);
	GError *error = NULL;
	size_t length;
	g_autofree char *text = inifile_read(path, CONFIG_FILE_MAX, &length, &error);
	g_autoptr(GPtrArray) entries = text ? inifile_parse(path, text, length, &error) : NULL;

	if (entries)
		check_entries(config, path, entries, problems);
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

uint8_t config_log_level(const struct config *config)
{
	if (config->quiet)
		return LOG_NONE;
	return config->log_wanted || config->log_file ? config->log_level : LOG_NONE;
}

char *config_proxy_text(const struct config *config)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };
	const struct url *proxy = &g_array_index(config->proxies, struct url, 0);
	char text[INET6_ADDRSTRLEN];

	if (memcmp(proxy->address, mapped, sizeof(mapped)) == 0) {
		inet_ntop(AF_INET, proxy->address + sizeof(mapped), text, sizeof(text));
		return g_strdup_printf("socks5://%s:%u", text, proxy->port);
	}
	inet_ntop(AF_INET6, proxy->address, text, sizeof(text));
	return g_strdup_printf("socks5://[%s]:%u", text, proxy->port);
}
