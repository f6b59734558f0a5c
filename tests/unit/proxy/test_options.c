#include "proxy/options.h"
#include "proxy/endpoint.h"
#include "proxy/settings.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

static gboolean parse(const char *line, struct settings *settings, GError **error)
{
	g_auto(GStrv) argv = NULL;
	g_autofree char *whole = g_strconcat("isosocks-proxy ", line, NULL);

	cr_assert(g_shell_parse_argv(whole, NULL, &argv, NULL));
	settings_init(settings);
	return options_parse(&argv, settings, error);
}

static void parse_good(const char *line, struct settings *settings)
{
	GError *error = NULL;
	cr_assert(parse(line, settings, &error), "%s", error ? error->message : "");
}

struct bad {
	char line[60];
	char names[40];
	char right[40];
};

static struct bad bad[] = {
	{ "--listen 0.0.0.0:1080", "--listen 0.0.0.0:1080", "--public" },
	{ "--listen '[::]:1080'", "--listen [::]:1080", "--public" },
	{ "--listen 192.0.2.1:1080", "--listen 192.0.2.1:1080", "--public" },
	{ "--listen 127.0.0.1", "--listen 127.0.0.1", "should be ADDR:PORT" },
	{ "--listen 127.0.0.1:65536", "--listen 127.0.0.1:65536", "should be ADDR:PORT" },
	{ "--listen localhost:1080", "--listen localhost:1080", "should be ADDR:PORT" },
	{ "--listen :1080", "--listen :1080", "should be ADDR:PORT" },
	{ "--listen ::1:x", "--listen ::1:x", "should be ADDR:PORT" },
	{ "--upstream tor:9050", "--upstream socks5://tor:9050", "address literal" },
	{ "--upstream 127.0.0.1", "--upstream 127.0.0.1", "should be ADDR:PORT" },
	{ "--upstream ftp://127.0.0.1:1", "--upstream ftp://127.0.0.1:1", "socks4a://" },
	{ "--upstream http://u@127.0.0.1:1", "--upstream ...@127.0.0.1:1", "USER:PASS@" },
	{ "--upstream socks4a://u:p@127.0.0.1:1", "--upstream ...@127.0.0.1:1", "USER@" },
	{ "--upstream unix:tor", "--upstream unix:tor", "begins with /" },
	{ "--upstream 127.0.0.1:1 --upstream unix:/tor", "--upstream unix:/tor", "first proxy" },
	{ "--upstream 127.0.0.1:1,", "--upstream", "should be ADDR:PORT" },
	{ "--pick best --upstream 127.0.0.1:1", "--pick best", "first, random or rotate" },
	{ "--pick random", "--pick random", "no --upstream" },
	{ "--pick-by user --upstream 127.0.0.1:1", "--pick-by user", "connection or key" },
	{ "--hop-timeout -1", "--hop-timeout -1", "from 0 to 86400" },
	{ "--methods gssapi", "--methods gssapi", "extended;password;none" },
	{ "--methods 'none;none'", "--methods none;none", "each once" },
	{ "--methods 'none;'", "--methods none;", "extended;password;none" },
	{ "--methods ''", "--methods", "extended;password;none" },
	{ "--user alice", "--user", "USER:PASS" },
	{ "--user :secret", "--user", "USER:PASS" },
	{ "--map example.com", "--map example.com", "NAME=ADDRESS" },
	{ "--fault nonsense", "--fault nonsense", "--fault help" },
	{ "--handshake-timeout soon", "--handshake-timeout soon", "from 0 to 86400" },
	{ "--max-clients 0", "--max-clients 0", "from 1 to 1000000" },
	{ "--log-json /nonexistent/log", "--log-json /nonexistent/log", "No such file" },
	{ "--bogus", "--bogus", "--help" },
	{ "word", "word", "only options" },
};

ParameterizedTestParameters(proxy_options, names_what_is_wrong_and_what_would_be_right)
{
	return cr_make_param_array(struct bad, bad, G_N_ELEMENTS(bad));
}

ParameterizedTest(struct bad *row, proxy_options, names_what_is_wrong_and_what_would_be_right)
{
	struct settings settings;
	GError *error = NULL;

	cr_assert_not(parse(row->line, &settings, &error), "%s", row->line);
	cr_assert_not_null(strstr(error->message, row->names), "%s", error->message);
	cr_assert_not_null(strstr(error->message, row->right), "%s", error->message);
	cr_assert_null(strchr(error->message, '\n'), "%s", error->message);
	g_error_free(error);
	settings_clear(&settings);
}

Test(proxy_options, never_repeats_a_password_in_an_error)
{
	g_autofree char *secret = g_strnfill(256, 's');
	g_autofree char *line = g_strdup_printf("--user alice:%s", secret);
	struct settings settings;
	GError *error = NULL;

	cr_assert_not(parse(line, &settings, &error));
	cr_assert_null(strstr(error->message, "ss"), "%s", error->message);
	g_error_free(error);
	settings_clear(&settings);
}

static void assert_listens(const struct settings *settings, guint index, const char *expected)
{
	g_autofree char *text = endpoint_text(g_ptr_array_index(settings->listen, index));
	cr_assert_str_eq(text, expected);
}

Test(proxy_options, listens_where_tor_does_by_default)
{
	struct settings settings;

	parse_good("", &settings);
	cr_assert_eq(settings.listen->len, 1);
	assert_listens(&settings, 0, "127.0.0.1:9050");
	cr_assert_eq(settings.method_count, 3);
	cr_assert_arr_eq(settings.methods, "\x97\x02\x00", 3);
	settings_clear(&settings);
}

Test(proxy_options, listens_on_several_addresses)
{
	struct settings settings;

	parse_good("--listen 127.0.0.1:1 --listen '[::1]:2' --public --listen 0.0.0.0:3",
		   &settings);
	cr_assert_eq(settings.listen->len, 3);
	assert_listens(&settings, 0, "127.0.0.1:1");
	assert_listens(&settings, 1, "[::1]:2");
	assert_listens(&settings, 2, "0.0.0.0:3");
	settings_clear(&settings);
}

Test(proxy_options, keeps_the_order_of_methods)
{
	struct settings settings;

	parse_good("--methods 'none;extended'", &settings);
	cr_assert_eq(settings.method_count, 2);
	cr_assert_arr_eq(settings.methods, "\x00\x97", 2);
	settings_clear(&settings);
}

Test(proxy_options, does_not_let_everybody_in_once_there_is_a_user)
{
	struct settings settings;

	parse_good("--user alice:se:cret", &settings);
	cr_assert_str_eq(settings.user, "alice");
	cr_assert_str_eq(settings.password, "se:cret");
	cr_assert_eq(settings.method_count, 2);
	cr_assert_arr_eq(settings.methods, "\x97\x02", 2);
	settings_clear(&settings);
}
