/*
 * A real Tor daemon that can reach nobody: what it is offered, what it takes for isolation, and
 * what its errors become. Its control port is the witness: it says with which username and password
 * a stream came.
 */
#include "support/control.h"
#include "support/lab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SOCKS_PORT   9050
#define CONTROL_PORT 9051

static struct {
	char *connect;
	char *hasty; /* options: a second is enough for what will not be answered */
} here;

/* Nothing of this leaves: the lab has loopback and nothing else. */
static void start_tor(void)
{
	char *file = lab_path("torrc"), *defaults = lab_path("torrc-defaults");
	char *text = g_strdup_printf("SocksPort 127.0.0.1:%u ExtendedErrors\n"
				     "ControlPort 127.0.0.1:%u\n"
				     "CookieAuthentication 0\n"
				     "DataDirectory %s/tor\n"
				     "MapAddress mapped.test 203.0.113.9\n"
				     "Log notice file %s/tor.log\n",
				     SOCKS_PORT, CONTROL_PORT, lab_folder(), lab_folder());
	char *command =
		g_strdup_printf("exec tor -f %s --defaults-torrc %s --quiet", file, defaults);

	g_file_set_contents(file, text, -1, NULL);
	g_file_set_contents(defaults, "", -1, NULL);
	lab_daemon(command, SOCKS_PORT);
	g_free(command);
	g_free(text);
	g_free(defaults);
	g_free(file);
}

static void open_here(void)
{
	lab_need("tor");
	lab_open();
	start_tor();
	control_open(CONTROL_PORT);
	here.connect = lab_program("connect");
	char *file = lab_path("hasty.conf");
	g_file_set_contents(file, "[proxy]\ntimeout=1\n", -1, NULL);
	here.hasty = g_strdup_printf("-x 127.0.0.1:%u -c %s", SOCKS_PORT, file);
	g_free(file);
}

/* Runs connect; what Tor cannot fulfil ends at the timeout, with the keys already there. */
static struct lab_result run_connect(enum lab_user user, const char *options, const char *arguments)
{
	char *all = g_strdup_printf("%s %s", here.hasty, options);
	const struct lab_result result = lab_run(user, all, "%s -l %s", here.connect, arguments);

	g_free(all);
	lab_assert_status(&result, 0);
	return result;
}

/* ---- what arrives ---- */

#define KEYS "SOCKS_USERNAME=\"<torS0X>0\" SOCKS_PASSWORD="

static const struct {
	const char *options;
	const char *expected; /* in the event */
} streams[] = {
	{ "-k ISOLATION=alice", KEYS "\"ISOLATION=alice\" " },
	{ "-b none -k z=1 -k a.b=2", KEYS "\"a.b=2&z=1\" " },
	{ "-b none -k 'k=a b&c=d%'", KEYS "\"k=a%20b%26c%3Dd%25\" " },
	{ "-b none -k 'q=\"\\'", KEYS "\"q=%22%5C\" " },
	{ "-b destination", KEYS "\"ISOLATION=dest%3Dkeys.test%3A80\" " },
	{ "-u me -p secret", "SOCKS_USERNAME=\"me\" SOCKS_PASSWORD=\"secret\" " },
	{ "-x socks5://some%20one:p%40ss@127.0.0.1:9050",
	  "SOCKS_USERNAME=\"some one\" SOCKS_PASSWORD=\"p@ss\" " },
};

Test(tor, is_brought_the_keys_in_the_form_it_takes)
{
	open_here();
	for (size_t i = 0; i < G_N_ELEMENTS(streams); i++) {
		const struct lab_result result =
			run_connect(i % LAB_USERS, streams[i].options, "keys.test 80");
		lab_assert_out(&result, "connect=ETIMEDOUT\n");
		char *event = control_new_stream(" keys.test:80 ");
		cr_assert(strstr(event, streams[i].expected), "%s: no %s in %s", streams[i].options,
			  streams[i].expected, event);
		g_free(event);
	}
}

Test(tor, is_brought_the_keys_of_each_application_by_default)
{
	open_here();
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result result = run_connect(user, "", "keys.test 80");
		lab_assert_out(&result, "connect=ETIMEDOUT\n");
		char *event = control_new_stream(" keys.test:80 ");
		GString *expected = g_string_new(here.connect);
		g_string_replace(expected, "/", "%2F", 0);
		/* What is no user of the machine stands for the lab's own. */
		cr_assert(strstr(event, KEYS "\"ISOLATION=user%3D"), "%s", event);
		cr_assert(strstr(event, "%3Bapp%3D"), "%s", event);
		cr_assert(strstr(event, expected->str), "no %s in %s", expected->str, event);
		g_string_free(expected, TRUE);
		g_free(event);
	}
}

Test(tor, is_brought_a_digest_of_long_keys)
{
	open_here();
	char *value = g_strnfill(300, 'v');
	char *options = g_strdup_printf("-b none -k long=%s", value);
	char *text = g_strdup_printf("long=%s", value);
	char *digest = g_compute_checksum_for_string(G_CHECKSUM_SHA256, text, -1);
	char *expected = g_strdup_printf(KEYS "\"sha256:%s\" ", digest);

	const struct lab_result result = run_connect(LAB_NOBODY, options, "keys.test 80");
	lab_assert_out(&result, "connect=ETIMEDOUT\n");
	char *event = control_new_stream(" keys.test:80 ");
	cr_assert(strstr(event, expected), "no %s in %s", expected, event);
}

Test(tor, is_brought_another_token_in_each_run)
{
	char *tokens[2];

	open_here();
	for (int i = 0; i < 2; i++) {
		run_connect(LAB_NOBODY, "-b none -i", "keys.test 80");
		char *event = control_new_stream(" keys.test:80 ");
		tokens[i] = strstr(event, KEYS "\"ISOLATION=token%3D");
		cr_assert(tokens[i], "%s", event);
		*strchr(tokens[i] + strlen(KEYS) + 1, '"') = '\0';
	}
	cr_assert_str_neq(tokens[0], tokens[1]);
}

/* ---- what its answers become ---- */

static const struct {
	const char *options;
	const char *host;
	const char *expected;
} answers[] = {
	/* Proposal 304's F6, which Tor says before it needs the network. */
	{ "", "badbadbad.onion", "EADDRNOTAVAIL" },
	{ "-k a=b", "badbadbad.onion", "EADDRNOTAVAIL" },
	{ "-b none", "badbadbad.onion", "EADDRNOTAVAIL" },
	{ "-u me -p secret", "badbadbad.onion", "EADDRNOTAVAIL" },
	{ "-k a=b", "aaaaaaaaaaaaaaaa.onion", "EADDRNOTAVAIL" },
	/* Tor knows no method that carries both. */
	{ "-k a=b -u me -p secret", "badbadbad.onion", "EPROTONOSUPPORT" },
	/* It answers a username it keeps for later with a reply in place of a status. */
	{ "-u '<torS0X>1' -p x", "badbadbad.onion", "EPROTO" },
	/* Its own virtual addresses, without a name behind them. */
	{ "", "127.192.0.1", "ECONNABORTED" },
};

Test(tor, says_what_becomes_an_errno_of_its_own)
{
	open_here();
	char *proxied = lab_path("loopback.conf");
	g_file_set_contents(proxied, "[proxy]\ntimeout=60\n[network]\nloopback=proxy\n", -1, NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
		char *options = g_strdup_printf("-c %s %s", proxied, answers[i].options);
		char *arguments = g_strdup_printf("%s 80", answers[i].host);
		char *expected = g_strdup_printf("connect=%s\n", answers[i].expected);
		for (enum lab_user user = 0; user < LAB_USERS; user++) {
			const struct lab_result result = run_connect(user, options, arguments);
			cr_assert(g_str_has_prefix(result.out, expected), "%s %s: no %s in %s",
				  answers[i].options, answers[i].host, expected, result.out);
		}
		g_free(expected);
		g_free(arguments);
		g_free(options);
	}
}

Test(tor, takes_02_although_00_is_offered_behind_it)
{
	open_here();
	struct lab_result result = run_connect(LAB_NOBODY, "-d", "badbadbad.onion 80");
	cr_assert(strstr(result.err, "badbadbad.onion:80: refused by the proxy: bad onion address "
				     "(EADDRNOTAVAIL), method 02, reply f6"),
		  "%s", result.err);
	result = run_connect(LAB_NOBODY, "-d -k a=b", "badbadbad.onion 80");
	cr_assert(strstr(result.err, "badbadbad.onion:80: refused by the proxy: bad onion address "
				     "(EADDRNOTAVAIL), method 02, reply f6"),
		  "%s", result.err);
}

/* ---- pipelining ---- */

/* How often this stands in the text. */
static unsigned count(const char *text, const char *part)
{
	unsigned found = 0;

	for (const char *at = text; (at = strstr(at, part)); at++)
		found++;
	return found;
}

/* strace(1) writes sent bytes so. */
#define FULL_GREETING  "\"\\x05\\x02\\x97\\x02\""
#define SHORT_GREETING "\"\\x05\\x01\\x02\""
#define RESOLVE	       "\"\\x05\\xf0\\x00\\x03"
#define CONNECT	       "\"\\x05\\x01\\x00\\x01\\xcb\\x00\\x71\\x05\\x00\\x50\""

Test(tor, takes_keys_and_request_in_one_write)
{
	lab_need("strace");
	open_here();
	char *resolve = lab_program("resolve"), *file = lab_path("resolve.conf");
	char *trace = lab_path("trace"), *text = NULL;
	char *options = g_strdup_printf("-x 127.0.0.1:%u -b none -k a=b -c %s", SOCKS_PORT, file);

	/* MapAddress answers this name without the network, and a success teaches the method. */
	g_file_set_contents(file, "[proxy]\ntimeout=1\n[names]\nresolve=proxy\n", -1, NULL);
	const struct lab_result result =
		lab_run(LAB_ROOT, options,
			"strace -f -qq -xx -s 4096 -e trace=sendto,sendmsg -o %s "
			"sh -c '%s -a -t 1 mapped.test 80; %s -a -t 1 mapped.test 80; "
			"%s -l 203.0.113.5 80'",
			trace, resolve, resolve, here.connect);
	lab_assert_out(&result, "resolve=0\nerrno=kept\ninet stream 6 80 203.0.113.9\n"
				"resolve=0\nerrno=kept\ninet stream 6 80 203.0.113.9\n"
				"connect=ETIMEDOUT\n");
	char *event = control_new_stream(" 203.0.113.5:80 ");
	cr_assert(strstr(event, KEYS "\"a=b\" "), "%s", event);
	g_file_get_contents(trace, &text, NULL, NULL);
	cr_assert_eq(count(text, FULL_GREETING), 1u, "%s", text);
	cr_assert_eq(count(text, SHORT_GREETING), 2u, "%s", text);
	cr_assert_eq(count(text, RESOLVE), 2u, "%s", text);
	cr_assert_eq(count(text, CONNECT), 1u, "%s", text);
	/* Three writes at first, then the greeting, and the keys together with the request. */
	cr_assert_eq(count(text, "sendmsg("), 3u + 2u + 2u, "%s", text);
}
