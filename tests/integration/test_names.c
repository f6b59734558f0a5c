/*
 * Every call that looks a name or an address up, besides getaddrinfo (test_resolve.c). A nameserver
 * in the lab writes down what it is asked: without isosocks each call asks it, which proves that
 * the test can fail; under isosocks none does.
 */
#include "support/lab.h"
#include "support/nameserver.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
	char *program; /* tests/clients/names */
} here;

#define HOSTS                                                                                      \
	"127.0.0.1 localhost\n"                                                                    \
	"::1 localhost\n"                                                                          \
	"192.0.2.7 four.local.test alias.local.test\n"                                             \
	"2001:db8::7 six.local.test\n"                                                             \
	"192.0.2.8 both.local.test b1\n"                                                           \
	"192.0.2.9 other both.local.test b2\n"                                                     \
	"2001:db8::9 both.local.test b6\n"

static void open_machine(const char *sources, const char *proxy_options)
{
	char *switches =
		g_strdup_printf("hosts: %s\nnetworks: %s\nservices: files\n", sources, sources);

	lab_open();
	lab_replace("/etc/nsswitch.conf", switches);
	lab_replace("/etc/hosts", HOSTS);
	here.program = lab_program("names");
	lab_proxy(proxy_options);
	g_free(switches);
}

static void open_here(const char *proxy_options)
{
	open_machine("files dns", proxy_options);
	nameserver_open();
}

static void expect_names(enum lab_user user, const char *options, const char *arguments,
			 const char *expected)
{
	const struct lab_result result = lab_run(user, options, "%s %s", here.program, arguments);

	lab_assert_status(&result, 0);
	cr_expect_str_eq(result.out, expected, "names %s: not\n%sbut\n%s", arguments, expected,
			 result.out);
	g_free(result.out);
	g_free(result.err);
}

/* ---- each call, with and without isosocks ---- */

static const struct {
	const char *call;
	const char *argument;
	const char *expected; /* under isosocks */
} calls[] = {
	{ "gethostbyname", "a.example.test", "a.example.test placeholder\n" },
	{ "gethostbyname2", "a.example.test", "a.example.test placeholder\n" },
	{ "-f 10 gethostbyname2", "a.example.test", "failed NO_DATA\n" },
	{ "gethostbyname_r", "a.example.test", "a.example.test placeholder\n" },
	{ "gethostbyname2_r", "a.example.test", "a.example.test placeholder\n" },
	{ "-f 10 gethostbyname2_r", "a.example.test", "failed NO_DATA\n" },
	{ "gethostbyaddr", "203.0.113.5", "failed HOST_NOT_FOUND\n" },
	{ "gethostbyaddr", "2001:db8::5", "failed HOST_NOT_FOUND\n" },
	{ "gethostbyaddr_r", "203.0.113.5", "failed HOST_NOT_FOUND\n" },
	{ "gethostid", "x", NULL },
	{ "getnetbyname", "net.example.test", "failed\n" },
	{ "getnetbyname_r", "net.example.test", "failed\n" },
	{ "getnetbyaddr", "203.0.113.0", "failed\n" },
	{ "getnetbyaddr_r", "203.0.113.0", "failed\n" },
	{ "getaddrinfo", "a.example.test", "list placeholder\n" },
	{ "getaddrinfo_a", "a.example.test", "list placeholder\n" },
	{ "getaddrinfo_a_nowait", "a.example.test", "list placeholder\n" },
	{ "getaddrinfo_a_thread", "a.example.test", "list placeholder\n" },
	{ "getaddrinfo_a_signal", "a.example.test", "list placeholder\n" },
	{ "getnameinfo", "203.0.113.5", "203.0.113.5 http\n" },
	{ "getnameinfo", "2001:db8::5", "2001:db8::5 http\n" },
	{ "-n 8 getnameinfo", "203.0.113.5", "failed EAI_NONAME\n" },
	{ "res_query", "a.example.test", "rcode 0 placeholder\n" },
	{ "res_search", "a.example.test", "rcode 0 placeholder\n" },
	{ "res_querydomain", "a.example.test", "rcode 0 placeholder\n" },
	{ "res_send", "a.example.test", "rcode 0 placeholder\n" },
	{ "res_nquery", "a.example.test", "rcode 0 placeholder\n" },
	{ "res_nsearch", "a.example.test", "rcode 0 placeholder\n" },
	{ "res_nquerydomain", "a.example.test", "rcode 0 placeholder\n" },
	{ "res_nsend", "a.example.test", "rcode 0 placeholder\n" },
	{ "old_res_query", "a.example.test", "rcode 0 placeholder\n" },
	{ "old_res_search", "a.example.test", "rcode 0 placeholder\n" },
	{ "old_res_querydomain", "a.example.test", "rcode 0 placeholder\n" },
	{ "old_res_send", "a.example.test", "rcode 0 placeholder\n" },
	{ "old_res_nquery", "a.example.test", "rcode 0 placeholder\n" },
	{ "old_res_nsearch", "a.example.test", "rcode 0 placeholder\n" },
	{ "old_res_nquerydomain", "a.example.test", "rcode 0 placeholder\n" },
	{ "old_res_nsend", "a.example.test", "rcode 0 placeholder\n" },
};

Test(names, each_call_asks_the_nameserver_without_isosocks)
{
	open_here(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
		const struct lab_result result = lab_shell(i % LAB_USERS, "%s %s %s", here.program,
							   calls[i].call, calls[i].argument);
		char *text = nameserver_queries();
		lab_assert_status(&result, 0);
		cr_expect_str_not_empty(text, "%s asked nobody", calls[i].call);
		g_free(text);
	}
}

Test(names, no_call_asks_the_nameserver_under_isosocks)
{
	open_here(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
		for (enum lab_user user = 0; user < LAB_USERS; user++) {
			char *arguments = g_strconcat(calls[i].call, " ", calls[i].argument, NULL);
			const struct lab_result result =
				lab_run(user, NULL, "%s %s", here.program, arguments);
			lab_assert_status(&result, 0);
			if (calls[i].expected)
				cr_expect_str_eq(result.out, calls[i].expected, "%s: %s", arguments,
						 result.out);
			char *text = nameserver_queries();
			cr_expect_str_empty(text, "%s asked for %s", arguments, text);
			g_free(text);
			g_free(arguments);
		}
	}
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 0u);
}

/* ---- what they answer ---- */

static const struct {
	const char *arguments;
	const char *expected;
} answers[] = {
	/* A placeholder's name, from every call that takes an address. */
	{ "gethostbyaddr of:a.test", "a.test placeholder\n" },
	{ "gethostbyaddr_r of:A.Test.", "a.test placeholder\n" },
	{ "getnameinfo of:a.test", "a.test http\n" },
	{ "-n 8 getnameinfo of:a.test", "a.test http\n" },
	{ "-n 2 getnameinfo 127.64.0.9", "127.64.0.9 80\n" },
	{ "getnameinfo 127.64.0.9", "127.64.0.9 http\n" },
	{ "gethostbyaddr 127.64.0.9", "failed HOST_NOT_FOUND\n" },
	/* Local names have their own addresses, and no others. */
	{ "res_query four.local.test", "rcode 0 192.0.2.7\n" },
	{ "-q 28 res_query six.local.test", "rcode 0 2001:db8::7\n" },
	{ "-q 28 res_query four.local.test", "failed NO_DATA\n" },
	{ "-q 255 res_query both.local.test", "rcode 0 192.0.2.8 192.0.2.9 2001:db8::9\n" },
	{ "res_query localhost", "rcode 0 127.0.0.1\n" },
	{ "-q 28 res_query a.test", "failed NO_DATA\n" },
	{ "-q 28 res_send a.test", "rcode 0\n" },
	{ "-q 15 res_query a.test", "failed NO_DATA\n" },
	{ "-q 12 res_query 7.2.0.192.in-addr.arpa", "rcode 0 four.local.test\n" },
	{ "-q 12 res_query 5.113.0.203.in-addr.arpa", "failed HOST_NOT_FOUND\n" },
	{ "-q 12 res_send 9.0.64.127.in-addr.arpa", "rcode 3\n" },
	{ "-q 1 res_query 5.113.0.203.in-addr.arpa", "failed NO_DATA\n" },
	{ "res_query 'a b.test'", "failed HOST_NOT_FOUND\n" },
	{ "res_query a..test", "failed NO_RECOVERY\n" },
	{ "res_query 127.0.0.1", "failed HOST_NOT_FOUND\n" },
	{ "res_send 127.0.0.1.", "rcode 3\n" },
	{ "-s 12 res_query a.test", "failed NO_RECOVERY\n" },
	/* What is no name is none anywhere. */
	{ "gethostbyname 'a b' '' . a..b 1.2.3.4.",
	  "failed HOST_NOT_FOUND\nfailed HOST_NOT_FOUND\nfailed HOST_NOT_FOUND\n"
	  "failed HOST_NOT_FOUND\nfailed HOST_NOT_FOUND\n" },
	{ "getaddrinfo 127.0.0.1.", "failed EAI_NONAME\n" },
	{ "gethostbyname 0x7f.1", "0x7f.1 127.0.0.1\n" },
	{ "-f 99 gethostbyname2 a.test", "failed NETDB_INTERNAL EAFNOSUPPORT\n" },
	{ "-f 99 gethostbyname2_r a.test", "failed NETDB_INTERNAL EAFNOSUPPORT\n" },
	/* Too small a buffer. */
	{ "-s 0 gethostbyname_r a.test", "ERANGE failed NETDB_INTERNAL ERANGE\n" },
	{ "-s 8 gethostbyname_r four.local.test", "ERANGE failed NETDB_INTERNAL ERANGE\n" },
	{ "-s 40 gethostbyname_r four.local.test", "ERANGE failed NETDB_INTERNAL ERANGE\n" },
	{ "-s 16 gethostbyaddr_r 192.0.2.7", "ERANGE failed NETDB_INTERNAL ERANGE\n" },
	{ "-s 3 getnameinfo of:a.test", "failed EAI_OVERFLOW\n" },
	{ "-s 7 getnameinfo of:a.test", "a.test http\n" },
	{ "-s 20 gethostent_r x", "end ERANGE\n" },
	{ "nothing x", "alive\n" },
};

Test(names, answers_from_what_the_process_knows)
{
	open_here(NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(answers); i++)
		expect_names(i % LAB_USERS, NULL, answers[i].arguments, answers[i].expected);
	nameserver_assert_unasked();
}

/* Every buffer is either enough or ERANGE: the client's ends where a sanitizer or malloc's own
 * checks look. */
Test(names, fills_no_buffer_beyond_its_end)
{
	open_here(NULL);
	GString *script = g_string_new("for i in");
	for (int size = 0; size < 160; size += 3)
		g_string_append_printf(script, " %d", size);
	g_string_append_printf(
		script,
		"; do MALLOC_CHECK_=3 %s -s $i gethostbyname_r both.local.test a.test "
		"|| exit; done",
		here.program);
	const struct lab_result result = lab_run(LAB_NOBODY, NULL, "sh -c '%s'", script->str);
	lab_assert_status(&result, 0);
	lab_assert_out(&result, "ERANGE failed NETDB_INTERNAL ERANGE\n");
	lab_assert_out(&result,
		       "both.local.test 192.0.2.8 192.0.2.9 [b1] [both.local.test] [b2] [other]\n");
	lab_assert_out(&result, "a.test placeholder\n");
	g_string_free(script, TRUE);
	nameserver_assert_unasked();
}

/* ---- as libc answers from its files ---- */

static const char *const alike[] = {
	"gethostbyname four.local.test alias.local.test FOUR.local.test six.local.test",
	"gethostbyname both.local.test b1 b2 b6 other",
	"-f 10 gethostbyname2 four.local.test six.local.test both.local.test localhost",
	"gethostbyname_r four.local.test both.local.test",
	"-f 10 gethostbyname2_r six.local.test",
	"gethostbyname 1.2.3.4 127.1 1 ::1 fe80::1%lo",
	"-f 10 gethostbyname2 1.2.3.4 ::1 2001:DB8::5 1::2::3",
	"gethostbyaddr 192.0.2.7 192.0.2.9 127.0.0.1 2001:db8::7 ::1 203.0.113.9 :: 0.0.0.0",
	"gethostbyaddr_r 192.0.2.7 2001:db8::9 203.0.113.9",
	"getnameinfo 192.0.2.7 127.0.0.1 ::1 2001:db8::7 203.0.113.9 ::",
	"-n 1 getnameinfo 192.0.2.7 203.0.113.9 ::1",
	"-n 2 getnameinfo 192.0.2.7 203.0.113.9",
	"-n 4 getnameinfo 192.0.2.7",
	"-n 8 getnameinfo 192.0.2.7 203.0.113.9",
	"-n 9 getnameinfo 192.0.2.7 203.0.113.9",
	"-n 16 getnameinfo 192.0.2.7",
	"-n 0x7000000 getnameinfo 192.0.2.7",
	"-s 4 getnameinfo 192.0.2.7 203.0.113.9",
	"getnetbyname loopback nowhere",
	"getnetbyaddr 127.0.0.0 203.0.113.0",
};

Test(names, answers_as_libc_does_from_its_files)
{
	open_machine("files", NULL);
	for (size_t i = 0; i < G_N_ELEMENTS(alike); i++) {
		const struct lab_result libc =
			lab_shell(i % LAB_USERS, "%s %s", here.program, alike[i]);
		lab_assert_status(&libc, 0);
		expect_names(i % LAB_USERS, NULL, alike[i], libc.out);
	}
}

Test(names, reads_the_hosts_file_line_by_line)
{
#define LINES                                                                                      \
	"localhost 127.0.0.1\n"                                                                    \
	"four.local.test 192.0.2.7 [alias.local.test]\n"                                           \
	"both.local.test 192.0.2.8 [b1]\n"                                                         \
	"other 192.0.2.9 [both.local.test] [b2]\n"
	open_here(NULL);
	expect_names(LAB_NOBODY, NULL, "gethostent x", LINES LINES);
	expect_names(LAB_NOBODY, NULL, "gethostent_r x", LINES "end ENOENT\n");
	nameserver_assert_unasked();
}

Test(names, makes_the_hosts_number_without_asking)
{
	open_here(NULL);
	char *own = g_strdup_printf("192.0.2.200 %s\n", g_get_host_name());
	char *file = lab_path("hosts");
	FILE *stream = fopen(file, "a");
	cr_assert_not_null(stream);
	fputs(own, stream);
	fclose(stream);
	const struct lab_result libc = lab_shell(LAB_NOBODY, "%s gethostid x", here.program);
	lab_assert_status(&libc, 0);
	expect_names(LAB_NOBODY, NULL, "gethostid x", libc.out);
	nameserver_assert_unasked();
	g_free(file);
	g_free(own);
}

/* ---- resolve=proxy ---- */

static const struct {
	const char *proxy;
	const char *arguments;
	const char *expected;
} proxied[] = {
	{ "--map a.test=203.0.113.9:0", "gethostbyname a.test", "a.test 203.0.113.9\n" },
	{ "--map a.test=203.0.113.9:0", "getaddrinfo_a a.test", "list 203.0.113.9\n" },
	{ "--map a.test=203.0.113.9:0", "-f 10 gethostbyname2 a.test", "failed HOST_NOT_FOUND\n" },
	{ "--map a.test=[2001:db8::9]:0", "-f 10 gethostbyname2 a.test", "a.test 2001:db8::9\n" },
	{ "--map a.test=203.0.113.9:0", "res_query a.test", "rcode 0 203.0.113.9\n" },
	{ "--map a.test=203.0.113.9:0", "-q 28 res_query a.test", "failed NO_DATA\n" },
	{ "--map a.test=[2001:db8::9]:0", "-q 28 res_query a.test", "rcode 0 2001:db8::9\n" },
	{ "--fault a.test=reply:04", "gethostbyname a.test", "failed HOST_NOT_FOUND\n" },
	{ "--fault a.test=reply:e0", "gethostbyname a.test", "failed HOST_NOT_FOUND\n" },
	{ "--fault a.test=reply:01", "gethostbyname a.test", "failed TRY_AGAIN\n" },
	{ "--fault a.test=reply:06", "gethostbyname_r a.test", "failed TRY_AGAIN\n" },
	{ "--fault a.test=reply:f0", "gethostbyname a.test", "failed TRY_AGAIN\n" },
	{ "--fault a.test=reply:02", "gethostbyname a.test", "failed NO_RECOVERY\n" },
	{ "--fault a.test=reply:04", "res_query a.test", "failed HOST_NOT_FOUND\n" },
	{ "--fault a.test=reply:01", "res_query a.test", "failed TRY_AGAIN\n" },
	{ "--fault a.test=reply:07", "gethostbyname a.test", "a.test placeholder\n" },
	{ "--fault a.test=reply:07", "res_query a.test", "rcode 0 placeholder\n" },
	{ "--fault 203.0.113.5=reply:04", "gethostbyaddr 203.0.113.5", "failed HOST_NOT_FOUND\n" },
	{ "--fault 203.0.113.5=reply:07", "gethostbyaddr 203.0.113.5", "failed HOST_NOT_FOUND\n" },
	{ "--fault 203.0.113.5=reply:01", "gethostbyaddr 203.0.113.5", "failed TRY_AGAIN\n" },
	{ "--fault 203.0.113.5=reply:01", "-n 8 getnameinfo 203.0.113.5", "failed EAI_AGAIN\n" },
	{ "--fault 203.0.113.5=reply:01", "getnameinfo 203.0.113.5", "203.0.113.5 http\n" },
};

Test(names, asks_the_proxy_when_told_to)
{
	open_here(NULL);
	char *options = lab_config("[names]\nresolve=proxy\n");
	for (size_t i = 0; i < G_N_ELEMENTS(proxied); i++) {
		lab_proxy(proxied[i].proxy);
		expect_names(i % LAB_USERS, options, proxied[i].arguments, proxied[i].expected);
		char **requests = lab_requests();
		cr_assert_geq(g_strv_length(requests), 1u, "%s", proxied[i].arguments);
		lab_assert_has(requests[0],
			       strstr(proxied[i].proxy, "a.test") ? "\"cmd\":240" : "\"cmd\":241");
		g_strfreev(requests);
	}
	nameserver_assert_unasked();
	g_free(options);
}

Test(names, asks_the_proxy_for_nothing_that_is_known_here)
{
	static const char *const known[] = {
		"gethostbyaddr 192.0.2.7 127.0.0.1 ::1 127.0.0.9",
		"getnameinfo 192.0.2.7 127.64.0.1 127.0.0.9",
		"gethostbyname localhost four.local.test 1.2.3.4",
		"-q 15 res_query a.test",
		"-q 12 res_query 7.2.0.192.in-addr.arpa",
	};

	open_here(NULL);
	char *options = lab_config("[names]\nresolve=proxy\n");
	for (size_t i = 0; i < G_N_ELEMENTS(known); i++) {
		const struct lab_result result =
			lab_run(i % LAB_USERS, options, "%s %s", here.program, known[i]);
		lab_assert_status(&result, 0);
	}
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 0u, "%s", requests[0]);
	nameserver_assert_unasked();
	g_free(options);
}

Test(names, says_that_the_proxy_is_away)
{
	open_here(NULL);
	char *options = lab_config("[names]\nresolve=proxy\n");
	char *away = g_strconcat(options, " -x 127.0.0.1:1", NULL);

	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		expect_names(user, away, "gethostbyname a.test",
			     "failed NETDB_INTERNAL ENETDOWN\n");
		expect_names(user, away, "gethostbyaddr 203.0.113.5",
			     "failed NETDB_INTERNAL ENETDOWN\n");
		expect_names(user, away, "-n 8 getnameinfo 203.0.113.5", "failed EAI_SYSTEM\n");
	}
	g_free(away);
	g_free(options);
}

/* ---- alias ---- */

Test(names, sends_a_name_below_the_alias_as_one_below_onion)
{
	lab_need("curl");
	open_here("--fault abcdef.onion=reply:05");
	char *options = lab_config("[names]\nalias=.tor\n");
	expect_names(LAB_NOBODY, options,
		     "getnameinfo of:abcdef.tor of:ABCDEF.TOR. of:tor of:a.tors",
		     "abcdef.onion http\nabcdef.onion http\ntor http\na.tors http\n");
	expect_names(LAB_NOBODY, options, "gethostbyname abcdef.tor", "abcdef.tor placeholder\n");
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		lab_run(user, options, "curl -s -m 5 http://abcdef.tor/");
		char *request = lab_only_request();
		lab_assert_has(request, "\"host\":\"abcdef.onion\"");
		g_free(request);
	}
	g_free(options);
	nameserver_assert_unasked();
}
