/*
 * getaddrinfo(3) of a program under isosocks: with every kind of hints, for names, literals, local
 * names and what is none of these. Where no nameserver would be asked, libc's own answer without
 * isosocks is the measure. A nameserver listens in the lab, and must hear nothing.
 */
#include "support/lab.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	char *program; /* tests/clients/resolve */
	int datagrams; /* the nameserver's sockets */
	int streams;
} here;

static int listen_as_nameserver(int type)
{
	const struct sockaddr_in at = { .sin_family = AF_INET,
					.sin_port = htons(53),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	cr_assert_eq(bind(fd, (const struct sockaddr *)&at, sizeof(at)), 0);
	if (type == SOCK_STREAM)
		cr_assert_eq(listen(fd, 8), 0);
	return fd;
}

/* A machine with a nameserver that listens, local names of each family, and a proxy. */
static void open_machine(const char *sources, const char *proxy_options)
{
	char *switches = g_strdup_printf("hosts: %s\nservices: files\nprotocols: files\n", sources);

	lab_open();
	lab_replace("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
	lab_replace("/etc/nsswitch.conf", switches);
	lab_replace("/etc/hosts", "127.0.0.1 localhost\n"
				  "::1 localhost\n"
				  "192.0.2.7 four.local.test alias.local.test\n"
				  "2001:db8::7 six.local.test\n");
	here.datagrams = listen_as_nameserver(SOCK_DGRAM);
	here.streams = listen_as_nameserver(SOCK_STREAM);
	here.program = lab_program("resolve");
	lab_proxy(proxy_options);
	g_free(switches);
}

static void open_here(const char *proxy_options)
{
	open_machine("files dns", proxy_options);
}

static bool was_asked(void)
{
	char query[512];

	return recv(here.datagrams, query, sizeof(query), 0) >= 0 ||
	       accept(here.streams, NULL, NULL) >= 0;
}

static void assert_nobody_asked(void)
{
	cr_assert_not(was_asked(), "the nameserver was asked");
}

static char *resolve(enum lab_user user, const char *options, const char *arguments)
{
	struct lab_result result = lab_run(user, options, "%s %s", here.program, arguments);

	lab_assert_status(&result, 0);
	g_free(result.err);
	return result.out;
}

static void assert_resolves(enum lab_user user, const char *options, const char *arguments,
			    const char *expected)
{
	char *out = resolve(user, options, arguments);

	cr_assert_str_eq(out, expected, "resolve %s: not\n%sbut\n%s", arguments, expected, out);
	g_free(out);
}

Test(resolve, is_asked_of_the_nameserver_without_isosocks)
{
	/* Else its silence below would prove nothing. */
	open_here(NULL);
	const struct lab_result result = lab_shell(LAB_NOBODY, "%s example.test", here.program);
	lab_assert_out(&result, "resolve=EAI_AGAIN\n");
	cr_assert(was_asked());
}

/* ---- names ---- */

#define ALL(kind, port)                                                                            \
	"resolve=0\nerrno=kept\n" kind " stream 6 " port "\n" kind " dgram 17 " port "\n" kind     \
	" raw 0 " port "\n"
#define STREAM(kind, port) "resolve=0\nerrno=kept\n" kind " stream 6 " port "\n"
#define FAILS(code)	   "resolve=" code "\nerrno=kept\n"

/* Flags by number, as the client takes them. */
#define PASSIVE	    "0x1"
#define CANONNAME   "0x2"
#define NUMERICHOST "0x4"
#define V4MAPPED    "0x8"
#define AI_ALL_	    "0x10"
#define ADDRCONFIG  "0x20"
#define IDN	    "0x40"
#define NUMERICSERV "0x400"
_Static_assert(AI_PASSIVE == 0x1 && AI_CANONNAME == 0x2 && AI_NUMERICHOST == 0x4 &&
		       AI_V4MAPPED == 0x8 && AI_ALL == 0x10 && AI_ADDRCONFIG == 0x20 &&
		       AI_IDN == 0x40 && AI_NUMERICSERV == 0x400 && AF_INET == 2 && AF_INET6 == 10,
	       "flags and families are what the client is given as numbers");

static const struct {
	const char *arguments;
	const char *expected;
} names[] = {
	{ "-H example.test", ALL("inet", "0 placeholder") },
	{ "-H example.test 80", ALL("inet", "80 placeholder") },
	{ "-H example.test ssh", STREAM("inet", "22 placeholder") },
	{ "example.test 443", ALL("inet", "443 placeholder") },
	{ "-t 1 example.test 443", STREAM("inet", "443 placeholder") },
	{ "-t 2 example.test 443", "resolve=0\nerrno=kept\ninet dgram 17 443 placeholder\n" },
	{ "-p 6 example.test 443", STREAM("inet", "443 placeholder") },
	{ "-f 2 -t 1 example.test 1", STREAM("inet", "1 placeholder") },
	{ "-f 10 -t 1 example.test 1", FAILS("EAI_NODATA") },
	{ "-f 10 -t 1 -F " V4MAPPED " example.test 1", STREAM("inet6", "1 mapped-placeholder") },
	{ "-f 10 -t 1 -F 0x18 example.test 1", STREAM("inet6", "1 mapped-placeholder") },
	{ "-f 2 -t 1 -F 0x18 example.test 1", STREAM("inet", "1 placeholder") },
	{ "-t 1 -F " AI_ALL_ " example.test 1", STREAM("inet", "1 placeholder") },
	{ "-t 1 -F " PASSIVE " example.test 1", STREAM("inet", "1 placeholder") },
	{ "-t 1 -F " ADDRCONFIG " example.test 1", STREAM("inet", "1 placeholder") },
	{ "-f 2 -t 1 -F " ADDRCONFIG " example.test 1", STREAM("inet", "1 placeholder") },
	{ "-f 10 -t 1 -F " ADDRCONFIG " example.test 1", FAILS("EAI_NODATA") },
	{ "-t 1 -F " IDN " example.test 1", STREAM("inet", "1 placeholder") },
	{ "-t 1 -F 0x42b example.test 1",
	  STREAM("inet", "1 placeholder") "canonname=example.test\n" },
	{ "-t 1 -F " CANONNAME " Example.TEST. 1",
	  STREAM("inet", "1 placeholder") "canonname=Example.TEST.\n" },
	{ "-F " CANONNAME " example.test 1",
	  "resolve=0\nerrno=kept\ninet stream 6 1 placeholder\ncanonname=example.test\n"
	  "inet dgram 17 1 placeholder\ninet raw 0 1 placeholder\n" },
	{ "-F " NUMERICHOST " example.test 1", FAILS("EAI_NONAME") },
	{ "-t 1 -F " NUMERICSERV " example.test 80", STREAM("inet", "80 placeholder") },
	{ "-t 1 -F " NUMERICSERV " example.test http", FAILS("EAI_NONAME") },
	{ "-t 1 example.test no-such-service", FAILS("EAI_SERVICE") },
	{ "-f 99 example.test 1", FAILS("EAI_FAMILY") },
	{ "-f 1 example.test 1", FAILS("EAI_FAMILY") },
	{ "-F 0x40000000 example.test 1", FAILS("EAI_BADFLAGS") },
	{ "-t 99 example.test 1", FAILS("EAI_SOCKTYPE") },
	{ "-t 1 -p 17 example.test 1", FAILS("EAI_SOCKTYPE") },
	{ "''", FAILS("EAI_NONAME") },
	{ ".", FAILS("EAI_NONAME") },
	{ "a..test", FAILS("EAI_NONAME") },
	{ ".test", FAILS("EAI_NONAME") },
	{ "-t 1 -- -a.test 1", STREAM("inet", "1 placeholder") },
	{ "-t 1 -F " CANONNAME " alias.local.test 1",
	  STREAM("inet", "1 other") "canonname=alias.local.test\n" },
	{ "'a b'", FAILS("EAI_NONAME") },
	{ "'127.0.0.1 trailing'", FAILS("EAI_NONAME") },
	{ "[::1]", FAILS("EAI_NONAME") },
	{ "-x 610162", FAILS("EAI_NONAME") },
	{ "-x 62c3bc636865722e74657374", FAILS("EAI_NONAME") }, /* bücher.test */
	{ "-F " IDN " -x 62c3bc636865722e74657374", FAILS("EAI_IDN_ENCODE") },
	{ "-F " IDN " -x 62fc63", FAILS("EAI_IDN_ENCODE") }, /* not even UTF-8 */
	{ "-x ff", FAILS("EAI_NONAME") },
	{ "-t 1 xn--bcher-kva.test 1", STREAM("inet", "1 placeholder") },
	{ "-t 1 under_score.test 1", STREAM("inet", "1 placeholder") },
	{ "-t 1 example.onion 1", STREAM("inet", "1 placeholder") },
	{ "-t 1 single 1", STREAM("inet", "1 placeholder") },
	{ "-t 1 a.localhost 1",
	  "resolve=0\nerrno=kept\ninet stream 6 1 loopback\ninet6 stream 6 1 loopback\n" },
	/* A local name without the family asked for is not looked for elsewhere. */
	{ "-f 10 four.local.test 1", FAILS("EAI_NONAME") },
	{ "-f 2 six.local.test 1", FAILS("EAI_NONAME") },
};

Test(resolve, gives_names_placeholders_for_any_hints)
{
	open_here(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
		assert_resolves(i % LAB_USERS, NULL, names[i].arguments, names[i].expected);
	assert_nobody_asked();
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 0u);
}

/* A name of labels of 63 bytes, of this length in all. */
static char *long_name(size_t length)
{
	char *name = g_strnfill(length, 'n');

	for (size_t i = 63; i < length; i += 64)
		name[i] = '.';
	return name;
}

Test(resolve, takes_names_of_255_bytes_and_no_longer_label)
{
	static const struct {
		size_t length;
		bool good;
	} lengths[] = { { 1, true },   { 63, true },   { 253, true },
			{ 255, true }, { 257, false }, { 1000, false } };

	open_here(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
		char *name = long_name(lengths[i].length);
		char *arguments = g_strdup_printf("-t 1 %s 1", name);
		assert_resolves(LAB_NOBODY, NULL, arguments,
				lengths[i].good ? STREAM("inet", "1 placeholder")
						: FAILS("EAI_NONAME"));
		g_free(arguments);
		g_free(name);
	}
	char *label = g_strnfill(64, 'l');
	assert_resolves(LAB_NOBODY, NULL, label, FAILS("EAI_NONAME"));
	g_free(label);
	assert_nobody_asked();
}

Test(resolve, gives_a_256_byte_name_nothing_unless_its_end_is_a_dot)
{
	open_here(NULL);
	char *name = long_name(255), *dotted = g_strconcat("-t 1 ", name, ". 1", NULL);
	char *longer = long_name(254), *bare = g_strconcat("-t 1 ", longer, "nn 1", NULL);

	assert_resolves(LAB_NOBODY, NULL, bare, FAILS("EAI_NONAME"));
	char *out = resolve(LAB_NOBODY, NULL, dotted);
	cr_assert(g_str_has_prefix(out, "resolve=0\n") ||
			  g_str_has_prefix(out, "resolve=EAI_NONAME\n"),
		  "%s", out);
	assert_nobody_asked();
	g_free(out);
	g_free(name);
	g_free(dotted);
	g_free(longer);
	g_free(bare);
}

/* ---- what libc answers alone ---- */

static const char *const alone[] = {
	"127.0.0.1",
	"203.0.113.5",
	"127.1",
	"0x7f.1",
	"0177.0.0.1",
	"2130706433",
	"0",
	"0.0.0.0",
	"::1",
	"::",
	"2001:db8::5",
	"2001:DB8::5",
	"::ffff:192.0.2.1",
	"::192.0.2.1",
	"fe80::1%lo",
	"fe80::1%1",
	"::1%1",
	"::1%nosuch",
	"fe80::1%",
	"2001:db8::5%lo",
	"1::2::3",
	":",
	":::",
	"12345::",
	"::ffff:1.2.3",
	"localhost",
	"alias.local.test",
	"four.local.test",
	"six.local.test",
	"FOUR.local.test",
};

static const char *const literals_too[] = {
	"-H",
	"",
	"-f 2",
	"-f 10",
	"-t 1",
	"-t 2",
	"-t 3",
	"-t 3 -p 1",
	"-t 1 -p 6",
	"-t 1 -p 17",
	"-t 99",
	"-p 6",
	"-p 99",
	"-f 99",
	"-f 1",
	"-F 0x1",
	"-F 0x2",
	"-F 0x4",
	"-F 0x6",
	"-F 0x8",
	"-F 0x10",
	"-F 0x40",
	"-F 0x80",
	"-F 0x400",
	"-F 0x800",
	"-F 0x40000000",
	"-F -1",
	"-f 10 -F 0x8",
	"-f 10 -F 0x18",
	"-f 2 -F 0x18",
	"-f 10 -F 0xa",
	"-f 10 -F 0x10",
	"-f 10 -F 0x2",
	"-f 2 -F 0x407",
	"-f 10 -F 0x4",
};

static int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/*
 * The answer without what libc and isosocks may differ in: libc does not promise to keep errno, it
 * sorts the addresses of a name, names 127.0.0.1 twice where ::1 is localhost as well, and calls a
 * name what its line in the file does first.
 */
static char *comparable(const char *out, bool is_name)
{
	char **lines = g_strsplit(out, "\n", -1);
	const size_t count = g_strv_length(lines);
	GString *text = g_string_new(NULL);

	if (is_name)
		qsort(lines, count, sizeof(*lines), compare_lines);
	for (size_t i = 0; i < count; i++) {
		if (g_str_has_prefix(lines[i], "errno=") ||
		    (is_name && g_str_has_prefix(lines[i], "canonname=")) ||
		    (is_name && i > 0 && strcmp(lines[i], lines[i - 1]) == 0))
			continue;
		g_string_append_printf(text, "%s\n", lines[i]);
	}
	g_strfreev(lines);
	return g_string_free(text, FALSE);
}

static void compare_with_libc(enum lab_user user, const char *node, const char *hints,
			      const char *service)
{
	char *arguments = g_strdup_printf("-a %s -- %s %s", hints, node, service);
	const bool is_name = g_ascii_isalpha(*node) && strstr(node, "local");
	struct lab_result libc = lab_shell(user, "%s %s", here.program, arguments);
	char *ours = resolve(user, NULL, arguments);
	char *a = comparable(libc.out, is_name), *b = comparable(ours, is_name);

	lab_assert_status(&libc, 0);
	cr_expect(strstr(ours, "errno=kept\n"), "resolve %s: errno is not kept: %s", arguments,
		  ours);
	cr_expect_str_eq(a, b, "resolve %s: libc says\n%snot\n%s", arguments, libc.out, ours);
	g_free(a);
	g_free(b);
	g_free(ours);
	g_free(libc.out);
	g_free(libc.err);
	g_free(arguments);
}

/* The nameserver is out of the comparison: a name that is not in the files is nowhere. */
static void open_without_nameserver(void)
{
	open_machine("files", NULL);
}

Test(resolve, answers_as_libc_does_where_no_nameserver_is_asked)
{
	open_without_nameserver();
	for (size_t i = 0; i < G_N_ELEMENTS(alone); i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(literals_too); j++)
			compare_with_libc((i + j) % LAB_USERS, alone[i], literals_too[j],
					  j % 3 == 0 ? "80" : "");
	}
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 0u);
}

static const char *const services[] = { "http",	 "80",	   "0",	  "65535", "65536", "-1",    "''",
					"https", "domain", "080", "8x",	   "' 80'", "nosuch" };

Test(resolve, takes_services_as_libc_does)
{
	static const char *const hints[] = { "-H",    "-t 1",	  "-t 2",	  "-t 3",
					     "-p 17", "-F 0x400", "-t 1 -F 0x400" };

	open_without_nameserver();
	for (size_t i = 0; i < G_N_ELEMENTS(services); i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(hints); j++)
			compare_with_libc((i + j) % LAB_USERS, "203.0.113.5", hints[j],
					  services[i]);
	}
}

Test(resolve, leaves_a_missing_node_to_libc)
{
	static const char *const arguments[] = {
		"", "-H", "-F 0x1", "-f 2 -F 0x1", "-f 10 -F 0x1", "-F 0x2"
	};

	open_here(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(arguments); i++) {
		const struct lab_result libc =
			lab_shell(LAB_NOBODY, "%s %s", here.program, arguments[i]);
		char *ours = resolve(LAB_NOBODY, NULL, arguments[i]);
		cr_assert_str_eq(ours, libc.out);
		g_free(ours);
	}
}

Test(resolve, knows_the_hosts_own_name_and_hides_no_family)
{
	char *own = g_malloc0(256);

	open_here(NULL);
	cr_assert_eq(gethostname(own, 255), 0);
	char *arguments = g_strconcat("-a -t 1 ", own, " 1", NULL);
	/* It stands in no file here, and a nameserver is not to learn it. */
	assert_resolves(LAB_NOBODY, NULL, arguments,
			"resolve=0\nerrno=kept\ninet stream 6 1 127.0.0.1\ninet6 stream 6 1 ::1\n");
	/* The lab has no route to anywhere; the proxy has. */
	assert_resolves(LAB_NOBODY, NULL, "-f 2 -t 1 -F " ADDRCONFIG " 203.0.113.5 1",
			STREAM("inet", "1 other"));
	assert_resolves(LAB_NOBODY, NULL, "-f 10 -t 1 -F " ADDRCONFIG " 2001:db8::5 1",
			STREAM("inet6", "1 other"));
	assert_nobody_asked();
	g_free(arguments);
	g_free(own);
}

/* ---- one name, one address ---- */

static const char *const relatives[] = {
	/* run after one another: a child, an exec, a child of a child, another isosocks inside */
	"%s -a -t 1 one.test 1; %s -a -t 1 two.test 1; exec %s -a -t 1 one.test 1",
	"%s -a -t 1 one.test 1; (%s -a -t 1 two.test 1); (sh -c \"exec %s -a -t 1 ONE.test. 1\")",
	"%s -a -t 1 one.test 1; %s -a -t 1 two.test 1; ISOSOCKS one.test",
};

Test(resolve, gives_all_processes_of_a_session_the_same_address)
{
	open_here(NULL);
	char *isosocks = lab_program("isosocks");
	char *nested = g_strdup_printf("%s %s -a -t 1 one.test 1", isosocks, here.program);
	for (size_t i = 0; i < G_N_ELEMENTS(relatives); i++) {
		GString *script = g_string_new(relatives[i]);
		g_string_replace(script, "ISOSOCKS one.test", nested, 0);
		g_string_replace(script, "%s", here.program, 0);
		const struct lab_result result =
			lab_run(i % LAB_USERS, NULL, "sh -c '%s'", script->str);
		char **lines = g_strsplit(result.out, "\n", -1);
		cr_assert_eq(g_strv_length(lines), 10u, "%s%s", result.out, result.err);
		cr_assert(g_str_has_prefix(lines[2], "inet stream 6 1 127."), "%s", result.out);
		cr_assert_str_neq(lines[2], lines[5]);
		cr_assert_str_eq(lines[2], lines[8], "%s", script->str);
		g_strfreev(lines);
		g_string_free(script, TRUE);
	}
	assert_nobody_asked();
	g_free(isosocks);
	g_free(nested);
}

/* ---- a pool elsewhere ---- */

Test(resolve, takes_placeholders_from_the_pool_it_is_given)
{
	open_here(NULL);
	char *options = lab_config("[names]\npool=198.18.0.0/15\n");
	char *out = resolve(LAB_NOBODY, options, "-a -t 1 example.test 1");
	cr_assert(g_str_has_prefix(out, "resolve=0\nerrno=kept\ninet stream 6 1 198.1"), "%s", out);
	g_free(out);
	g_free(options);
}

/* ---- resolve=proxy ---- */

static const struct {
	const char *proxy;
	const char *arguments;
	const char *expected;
} proxied[] = {
	{ "--map a.test=203.0.113.9:0", "-a -t 1 a.test 80", STREAM("inet", "80 203.0.113.9") },
	{ "--map a.test=203.0.113.9:0", "-a -f 2 -t 1 a.test 80",
	  STREAM("inet", "80 203.0.113.9") },
	{ "--map a.test=203.0.113.9:0", "-f 10 a.test 80", FAILS("EAI_NONAME") },
	{ "--map a.test=203.0.113.9:0", "-a -f 10 -t 1 -F " V4MAPPED " a.test 80",
	  STREAM("inet6", "80 ::ffff:203.0.113.9") },
	{ "--map a.test=203.0.113.9:0", "-a -t 1 -F " CANONNAME " a.test 80",
	  STREAM("inet", "80 203.0.113.9") "canonname=a.test\n" },
	{ "--map a.test=[2001:db8::9]:0", "-a -t 1 a.test 80", STREAM("inet6", "80 2001:db8::9") },
	{ "--map a.test=[2001:db8::9]:0", "-a -f 10 -t 1 a.test 80",
	  STREAM("inet6", "80 2001:db8::9") },
	{ "--map a.test=[2001:db8::9]:0", "-f 2 a.test 80", FAILS("EAI_NONAME") },
	{ "--fault a.test=reply:04", "a.test 80", FAILS("EAI_NONAME") },
	{ "--methods none --fault a.test=reply:f0", "a.test 80", FAILS("EAI_NONAME") },
	{ "--methods none --fault a.test=reply:f6", "a.test 80", FAILS("EAI_NONAME") },
	{ "--fault a.test=reply:e0", "a.test 80", FAILS("EAI_NONAME") },
	{ "--fault a.test=reply:01", "a.test 80", FAILS("EAI_AGAIN") },
	{ "--fault a.test=reply:06", "a.test 80", FAILS("EAI_AGAIN") },
	{ "--fault a.test=reply:f0", "a.test 80", FAILS("EAI_AGAIN") },
	{ "--fault a.test=reply:02", "a.test 80", FAILS("EAI_FAIL") },
	{ "--fault a.test=reply:05", "a.test 80", FAILS("EAI_FAIL") },
	{ "--fault http", "a.test 80", FAILS("EAI_FAIL") },
	{ "--fault a.test=reply:07", "-t 1 a.test 80", STREAM("inet", "80 placeholder") },
	{ "--fault a.test=reply:07", "-t 1 -f 10 a.test 80", FAILS("EAI_NODATA") },
	{ "--fault a.test=reply:07", "-t 1 -f 10 -F " V4MAPPED " a.test 80",
	  STREAM("inet6", "80 mapped-placeholder") },
};

Test(resolve, asks_the_proxy_when_told_to)
{
	open_here(NULL);
	char *options = lab_config("[names]\nresolve=proxy\n");
	for (size_t i = 0; i < G_N_ELEMENTS(proxied); i++) {
		lab_proxy(proxied[i].proxy);
		assert_resolves(i % LAB_USERS, options, proxied[i].arguments, proxied[i].expected);
		char **requests = lab_requests();
		if (!strstr(proxied[i].proxy, "http")) {
			cr_assert_geq(g_strv_length(requests), 1u, "%s", proxied[i].proxy);
			lab_assert_has(requests[0], "\"cmd\":240");
			lab_assert_has(requests[0], "\"host\":\"a.test\"");
		}
		g_strfreev(requests);
	}
	assert_nobody_asked();
	g_free(options);
}

Test(resolve, asks_the_proxy_for_no_literal_and_no_local_name)
{
	static const char *const never[] = {
		"203.0.113.5",		 "::1",		 "localhost", "four.local.test",
		"-f 10 four.local.test", "-F 0x4 a.test"
	};

	open_here(NULL);
	char *options = lab_config("[names]\nresolve=proxy\n");
	for (size_t i = 0; i < G_N_ELEMENTS(never); i++)
		g_free(resolve(LAB_NOBODY, options, never[i]));
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 0u, "%s", requests[0]);
	g_free(options);
}

/* An onion service has no address that a proxy could say; a name that looks like one may have. */
Test(resolve, gives_onion_services_placeholders_whatever_the_proxy_would_say)
{
	static const char *const onions[] = { "a.onion", "www.a.ONION", "a.onion.", "-f 2 a.onion",
					      "a.tor" };
	static const char *const others[] = { "onion", "a.onion.test", "aonion" };

	open_here(NULL);
	char *options = lab_config("[names]\nresolve=proxy\nalias=.tor\n");

	lab_proxy("--fault reply:04");
	for (size_t i = 0; i < G_N_ELEMENTS(onions); i++) {
		char *arguments = g_strdup_printf("-t 1 %s 80", onions[i]);
		assert_resolves(i % LAB_USERS, options, arguments,
				STREAM("inet", "80 placeholder"));
		g_free(arguments);
	}
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 0u, "%s", requests[0]);
	g_strfreev(requests);
	for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
		char *arguments = g_strdup_printf("-t 1 %s 80", others[i]);
		assert_resolves(LAB_NOBODY, options, arguments, FAILS("EAI_NONAME"));
		lab_assert_has(lab_only_request(), "\"cmd\":240");
		g_free(arguments);
	}
	g_free(options);
}

Test(resolve, says_why_the_proxy_could_not_be_asked)
{
	open_here(NULL);
	char *options = lab_config("[names]\nresolve=proxy\n");
	char *away = g_strconcat(options, " -x 127.0.0.1:1", NULL);

	for (enum lab_user user = 0; user < LAB_USERS; user++)
		assert_resolves(user, away, "a.test 80",
				"resolve=EAI_SYSTEM ENETDOWN\nerrno=ENETDOWN\n");
	assert_nobody_asked();
	g_free(away);
	g_free(options);
}

/* ---- memory ---- */

Test(resolve, gives_lists_that_freeaddrinfo_frees_whole)
{
	static const char *const arguments[] = { "-F 0x2 example.test 80", "-F 0x2 localhost",
						 "-F 0x2 203.0.113.5", "-f 2 six.local.test",
						 "example.test nosuch" };

	lab_need("valgrind");
	if (g_strcmp0(g_getenv("VARIANT"), "release") != 0)
		cr_skip_test("valgrind and a sanitizer do not go together");
	open_here(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(arguments); i++) {
		const struct lab_result result =
			lab_run(LAB_ROOT, NULL,
				"valgrind -q --error-exitcode=9 --leak-check=full "
				"--show-leak-kinds=definite,indirect,possible %s %s",
				here.program, arguments[i]);
		lab_assert_status(&result, 0);
		lab_assert_out(&result, "resolve=");
	}
}
