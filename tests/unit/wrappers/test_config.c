#include "compile.h"
#include "config.h"

#include "base/log.h"
#include "keys/keys.h"
#include "policy/blob.h"
#include "policy/url.h"
#include "support/scratch.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MAXIMAL 8192

/* The message of a failed call; a call that did not fail has none. */
static char *take_message(gboolean good, GError **error)
{
	char *message = *error ? g_strdup((*error)->message) : NULL;

	cr_assert_eq(good, *error == NULL, "the answer and the error contradict each other");
	g_clear_error(error);
	return message;
}

static char *load(struct config *config, const char *text)
{
	GError *error = NULL;
	gboolean good = config_load_text(config, CONFIG_FILE, "f.conf", text, strlen(text), &error);

	return take_message(good, &error);
}

static char *set_pair(struct config *config, enum config_source source, const char *name,
		      const char *value)
{
	GError *error = NULL;
	gboolean good = config_set_pair(config, source, name, value, strlen(value), &error);

	return take_message(good, &error);
}

static const char *pair_value(const struct config *config, const char *name)
{
	for (guint i = 0; i < config->pairs->len; i++) {
		const struct config_pair *pair = config->pairs->pdata[i];
		if (strcmp(pair->name, name) == 0)
			return pair->value;
	}
	return NULL;
}

static const struct url *default_proxy(const struct config *config)
{
	return &g_array_index(config->proxies, struct url, 0);
}

Test(config, starts_with_the_built_in_values)
{
	CONFIG_AUTO config = config_new();
	static const uint8_t localhost[16] = { [10] = 0xff, 0xff, 127, 0, 0, 1 };

	cr_assert_eq(memcmp(default_proxy(config)->address, localhost, 16), 0);
	cr_assert_eq(default_proxy(config)->port, 9050);
	cr_assert_eq(config->timeout, 180);
	cr_assert_eq(memcmp(config->methods, "\x97\x02\x00\xff", 4), 0);
	cr_assert_eq(config->retry, 1);
	cr_assert_eq(config->by, KEYS_BY_USER | KEYS_BY_APPLICATION);
	cr_assert_eq(config->require, BLOB_REQUIRE_EXPLICIT);
	cr_assert_eq(memcmp(config->pool, "\x7f\x40\x00\x00", 4), 0);
	cr_assert_eq(config->pool_prefix, 10);
	cr_assert_eq(config_log_level(config), LOG_NONE);
}

Test(config, sets_every_key_of_a_file)
{
	CONFIG_AUTO config = config_new();
	char *message = load(config, "# all of them\n"
				     "[proxy]\n"
				     "url = socks5://u:p@[::1]:1080\n"
				     "timeout=86400\n"
				     "methods=none; extended;\n"
				     "pipeline=no\n"
				     "retry=0\n"
				     "\n"
				     "[isolation]\n"
				     "by=session;destination\n"
				     "require=always\n"
				     "key.org.example=a=b \\n\n"
				     "[names]\n"
				     "resolve=proxy\n"
				     "family=both\n"
				     "pool=198.18.0.0/15\n"
				     "alias=.tor\n"
				     "[network]\n"
				     "loopback=deny\n"
				     "[log]\n"
				     "level=info\n"
				     "file=/tmp/../tmp/isosocks.log\n");
	const struct url *proxy = default_proxy(config);

	cr_assert_null(message, "%s", message);
	cr_assert_eq(proxy->address[15], 1);
	cr_assert_eq(proxy->port, 1080);
	cr_assert(proxy->has_credentials);
	cr_assert_eq(config->timeout, 86400);
	cr_assert_eq(memcmp(config->methods, "\x00\x97\xff\xff", 4), 0);
	cr_assert_eq(config->pipeline, BLOB_PIPELINE_NO);
	cr_assert_eq(config->retry, 0);
	cr_assert_eq(config->by, KEYS_BY_SESSION | KEYS_BY_DESTINATION);
	cr_assert_eq(config->require, BLOB_REQUIRE_ALWAYS);
	cr_assert_str_eq(pair_value(config, "org.example"), "a=b \n");
	cr_assert_eq(config->resolve, BLOB_RESOLVE_PROXY);
	cr_assert_eq(config->family, BLOB_FAMILY_BOTH);
	cr_assert_eq(memcmp(config->pool, "\xc6\x12\x00\x00", 4), 0);
	cr_assert_eq(config->pool_prefix, 15);
	cr_assert_str_eq(config->alias, ".tor");
	cr_assert_eq(config->loopback, BLOB_LOOPBACK_DENY);
	cr_assert_str_eq(config->log_file, "/tmp/isosocks.log");
	cr_assert_eq(config_log_level(config), LOG_INFO);
}

static const struct config_application *application(const struct config *config, guint index)
{
	cr_assert_lt(index, config->applications->len);
	return config->applications->pdata[index];
}

Test(config, sets_every_key_of_the_network_and_of_an_application)
{
	CONFIG_AUTO config = config_new();
	g_autofree char *message = load(config, "[network]\n"
						"direct=10.0.0.0/8; [fd00::/8]:443 ;\n"
						"deny=.Example.com:80;*:25\n"
						"listen=any\n"
						"[guard]\n"
						"enabled=false\n"
						"[log]\n"
						"why=true\n"
						"[application ssh and scp]\n"
						"match=/usr/bin/ssh;/opt/*/ssh?\n"
						"user=0;1000;root\n"
						"action=direct\n"
						"by=none\n"
						"key.A.b=c\n"
						"url=u:p@127.0.0.1:1\n");
	const struct config_application *one;

	cr_assert_null(message, "%s", message);
	cr_assert_eq(config->rules->len, 4);
	cr_assert_str_eq(g_array_index(config->rules, struct config_rule, 2).suffix,
			 ".example.com");
	cr_assert_eq(g_array_index(config->rules, struct config_rule, 2).port, 80);
	cr_assert_eq(g_array_index(config->rules, struct config_rule, 2).line, 3);
	cr_assert_eq(g_array_index(config->rules, struct config_rule, 3).prefix, 0);
	cr_assert_eq(g_array_index(config->rules, struct config_rule, 1).prefix, 8);
	cr_assert_eq(config->listen, BLOB_LISTEN_ANY);
	cr_assert_eq(config->guard, 0);
	cr_assert_eq(config->why, 1);
	one = application(config, 0);
	cr_assert_str_eq(one->label, "ssh and scp");
	cr_assert_str_eq(one->match->pdata[1], "/opt/*/ssh?");
	cr_assert_eq(one->users->len, 3);
	cr_assert_eq(g_array_index(one->users, uint32_t, 1), 1000);
	cr_assert_eq(g_array_index(one->users, uint32_t, 2), 0);
	cr_assert_eq(one->action, BLOB_ACTION_DIRECT);
	cr_assert(one->has_by && one->by == 0);
	cr_assert_eq(one->pairs->len, 1);
	cr_assert_eq(one->proxy, 1);
	cr_assert_eq(g_array_index(config->proxies, struct url, 1).port, 1);
	cr_assert_eq(one->line, 9);
	cr_assert_eq(config->origins->len, 1);
}

static void load_as(struct config *config, enum config_source source, const char *text)
{
	g_autoptr(GError) error = NULL;

	cr_assert(config_load_text(config, source, source == CONFIG_SYSTEM ? "/s" : "/u", text,
				   strlen(text), &error),
		  "%s", error->message);
}

Test(config, keeps_what_an_administrator_denies_and_requires)
{
	CONFIG_AUTO config = config_new();

	load_as(config, CONFIG_SYSTEM,
		"[isolation]\nrequire=always\n"
		"[network]\ndeny=10.0.0.0/8\ndirect=192.168.0.0/16\n");
	load_as(config, CONFIG_FILE,
		"[isolation]\nrequire=never\n"
		"[network]\ndeny=\ndirect=172.16.0.1\n");
	cr_assert_eq(config->require, BLOB_REQUIRE_ALWAYS);
	cr_assert_eq(config->rules->len, 2);
	cr_assert_eq(g_array_index(config->rules, struct config_rule, 0).action, BLOB_ACTION_DENY);
	cr_assert_eq(g_array_index(config->rules, struct config_rule, 0).origin, 0);
	cr_assert_eq(g_array_index(config->rules, struct config_rule, 1).address[12], 172);
	cr_assert_eq(g_array_index(config->rules, struct config_rule, 1).origin, 1);
}

/* Of the machine's groups nobody goes before one that denies. */
Test(config, tries_the_users_applications_first_but_not_before_a_denying_one)
{
	static const char *const expected[] = { "a", "b", "u", "v", "c" };
	CONFIG_AUTO config = config_new();

	load_as(config, CONFIG_SYSTEM,
		"[application a]\naction=direct\nmatch=/a\n"
		"[application b]\naction=deny\nmatch=/b\n"
		"[application c]\nmatch=/*\nby=none\n");
	load_as(config, CONFIG_FILE,
		"[application u]\nmatch=/b\naction=direct\n"
		"[application v]\nmatch=/c\nuser=7\naction=direct\n");
	for (guint i = 0; i < G_N_ELEMENTS(expected); i++)
		cr_assert_str_eq(application(config, i)->label, expected[i]);
	cr_assert_str_eq(config_find_application(config, "/b", 1)->label, "b");
	cr_assert_str_eq(config_find_application(config, "/c", 7)->label, "v");
	cr_assert_str_eq(config_find_application(config, "/c", 8)->label, "c");
	cr_assert_null(config_find_application(config, "d", 8));
	cr_assert(config_is_direct(config, "/a", 1));
	cr_assert(config_is_direct(config, "/c", 7));
	cr_assert_not(config_is_direct(config, "/b", 7));
	cr_assert_not(config_is_direct(config, "/d", 7));
}

Test(config, lets_a_higher_source_speak_for_every_application)
{
	CONFIG_AUTO config = config_new();
	g_autoptr(GError) error = NULL;

	load_as(config, CONFIG_FILE,
		"[isolation]\nby=user\nkey.A=1\n[application a]\nby=process\n"
		"key.A=2\nkey.ISOLATION=x\nkey.B=3\nurl=127.0.0.1:1\n");
	cr_assert(application(config, 0)->has_by);
	cr_assert(config_set(config, CONFIG_ENVIRONMENT, "isolation", "by", "none", &error));
	cr_assert(config_set(config, CONFIG_COMMAND_LINE, "proxy", "url", "127.0.0.1:2", &error));
	cr_assert(config_set_pair(config, CONFIG_COMMAND_LINE, "A", "4", 1, &error));
	cr_assert(config_set_token(config, CONFIG_COMMAND_LINE, "t", &error));
	cr_assert_not(application(config, 0)->has_by);
	cr_assert_eq(application(config, 0)->proxy, BLOB_NONE);
	cr_assert_eq(application(config, 0)->pairs->len, 1);
	cr_assert_str_eq(((struct config_pair *)application(config, 0)->pairs->pdata[0])->name,
			 "B");
}

/* Files that are refused, and what the message must begin with and contain. */
static const struct {
	const char *text;
	const char *start;
	const char *contains;
} refused[] = {
	{ "[proxy]\nurl=http://127.0.0.1", "f.conf:2: [proxy] url: ", "http://" },
	{ "[proxy]\nurl=socks4://127.0.0.1", "f.conf:2: [proxy] url: ", "socks4" },
	{ "[proxy]\nurl=tor.example:9050", "f.conf:2: [proxy] url: ", "address" },
	{ "[proxy]\nurl=u:@127.0.0.1", "f.conf:2: [proxy] url: ", "password is empty" },
	{ "[proxy]\nurl=", "f.conf:2: [proxy] url: ", "empty" },
	{ "[proxy]\n\n#\ntimeout=0", "f.conf:4: [proxy] timeout: ", "1 to 86400" },
	{ "[proxy]\ntimeout=86401", "f.conf:2: [proxy] timeout: ", "\"86401\"" },
	{ "[proxy]\ntimeout=3m", "f.conf:2: [proxy] timeout: ", "seconds" },
	{ "[proxy]\nmethods=extended;basic", "f.conf:2: [proxy] methods: ", "password" },
	{ "[proxy]\nmethods=none;none", "f.conf:2: [proxy] methods: ", "each once" },
	{ "[proxy]\nmethods=", "f.conf:2: [proxy] methods: ", "extended" },
	{ "[proxy]\nmethods=none;;password", "f.conf:2: [proxy] methods: ", "extended" },
	{ "[proxy]\npipeline=maybe", "f.conf:2: [proxy] pipeline: ", "auto, yes or no" },
	{ "[proxy]\nretry=-1", "f.conf:2: [proxy] retry: ", "0 to 255" },
	{ "[proxy]\nretry=256", "f.conf:2: [proxy] retry: ", "0 to 255" },
	{ "[isolation]\nby=host", "f.conf:2: [isolation] by: ", "destination" },
	{ "[isolation]\nrequire=yes",
	  "f.conf:2: [isolation] require: ", "never, explicit or always" },
	{ "[isolation]\nkey.a b=1", "f.conf:2: [isolation] key.a b: ", "A-Z" },
	{ "[isolation]\nkey.=1", "f.conf:2: [isolation] key.: ", "1 to 255" },
	{ "[isolation]\nkey.USERNAME=1", "f.conf:2: [isolation] key.USERNAME: ", "credentials" },
	{ "[isolation]\nkey.PASSWD=1", "f.conf:2: [isolation] key.PASSWD: ", "credentials" },
	{ "[names]\nfamily=ipv6", "f.conf:2: [names] family: ", "ipv4 or both" },
	{ "[names]\nresolve=libc", "f.conf:2: [names] resolve: ", "deferred or proxy" },
	{ "[names]\npool=127.0.0.0/8", "f.conf:2: [names] pool: ", "without 127.0.0.1" },
	{ "[names]\npool=127.0.0.0/30", "f.conf:2: [names] pool: ", "without 127.0.0.1" },
	{ "[names]\npool=10.0.0.0/8", "f.conf:2: [names] pool: ", "198.18.0.0/15" },
	{ "[names]\npool=198.16.0.0/13", "f.conf:2: [names] pool: ", "198.18.0.0/15" },
	{ "[names]\npool=127.64.0.0/31", "f.conf:2: [names] pool: ", "8 to 30" },
	{ "[names]\npool=127.64.0.1/10", "f.conf:2: [names] pool: ", "ADDRESS/LENGTH" },
	{ "[names]\npool=127.64.0.0", "f.conf:2: [names] pool: ", "ADDRESS/LENGTH" },
	{ "[names]\npool=::/10", "f.conf:2: [names] pool: ", "ADDRESS/LENGTH" },
	{ "[names]\nalias=tor", "f.conf:2: [names] alias: ", ".tor" },
	{ "[names]\nalias=.a..b", "f.conf:2: [names] alias: ", ".tor" },
	{ "[network]\nloopback=no", "f.conf:2: [network] loopback: ", "direct, proxy or deny" },
	{ "[network]\ndirect=.example.com", "f.conf:2: [network] direct: ", "\".example.com\"" },
	{ "[network]\ndirect=10.0.0.1/8", "f.conf:2: [network] direct: ", "ADDRESS[/LENGTH]" },
	{ "[network]\ndirect=example.com", "f.conf:2: [network] direct: ", "*:PORT" },
	{ "[network]\ndirect=*", "f.conf:2: [network] direct: ", "*:PORT" },
	{ "[network]\ndirect=10.0.0.1;10.0.0.2:0", "f.conf:2: [network] direct: ", "10.0.0.2:0" },
	{ "[network]\ndeny=10.0.0.0/33", "f.conf:2: [network] deny: ", ".SUFFIX[:PORT]" },
	{ "[network]\ndeny=fd00::/8", "f.conf:2: [network] deny: ", "[IPV6[/LENGTH]]" },
	{ "[network]\ndeny=[::/0]", "f.conf:2: [network] deny: ", "*:PORT" },
	{ "[network]\ndeny=[fd00::]443", "f.conf:2: [network] deny: ", "[fd00::]443" },
	{ "[network]\ndeny=.exa mple", "f.conf:2: [network] deny: ", ".SUFFIX" },
	{ "[network]\nlisten=all", "f.conf:2: [network] listen: ", "loopback or any" },
	{ "[guard]\nenabled=yes", "f.conf:2: [guard] enabled: ", "false, true or require" },
	{ "[log]\nwhy=1", "f.conf:2: [log] why: ", "false or true" },
	{ "[application]\nmatch=/x", "f.conf:1: [application]: ", "application LABEL" },
	{ "[application a]\nmatch=ssh", "f.conf:2: [application a] match: ", "absolute path" },
	{ "[application a]\nuser=no-such-user", "f.conf:2: [application a] user: ", "/etc/passwd" },
	{ "[application a]\naction=block",
	  "f.conf:2: [application a] action: ", "proxy, direct or deny" },
	{ "[application a]\nby=x", "f.conf:2: [application a] by: ", "destination" },
	{ "[application a]\nkey.PASSWD=x",
	  "f.conf:2: [application a] key.PASSWD: ", "credentials" },
	{ "[application a]\nurl=x", "f.conf:2: [application a] url: ", "address" },
	{ "[application a]\nrequire=never",
	  "f.conf:2: [application a] require: ", "match, user, action, by, key.NAME, url" },
	{ "[application a]\n[application a]", "f.conf:2: ", "line 1 already" },
	{ "[log]\n[application ssh]\naction=direct",
	  "f.conf:2: [application ssh]: every program would be direct", "match=*" },
	{ "[log]\nlevel=loud", "f.conf:2: [log] level: ", "none, error, warning, info or debug" },
	{ "[proxy]\nuri=x", "f.conf:2: [proxy] uri: ", "url, timeout, methods, pipeline, retry" },
	{ "[isolation]\nkey=x", "f.conf:2: [isolation] key: ", "by, require, key.NAME" },
	{ "[prxy]\nurl=x",
	  "f.conf:1: [prxy]: ", "proxy, isolation, names, network, guard, log, application LABEL" },
	{ "[proxy]\n[nothing]", "f.conf:2: [nothing]: ", "accepted are" },
	{ "[]\n", "f.conf:1: ", "a group is a name in brackets" },
	{ "[proxy]\nurl[de]=x\n", "f.conf:2: [proxy] url[de]: ", "brackets" },
};

ParameterizedTestParameters(config, says_where_a_bad_setting_stands_and_what_is_accepted)
{
	static size_t rows[G_N_ELEMENTS(refused)];

	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, G_N_ELEMENTS(refused));
}

ParameterizedTest(size_t *row, config, says_where_a_bad_setting_stands_and_what_is_accepted)
{
	CONFIG_AUTO config = config_new();
	g_autofree char *message = load(config, refused[*row].text);

	cr_assert_not_null(message, "accepted: %s", refused[*row].text);
	cr_assert(g_str_has_prefix(message, refused[*row].start), "%s", message);
	cr_assert_not_null(strstr(message, refused[*row].contains), "%s", message);
}

Test(config, an_administrators_require_is_not_lowered)
{
	static const char *const words[] = { "false", "true", "require" };

	for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
		CONFIG_AUTO own = config_new();
		CONFIG_AUTO bound = config_new();

		cr_assert(config_set(own, CONFIG_FILE, "guard", "enabled", "require", NULL));
		cr_assert(config_set(own, CONFIG_COMMAND_LINE, "guard", "enabled", words[i], NULL));
		cr_assert_eq(own->guard, i);
		cr_assert(config_set(bound, CONFIG_SYSTEM, "guard", "enabled", "require", NULL));
		cr_assert(config_set(bound, CONFIG_FILE, "guard", "enabled", words[i], NULL));
		cr_assert_eq(bound->guard, CONFIG_GUARD_REQUIRED);
	}
}

Test(config, loads_a_file_from_disk)
{
	CONFIG_AUTO config = config_new();
	g_autofree char *path = NULL;
	int fd = g_file_open_tmp("isosocks-XXXXXX", &path, NULL);

	cr_assert_eq(write(fd, "[proxy]\r\nretry=7\r\n", 18), 18);
	close(fd);
	cr_assert(config_load_file(config, CONFIG_FILE, path, NULL));
	g_unlink(path);
	cr_assert_eq(config->retry, 7);
}

Test(config, names_a_file_that_cannot_be_read)
{
	CONFIG_AUTO config = config_new();
	GError *error = NULL;
	g_autofree char *missing = take_message(
		config_load_file(config, CONFIG_FILE, "/nonexistent/f", &error), &error);
	g_autofree char *folder = NULL;

	cr_assert_str_eq(missing, "/nonexistent/f: cannot be read: No such file or directory");
	folder = take_message(config_load_file(config, CONFIG_FILE, "/", &error), &error);
	cr_assert_str_eq(folder, "/: cannot be read: Is a directory");
}

Test(config, refuses_a_file_over_one_mebibyte)
{
	CONFIG_AUTO config = config_new();
	GError *error = NULL;
	g_autofree char *text = g_strnfill(CONFIG_FILE_MAX + 1, '\n');
	g_autofree char *path = scratch_make(text, 0600);
	g_autofree char *message =
		take_message(config_load_file(config, CONFIG_FILE, path, &error), &error);
	g_autofree char *expected =
		g_strconcat(path, ": is larger than the 1024 KiB accepted", NULL);

	scratch_remove(path);
	cr_assert_str_eq(message, expected);
}

Test(config, lets_the_higher_source_replace_a_key)
{
	CONFIG_AUTO config = config_new();

	cr_assert_null(set_pair(config, CONFIG_FILE, "a", "file"));
	cr_assert_null(set_pair(config, CONFIG_ENVIRONMENT, "a", "environment"));
	cr_assert_null(set_pair(config, CONFIG_COMMAND_LINE, "a", "command line"));
	cr_assert_str_eq(pair_value(config, "a"), "command line");
	cr_assert_eq(config->pairs->len, 1);
}

Test(config, refuses_a_key_given_twice_in_one_source)
{
	CONFIG_AUTO config = config_new();
	g_autofree char *message = NULL;

	cr_assert_null(set_pair(config, CONFIG_COMMAND_LINE, "a", "1"));
	message = set_pair(config, CONFIG_COMMAND_LINE, "a", "2");
	cr_assert_str_eq(message, "key \"a\" is given twice");
}

Test(config, takes_eight_kibibytes_of_keys_and_not_a_byte_more)
{
	CONFIG_AUTO config = config_new();
	g_autofree char *value = g_strnfill(MAXIMAL - 3, 'v');
	g_autofree char *message = NULL;

	cr_assert_null(set_pair(config, CONFIG_COMMAND_LINE, "a", value));
	cr_assert_null(set_pair(config, CONFIG_COMMAND_LINE, "b", "1"));
	message = set_pair(config, CONFIG_COMMAND_LINE, "c", "");
	cr_assert_not_null(strstr(message, "key \"c\""), "%s", message);
	cr_assert_not_null(strstr(message, "8193 bytes: at most 8192"), "%s", message);
}

Test(config, replaces_the_url_together_with_its_credentials)
{
	CONFIG_AUTO config = config_new();

	cr_assert(config_set(config, CONFIG_FILE, "proxy", "url", "u:p@127.0.0.1", NULL));
	cr_assert(config_set(config, CONFIG_ENVIRONMENT, "proxy", "url", "127.0.0.2", NULL));
	cr_assert_not(default_proxy(config)->has_credentials);
}

Test(config, keeps_credentials_given_beside_a_url_for_another_one)
{
	CONFIG_AUTO config = config_new();

	cr_assert(config_set_credentials(config, "me", "secret", NULL));
	cr_assert(config_set(config, CONFIG_COMMAND_LINE, "proxy", "url", "127.0.0.2:1", NULL));
	cr_assert(default_proxy(config)->has_credentials);
	cr_assert_eq(default_proxy(config)->username_length, 2);
	cr_assert_eq(memcmp(default_proxy(config)->password, "secret", 6), 0);
	cr_assert_eq(default_proxy(config)->address[15], 2);
}

Test(config, prefers_a_urls_own_credentials_to_lower_ones)
{
	CONFIG_AUTO config = config_new();

	cr_assert(config_set_credentials(config, "me", "secret", NULL));
	cr_assert(config_set(config, CONFIG_COMMAND_LINE, "proxy", "url", "you:x@127.0.0.2", NULL));
	cr_assert_eq(memcmp(default_proxy(config)->username, "you", 3), 0);
	cr_assert_not(config->separate_credentials);
}

Test(config, bounds_credentials_by_255_bytes)
{
	CONFIG_AUTO config = config_new();
	g_autofree char *fits = g_strnfill(255, 'x');
	g_autofree char *long_one = g_strnfill(256, 'x');

	cr_assert(config_set_credentials(config, fits, fits, NULL));
	cr_assert_not(config_set_credentials(config, long_one, "p", NULL));
	cr_assert_not(config_set_credentials(config, "u", long_one, NULL));
	cr_assert_not(config_set_credentials(config, "", "p", NULL));
	cr_assert_not(config_set_credentials(config, "u", "", NULL));
}

Test(config, changes_address_and_port_of_the_url)
{
	CONFIG_AUTO config = config_new();

	cr_assert(config_set(config, CONFIG_FILE, "proxy", "url", "u:p@127.0.0.9:5", NULL));
	cr_assert(config_set_address(config, "::1", NULL));
	cr_assert(config_set_port(config, "65535", NULL));
	cr_assert_eq(default_proxy(config)->address[12], 0);
	cr_assert_eq(default_proxy(config)->address[15], 1);
	cr_assert_eq(default_proxy(config)->port, 65535);
	cr_assert(default_proxy(config)->has_credentials);
	cr_assert_not(config_set_address(config, "localhost", NULL));
	cr_assert_not(config_set_port(config, "0", NULL));
	cr_assert_not(config_set_port(config, "65536", NULL));
}

Test(config, lets_the_strictest_require_win)
{
	CONFIG_AUTO config = config_new();

	cr_assert(config_set(config, CONFIG_FILE, "isolation", "require", "never", NULL));
	cr_assert_eq(config->require, BLOB_REQUIRE_NEVER);
	cr_assert(config_set(config, CONFIG_FILE, "isolation", "require", "always", NULL));
	cr_assert(config_set(config, CONFIG_FILE, "isolation", "require", "explicit", NULL));
	cr_assert_eq(config->require, BLOB_REQUIRE_ALWAYS);
}

Test(config, drops_a_lower_isolation_pair_for_a_token)
{
	CONFIG_AUTO config = config_new();

	cr_assert_null(set_pair(config, CONFIG_FILE, "ISOLATION", "fixed"));
	cr_assert(config_set_token(config, CONFIG_ENVIRONMENT, "work", NULL));
	cr_assert_null(pair_value(config, "ISOLATION"));
	cr_assert_null(set_pair(config, CONFIG_ENVIRONMENT, "ISOLATION", "verbatim"));
	cr_assert(config_set_token(config, CONFIG_ENVIRONMENT, "work", NULL));
	cr_assert_str_eq(pair_value(config, "ISOLATION"), "verbatim");
}

Test(config, refuses_an_empty_token)
{
	CONFIG_AUTO config = config_new();

	cr_assert_not(config_set_token(config, CONFIG_ENVIRONMENT, "", NULL));
	cr_assert_null(config->token);
}

Test(config, writes_no_log_unless_asked)
{
	CONFIG_AUTO config = config_new();

	cr_assert(config_set(config, CONFIG_FILE, "log", "level", "debug", NULL));
	cr_assert_eq(config_log_level(config), LOG_NONE);
	cr_assert(config_set(config, CONFIG_FILE, "log", "file", "/tmp/x", NULL));
	cr_assert_eq(config_log_level(config), LOG_DEBUG);
	config->quiet = true;
	cr_assert_eq(config_log_level(config), LOG_NONE);
}

Test(config, makes_a_new_session_each_time)
{
	CONFIG_AUTO one = config_new();
	CONFIG_AUTO other = config_new();

	cr_assert(config_new_session(one, NULL));
	cr_assert(config_new_session(other, NULL));
	cr_assert_neq(memcmp(one->session, other->session, 16), 0);
}

Test(config, quotes_a_users_text_short_and_printable)
{
	g_autofree char *odd = config_quote("a\x1b[31m\"\n");
	g_autofree char *wide = g_strnfill(500, 'w');
	g_autofree char *cut = config_quote(wide);

	cr_assert_str_eq(odd, "\"a\\033[31m\\\"\\n\"");
	cr_assert_eq(strlen(cut), 60 + 2 + 3);
}

Test(config, writes_its_proxy_without_credentials)
{
	static const char *const rows[][2] = {
		{ "127.0.0.1", "socks5://127.0.0.1:9050" },
		{ "me:secret@10.1.2.3:80", "socks5://10.1.2.3:80" },
		{ "[2001:db8::1]:9150", "socks5://[2001:db8::1]:9150" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		CONFIG_AUTO config = config_new();
		cr_assert(
			config_set(config, CONFIG_COMMAND_LINE, "proxy", "url", rows[i][0], NULL));
		g_autofree char *text = config_proxy_text(config);
		cr_assert_str_eq(text, rows[i][1]);
	}
}

/* ---- the example and the manual ---- */

/* The words of a list at the end of an error. */
static char **known(const char *group)
{
	CONFIG_AUTO config = config_new();
	g_autoptr(GError) error = NULL;

	cr_assert_not(config_set(config, CONFIG_FILE, group, "?", "", &error));
	return g_strsplit(strstr(error->message, "accepted are ") + strlen("accepted are "), ", ",
			  -1);
}

static char *read_text(const char *path)
{
	char *text = NULL;

	cr_assert(g_file_get_contents(path, &text, NULL, NULL), "%s", path);
	return text;
}

/* From the line of the group to the next group's. */
static char *find_group(const char *text, const char *group, const char *before,
			const char *next_group)
{
	g_autofree char *line = g_strdup_printf("%s[%s]\n", before, group);
	const char *start = strstr(text, line);
	const char *end;

	cr_assert(start, "%s is not there", group);
	end = strstr(start + strlen(line), next_group);
	return g_strndup(start, end ? (gsize)(end - start) : strlen(start));
}

static void assert_has_keys(const char *text, char **keys, const char *format)
{
	for (guint i = 0; keys[i]; i++) {
		g_autofree char *entry = NULL;
		g_auto(GStrv) parts = g_strsplit(format, "KEY", 2);

		entry = g_strconcat(parts[0], keys[i], parts[1], NULL);
		cr_assert(strstr(text, entry), "no %s in %s", entry, text);
	}
}

Test(config, has_every_setting_in_the_example)
{
	g_autofree char *text = read_text("config/isosocks.conf");
	g_auto(GStrv) groups = known("?");

	for (guint i = 0; groups[i]; i++) {
		/* One of an application would hold for every program. */
		const char *before = strchr(groups[i], ' ') ? "\n#" : "\n";
		g_autofree char *part = find_group(text, groups[i], before, "\n[");
		g_auto(GStrv) keys = known(groups[i]);
		assert_has_keys(part, keys, "\n#KEY=");
	}
}

Test(config, has_every_setting_in_the_manual)
{
	g_autofree char *text = read_text("doc/isosocks.conf.5");
	g_auto(GStrv) groups = known("?");

	for (guint i = 0; groups[i]; i++) {
		g_autofree char *part = find_group(text, groups[i], ".Ss ", "\n.Ss ");
		g_auto(GStrv) keys = known(groups[i]);
		for (guint j = 0; keys[j]; j++) {
			/* key.NAME is `.Cm key Ns Ar .NAME`. */
			*strchrnul(keys[j], '.') = '\0';
			g_autofree char *entry = g_strconcat("\n.It Cm ", keys[j], NULL);
			cr_assert(strstr(part, entry), "no %s in %s", entry, part);
		}
	}
}

/*
 * The settings of the example in force: lines that are a # and a key, without a blank between. But
 * for those of an application, whose group is none as long as nobody opens it.
 */
static char *uncomment(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (guint i = 0; lines[i] && !g_str_has_prefix(lines[i], "#[application"); i++) {
		if (lines[i][0] == '#' && g_ascii_islower(lines[i][1]) &&
		    !g_str_has_prefix(lines[i], "#key."))
			lines[i][0] = '\n';
	}
	return g_strjoinv("\n", lines);
}

Test(config, has_the_defaults_in_the_example)
{
	g_autofree char *text = read_text("config/isosocks.conf");
	g_autofree char *settings = uncomment(text);
	CONFIG_AUTO config = config_new();
	CONFIG_AUTO defaults = config_new();
	g_autoptr(GError) error = NULL;

	cr_assert_str_neq(text, settings);
	cr_assert(config_load_text(config, CONFIG_FILE, "isosocks.conf", settings, strlen(settings),
				   &error),
		  "%s", error ? error->message : "");
	g_autofree char *policy = compile_text(config, NULL);
	g_autofree char *expected = compile_text(defaults, NULL);
	cr_assert_str_eq(policy, expected);
}
