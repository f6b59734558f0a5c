/*
 * explain: the whole policy as text. Whoever adds a setting to the table of config.c finds here
 * what else it has to go through: the compiled policy, both ways, and this text.
 */
#include "compile.h"
#include "config.h"
#include "explain.h"

#include <criterion/criterion.h>
#include <string.h>

/* Every setting, otherwise than it is built in. */
static const char everything[] =
	"[proxy]\nurl=[::1]:1080\ntimeout=7\nmethods=none;extended\n"
	"pipeline=no\nretry=9\n"
	"[isolation]\nby=session;destination\nrequire=always\nkey.A=b\n"
	"[names]\nresolve=proxy\nfamily=both\npool=198.18.0.0/15\nalias=.tor\n"
	"[network]\nloopback=deny\ndirect=10.0.0.0/8\ndeny=.a.test\n"
	"listen=any\n"
	"[guard]\nenabled=false\n"
	"[log]\nlevel=info\nformat=json\nfile=/tmp/log\nwhy=true\n"
	"[application one]\nmatch=/bin/a*\nuser=7\naction=direct\nby=process\n"
	"key.C=d\nurl=127.0.0.1:9\n";

static struct config *load(const char *settings)
{
	struct config *config = config_new();
	g_autoptr(GError) error = NULL;

	cr_assert(config_load_text(config, CONFIG_FILE, "/f", settings, strlen(settings), &error),
		  "%s", error->message);
	return config;
}

static GKeyFile *read_explained(const struct config *config)
{
	GKeyFile *file = g_key_file_new();
	g_autofree char *text = explain_config(config);

	cr_assert(g_key_file_load_from_data(file, text, strlen(text), G_KEY_FILE_NONE, NULL), "%s",
		  text);
	return file;
}

/* The keys of the example, which has all that there are (test_config.c), commented out. */
static GKeyFile *read_example(void)
{
	GKeyFile *file = g_key_file_new();
	g_autofree char *text = NULL;

	cr_assert(g_file_get_contents("config/isosocks.conf", &text, NULL, NULL));
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++) {
		if (**line != '#' || !((*line)[1] == '[' || g_ascii_islower((*line)[1])))
			continue;
		memmove(*line, *line + 1, strlen(*line));
	}
	g_autofree char *settings = g_strjoinv("\n", lines);
	cr_assert(
		g_key_file_load_from_data(file, settings, strlen(settings), G_KEY_FILE_NONE, NULL));
	return file;
}

static void assert_has(GKeyFile *explained, const char *group, const char *key)
{
	const bool is_application = g_str_has_prefix(group, "application ");

	cr_expect(g_key_file_has_key(explained, is_application ? "application one" : group,
				     strcmp(key, "key.NAME") != 0 ? key
				     : is_application		  ? "key.C"
								  : "key.A",
				     NULL),
		  "[%s] %s is not shown", group, key);
}

Test(explain, shows_every_setting)
{
	CONFIG_AUTO config = load(everything);
	g_autoptr(GKeyFile) explained = read_explained(config);
	g_autoptr(GKeyFile) example = read_example();
	g_auto(GStrv) groups = g_key_file_get_groups(example, NULL);

	for (char **group = groups; *group; group++) {
		g_auto(GStrv) keys = g_key_file_get_keys(example, *group, NULL, NULL);
		cr_assert(*keys, "[%s] of the example is empty", *group);
		for (char **key = keys; *key; key++)
			assert_has(explained, *group, *key);
	}
}

Test(explain, shows_nothing_at_its_default_that_was_set)
{
	CONFIG_AUTO config = load(everything);
	CONFIG_AUTO defaults = config_new();
	g_autoptr(GKeyFile) explained = read_explained(config);
	g_autoptr(GKeyFile) built_in = read_explained(defaults);
	g_auto(GStrv) groups = g_key_file_get_groups(built_in, NULL);

	for (char **group = groups; *group; group++) {
		g_auto(GStrv) keys = g_key_file_get_keys(built_in, *group, NULL, NULL);
		for (char **key = keys; *key; key++) {
			g_autofree char *set = g_key_file_get_value(explained, *group, *key, NULL);
			g_autofree char *not_set =
				g_key_file_get_value(built_in, *group, *key, NULL);
			cr_expect_str_neq(set, not_set,
					  "[%s] %s: set it above to what is not its default",
					  *group, *key);
		}
	}
}

Test(explain, shows_the_same_of_what_was_compiled)
{
	CONFIG_AUTO config = load(everything);
	g_autoptr(GByteArray) policy = compile_policy(config, NULL);
	CONFIG_AUTO restored = compile_restore(policy->data, policy->len, NULL);
	g_autofree char *before = explain_config(config);
	g_autofree char *behind = explain_config(restored);

	cr_assert_str_eq(before, behind);
}
