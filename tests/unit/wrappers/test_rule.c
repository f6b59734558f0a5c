#include "rule.h"

#include "policy/blob.h"

#include <criterion/criterion.h>
#include <string.h>

Test(rule, writes_what_it_read)
{
	static const char *const rows[][2] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "10.0.0.1", "10.0.0.1" },
		{ "10.0.0.1/32:80", "10.0.0.1:80" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "[::1]", "[::1]" },
		{ "[fd00::/8]:443", "[fd00::/8]:443" },
		{ "[8000::/1]", "[8000::/1]" },
		{ "*:53", "*:53" },
		{ ".Example.COM:65535", ".example.com:65535" },
		{ ".onion", ".onion" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct config_rule rule = { .action = BLOB_ACTION_DENY };
		g_autofree char *text = NULL;

		cr_assert(rule_parse(rows[i][0], &rule), "%s", rows[i][0]);
		text = rule_text(&rule);
		cr_expect_str_eq(text, rows[i][1]);
		g_free(rule.suffix);
	}
}

Test(rule, refuses_what_is_none)
{
	static const char *const rows[] = {
		"",
		"*",
		"*:",
		"*:0",
		"*:65536",
		"10.0.0.0/33",
		"10.0.0.1/8",
		"10.0.0",
		"10.0.0.1:",
		"10.0.0.1/",
		"[::1",
		"[::1]x",
		"[::1]:",
		"[::/0]",
		"[fd00::1/8]",
		"::1",
		".",
		".a..b",
		".a:0",
		"10.0.0.1:80:",
		"example.com",
		"10.0.0.1/8/9",
		"[10.0.0.1]",
		"10.0.0.0/-1",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct config_rule rule = { .action = BLOB_ACTION_DENY };
		cr_expect_not(rule_parse(rows[i], &rule), "%s", rows[i]);
	}
}

/* What of these settings never decides, by the first words of what is said of it. */
static void assert_idle(const char *settings, const char *const *expected)
{
	CONFIG_AUTO config = config_new();
	g_autoptr(GError) error = NULL;
	g_autoptr(GPtrArray) idle = NULL;

	cr_assert(config_load_text(config, CONFIG_FILE, "/f", settings, strlen(settings), &error),
		  "%s", error->message);
	idle = rule_find_idle(config);
	for (guint i = 0; i < idle->len; i++)
		cr_assert(expected[i] && g_str_has_prefix(idle->pdata[i], expected[i]), "%s",
			  (char *)idle->pdata[i]);
	cr_assert_null(expected[idle->len]);
}

Test(rule, finds_rules_that_never_decide)
{
	assert_idle("[network]\ndirect=10.0.0.0/8;10.1.0.0/16;192.168.0.1:53;127.0.0.1;[::1];"
		    "172.16.0.1:25;172.16.0.1:80;127.64.0.1\n"
		    "deny=*:25;.a.b:25;127.64.1.0/24;.com;.example.com;.example.net:80\n",
		    (const char *const[]){
			    "/f:2: [network] direct: 10.1.0.0/16: never",
			    "/f:2: [network] direct: 192.168.0.1:53: never",
			    "/f:2: [network] direct: 127.0.0.1: never",
			    "/f:2: [network] direct: [::1]: never",
			    "/f:2: [network] direct: 172.16.0.1:25: never",
			    "/f:2: [network] direct: 127.64.0.1: never",
			    "/f:3: [network] deny: .a.b:25: never",
			    "/f:3: [network] deny: 127.64.1.0/24: never",
			    "/f:3: [network] deny: .example.com: never",
			    NULL,
		    });
}

Test(rule, leaves_alone_what_does_decide)
{
	assert_idle("[network]\ndirect=10.1.0.0/16;10.0.0.0/8;[fd00::/8]:443;126.0.0.0/7\n"
		    "deny=127.0.0.1;10.1.1.1:80;[::/1];.b.example.com;.example.com;*:53\n",
		    (const char *const[]){ NULL });
}

Test(rule, finds_applications_that_never_decide)
{
	assert_idle(
		"[application a]\nmatch=/a;/b\nuser=1;2\n[application b]\nmatch=/b\nuser=2\n"
		"[application c]\nmatch=/b\nuser=3\n[application d]\nuser=7\n"
		"[application e]\nmatch=/x\nuser=7\n[application f]\n[application g]\nmatch=/z\n",
		(const char *const[]){ "/f:4: [application b]: never",
				       "/f:12: [application e]: never",
				       "/f:16: [application g]: never", NULL });
}
