/*
 * A library in every process: where its policy comes from, and what becomes of whom. The lab has an
 * /etc of its own, so that the file may be there or not.
 */
#include "compile.h"
#include "support/lab.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLICY "/etc/isosocks.policy"

static struct {
	char *library;
	char *connect;
	unsigned neighbour;
	unsigned proxy;
} given;

static void open_etc(void)
{
	lab_open();
	lab_cover_etc();
	given.neighbour = lab_serve("the neighbour");
	g_autofree char *map = g_strdup_printf("--map example.test=127.0.0.1:%u "
					       "--map 203.0.113.5=127.0.0.1:%u",
					       given.neighbour, given.neighbour);
	given.proxy = lab_proxy(map);
	given.library = lab_program("libisosocks.so");
	given.connect = lab_program("connect");
}

/* Compiles settings to POLICY, the proxy's URL in front of them. */
static void write_policy(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void write_policy(const char *format, ...)
{
	CONFIG_AUTO config = config_new();
	g_autoptr(GError) error = NULL;
	g_autoptr(GByteArray) policy = NULL;
	g_autofree char *url = g_strdup_printf("127.0.0.1:%u", given.proxy);
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	cr_assert(config_load_text(config, CONFIG_SYSTEM, "/etc/isosocks.conf", text, strlen(text),
				   &error) &&
			  config_set(config, CONFIG_COMMAND_LINE, "proxy", "url", url, &error),
		  "%s", error->message);
	config->min_uid = 1000;
	policy = compile_policy(config, &error);
	cr_assert(policy, "%s", error->message);
	cr_assert(g_file_set_contents(POLICY, (const char *)policy->data, policy->len, NULL));
	chmod(POLICY, 0644);
}

/* Everybody's programs get the library, as on a machine where that was enabled. */
static void preload_for_all(void)
{
	g_autofree char *line = g_strconcat(given.library, "\n", NULL);

	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer's runtime does not come before ld.so.preload");
	cr_assert(g_file_set_contents("/etc/ld.so.preload", line, -1, NULL));
	chmod("/etc/ld.so.preload", 0644);
}

/* One connect by this user of this number, with these variables. */
static void assert_connect(unsigned user, const char *variables, const char *arguments,
			   const char *expected)
{
	struct lab_result result = lab_shell(
		LAB_ROOT,
		"setpriv --reuid=%u --regid=%u --clear-groups --inh-caps=-all -- env %s %s %s",
		user, user, variables, given.connect, arguments);

	cr_expect_not_null(strstr(result.out, expected), "user %u, %s connect %s: no %s in\n%s%s",
			   user, variables, arguments, expected, result.out, result.err);
}

static void assert_requests(guint expected)
{
	g_auto(GStrv) requests = lab_requests();

	cr_expect_eq(g_strv_length(requests), expected, "%u requests", g_strv_length(requests));
	lab_forget();
}

/* Nobody is to be let through whom an administrator meant, and nothing of the machine is to stop.
 */
Test(system, without_a_policy_stops_people_and_spares_the_machine)
{
	open_etc();
	preload_for_all();
	assert_connect(1000, "", "-l 127.0.0.1 9", "connect=EACCES");
	assert_connect(65534, "", "-l 203.0.113.5 80", "connect=EACCES");
	assert_connect(999, "", "-l 127.0.0.1 9", "connect=ECONNREFUSED");
	assert_connect(0, "", "-l 203.0.113.5 80", "connect=ENETUNREACH");
	assert_connect(1000, "ISOSOCKS_LOG=error", "-l 203.0.113.5 80", "connect=EACCES");
	assert_requests(0);
}

Test(system, with_a_bad_policy_does_the_same)
{
	static const char *const bad[] = { "", "isosocks", "garbage of another kind altogether" };

	open_etc();
	preload_for_all();
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		cr_assert(g_file_set_contents(POLICY, bad[i], -1, NULL));
		chmod(POLICY, 0644);
		assert_connect(1000, "", "-l 203.0.113.5 80", "connect=EACCES");
		assert_connect(0, "", "-l 203.0.113.5 80", "connect=ENETUNREACH");
	}
	write_policy("[proxy]\nretry=1\n");
	chmod(POLICY, 0);
	assert_connect(1000, "", "-l 203.0.113.5 80", "connect=EACCES");
	unlink(POLICY);
	cr_assert_eq(mkdir(POLICY, 0755), 0);
	assert_connect(1000, "", "-l 203.0.113.5 80", "connect=EACCES");
	assert_connect(0, "", "-l 203.0.113.5 80", "connect=ENETUNREACH");
	assert_requests(0);
}

Test(system, with_a_policy_takes_people_through_the_proxy)
{
	open_etc();
	preload_for_all();
	write_policy("[isolation]\nby=session\n");
	assert_connect(1000, "", "203.0.113.5 80", "line=this is the neighbour");
	assert_connect(1000, "ISOSOCKS_ISOLATION=x", "example.test 80",
		       "line=this is the neighbour");
	assert_connect(0, "", "-l 203.0.113.5 80", "connect=ENETUNREACH");
	assert_requests(2);
}

/* All processes of a user are one session, whoever started them. */
Test(system, has_one_session_for_each_user)
{
	open_etc();
	preload_for_all();
	write_policy("[isolation]\nby=session\n");
	for (unsigned user = 1000; user <= 1001; user++)
		for (int i = 0; i < 2; i++)
			assert_connect(user, "", "203.0.113.5 80", "line=");
	g_auto(GStrv) lines = lab_requests();
	cr_assert_eq(g_strv_length(lines), 4);
	for (guint i = 0; i < 4; i++) {
		char *pairs = strstr(lines[i], "session=");
		cr_assert(pairs, "%s", lines[i]);
		memmove(lines[i], pairs, strcspn(pairs, "\""));
		lines[i][strcspn(pairs, "\"")] = '\0';
	}
	cr_assert_str_eq(lines[0], lines[1]);
	cr_assert_str_eq(lines[2], lines[3]);
	cr_assert_str_neq(lines[0], lines[2]);
}

/* What a program executes has the policy from it. */
Test(system, hands_its_policy_on)
{
	open_etc();
	preload_for_all();
	write_policy("[proxy]\nretry=1\n");
	assert_connect(1000, "sh -c '\"$@\"; :' sh", "203.0.113.5 80",
		       "line=this is the neighbour");
	assert_connect(0, "sh -c '\"$@\"; :' sh", "-l 203.0.113.5 80", "connect=ENETUNREACH");
	assert_requests(1);
}

Test(system, takes_the_machines_users_whom_a_rule_names)
{
	open_etc();
	preload_for_all();
	write_policy("[application mail]\nuser=8\n");
	assert_connect(8, "", "203.0.113.5 80", "line=this is the neighbour");
	assert_connect(9, "", "-l 203.0.113.5 80", "connect=ENETUNREACH");
	assert_requests(1);
}

/* LD_PRELOAD that names the library asks for it, whoever it is. */
Test(system, asked_for_means_everybody)
{
	open_etc();
	g_autofree char *preload = g_strdup_printf(
		"LD_PRELOAD=%s%s%s", g_getenv("SANITIZER") ? g_getenv("SANITIZER") : "",
		g_getenv("SANITIZER") ? ":" : "", given.library);
	g_autofree char *with_proxy =
		g_strdup_printf("%s ISOSOCKS_PROXY=127.0.0.1:%u", preload, given.proxy);

	assert_connect(0, preload, "-l 203.0.113.5 80", "connect=ENETDOWN");
	assert_connect(0, with_proxy, "203.0.113.5 80", "line=this is the neighbour");
	write_policy("[network]\ndeny=203.0.113.0/24\n");
	assert_connect(0, preload, "-l 203.0.113.5 80", "connect=EACCES");
	assert_connect(1000, preload, "example.test 80", "line=this is the neighbour");
	cr_assert(g_file_set_contents(POLICY, "bad", -1, NULL));
	chmod(POLICY, 0644);
	assert_connect(0, preload, "-l 203.0.113.5 80", "connect=EACCES");
	assert_requests(2);
}

/* ---- what a user's variables may not do ---- */

/* OWN stands for a folder with an isosocks.conf that takes everything back. */
static const struct {
	const char *text;
	bool leaves_keys; /* for require=always to oblige the proxy for */
} variables[] = {
	{ "ISOSOCKS_BY=none", false },
	{ "ISOSOCKS_BY=destination", true },
	{ "ISOSOCKS_ISOLATION=x", true },
	{ "ISOSOCKS_KEY_A=x", true },
	{ "ISOSOCKS_KEYS=a=b", true },
	{ "ISOSOCKS_CONFIG=OWN/isosocks.conf", true },
	{ "ISOSOCKS_LOG=none", true },
	{ "ISOSOCKS_LOG_FILE=", true },
	{ "ISOSOCKS_USERNAME=u ISOSOCKS_PASSWORD=p", true },
	{ "XDG_CONFIG_HOME=OWN", true },
};

static void write_text(const char *path, const char *text)
{
	cr_assert(g_file_set_contents(path, text, -1, NULL));
	chmod(path, 0644);
}

static void check_variables(const char *folder, size_t row, const char *isosocks)
{
	g_autoptr(GString) text = g_string_new(variables[row].text);

	g_string_replace(text, "OWN", folder, 0);
	g_string_append_printf(text, " ISOSOCKS_PROXY=127.0.0.1:%u", given.proxy);
	g_autofree char *before = g_strdup_printf("%s %s", text->str, isosocks);
	g_autofree char *inside = g_strdup_printf("%s env %s", isosocks, text->str);
	g_autofree char *nested = g_strdup_printf("%s env %s %s", isosocks, text->str, isosocks);
	const char *const ways[] = { before, inside, nested };

	for (size_t way = 0; way < G_N_ELEMENTS(ways); way++) {
		assert_connect(1000, ways[way], "-l 203.0.113.5 80", "connect=EACCES");
		assert_connect(1000, ways[way], "-l x.denied.test 80", "connect=EACCES");
		if (variables[row].leaves_keys)
			assert_connect(1000, ways[way], "-l 198.51.100.1 80",
				       "connect=EPROTONOSUPPORT");
	}
}

/* In front of isosocks, inside it, and in front of one inside another. */
Test(system, lets_no_variable_take_back_what_is_denied_or_required)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("an isosocks inside another is not as it is built for a sanitizer");
	open_etc();
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *folder = lab_path("own");
	g_autofree char *path = g_build_filename(folder, "isosocks.conf", NULL);

	cr_assert_eq(mkdir(folder, 0755), 0);
	write_text(path, "[isolation]\nrequire=never\n[network]\ndeny=\ndirect=203.0.113.0/24\n");
	write_text("/etc/isosocks.conf", "[isolation]\nrequire=always\n"
					 "[network]\ndeny=203.0.113.0/24;.denied.test\n");
	given.proxy = lab_proxy("--methods none");
	for (size_t row = 0; row < G_N_ELEMENTS(variables); row++)
		check_variables(folder, row, isosocks);
	assert_requests(0);
}

/* ---- applications ---- */

Test(system, lets_a_direct_program_go_but_not_where_nobody_may)
{
	open_etc();
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *settings = lab_path("direct.conf");
	g_autofree char *with =
		g_strdup_printf("%s -x 127.0.0.1:%u -c %s", isosocks, given.proxy, settings);

	write_text(settings, "[application one]\nmatch=*/connect\naction=direct\n");
	write_text("/etc/isosocks.conf", "[network]\ndeny=203.0.113.0/24\n");
	assert_connect(1000, with, "-l 198.51.100.1 80", "connect=ENETUNREACH");
	assert_connect(1000, with, "-l 203.0.113.5 80", "connect=EACCES");
	assert_connect(1000, with, "-l -u 203.0.113.5 80", "connect=EACCES");
	write_text("/etc/isosocks.conf", "[application one]\nmatch=*/connect\naction=deny\n");
	assert_connect(1000, with, "-l 198.51.100.1 80", "connect=EACCES");
	write_text("/etc/isosocks.conf",
		   "[application one]\nmatch=*/connect\nuser=999\naction=deny\n");
	assert_connect(1000, with, "-l 198.51.100.1 80", "connect=ENETUNREACH");
	assert_connect(999, with, "-l 198.51.100.1 80", "connect=EACCES");
	assert_requests(0);
}

Test(system, gives_a_program_its_own_proxy_and_keys)
{
	open_etc();
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *settings = lab_path("own.conf");
	g_autofree char *text = g_strdup_printf("[proxy]\nurl=127.0.0.1:9\n[isolation]\nkey.A=all\n"
						"key.B=all\n[application one]\nmatch=*/conn?ct\n"
						"by=none\nkey.A=one\nurl=127.0.0.1:%u\n",
						given.proxy);
	g_autofree char *with = g_strdup_printf("%s -c %s", isosocks, settings);
	g_autofree char *more = g_strdup_printf("ISOSOCKS_KEY_A=mine %s -k B=mine -b user", with);

	write_text(settings, text);
	assert_connect(1000, with, "example.test 80", "line=this is the neighbour");
	g_autofree char *line = lab_only_request();
	lab_assert_has(line, "\"pairs\":{\"A\":\"one\",\"B\":\"all\"}");
	assert_connect(1000, more, "example.test 80", "line=this is the neighbour");
	g_autofree char *second = lab_only_request();
	lab_assert_has(second,
		       "\"pairs\":{\"A\":\"mine\",\"B\":\"mine\",\"ISOLATION\":\"user=1000\"}");
}
