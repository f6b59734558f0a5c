/*
 * `deny` means the target, whichever way it is named, and `isosocksctl explain` says of each what a
 * connection does; what a proxy answers opens no direct way, and reaches a program as a host name
 * only; a program that speaks to the proxy by itself does not lose keys that must arrive.
 */
#include "support/far.h"
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>

static struct {
	char *connect, *names, *ctl;
} here;

#define HOSTS                                                                                      \
	"127.0.0.1 localhost\n"                                                                    \
	"10.1.2.5 www.internal.test web\n"                                                         \
	"127.0.0.1 port.test\n"                                                                    \
	"10.1.2.3 address.test\n"

static void open_world(void)
{
	lab_open();
	lab_replace("/etc/hosts", HOSTS);
	here.connect = lab_program("connect");
	here.names = lab_program("names");
	here.ctl = lab_program("isosocksctl");
}

static char *write_settings(const char *text)
{
	char *path = lab_path("settings.conf");

	cr_assert(g_file_set_contents(path, text, -1, NULL));
	return path;
}

/* What the verdict of explain is, as its first line ends. */
static char *explained(const char *host, unsigned port)
{
	g_autofree char *path = lab_path("settings.conf");
	const bool is_ipv6 = strchr(host, ':') != NULL;
	struct lab_result result =
		lab_shell(LAB_NOBODY, "%s explain -c %s -p %s '%s%s%s:%u'", here.ctl, path,
			  here.connect, is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port);

	lab_assert_status(&result, 0);
	char *line = g_strndup(result.out, strcspn(result.out, "\n"));
	char *verdict = g_strdup(strrchr(line, ' ') + 1);
	g_free(line);
	return verdict;
}

/* ---- every way to name it ---- */

static const struct {
	const char *host;
	unsigned port;
	const char *verdict; /* of explain */
} targets[] = {
	{ "www.internal.test", 80, "deny" },
	{ "internal.test", 80, "deny" },
	{ "WWW.Internal.TEST", 80, "deny" },
	{ "www.internal.test.", 80, "deny" },
	{ "a.b.internal.test", 65535, "deny" },
	{ "web", 80, "deny" }, /* another name of the same line */
	{ "WEB.", 80, "deny" },
	{ "hidden.onion", 80, "deny" },
	{ "www.hidden.tor", 80, "deny" },
	{ "Hidden.Tor.", 80, "deny" },
	{ "10.1.2.3", 80, "deny" },
	{ "address.test", 80, "deny" },
	{ "0x0a.1.2.3", 80, "deny" },
	{ "0X0A.0x1.02.3", 80, "deny" },
	{ "012.1.2.3", 80, "deny" },
	{ "167838211", 80, "deny" },
	{ "10.1.515", 80, "deny" },
	{ "10.66051", 80, "deny" },
	{ "10.1.2.3.", 80, "deny" },
	{ "::ffff:10.1.2.3", 80, "deny" },
	{ "0:0:0:0:0:FFFF:a01:203", 80, "deny" },
	{ "::10.1.2.3", 80, "deny" },
	{ "64:ff9b::10.1.2.3", 80, "deny" },
	{ "64:ff9b:1::10.1.2.3", 80, "deny" },
	{ "2002:a01:203::1", 80, "deny" },
	{ "::ffff:0:10.1.2.3", 80, "deny" },
	{ "127.0.0.9", 80, "deny" },
	{ "0x7f.9", 80, "deny" },
	{ "127.9", 80, "deny" },
	{ "0177.0.0.011", 80, "deny" },
	{ "port.test", 81, "deny" },
	{ "other.test", 81, "proxy" },
	{ "internal.test.example", 80, "proxy" },
	{ "winternal.test", 80, "proxy" },
	{ "hidden.torx", 80, "proxy" },
	{ "10.1.2.4", 80, "proxy" },
	{ "64:ff9b::10.1.2.4", 80, "proxy" },
	{ "2001:db8::a01:203", 80, "proxy" },
};

#define DENY "[network]\ndeny=.internal.test;.hidden.tor;10.1.2.3;127.0.0.9;.port.test:81\n"

static void assert_target(enum lab_user user, const char *host, unsigned port, bool denied)
{
	lab_forget();
	const struct lab_result result =
		lab_run(user, "-c settings.conf", "%s -l '%s' %u", here.connect, host, port);
	g_auto(GStrv) asked = lab_requests();

	if (!denied) {
		cr_assert_geq(g_strv_length(asked), 1u, "%s %u: %s%s", host, port, result.out,
			      result.err);
		return;
	}
	cr_assert_eq(g_strv_length(asked), 0u, "%s %u: %s", host, port, asked[0]);
	cr_assert(strstr(result.out, "connect=EACCES") ||
			  strstr(result.out, "resolve=Name or service not known"),
		  "%s %u: %s%s", host, port, result.out, result.err);
}

static void assert_targets(const char *resolve)
{
	open_world();
	lab_proxy("--map other.test=203.0.113.9:80");
	g_autofree char *text = g_strdup_printf("[names]\nalias=.tor\nresolve=%s\n" DENY, resolve);
	g_free(write_settings(text));
	for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
		const bool denied = strcmp(targets[i].verdict, "deny") == 0;
		g_autofree char *verdict = explained(targets[i].host, targets[i].port);

		cr_expect_str_eq(verdict, targets[i].verdict, "explain says %s of %s:%u", verdict,
				 targets[i].host, targets[i].port);
		assert_target(i % LAB_USERS, targets[i].host, targets[i].port, denied);
	}
}

Test(deny, means_the_target_however_it_is_named)
{
	assert_targets("deferred");
}

Test(deny, means_the_target_where_the_proxy_is_asked_for_addresses)
{
	assert_targets("proxy");
}

/* A local name that is denied at one port has its local address at the others. */
Test(deny, of_one_port_leaves_a_local_name_its_address)
{
	open_world();
	lab_proxy(NULL);
	const unsigned port = lab_serve("the neighbour");
	g_free(write_settings(DENY));
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result result =
			lab_run(user, "-c settings.conf", "%s port.test %u", here.connect, port);
		lab_assert_out(&result, "line=this is the neighbour");
	}
	g_autofree char *verdict = explained("port.test", port);
	cr_expect_str_eq(verdict, "direct");
}

/* Every family of calls that looks a name up. */
Test(deny, holds_for_every_call_that_looks_a_name_up)
{
	static const char *const calls[] = { "gethostbyname", "gethostbyname2", "gethostbyname_r",
					     "getaddrinfo",   "getaddrinfo_a",	"res_query" };

	open_world();
	lab_proxy("--map www.internal.test=203.0.113.9:80");
	g_free(write_settings("[names]\nresolve=proxy\n" DENY));
	for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
		const struct lab_result result =
			lab_run(i % LAB_USERS, "-c settings.conf", "%s %s www.internal.test",
				here.names, calls[i]);
		g_auto(GStrv) asked = lab_requests();

		lab_assert_out(&result, "placeholder");
		cr_assert_eq(g_strv_length(asked), 0u, "%s: %s", calls[i], asked[0]);
	}
}

/* A program that is let go has its names from libc, but for those that are denied. */
Test(deny, holds_for_names_in_a_program_that_is_let_go)
{
	lab_need("ip");
	open_world();
	far_open();
	lab_proxy(NULL);
	g_free(write_settings(DENY "[application one]\nmatch=*/connect\naction=direct\n"));
	static const char *const denied[] = { "www.internal.test", "internal.test.", "WEB", NULL };
	for (size_t i = 0; i < 2; i++) {
		far_count(FAR_FRAME);
		assert_target(i % LAB_USERS, denied[i], 80, true);
		cr_assert_eq(far_count(FAR_FRAME), 0u, "%s", denied[i]);
		g_autofree char *verdict = explained(denied[i], 80);
		cr_expect_str_eq(verdict, "deny");
	}
}

/* ---- what a proxy answers ---- */

static void answer(const char *hex)
{
	static char *program;
	g_autofree char *folder = g_get_current_dir();

	if (!program)
		program = g_build_filename(folder, "tests/programs/answers.py", NULL);
	const char *const argv[] = { "python3", program, hex, NULL };
	g_autofree char *port = lab_start(argv);
	g_autofree char *text =
		g_strdup_printf("[proxy]\nurl=127.0.0.1:%s\n[names]\nresolve=proxy\n"
				"[network]\ndirect=10.9.9.0/24\n",
				g_strstrip(port));
	g_free(write_settings(text));
}

static struct lab_result run_settings(enum lab_user user, const char *program,
				      const char *arguments)
{
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *path = lab_path("settings.conf");

	return lab_shell(user, "%s -c %s %s %s", isosocks, path, program, arguments);
}

static const struct {
	const char *hex; /* ATYP and address */
	bool is_good;
} addresses[] = {
	{ "01cb007109", true },	 /* 203.0.113.9 */
	{ "010a090901", false }, /* in the direct rule */
	{ "017f000001", false }, /* loopback */
	{ "017f400001", false }, /* the pool */
	{ "0100000000", false },
	{ "0400000000000000000000ffff0a090901", false }, /* mapped */
	{ "0400000000000000000000000000000001", false },
	{ "0400000000000000000000000000000000", false },
};

Test(deny, no_answer_of_the_proxy_opens_a_direct_way)
{
	lab_need("ip");
	lab_need("python3");
	open_world();
	far_open();
	for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
		answer(addresses[i].hex);
		far_count(FAR_FRAME);
		const struct lab_result result =
			run_settings(i % LAB_USERS, here.connect, "-l evil.test 8080");
		cr_assert_eq(far_count(FAR_FRAME), 0u, "%s: %s", addresses[i].hex, result.out);
		lab_assert_out(&result, addresses[i].is_good ? "connect="
							     : "resolve=Name or service not known");
	}
}

/* With a port that is let go everywhere no address of the proxy's is safe: names stay names. */
Test(deny, names_stay_names_where_a_port_is_let_go)
{
	lab_need("ip");
	open_world();
	far_open();
	lab_proxy("--map evil.test=203.0.113.9:0 --fault reply:05");
	g_free(write_settings("[names]\nresolve=proxy\n[network]\ndirect=*:8080\n"));
	far_count(FAR_FRAME);
	const struct lab_result result =
		lab_run(LAB_NOBODY, "-c settings.conf", "%s -l evil.test 8080", here.connect);
	g_autofree char *request = lab_only_request();

	lab_assert_out(&result, "connect=ECONNREFUSED");
	lab_assert_has(request, "\"host\":\"evil.test\"");
	cr_assert_eq(far_count(FAR_FRAME), 0u);
}

static const struct {
	const char *name; /* of an address, the proxy says */
	const char *shown;
} pointers[] = {
	{ "host.example.org", "host.example.org" },
	{ "_sip.a-b.test.", "_sip.a-b.test" },
	{ "a\033[31mb.test", NULL },
	{ "a\nb.test", NULL },
	{ "a b.test", NULL },
	{ "-a.test", NULL },
	{ "a..test", NULL },
	{ ".", NULL },
	{ "127.0.0.1", NULL }, /* what it is compared with as text would be this machine */
	{ "0x7f.1", NULL },
	{ "localhost", NULL }, /* and what is looked up next, too */
	{ "web", NULL },
	{ "b\303\274cher.test", NULL },
	{ "a;rm.test", NULL },
};

static char *name_answer(const char *name)
{
	GString *hex = g_string_new("03");

	g_string_append_printf(hex, "%02zx", strlen(name));
	for (; *name; name++)
		g_string_append_printf(hex, "%02x", (unsigned char)*name);
	return g_string_free(hex, FALSE);
}

Test(deny, names_from_the_proxy_reach_programs_as_host_names_only)
{
	lab_need("python3");
	open_world();
	for (size_t i = 0; i < G_N_ELEMENTS(pointers); i++) {
		g_autofree char *hex = name_answer(pointers[i].name);
		g_autofree char *expected = g_strdup_printf("%s http\n", pointers[i].shown);
		answer(hex);
		const struct lab_result info =
			run_settings(i % LAB_USERS, here.names, "-n 8 getnameinfo 203.0.113.5");
		cr_expect_str_eq(info.out, pointers[i].shown ? expected : "failed EAI_NONAME\n",
				 "%zu: %s", i, info.out);
		const struct lab_result entry =
			run_settings(i % LAB_USERS, here.names, "gethostbyaddr 203.0.113.5");
		cr_expect(g_str_has_prefix(entry.out, pointers[i].shown ? pointers[i].shown
									: "failed HOST_NOT_FOUND"),
			  "%zu: %s", i, entry.out);
		const struct lab_result query = run_settings(
			i % LAB_USERS, here.names, "-q 12 res_query 5.113.0.203.in-addr.arpa");
		cr_expect(pointers[i].shown ? strstr(query.out, pointers[i].shown) != NULL
					    : strstr(query.out, "HOST_NOT_FOUND") != NULL,
			  "%zu: %s", i, query.out);
	}
}

/* ---- a program that speaks SOCKS by itself ---- */

static const char *const proxy_addresses[] = { "127.0.0.1", "localhost", "127.0.0.2",
					       "0.0.0.0",   "::1",	 "::ffff:127.0.0.1",
					       "127.1",	    "::" };

static void assert_own_socks(const char *options, bool refused)
{
	const unsigned port = lab_port();

	for (size_t i = 0; i < G_N_ELEMENTS(proxy_addresses); i++) {
		const struct lab_result result = lab_run(i % LAB_USERS, options, "%s -l %s %u",
							 here.connect, proxy_addresses[i], port);
		cr_assert_eq(strstr(result.out, "connect=EACCES") != NULL, refused, "%s %s: %s%s",
			     options, proxy_addresses[i], result.out, result.err);
		char *line = strstr(result.err, "speaks to the proxy by itself");
		cr_assert_not_null(line, "%s %s: %s", options, proxy_addresses[i], result.err);
		cr_assert_null(strstr(line + 1, "speaks to the proxy by itself"));
	}
}

Test(deny, own_socks_is_refused_where_keys_must_arrive)
{
	open_world();
	lab_proxy(NULL);
	g_free(write_settings("[isolation]\nrequire=always\n"));
	assert_own_socks("-d", false);
	assert_own_socks("-d -k ISOLATION=alice", true);
	assert_own_socks("-d -i", true);
	assert_own_socks("-d -c settings.conf", true);
	g_auto(GStrv) asked = lab_requests();
	cr_assert_eq(g_strv_length(asked), 0u);
}

Test(deny, own_socks_is_explained)
{
	open_world();
	const unsigned port = lab_proxy(NULL);
	for (int keys = 0; keys < 2; keys++) {
		g_autofree char *text =
			g_strdup_printf("[proxy]\nurl=127.0.0.1:%u\n[isolation]\n%s\n", port,
					keys ? "key.TAB=7" : "");
		g_free(write_settings(text));
		for (size_t i = 0; i < G_N_ELEMENTS(proxy_addresses); i++) {
			g_autofree char *verdict = explained(proxy_addresses[i], port);
			cr_expect_str_eq(verdict, keys ? "deny" : "direct", "%s",
					 proxy_addresses[i]);
		}
	}
}

/* A rule goes before it. */
Test(deny, holds_for_the_proxy_itself)
{
	open_world();
	const unsigned port = lab_proxy(NULL);
	g_autofree char *text = g_strdup_printf("[network]\ndeny=127.0.0.1:%u\n", port);
	g_free(write_settings(text));
	const struct lab_result own =
		lab_run(LAB_NOBODY, "-c settings.conf", "%s -l 127.0.0.1 %u", here.connect, port);
	lab_assert_out(&own, "connect=EACCES");
	lab_run(LAB_NOBODY, "-c settings.conf", "%s -l www.test 80", here.connect);
	g_free(lab_only_request());
}
