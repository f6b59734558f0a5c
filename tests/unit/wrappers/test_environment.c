#include "environment.h"

#include "base/log.h"
#include "policy/url.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

static const char *pair_value(const struct config *config, const char *name)
{
	for (guint i = 0; i < config->pairs->len; i++) {
		const struct config_pair *pair = config->pairs->pdata[i];
		if (strcmp(pair->name, name) == 0)
			return pair->value;
	}
	return NULL;
}

Test(environment, takes_every_variable)
{
	char *block[] = { "ISOSOCKS_PROXY=socks5://127.0.0.9:1",
			  "ISOSOCKS_USERNAME=me",
			  "ISOSOCKS_PASSWORD=p=w",
			  "ISOSOCKS_ISOLATION=work",
			  "ISOSOCKS_KEY_A_1=x=y",
			  "ISOSOCKS_KEYS=org.example.tab=a%26b&empty=",
			  "ISOSOCKS_BY=none",
			  "ISOSOCKS_LOG=info",
			  "ISOSOCKS_LOG_FILE=/tmp/log",
			  NULL };
	CONFIG_AUTO config = config_new();
	const struct url *proxy = &g_array_index(config->proxies, struct url, 0);

	cr_assert(environment_take(config, block, NULL));
	cr_assert_eq(proxy->port, 1);
	cr_assert_eq(memcmp(proxy->password, "p=w", proxy->password_length), 0);
	cr_assert_str_eq(config->token, "work");
	cr_assert_str_eq(pair_value(config, "A_1"), "x=y");
	cr_assert_str_eq(pair_value(config, "org.example.tab"), "a&b");
	cr_assert_str_eq(pair_value(config, "empty"), "");
	cr_assert_eq(config->by, 0);
	cr_assert_str_eq(config->log_file, "/tmp/log");
	cr_assert_eq(config_log_level(config), LOG_INFO);
}

Test(environment, turns_the_log_on_without_a_file)
{
	char *block[] = { "ISOSOCKS_LOG=warning", NULL };
	CONFIG_AUTO config = config_new();

	cr_assert(environment_take(config, block, NULL));
	cr_assert_eq(config_log_level(config), LOG_WARNING);
}

static const struct {
	const char *first;
	const char *second;
	const char *start;
} refused[] = {
	{ "ISOSOCKS_PROXY=http://127.0.0.1", NULL, "ISOSOCKS_PROXY: " },
	{ "ISOSOCKS_PROXY=", NULL, "ISOSOCKS_PROXY: " },
	{ "ISOSOCKS_ISOLATION=", NULL, "ISOSOCKS_ISOLATION: " },
	{ "ISOSOCKS_BY=host", NULL, "ISOSOCKS_BY: " },
	{ "ISOSOCKS_LOG=loud", NULL, "ISOSOCKS_LOG: " },
	{ "ISOSOCKS_USERNAME=me", NULL, "ISOSOCKS_USERNAME: is set without ISOSOCKS_PASSWORD" },
	{ "ISOSOCKS_PASSWORD=me", NULL, "ISOSOCKS_PASSWORD: is set without ISOSOCKS_USERNAME" },
	{ "ISOSOCKS_USERNAME=", "ISOSOCKS_PASSWORD=x", "ISOSOCKS_USERNAME, ISOSOCKS_PASSWORD: " },
	{ "ISOSOCKS_KEY_=x", NULL, "ISOSOCKS_KEY_: " },
	{ "ISOSOCKS_KEY_lower=x", NULL, "ISOSOCKS_KEY_lower: " },
	{ "ISOSOCKS_KEY_USERNAME=x", NULL, "ISOSOCKS_KEY_USERNAME: " },
	{ "ISOSOCKS_KEYS=a", NULL, "ISOSOCKS_KEYS: it must be NAME=VALUE" },
	{ "ISOSOCKS_KEYS=a=%zz", NULL, "ISOSOCKS_KEYS: it must be NAME=VALUE" },
	{ "ISOSOCKS_KEYS=a=1&a=2", NULL, "ISOSOCKS_KEYS: key \"a\" is given twice" },
	{ "ISOSOCKS_KEYS=a b=1", NULL, "ISOSOCKS_KEYS: \"a b\" is not accepted" },
	{ "ISOSOCKS_KEY_A=1", "ISOSOCKS_KEYS=A=2", "ISOSOCKS_KEYS: key \"A\" is given twice" },
};

ParameterizedTestParameters(environment, names_the_variable_that_is_wrong)
{
	static size_t rows[G_N_ELEMENTS(refused)];

	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, G_N_ELEMENTS(refused));
}

ParameterizedTest(size_t *row, environment, names_the_variable_that_is_wrong)
{
	char *block[] = { (char *)refused[*row].first, (char *)refused[*row].second, NULL };
	CONFIG_AUTO config = config_new();
	g_autoptr(GError) error = NULL;

	cr_assert_not(environment_take(config, block, &error));
	cr_assert(g_str_has_prefix(error->message, refused[*row].start), "%s", error->message);
}

Test(environment, refuses_a_listed_value_over_eight_kibibytes)
{
	g_autofree char *value = g_strnfill(8193, 'v');
	g_autofree char *variable = g_strconcat("ISOSOCKS_KEYS=a=", value, NULL);
	char *block[] = { variable, NULL };
	CONFIG_AUTO config = config_new();
	g_autoptr(GError) error = NULL;

	cr_assert_not(environment_take(config, block, &error));
	cr_assert_not_null(strstr(error->message, "8192"), "%s", error->message);
}

Test(environment, gives_the_program_the_policy_and_no_variable_twice)
{
	char *block[] = { "HOME=/root",		 "ISOSOCKS_KEY_A=1",	"ISOSOCKS_PASSWORD=secret",
			  "ISOSOCKS_POLICY=old", "ISOSOCKS_CONFIG=f",	"LD_PRELOAD=x.so",
			  "ISOSOCKS_NAMES=1:2",	 "ISOSOCKS_OTHER=kept", NULL };
	g_auto(GStrv) composed = environment_compose(block, "new", "7:8", "lib.so:x.so");

	cr_assert_eq(g_strv_length(composed), 5);
	cr_assert_str_eq(composed[0], "HOME=/root");
	cr_assert_str_eq(composed[1], "ISOSOCKS_OTHER=kept");
	cr_assert_str_eq(g_environ_getenv(composed, "ISOSOCKS_POLICY"), "new");
	cr_assert_str_eq(g_environ_getenv(composed, "ISOSOCKS_NAMES"), "7:8");
	cr_assert_str_eq(g_environ_getenv(composed, "LD_PRELOAD"), "lib.so:x.so");
}
