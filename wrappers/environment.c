#include "environment.h"

#include "keys/keys.h"

#include <string.h>

#define PREFIX	   "ISOSOCKS_"
#define KEY_PREFIX "ISOSOCKS_KEY_"

/* Variables that are settings of a file as well. */
static const struct {
	const char *name;
	const char *group;
	const char *key;
} settings[] = {
	{ "ISOSOCKS_PROXY", "proxy", "url" },	{ "ISOSOCKS_BY", "isolation", "by" },
	{ "ISOSOCKS_LOG", "log", "level" },	{ "ISOSOCKS_LOG_FORMAT", "log", "format" },
	{ "ISOSOCKS_LOG_FILE", "log", "file" },
};

/* All that end here, besides those with KEY_PREFIX. */
static const char *const consumed[] = {
	"ISOSOCKS_PROXY",    "ISOSOCKS_ISOLATION", "ISOSOCKS_KEYS",	  "ISOSOCKS_BY",
	"ISOSOCKS_CONFIG",   "ISOSOCKS_LOG",	   "ISOSOCKS_LOG_FORMAT", "ISOSOCKS_LOG_FILE",
	"ISOSOCKS_USERNAME", "ISOSOCKS_PASSWORD",  "ISOSOCKS_POLICY",	  "ISOSOCKS_NAMES",
	"LD_PRELOAD",
};

static gboolean is_consumed(const char *variable)
{
	size_t length = strcspn(variable, "=");

	if (g_str_has_prefix(variable, KEY_PREFIX))
		return TRUE;
	for (size_t i = 0; i < G_N_ELEMENTS(consumed); i++)
		if (strlen(consumed[i]) == length && strncmp(variable, consumed[i], length) == 0)
			return TRUE;
	return FALSE;
}

static gboolean take_settings(struct config *config, char **block, GError **error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
		const char *value = g_environ_getenv(block, settings[i].name);

		if (!value)
			continue;
		if (!config_set(config, CONFIG_ENVIRONMENT, settings[i].group, settings[i].key,
				value, error)) {
			g_prefix_error(error, "%s: ", settings[i].name);
			return FALSE;
		}
	}
	if (g_environ_getenv(block, "ISOSOCKS_LOG"))
		config->log_wanted = true;
	return TRUE;
}

static gboolean take_credentials(struct config *config, char **block, GError **error)
{
	const char *username = g_environ_getenv(block, "ISOSOCKS_USERNAME");
	const char *password = g_environ_getenv(block, "ISOSOCKS_PASSWORD");

	if (!username && !password)
		return TRUE;
	if (!username || !password) {
		g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
			    "%s: is set without %s: the proxy needs both",
			    username ? "ISOSOCKS_USERNAME" : "ISOSOCKS_PASSWORD",
			    username ? "ISOSOCKS_PASSWORD" : "ISOSOCKS_USERNAME");
		return FALSE;
	}
	if (config_set_credentials(config, username, password, error))
		return TRUE;
	g_prefix_error(error, "ISOSOCKS_USERNAME, ISOSOCKS_PASSWORD: ");
	return FALSE;
}

static gboolean take_token(struct config *config, char **block, GError **error)
{
	const char *token = g_environ_getenv(block, "ISOSOCKS_ISOLATION");

	if (!token || config_set_token(config, CONFIG_ENVIRONMENT, token, error))
		return TRUE;
	g_prefix_error(error, "ISOSOCKS_ISOLATION: ");
	return FALSE;
}

/* The variable ISOSOCKS_KEY_NAME. Every shell can write such a name, and only such. */
static gboolean take_key(struct config *config, const char *variable, GError **error)
{
	const char *equals = strchr(variable, '=');
	g_autofree char *whole = g_strndup(variable, (gsize)(equals - variable));
	const char *name = whole + strlen(KEY_PREFIX);
	gboolean good = FALSE;

	if (*name == '\0' || strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != strlen(name))
		g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
			    "only A-Z, 0-9 and _ may stand behind " KEY_PREFIX
			    ": ISOSOCKS_KEYS takes every name");
	else
		good = config_set_pair(config, CONFIG_ENVIRONMENT, name, equals + 1,
				       strlen(equals + 1), error);
	if (!good)
		g_prefix_error(error, "%s: ", whole);
	return good;
}

static gboolean take_keys(struct config *config, char **block, GError **error)
{
	for (char **at = block; *at; at++)
		if (g_str_has_prefix(*at, KEY_PREFIX) && strchr(*at, '=') &&
		    !take_key(config, *at, error))
			return FALSE;
	return TRUE;
}

static gboolean explain_list(int r, GError **error)
{
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
		    r == -E2BIG ? "ISOSOCKS_KEYS: a value is longer than the 8192 bytes accepted"
				: "ISOSOCKS_KEYS: it must be NAME=VALUE&NAME=VALUE, with values "
				  "percent-escaped (%%26 for &, %%25 for %%)");
	return FALSE;
}

static gboolean take_list(struct config *config, char **block, GError **error)
{
	const char *list = g_environ_getenv(block, "ISOSOCKS_KEYS");
	g_autofree char *value = list ? g_malloc(KEYS_PAYLOAD_MAX) : NULL;
	const char *at;
	size_t at_length, length;
	int r;

	if (!list)
		return TRUE;
	while ((r = keys_next(&list, &at, &at_length, value, KEYS_PAYLOAD_MAX, &length)) > 0) {
		g_autofree char *name = g_strndup(at, at_length);

		if (!config_set_pair(config, CONFIG_ENVIRONMENT, name, value, length, error)) {
			g_prefix_error(error, "ISOSOCKS_KEYS: ");
			return FALSE;
		}
	}
	return r == 0 || explain_list(r, error);
}

/* A name mistyped would else lose what it was to set. */
static gboolean check_names(char **block, GError **error)
{
	for (char **at = block; *at; at++) {
		g_autofree char *name = g_strndup(*at, strcspn(*at, "="));

		if (!g_str_has_prefix(name, PREFIX) || is_consumed(*at) || !strchr(*at, '='))
			continue;
		g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
			    "%s: there is no such variable: there are ISOSOCKS_PROXY, "
			    "ISOSOCKS_ISOLATION, ISOSOCKS_KEY_NAME, ISOSOCKS_KEYS, ISOSOCKS_BY, "
			    "ISOSOCKS_CONFIG, ISOSOCKS_LOG, ISOSOCKS_LOG_FORMAT, "
			    "ISOSOCKS_LOG_FILE, ISOSOCKS_USERNAME "
			    "and ISOSOCKS_PASSWORD",
			    name);
		return FALSE;
	}
	return TRUE;
}

gboolean environment_take(struct config *config, char **block, GError **error)
{
	return check_names(block, error) && take_settings(config, block, error) &&
	       take_credentials(config, block, error) && take_token(config, block, error) &&
	       take_keys(config, block, error) && take_list(config, block, error);
}

char **environment_compose(char **block, const char *policy, const char *names, const char *preload)
{
	GPtrArray *composed = g_ptr_array_new();

	for (char **at = block; *at; at++)
		if (!is_consumed(*at))
			g_ptr_array_add(composed, g_strdup(*at));
	g_ptr_array_add(composed, g_strconcat("LD_PRELOAD=", preload, NULL));
	g_ptr_array_add(composed, g_strconcat("ISOSOCKS_POLICY=", policy, NULL));
	if (names)
		g_ptr_array_add(composed, g_strconcat("ISOSOCKS_NAMES=", names, NULL));
	g_ptr_array_add(composed, NULL);
	return (char **)g_ptr_array_free(composed, FALSE);
}
