/*
 * Programs that are their own resolvers: their queries are answered by the socket they ask by, for
 * every way of sending, receiving and waiting. A nameserver in the lab writes down what it is
 * asked: without isosocks everything, under it nothing.
 */
#include "support/lab.h"
#include "support/nameserver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

static struct {
	char *program; /* tests/clients/query */
} here;

static void open_here(const char *proxy_options)
{
	lab_open();
	lab_replace("/etc/hosts", "127.0.0.1 localhost\n192.0.2.7 four.local.test\n");
	here.program = lab_program("query");
	nameserver_open();
	lab_proxy(proxy_options);
}

static void assert_nobody_asked(void)
{
	g_auto(GStrv) requests = lab_requests();

	nameserver_assert_unasked();
	cr_assert_eq(g_strv_length(requests), 0u, "the proxy was asked: %s", requests[0]);
}

static void expect_query(enum lab_user user, const char *options, const char *arguments,
			 const char *expected)
{
	const struct lab_result result = lab_run(user, options, "%s %s", here.program, arguments);

	cr_expect_eq(result.status, 0, "query %s: %s", arguments, result.err);
	cr_expect_str_eq(result.out, expected, "query %s: not\n%sbut\n%s", arguments, expected,
			 result.out);
	g_free(result.out);
	g_free(result.err);
}

/* ---- every way to ask ---- */

static const char *const sends[] = { "sendto", "sendmsg", "sendmmsg", "send",	  "write",
				     "writev", "csendto", "csendmsg", "csendmmsg" };
static const char *const receives[] = { "recvfrom", "recvmsg", "recvmmsg", "recv", "read" };
static const char *const waits[] = { "poll", "select", "epoll", "none" };

static bool shows_sender(const char *receive)
{
	return strcmp(receive, "recv") != 0 && strcmp(receive, "read") != 0;
}

static void expect_way(unsigned send, unsigned receive, unsigned wait)
{
	char *arguments = g_strdup_printf("-s %s -r %s -w %s a.test b.test", sends[send],
					  receives[receive], waits[wait]);
	const char *from = shows_sender(receives[receive]) ? "203.0.113.53 53" : "none 0";
	char *expected = g_strdup_printf("peer=%s\n"
					 "from=%s rcode=0 answers=1 placeholder\n"
					 "from=%s rcode=0 answers=1 placeholder\n",
					 send < 3 ? "ENOTCONN" : "203.0.113.53 53", from, from);

	expect_query((send + receive + wait) % LAB_USERS, NULL, arguments, expected);
	g_free(expected);
	g_free(arguments);
}

Test(nameserver, answers_by_every_call)
{
	open_here(NULL);
	for (unsigned send = 0; send < G_N_ELEMENTS(sends); send++) {
		for (unsigned receive = 0; receive < G_N_ELEMENTS(receives); receive++) {
			for (unsigned wait = 0; wait < G_N_ELEMENTS(waits); wait++)
				expect_way(send, receive, wait);
		}
	}
	assert_nobody_asked();
}

/* ---- every kind of socket ---- */

#define ANSWER(server)	  "from=" server " 53 rcode=0 answers=1 placeholder\n"
#define OTHERS(server)	  "peer=ENOTCONN\n" ANSWER(server)
#define CONNECTED(server) "peer=" server " 53\n" ANSWER(server)

static const struct {
	const char *arguments;
	const char *expected;
} sockets[] = {
	{ "a.test", OTHERS("203.0.113.53") },
	{ "-a 127.0.0.1 a.test", OTHERS("127.0.0.1") },
	{ "-a 127.0.0.53 a.test", OTHERS("127.0.0.53") },
	{ "-6 -a ::1 a.test", OTHERS("::1") },
	{ "-6 -a 2001:db8::53 a.test", OTHERS("2001:db8::53") },
	{ "-6 -a ::ffff:203.0.113.53 a.test", OTHERS("::ffff:203.0.113.53") },
	{ "-6 -b :: -a 2001:db8::53 a.test", OTHERS("2001:db8::53") },
	{ "-6 -b ::1 -a 2001:db8::53 a.test", OTHERS("2001:db8::53") },
	{ "-b 127.0.0.1 a.test", OTHERS("203.0.113.53") },
	{ "-b 0.0.0.0 a.test", OTHERS("203.0.113.53") },
	{ "-d a.test", OTHERS("203.0.113.53") },
	{ "-a 203.0.113.53 -a 203.0.113.54 a.test b.test",
	  OTHERS("203.0.113.53") ANSWER("203.0.113.54") },
	{ "-c 127.0.0.1 a.test", OTHERS("203.0.113.53") "connect=0\npeer=127.0.0.1 4242\n" },
	{ "-c 203.0.113.9 a.test", OTHERS("203.0.113.53") "connect=EACCES\npeer=ENOTCONN\n" },
	{ "-s send a.test", CONNECTED("203.0.113.53") },
	{ "-s send -a 127.0.0.1 a.test", CONNECTED("127.0.0.1") },
	{ "-s send -6 -a ::1 a.test", CONNECTED("::1") },
	{ "-s send -6 -a 2001:db8::53 a.test", CONNECTED("2001:db8::53") },
	{ "-s send -6 -a ::ffff:203.0.113.53 a.test", CONNECTED("::ffff:203.0.113.53") },
	{ "-s send -6 -b :: -a 2001:db8::53 a.test", CONNECTED("2001:db8::53") },
	{ "-s send -6 -b ::1 -a 2001:db8::53 a.test", CONNECTED("2001:db8::53") },
	{ "-s send -b 127.0.0.1 a.test", CONNECTED("203.0.113.53") },
	{ "-s send -b 0.0.0.0 a.test", CONNECTED("203.0.113.53") },
	{ "-s send -d a.test", CONNECTED("203.0.113.53") },
	{ "-s send -u a.test", CONNECTED("203.0.113.53") "dissolved=0\npeer=ENOTCONN\n" },
	{ "-s send -c 127.0.0.1 a.test",
	  CONNECTED("203.0.113.53") "connect=0\npeer=127.0.0.1 4242\n" },
	{ "-s send -u -c 127.0.0.1 a.test",
	  CONNECTED("203.0.113.53") "dissolved=0\npeer=ENOTCONN\n"
				    "connect=0\npeer=127.0.0.1 4242\n" },
};

Test(nameserver, answers_on_every_kind_of_socket)
{
	open_here(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(sockets); i++) {
		for (enum lab_user user = 0; user < LAB_USERS; user++)
			expect_query(user, NULL, sockets[i].arguments, sockets[i].expected);
	}
	assert_nobody_asked();
}

/* ---- what is asked ---- */

#define FROM "peer=ENOTCONN\nfrom=203.0.113.53 53 "

static const struct {
	const char *arguments;
	const char *expected;
} questions[] = {
	{ "-t 28 a.test", FROM "rcode=0 answers=0\n" },
	{ "-t 15 a.test", FROM "rcode=0 answers=0\n" },
	{ "-t 16 four.local.test", FROM "rcode=0 answers=0\n" },
	{ "four.local.test", FROM "rcode=0 answers=1 192.0.2.7\n" },
	{ "localhost", FROM "rcode=0 answers=1 127.0.0.1\n" },
	{ "-t 12 1.0.0.127.in-addr.arpa", FROM "rcode=0 answers=1\n" },
	{ "-t 12 7.113.0.203.in-addr.arpa", FROM "rcode=3 answers=0\n" },
	{ "-t 12 9.0.64.127.in-addr.arpa", FROM "rcode=3 answers=0\n" },
	{ "127.0.0.1", FROM "rcode=3 answers=0\n" },
	{ "'a b.test'", FROM "rcode=3 answers=0\n" },
	{ "''", FROM "rcode=0 answers=0\n" },
	/* Whole packets: a pointer, no question, two of them, an update, something behind. */
	{ "-x 000101000001000000000000c00c00010001 x", FROM "rcode=1 answers=0\n" },
	{ "-x 000101000000000000000000 x", FROM "rcode=1 answers=0\n" },
	{ "-x 0001010000020000000000000161000001000101610000010001 x", FROM "rcode=1 answers=0\n" },
	{ "-x 00012800000100000000000001610000010001 x", FROM "rcode=4 answers=0\n" },
	{ "-x 00010100000100000000000001610000010003 x", FROM "rcode=5 answers=0\n" },
	{ "-x 00010100000100000000000001610000010001ff x", FROM "rcode=1 answers=0\n" },
	/* What no nameserver answers: no header, an answer. */
	{ "-n -w none -x 0001 x", "peer=ENOTCONN\nquery=EAGAIN\n" },
	{ "-n -w none -x 00018100000100000000000001610000010001 x",
	  "peer=ENOTCONN\nquery=EAGAIN\n" },
};

Test(nameserver, answers_what_is_asked)
{
	open_here(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(questions); i++)
		expect_query(i % LAB_USERS, NULL, questions[i].arguments, questions[i].expected);
	assert_nobody_asked();
}

/* ---- rules ---- */

Test(nameserver, asks_no_proxy_while_a_send_would_wait_for_it)
{
	open_here("--map a.test=203.0.113.9:0");
	char *options = lab_config("[names]\nresolve=proxy\n");
	expect_query(LAB_NOBODY, options, "a.test", OTHERS("203.0.113.53"));
	assert_nobody_asked();
	g_free(options);
}

Test(nameserver, is_not_meant_by_streams)
{
	open_here("--fault 203.0.113.53=reply:05");
	char *program = lab_program("connect");
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		lab_run(user, NULL, "%s -l 203.0.113.53 53", program);
		char *request = lab_only_request();
		lab_assert_has(request, "\"host\":\"203.0.113.53\"");
		lab_assert_has(request, "\"port\":53");
		g_free(request);
	}
	g_free(program);
}

/* ---- real programs ---- */

/* PLACEHOLDER is any address of the pool. */
static void assert_says(const struct lab_result *result, const char *expected)
{
	g_autofree char *escaped = g_regex_escape_string(expected, -1);
	g_auto(GStrv) parts = g_strsplit(escaped, "PLACEHOLDER", -1);
	g_autofree char *pattern =
		g_strjoinv("127\\.(6[4-9]|[7-9]\\d|1[01]\\d|12[0-7])\\.\\d+\\.\\d+", parts);

	cr_assert(g_regex_match_simple(pattern, result->out, 0, 0), "no «%s» in\n%s%s", expected,
		  result->out, result->err);
}

static const struct {
	const char *program;
	const char *command;
	const char *expected;
} programs[] = {
	{ "dig", "dig +short a.test", "PLACEHOLDER\n" },
	{ "dig", "dig +noedns +short a.test", "PLACEHOLDER\n" },
	{ "dig", "dig +short four.local.test", "192.0.2.7\n" },
	{ "dig", "dig a.test AAAA", "status: NOERROR" },
	{ "dig", "dig a.test", "SERVER: 127.0.0.1#53(127.0.0.1)" },
	{ "dig", "dig @203.0.113.53 a.test", "SERVER: 203.0.113.53#53(203.0.113.53)" },
	{ "dig", "dig @2001:db8::53 +short a.test", "PLACEHOLDER\n" },
	{ "dig", "sh -c 'dig +short -x $(dig +short a.test)'", "a.test.\n" },
	{ "dig", "dig NS .", "status: NOERROR" },
	{ "dig", "dig CH TXT version.bind", "status: REFUSED" },
	{ "host", "host a.test", "a.test has address PLACEHOLDER\n" },
	{ "host", "host four.local.test", "four.local.test has address 192.0.2.7\n" },
	{ "nslookup", "nslookup a.test", "Address: PLACEHOLDER\n" },
};

Test(nameserver, is_asked_by_real_programs_without_isosocks)
{
	lab_need("dig");
	open_here(NULL);
	lab_shell(LAB_NOBODY, "dig +tries=1 +time=5 a.test; host a.test; nslookup a.test");
	char *text = nameserver_queries();
	cr_assert(strstr(text, "a.test."), "%s", text);
	g_free(text);
}

Test(nameserver, answers_real_programs)
{
	open_here(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
		lab_need(programs[i].program);
		for (enum lab_user user = 0; user < LAB_USERS; user++) {
			const struct lab_result result =
				lab_run(user, NULL, "%s", programs[i].command);
			lab_assert_status(&result, 0);
			assert_says(&result, programs[i].expected);
		}
	}
	assert_nobody_asked();
}

Test(nameserver, gives_addresses_that_connect_to_the_name)
{
	lab_need("dig");
	lab_need("curl");
	open_here("--fault a.test=reply:05");
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		lab_run(user, NULL, "sh -c 'curl -s -m 10 http://$(dig +short a.test)/'");
		char *request = lab_only_request();
		lab_assert_has(request, "\"host\":\"a.test\"");
		g_free(request);
	}
}

static const struct {
	const char *program;
	const char *command;
	const char *expected;
} heavy[] = {
	{ "node", "node -e 'require(\"dns\").resolve4(\"a.test\", (e, a) => console.log(e, a))'",
	  "null [ 'PLACEHOLDER' ]\n" },
	{ "node",
	  "node -e 'const d = require(\"dns\"); d.resolve4(\"a.test\", (e, a) => "
	  "d.reverse(a[0], (e, a) => console.log(e, a)))'",
	  "null [ 'a.test' ]\n" },
	{ "ruby", "ruby -rresolv -e 'puts Resolv::DNS.new.getaddress(\"a.test\")'",
	  "PLACEHOLDER\n" },
	{ "ruby",
	  "ruby -rresolv -e 'puts Resolv::DNS.new(nameserver: [\"203.0.113.53\", "
	  "\"203.0.113.54\"]).getaddress(\"a.test\")'",
	  "PLACEHOLDER\n" },
};

Test(heavy_nameserver, answers_other_resolvers)
{
	open_here(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(heavy); i++) {
		lab_need(heavy[i].program);
		const struct lab_result result =
			lab_run(i % LAB_USERS, NULL, "%s", heavy[i].command);
		lab_assert_status(&result, 0);
		assert_says(&result, heavy[i].expected);
	}
	assert_nobody_asked();
}

Test(heavy_nameserver, answers_aria2)
{
	lab_need("aria2c");
	lab_open();
	const unsigned port = lab_serve("the neighbour");
	char *map = g_strdup_printf("--map a.test=127.0.0.1:%u", port);
	lab_proxy(map);
	/* It asks for no address of a family that the machine has none of besides loopback. */
	const struct lab_result cable =
		lab_shell(LAB_ROOT, "ip link add cable type veth peer name far && "
				    "ip addr add 192.0.2.77/24 dev cable && "
				    "ip link set cable up && ip link set far up");
	lab_assert_status(&cable, 0);
	lab_run(LAB_NOBODY, NULL,
		"aria2c --no-conf -q --async-dns=true --async-dns-server=203.0.113.53 "
		"--disable-ipv6=true -t 5 -m 1 -o got http://a.test/");
	char **requests = lab_requests();
	cr_assert_geq(g_strv_length(requests), 1u);
	lab_assert_has(requests[0], "\"host\":\"a.test\"");
	g_strfreev(requests);
	g_free(map);
}
