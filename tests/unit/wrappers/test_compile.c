#include "compile.h"

#include "base/log.h"
#include "keys/keys.h"
#include "policy/policy.h"
#include "policy/url.h"

#include <criterion/criterion.h>
#include <string.h>

static void add_rule(struct config *config, uint8_t action, const char *suffix, uint8_t last)
{
	struct config_rule rule = {
		.address = { [10] = 0xff, 0xff, 10, 0, 0, last },
		.prefix = suffix ? 0 : 128,
		.action = action,
		.port = 443,
		.suffix = g_strdup(suffix),
		.origin = 0,
		.line = last,
	};
	g_array_append_val(config->rules, rule);
}

static void add_application(struct config *config)
{
	struct config_application *application = config_application_new("ssh");
	uint32_t users[] = { 1000, 1001, 1002 };

	g_ptr_array_add(application->match, g_strdup("/usr/bin/ssh"));
	g_ptr_array_add(application->match, g_strdup("/usr/bin/scp"));
	g_array_append_vals(application->users, users, G_N_ELEMENTS(users));
	g_ptr_array_add(application->pairs, config_pair_new("role", "shell", 5, CONFIG_FILE));
	application->proxy = 1;
	application->origin = 0;
	application->line = 12;
	application->has_by = true;
	application->by = KEYS_BY_DESTINATION;
	application->action = BLOB_ACTION_PROXY;
	g_ptr_array_add(config->applications, application);
}

/* A configuration in which nothing has its built-in value. */
static struct config *full_config(void)
{
	struct config *config = config_new();
	struct url second = { .address = { [15] = 1 }, .port = 1 };

	memset(config->session, 0x5e, sizeof(config->session));
	memset(config->cookie, 0xc0, sizeof(config->cookie));
	config_set(config, CONFIG_FILE, "proxy", "url", "me:secret@127.0.0.7:77", NULL);
	g_array_append_val(config->proxies, second);
	config_set_pair(config, CONFIG_FILE, "zebra", "z\0z", 3, NULL);
	config_set_pair(config, CONFIG_FILE, "Alpha", "", 0, NULL);
	config_set_pair(config, CONFIG_FILE, "ISOLATION", "alice", 5, NULL);
	config->timeout = 7;
	config->by = KEYS_BY_PROCESS;
	memcpy(config->methods, "\x02\x97\xff\xff", 4);
	config->retry = 3;
	config->pipeline = BLOB_PIPELINE_YES;
	config->require = BLOB_REQUIRE_ALWAYS;
	config->resolve = BLOB_RESOLVE_PROXY;
	config->family = BLOB_FAMILY_BOTH;
	config->loopback = BLOB_LOOPBACK_DENY;
	config->listen = BLOB_LISTEN_ANY;
	config->guard = 1;
	config->why = 1;
	memcpy(config->pool, "\xc6\x12\x00\x00", 4);
	config->pool_prefix = 16;
	config->log_level = LOG_INFO;
	config->log_file = g_strdup("/var/log/isosocks");
	config->token = g_strdup("work");
	config->alias = g_strdup(".tor");
	g_ptr_array_add(config->origins, g_strdup("/etc/isosocks.conf"));
	add_rule(config, BLOB_ACTION_DIRECT, NULL, 1);
	add_rule(config, BLOB_ACTION_DENY, ".example.com", 2);
	add_application(config);
	return config;
}

static struct config *round_trip(const struct config *config)
{
	g_autoptr(GByteArray) blob = compile_policy(config, NULL);
	struct config *restored = blob ? compile_restore(blob->data, blob->len, NULL) : NULL;

	cr_assert_not_null(restored);
	return restored;
}

static void assert_text(struct policy *policy, struct blob_span span, const char *expected)
{
	struct policy_text text = policy_text(policy, span);

	cr_assert_eq(text.length, strlen(expected));
	cr_assert_eq(memcmp(text.at, expected, text.length), 0);
}

Test(compile, writes_what_the_library_reads)
{
	CONFIG_AUTO config = full_config();
	g_autoptr(GByteArray) blob = compile_policy(config, NULL);
	struct policy policy;

	cr_assert_eq(policy_open(&policy, blob->data, blob->len), 0);
	cr_assert_eq(policy.header->timeout, 7);
	cr_assert_eq(policy.header->log_level, LOG_INFO);
	cr_assert_eq(policy_proxy(&policy, 0)->port, 77);
	assert_text(&policy, policy_proxy(&policy, 0)->username, "me");
	assert_text(&policy, policy_proxy(&policy, 0)->password, "secret");
	assert_text(&policy, policy.header->token, "work");
	assert_text(&policy, policy.header->log_file, "/var/log/isosocks");
}

Test(compile, sorts_pairs_by_name_and_puts_deny_before_direct)
{
	CONFIG_AUTO config = full_config();
	g_autoptr(GByteArray) blob = compile_policy(config, NULL);
	struct policy policy;

	cr_assert_eq(policy_open(&policy, blob->data, blob->len), 0);
	assert_text(&policy, policy_pair(&policy, policy.header->pairs, 0)->name, "Alpha");
	assert_text(&policy, policy_pair(&policy, policy.header->pairs, 1)->name, "ISOLATION");
	assert_text(&policy, policy_pair(&policy, policy.header->pairs, 2)->name, "zebra");
	cr_assert_eq(policy_rule(&policy, 0)->action, BLOB_ACTION_DENY);
	cr_assert_eq(policy_rule(&policy, 1)->action, BLOB_ACTION_DIRECT);
}

Test(compile, starts_every_table_at_a_multiple_of_eight)
{
	CONFIG_AUTO config = full_config();
	g_autoptr(GByteArray) blob = compile_policy(config, NULL);
	const struct blob_header *header = (const void *)blob->data;
	const struct blob_application *application =
		(const void *)(blob->data + header->applications.offset);

	cr_assert_eq(header->proxies.offset % 8, 0);
	cr_assert_eq(header->rules.offset % 8, 0);
	cr_assert_eq(header->applications.offset % 8, 0);
	cr_assert_eq(application->users.count, 3);
	cr_assert_eq(application->pairs.offset % 8, 0);
}

Test(compile, restores_every_plain_setting)
{
	CONFIG_AUTO config = full_config();
	CONFIG_AUTO restored = round_trip(config);

	cr_assert_eq(memcmp(restored->session, config->session, 16), 0);
	cr_assert_eq(memcmp(restored->cookie, config->cookie, 16), 0);
	cr_assert_eq(restored->timeout, config->timeout);
	cr_assert_eq(restored->by, config->by);
	cr_assert_eq(memcmp(restored->methods, config->methods, 4), 0);
	cr_assert_eq(restored->retry, config->retry);
	cr_assert_eq(restored->pipeline, config->pipeline);
	cr_assert_eq(restored->require, config->require);
	cr_assert_eq(restored->resolve, config->resolve);
	cr_assert_eq(restored->family, config->family);
	cr_assert_eq(restored->loopback, config->loopback);
	cr_assert_eq(restored->listen, config->listen);
	cr_assert_eq(restored->guard, config->guard);
	cr_assert_eq(restored->why, config->why);
	cr_assert_eq(memcmp(restored->pool, config->pool, 4), 0);
	cr_assert_eq(restored->pool_prefix, config->pool_prefix);
	cr_assert_str_eq(restored->log_file, config->log_file);
	cr_assert_str_eq(restored->token, config->token);
	cr_assert_str_eq(restored->alias, config->alias);
	cr_assert_eq(config_log_level(restored), config_log_level(config));
}

Test(compile, restores_lists)
{
	CONFIG_AUTO config = full_config();
	CONFIG_AUTO restored = round_trip(config);
	const struct config_pair *zebra = restored->pairs->pdata[2];
	const struct config_rule *deny = &g_array_index(restored->rules, struct config_rule, 0);
	const struct config_application *application = restored->applications->pdata[0];

	cr_assert_eq(zebra->length, 3);
	cr_assert_eq(memcmp(zebra->value, "z\0z", 3), 0);
	cr_assert_eq(zebra->source, CONFIG_OUTER);
	cr_assert_str_eq(deny->suffix, ".example.com");
	cr_assert_eq(deny->line, 2);
	cr_assert_str_eq(application->label, "ssh");
	cr_assert_str_eq(application->match->pdata[1], "/usr/bin/scp");
	cr_assert_eq(g_array_index(application->users, uint32_t, 2), 1002);
	cr_assert_eq(application->by, KEYS_BY_DESTINATION);
	cr_assert_eq(application->proxy, 1);
	cr_assert_str_eq(restored->origins->pdata[0], "/etc/isosocks.conf");
}

Test(compile, compiles_what_it_restored_to_the_same_bytes)
{
	CONFIG_AUTO config = full_config();
	CONFIG_AUTO restored = round_trip(config);
	g_autofree char *first = compile_text(config, NULL);
	g_autofree char *second = compile_text(restored, NULL);

	cr_assert_str_eq(first, second);
}

Test(compile, restores_its_own_text)
{
	CONFIG_AUTO config = config_new();
	g_autofree char *text = compile_text(config, NULL);
	CONFIG_AUTO restored = compile_restore_text(text, NULL);

	cr_assert_not_null(restored);
	cr_assert_eq(restored->timeout, 180);
	cr_assert_eq(config_log_level(restored), LOG_NONE);
	cr_assert_eq(restored->log_level, LOG_ERROR, "who asks for a log gets the built-in level");
}

Test(compile, refuses_text_in_which_any_character_differs)
{
	CONFIG_AUTO config = full_config();
	g_autofree char *text = compile_text(config, NULL);

	for (size_t i = 0; text[i]; i++) {
		char before = text[i];
		g_autoptr(GError) error = NULL;

		text[i] = before == 'A' ? 'B' : 'A';
		cr_assert_null(compile_restore_text(text, &error), "character %zu", i);
		cr_assert_not_null(error);
		text[i] = before;
	}
}

Test(compile, refuses_text_cut_at_any_length)
{
	CONFIG_AUTO config = full_config();
	g_autofree char *text = compile_text(config, NULL);

	for (size_t length = strlen(text); length-- > 0;) {
		text[length] = '\0';
		cr_assert_null(compile_restore_text(text, NULL), "%zu characters", length);
	}
}

Test(compile, says_when_a_policy_is_one_of_another_version)
{
	CONFIG_AUTO config = config_new();
	g_autoptr(GByteArray) blob = compile_policy(config, NULL);
	g_autoptr(GError) error = NULL;

	((struct blob_header *)(void *)blob->data)->version++;
	cr_assert_null(compile_restore(blob->data, blob->len, &error));
	cr_assert_str_eq(error->message, "the policy is one of another version of isosocks");
}

Test(compile, refuses_a_policy_that_the_environment_cannot_carry)
{
	CONFIG_AUTO config = config_new();
	g_autoptr(GError) error = NULL;

	g_ptr_array_add(config->origins, g_strdup("f"));
	for (guint i = 0; i < 2000; i++)
		add_rule(config, BLOB_ACTION_DENY, NULL, 1);
	cr_assert_null(compile_text(config, &error));
	cr_assert_not_null(strstr(error->message, "64 KiB"), "%s", error->message);
}

Test(compile, keeps_no_log_file_that_nobody_writes_to)
{
	CONFIG_AUTO config = config_new();
	CONFIG_AUTO restored = NULL;

	config->log_file = g_strdup("/tmp/log");
	config->quiet = true;
	restored = round_trip(config);
	cr_assert_null(restored->log_file);
	cr_assert_eq(config_log_level(restored), LOG_NONE);
}

Test(compile, fits_64_kibibytes_exactly_at_the_bound)
{
	CONFIG_AUTO config = config_new();
	g_autoptr(GByteArray) empty = compile_policy(config, NULL);
	g_autofree char *text = NULL;

	config->token = g_strnfill(BLOB_MAX - empty->len, 't');
	text = compile_text(config, NULL);
	cr_assert_eq(strlen(text), COMPILE_TEXT_MAX);
}
