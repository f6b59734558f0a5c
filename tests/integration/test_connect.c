/*
 * connect(2) through the proxy, by a program that makes one call: as an ordinary user and as root,
 * judged by what the proxy wrote down and by a target that names itself.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>

/* Methods a proxy takes, and how the log shows each. */
static const struct {
	const char *name;
	const char *logged;
} methods[] = {
	{ "extended", "\"method\":151" },
	{ "password", "\"method\":2" },
	{ "none", "\"method\":0" },
};

static const char *user_name(enum lab_user user)
{
	return user == LAB_ROOT ? "root" : "nobody";
}

static char *connect_program(void)
{
	return lab_program("connect");
}

/* Runs the one-call client under isosocks. */
static struct lab_result run_connect(enum lab_user user, const char *options, const char *arguments)
{
	char *program = connect_program();
	const struct lab_result result = lab_run(user, options, "%s %s", program, arguments);

	g_free(program);
	return result;
}

static void assert_connect(enum lab_user user, const char *options, const char *arguments,
			   const char *expected)
{
	const struct lab_result result = run_connect(user, options, arguments);

	lab_assert_status(&result, 0);
	char *line = g_strdup_printf("connect=%s\n", expected);
	cr_assert(strstr(result.out, line), "%s: connect %s: wanted %s\n%s%s", user_name(user),
		  arguments, line, result.out, result.err);
	g_free(line);
}

/* ---- replies ---- */

static const struct {
	unsigned code;
	const char *with_extended;
	const char *otherwise;
} replies[] = {
	{ 0x01, "ECONNABORTED", "ECONNABORTED" },
	{ 0x02, "EACCES", "EACCES" },
	{ 0x03, "ENETUNREACH", "ENETUNREACH" },
	{ 0x04, "EHOSTUNREACH", "EHOSTUNREACH" },
	{ 0x05, "ECONNREFUSED", "ECONNREFUSED" },
	{ 0x06, "ETIMEDOUT", "ETIMEDOUT" },
	{ 0x07, "EOPNOTSUPP", "EOPNOTSUPP" },
	{ 0x08, "EAFNOSUPPORT", "EAFNOSUPPORT" },
	{ 0x09, "EPROTO", "EPROTO" },
	{ 0xe0, "ENXIO", "EPROTO" },
	{ 0xe1, "EHOSTDOWN", "EPROTO" },
	{ 0xf0, "ECONNRESET", "ENXIO" },
	{ 0xf1, "EPROTO", "EBADMSG" },
	{ 0xf2, "EIO", "EHOSTDOWN" },
	{ 0xf3, "EPROTO", "ECONNRESET" },
	{ 0xf4, "EPROTO", "ENOKEY" },
	{ 0xf5, "EPROTO", "EKEYREJECTED" },
	{ 0xf6, "EPROTO", "EADDRNOTAVAIL" },
	{ 0xf7, "EPROTO", "ETIMEDOUT" },
	{ 0xff, "EPROTO", "EPROTO" },
};

/* A proxy that answers host r05.test with reply 05, and so on for the whole table. */
static void start_replying_proxy(const char *method)
{
	GString *options = g_string_new(NULL);

	g_string_printf(options, "--methods %s", method);
	for (size_t i = 0; i < G_N_ELEMENTS(replies); i++)
		g_string_append_printf(options, " --fault r%02x.test=reply:%02x", replies[i].code,
				       replies[i].code);
	lab_proxy(options->str);
	g_string_free(options, TRUE);
}

/* The errno of a reply, for a blocking connect and for one that is polled. */
static void assert_reply(enum lab_user user, unsigned code, const char *expected)
{
	char *blocking = g_strdup_printf("r%02x.test 80", code);
	char *polled = g_strdup_printf("-n r%02x.test 80", code);
	char *later = g_strdup_printf("later=%s\n", expected);

	assert_connect(user, NULL, blocking, expected);
	const struct lab_result result = run_connect(user, NULL, polled);
	lab_assert_out(&result, later);
	g_free(later);
	g_free(polled);
	g_free(blocking);
}

static void check_replies(enum lab_user user, size_t method)
{
	start_replying_proxy(methods[method].name);
	for (size_t i = 0; i < G_N_ELEMENTS(replies); i++) {
		const bool extended = method == 0;
		lab_forget();
		assert_reply(user, replies[i].code,
			     extended ? replies[i].with_extended : replies[i].otherwise);
		char **requests = lab_requests();
		cr_assert_geq(g_strv_length(requests), 2u, "reply %02x: too little in the log",
			      replies[i].code);
		lab_assert_has(requests[0], methods[method].logged);
		/* 229's F0 asks for another attempt at once. */
		cr_assert_eq(g_strv_length(requests), extended && replies[i].code == 0xf0 ? 4u : 2u,
			     "reply %02x: %u requests", replies[i].code, g_strv_length(requests));
		g_strfreev(requests);
	}
}

Test(connect, maps_every_reply_with_each_method_for_each_user)
{
	lab_open();
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		for (size_t method = 0; method < G_N_ELEMENTS(methods); method++)
			check_replies(user, method);
	}
}

/* ---- reaching a target ---- */

/* A proxy that leads example.test, 203.0.113.5 and 2001:db8::5 to a server called «the target». */
static void start_leading_proxy(const char *options)
{
	const unsigned port = lab_serve("the target");
	char *all =
		g_strdup_printf("--map example.test=127.0.0.1:%u --map 203.0.113.5=127.0.0.1:%u "
				"--map 2001:db8::5=127.0.0.1:%u %s",
				port, port, port, options ? options : "");
	lab_proxy(all);
	g_free(all);
}

static void assert_target(enum lab_user user, const char *options, const char *arguments)
{
	const struct lab_result result = run_connect(user, options, arguments);

	lab_assert_status(&result, 0);
	lab_assert_out(&result, "connect=0\n");
	lab_assert_out(&result, "errno=kept\n");
	lab_assert_out(&result, "so_error=0\n");
	lab_assert_out(&result, "line=this is the target\n");
}

static const struct {
	const char *arguments;
	const char *host; /* as the proxy must have logged it */
	const char *atyp;
	const char *peer;
} ways[] = {
	{ "-e example.test 80", "\"host\":\"example.test\"", "\"atyp\":3", "peer=127." },
	{ "-4 example.test 80", "\"host\":\"example.test\"", "\"atyp\":3", "peer=127." },
	{ "-6 example.test 80", "\"host\":\"example.test\"", "\"atyp\":3", "peer=::ffff:127." },
	{ "-6 -o example.test 80", "\"host\":\"example.test\"", "\"atyp\":3", "peer=::ffff:127." },
	{ "-e 203.0.113.5 80", "\"host\":\"203.0.113.5\"", "\"atyp\":1", "peer=203.0.113.5 80\n" },
	{ "-6 ::ffff:203.0.113.5 80", "\"host\":\"203.0.113.5\"", "\"atyp\":1",
	  "peer=::ffff:203.0.113.5 80\n" },
	{ "-e 2001:db8::5 80", "\"host\":\"2001:db8::5\"", "\"atyp\":4", "peer=2001:db8::5 80\n" },
	{ "-o 2001:db8::5 80", "\"host\":\"2001:db8::5\"", "\"atyp\":4", "peer=2001:db8::5 80\n" },
	{ "-n -e example.test 80", "\"host\":\"example.test\"", "\"atyp\":3", "peer=127." },
	{ "-D 203.0.113.5 80", "\"host\":\"203.0.113.5\"", "\"atyp\":1", "peer=203.0.113.5 80\n" },
	{ "-b 127.0.0.1 203.0.113.5 80", "\"host\":\"203.0.113.5\"", "\"atyp\":1",
	  "peer=203.0.113.5 80\n" },
	{ "-b 0.0.0.0 203.0.113.5 80", "\"host\":\"203.0.113.5\"", "\"atyp\":1",
	  "peer=203.0.113.5 80\n" },
	{ "EXAMPLE.Test. 80", "\"host\":\"example.test\"", "\"atyp\":3", "peer=127." },
};

static void check_ways(enum lab_user user)
{
	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
		const struct lab_result result = run_connect(user, NULL, ways[i].arguments);
		lab_assert_out(&result, "connect=0\nerrno=kept\nso_error=0\n");
		lab_assert_out(&result, "line=this is the target\n");
		lab_assert_out(&result, ways[i].peer);
		if (strstr(ways[i].arguments, "-e"))
			lab_assert_out(&result, "echo=ok\n");
		char *request = lab_only_request();
		lab_assert_has(request, ways[i].host);
		lab_assert_has(request, ways[i].atyp);
		lab_assert_has(request, "\"port\":80");
		g_free(request);
	}
}

Test(connect, reaches_names_and_addresses_of_both_families)
{
	lab_open();
	start_leading_proxy(NULL);
	for (enum lab_user user = 0; user < LAB_USERS; user++)
		check_ways(user);
}

Test(connect, reaches_a_proxy_on_ipv6_from_ipv6_sockets)
{
	lab_open();
	start_leading_proxy("--listen '[::1]:9050'");
	/* The later -x counts. */
	assert_target(LAB_NOBODY, "-x [::1]:9050", "example.test 80");
	assert_target(LAB_NOBODY, "-x [::1]:9050", "2001:db8::5 80");
	assert_connect(LAB_NOBODY, "-x [::1]:9050", "203.0.113.5 80", "EAFNOSUPPORT");
}

Test(connect, says_eisconn_to_a_second_connect)
{
	lab_open();
	start_leading_proxy(NULL);
	const struct lab_result result = run_connect(LAB_NOBODY, NULL, "-a example.test 80");
	lab_assert_out(&result, "connect=0\n");
	lab_assert_out(&result, "again=EISCONN\n");
}

Test(connect, may_be_tried_again_after_a_failure)
{
	lab_open();
	start_leading_proxy("--fault 'example.test=reply:05*1'");
	const struct lab_result result = run_connect(LAB_NOBODY, NULL, "-a -l example.test 80");
	lab_assert_out(&result,
		       "connect=ECONNREFUSED\nso_error=0\npeer=ENOTCONN\nagain=0\npeer=127.");
	lab_assert_out(&result, "line=this is the target\n");
}

/* ---- what a proxy may do to its bytes ---- */

static const char *const harmless[] = {
	"--fault bytes",    "--fault split:3",
	"--fault atyp:1",   "--fault atyp:3",
	"--fault atyp:4",   "--fault pairs:3",
	"--fault delay:50", "--fault delay-method:50 --fault delay-auth:50",
};

static void check_harmless(enum lab_user user, const char *faults)
{
	for (size_t method = 0; method < G_N_ELEMENTS(methods); method++) {
		char *options = g_strdup_printf("--methods %s %s", methods[method].name, faults);
		start_leading_proxy(options);
		/* Twice: in full, and with what the first has learned (each run of isosocks is a
		 * session of its own). */
		char *program = connect_program();
		const struct lab_result result = lab_run(
			user, NULL, "sh -c '%s -e example.test 80 && %s -e example.test 80'",
			program, program);
		g_free(program);
		lab_assert_out(&result, "line=this is the target\necho=ok\nconnect=0\n");
		cr_assert(g_str_has_suffix(result.out, "echo=ok\n"), "%s: %s%s", options,
			  result.out, result.err);
		char **requests = lab_requests();
		cr_assert_eq(g_strv_length(requests), 2u);
		lab_assert_has(requests[1], methods[method].logged);
		g_strfreev(requests);
		g_free(options);
	}
}

Test(connect, takes_replies_in_any_pieces)
{
	lab_open();
	for (size_t i = 0; i < G_N_ELEMENTS(harmless); i++)
		check_harmless(i % LAB_USERS, harmless[i]);
}

Test(connect, leaves_data_glued_behind_the_reply_to_the_application)
{
	lab_open();
	for (size_t method = 0; method < G_N_ELEMENTS(methods); method++) {
		char *options = g_strdup_printf("--methods %s --fault glue:glued%%0a",
						methods[method].name);
		start_leading_proxy(options);
		for (enum lab_user user = 0; user < LAB_USERS; user++) {
			char *program = connect_program();
			const struct lab_result result = lab_run(
				user, NULL, "sh -c '%s example.test 80 && %s example.test 80'",
				program, program);
			lab_assert_out(&result, "line=glued\nconnect=0\n");
			cr_assert(g_str_has_suffix(result.out, "line=glued\n"), "%s", result.out);
			g_free(program);
		}
		g_free(options);
	}
}

/* ---- faults ---- */

static const struct {
	const char *faults;  /* of the proxy */
	const char *options; /* of isosocks */
	const char *expected;
} faults[] = {
	{ "--fault close:accept", NULL, "ECONNRESET" },
	{ "--fault close:greeting", NULL, "ECONNRESET" },
	{ "--fault close:auth", NULL, "ECONNRESET" },
	{ "--fault close:request", NULL, "ECONNRESET" },
	{ "--fault reset:accept", NULL, "ECONNRESET" },
	{ "--fault reset:greeting", NULL, "ECONNRESET" },
	{ "--fault reset:auth", NULL, "ECONNRESET" },
	{ "--fault reset:request", NULL, "ECONNRESET" },
	{ "--methods none --fault reset:request", NULL, "ECONNRESET" },
	{ "--methods password --fault close:request", NULL, "ECONNRESET" },
	{ "--methods password --fault reset:auth", "-i", "ECONNRESET" },
	{ "--fault http", NULL, "EPROTO" },
	{ "--fault garbage:40", NULL, "EPROTO" },
	{ "--fault version:04", NULL, "EPROTO" },
	{ "--fault auth-version:05", NULL, "EPROTO" },
	{ "--methods password --fault auth-version:05", NULL, "EPROTO" },
	{ "--fault rsv:01", NULL, "EPROTO" },
	{ "--fault method:ff", NULL, "EPROTONOSUPPORT" },
	{ "--fault method:01", NULL, "EPROTO" },
	{ "--fault status:01", NULL, "EPERM" },
	{ "--fault status:02", NULL, "EINVAL" },
	{ "--fault status:77", NULL, "EPROTO" },
	{ "--fault pairs-cut", NULL, "ECONNRESET" },
	{ "--methods password --fault tor-badauth", NULL, "EPROTO" },
	{ "--methods password --fault tor-badauth", "-i", "EPROTO" },
	{ "--methods password --fault refuse-pairs", "-i", "EPERM" },
	{ "--methods password --fault status:01", "-u me -p secret", "EPERM" },
	{ "--user me:secret", "-u me -p wrong", "EPERM" },
	{ "--methods none", "-i", "EPROTONOSUPPORT" },
	{ "--methods none", "-k ISOLATION=alice", "EPROTONOSUPPORT" },
	{ "--methods none", "-u me -p secret", "EPROTONOSUPPORT" },
	{ "--methods 'password;none'", "-k a=b -u me -p secret", "EPROTONOSUPPORT" },
};

Test(connect, says_what_a_faulty_proxy_did)
{
	lab_open();
	for (size_t i = 0; i < G_N_ELEMENTS(faults); i++) {
		start_leading_proxy(faults[i].faults);
		for (enum lab_user user = 0; user < LAB_USERS; user++)
			assert_connect(user, faults[i].options, "example.test 80",
				       faults[i].expected);
	}
}

Test(connect, gives_up_on_a_silent_proxy_at_the_timeout)
{
	static const char *const silences[] = { "accept", "greeting", "auth", "request" };

	lab_open();
	char *file = lab_path("short.conf");
	g_file_set_contents(file, "[proxy]\ntimeout=1\n", -1, NULL);
	char *options = g_strdup_printf("-c %s", file);
	for (size_t i = 0; i < G_N_ELEMENTS(silences); i++) {
		char *fault = g_strdup_printf("--fault silent:%s", silences[i]);
		start_leading_proxy(fault);
		assert_connect(LAB_NOBODY, options, "example.test 80", "ETIMEDOUT");
		g_free(fault);
	}
	g_free(options);
	g_free(file);
}

Test(connect, says_enetdown_when_no_proxy_listens)
{
	lab_open();
	for (enum lab_user user = 0; user < LAB_USERS; user++)
		assert_connect(user, "-x 127.0.0.1:1", "203.0.113.5 80", "ENETDOWN");
}

/* Who asks for the log learns who was asked, before it is known how it ends, and what became of it.
 */
Test(connect, says_in_the_log_what_became_of_it)
{
	static const struct {
		const char *fault, *end;
	} rows[] = {
		{ "reply:05", "refused by the proxy: connection refused (ECONNREFUSED), method 97, "
			      "reply 05\n" },
		{ "method:ff", "failed: the proxy takes none of the methods offered "
			       "(EPROTONOSUPPORT), method ff\n" },
		{ "delay:1", "connected, method 97\n" },
	};

	lab_open();
	char *connect = lab_program("connect");
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		char *options = g_strdup_printf("--map example.test=127.0.0.1:%u --fault %s",
						lab_serve("it"), rows[i].fault);
		const unsigned port = lab_proxy(options);
		char *text =
			g_strdup_printf("example.test:80: asking the proxy 127.0.0.1:%u\n", port);
		const struct lab_result result =
			lab_run(LAB_NOBODY, "-d", "%s example.test 80", connect);
		const char *begun = strstr(result.err, text);
		cr_assert(begun && strstr(begun, rows[i].end), "%s", result.err);
		g_free(text);
		g_free(options);
	}
	char *isosocks = lab_program("isosocks");
	const struct lab_result down =
		lab_shell(LAB_NOBODY, "%s -d -x 127.0.0.1:1 %s example.test 80", isosocks, connect);
	cr_assert(strstr(down.err, "example.test:80: asking the proxy 127.0.0.1:1\n"), "%s",
		  down.err);
	cr_assert(strstr(down.err, "failed: the proxy cannot be reached (ENETDOWN)\n"), "%s",
		  down.err);
	g_free(isosocks);
	g_free(connect);
}

Test(connect, says_in_the_log_what_the_policy_refuses)
{
	static const char program[] =
		"import socket, sys\n"
		"for kind, at in (1, '203.0.113.9'), (1, '2001:db8::9'), (2, '203.0.113.5'):\n"
		"    s = socket.socket(10 if ':' in at else 2, kind)\n"
		"    try: s.sendto(b'x', (at, 80)) if kind == 2 else s.connect((at, 80))\n"
		"    except PermissionError: pass\n"
		"    else: sys.exit('not refused')\n"
		"try: socket.socket(2, 3, 1)\n"
		"except PermissionError: pass\n";
	static const char *const lines[] = {
		"203.0.113.9:80: failed: the policy denies it (EACCES)\n",
		"[2001:db8::9]:80: failed: the policy denies it (EACCES)\n",
		"203.0.113.5:80: a datagram failed: the policy denies it (EACCES)\n",
		"no socket of family 2, type 3, protocol 1: only TCP",
	};

	lab_need("python3");
	lab_open();
	char *file = lab_path("refused.py"), *config = lab_path("deny.conf");
	cr_assert(g_file_set_contents(file, program, -1, NULL));
	cr_assert(g_file_set_contents(config, "[network]\ndeny=203.0.113.9;[2001:db8::9]\n", -1,
				      NULL));
	chmod(file, 0644);
	chmod(config, 0644);
	char *options = g_strdup_printf("-d -c %s", config);
	lab_proxy(NULL);
	const struct lab_result result = lab_run(LAB_NOBODY, options, "python3 %s", file);
	lab_assert_status(&result, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(lines); i++)
		cr_assert(strstr(result.err, lines[i]), "%s is not in\n%s", lines[i], result.err);
	g_free(options);
	g_free(config);
	g_free(file);
}

Test(connect, says_in_the_log_why_the_proxy_is_not_asked)
{
	static const struct {
		const char *options, *line;
	} rows[] = {
		{ "-x '[::1]:9070'",
		  "203.0.113.9:80: failed: an IPv4 socket cannot reach a proxy on an IPv6 address "
		  "(EAFNOSUPPORT)\n" },
		{ "-x 127.0.0.1:9070 -c none.conf -k A=b",
		  "203.0.113.9:80: failed: no method by which all that must arrive could go "
		  "(EPROTONOSUPPORT)\n" },
	};

	lab_open();
	char *isosocks = lab_program("isosocks"), *connect = lab_program("connect");
	char *config = lab_path("none.conf");
	cr_assert(g_file_set_contents(config, "[proxy]\nmethods=none\n", -1, NULL));
	chmod(config, 0644);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const struct lab_result result =
			lab_shell(LAB_NOBODY, "%s -d %s -- %s 203.0.113.9 80", isosocks,
				  rows[i].options, connect);
		cr_assert(strstr(result.err, rows[i].line), "%s", result.err);
	}
	g_free(config);
	g_free(connect);
	g_free(isosocks);
}

/* ---- falling back ---- */

Test(connect, goes_on_without_derived_keys_that_a_proxy_refuses)
{
	lab_open();
	start_leading_proxy("--methods 'password;none' --fault refuse-pairs");
	char *log = lab_path("isosocks.log");
	char *options = g_strdup_printf("--log %s", log);
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		assert_target(user, user == LAB_ROOT ? options : NULL, "example.test 80");
		char *request = lab_only_request();
		lab_assert_has(request, "\"method\":0");
		lab_assert_has(request, "\"offered\":[0]");
		g_free(request);
	}
	g_free(options);
	g_free(log);
}

Test(connect, retries_a_transport_that_failed_for_now)
{
	lab_open();
	start_leading_proxy("--fault 'example.test=reply:f0*1'");
	assert_target(LAB_NOBODY, NULL, "example.test 80");
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 2u);
	lab_assert_has(requests[0], "\"reply\":240");
	lab_assert_has(requests[1], "\"reply\":0");
}

Test(connect, negotiates_in_full_when_a_known_proxy_has_changed)
{
	lab_open();
	/* The first connect learns 0x97; the second is refused by FF once and must still succeed.
	 */
	start_leading_proxy(NULL);
	char *program = connect_program();
	char *change = lab_path("change");
	const struct lab_result result = lab_run(
		LAB_NOBODY, NULL, "sh -c '%s example.test 80; touch %s; %s example.test 80'",
		program, change, program);
	lab_assert_out(&result, "line=this is the target\nconnect=0\n");
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 2u);
	lab_assert_has(requests[0], "\"offered\":[151,2,0]");
	lab_assert_has(requests[1], "\"offered\":[151]");
	g_strfreev(requests);
	g_free(program);
	g_free(change);
}

/* ---- keys ---- */

static const struct {
	const char *method;
	const char *options;
	const char *logged[3];
} keys[] = {
	{ "extended", "-k ISOLATION=alice", { "\"offered\":[151,2]", "\"ISOLATION\":\"alice\"" } },
	{ "password",
	  "-k ISOLATION=alice",
	  { "\"offered\":[151,2]", "\"username\":\"<torS0X>0\"",
	    "\"password\":\"ISOLATION=alice\"" } },
	{ "extended",
	  "-k org.example.tab=7 -k a=b",
	  { "\"a\":\"b\"", "\"org.example.tab\":\"7\"", "\"offered\":[151,2]" } },
	{ "extended", NULL, { "\"offered\":[151,2,0]", "\"ISOLATION\":\"user=65534;app=" } },
	{ "password",
	  NULL,
	  { "\"offered\":[151,2,0]", "\"password\":\"ISOLATION=user%3D65534%3Bapp%3D%2F" } },
	{ "extended", "-b destination", { "\"ISOLATION\":\"dest=example.test:80\"" } },
	{ "extended",
	  "-b user,destination -k z=1",
	  { "\"ISOLATION\":\"user=65534;dest=example.test:80\"", "\"z\":\"1\"" } },
	{ "password",
	  "-b user,destination",
	  { "\"password\":\"ISOLATION=user%3D65534%3Bdest%3Dexample.test%3A80\"" } },
	{ "extended", "-b process", { "\"ISOLATION\":\"proc=" } },
	{ "extended", "-b none", { "\"pairs\":{}", "\"offered\":[151,2,0]" } },
	{ "extended",
	  "-u me -p secret",
	  { "\"offered\":[151,2]", "\"USERNAME\":\"me\"", "\"PASSWD\":\"secret\"" } },
	{ "password",
	  "-u me -p secret",
	  { "\"offered\":[151,2]", "\"username\":\"me\"", "\"password\":\"secret\"" } },
	{ "extended",
	  "-u me -p secret -k a=b",
	  { "\"offered\":[151]", "\"USERNAME\":\"me\"", "\"a\":\"b\"" } },
};

Test(connect, brings_the_keys_to_the_proxy)
{
	lab_open();
	lab_need_root();
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
		char *options = g_strdup_printf("--methods %s", keys[i].method);
		start_leading_proxy(options);
		assert_target(LAB_NOBODY, keys[i].options, "example.test 80");
		char *request = lab_only_request();
		for (size_t j = 0; j < 3 && keys[i].logged[j]; j++)
			lab_assert_has(request, keys[i].logged[j]);
		g_free(request);
		g_free(options);
	}
}

Test(connect, gives_two_tokens_two_values)
{
	lab_open();
	start_leading_proxy(NULL);
	assert_target(LAB_NOBODY, "-i", "example.test 80");
	assert_target(LAB_NOBODY, "-i", "example.test 80");
	char **requests = lab_requests();
	char *first = strstr(requests[0], ";token=");
	char *second = strstr(requests[1], ";token=");
	cr_assert(first && second);
	cr_assert_neq(strncmp(first, second, 39), 0);
	lab_assert_has(requests[0], "\"offered\":[151,2]");
}

Test(connect, sends_keys_of_eight_kibibytes)
{
	lab_open();
	start_leading_proxy(NULL);
	char *value = g_strnfill(8192 - 1, 'v');
	char *options = g_strdup_printf("-b none -k k=%s", value);
	char *program = connect_program();
	const struct lab_result result =
		lab_run(LAB_NOBODY, options, "sh -c '%s example.test 80; %s example.test 80'",
			program, program);
	lab_assert_out(&result, "line=this is the target\nconnect=0\n");
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 2u);
	lab_assert_has(requests[1], value);
}

/* ---- pipelining ---- */

static const struct {
	const char *method;
	const char *pipeline;
	const char *options;
	unsigned reads; /* of the proxy up to the request, once the method is known */
} pipelines[] = {
	{ "extended", "auto", "", 1 },
	{ "extended", "no", "", 3 },
	{ "password", "auto", "", 2 },
	{ "password", "no", "", 3 },
	{ "none", "auto", "", 2 },
	{ "none", "yes", "", 1 },
	{ "password", "auto", "-u me -p secret", 3 },
	{ "password", "yes", "-u me -p secret", 2 },
};

Test(connect, saves_round_trips_in_the_shapes_that_servers_take)
{
	lab_open();
	char *file = lab_path("pipeline.conf");
	char *program = connect_program();
	for (size_t i = 0; i < G_N_ELEMENTS(pipelines); i++) {
		char *proxy = g_strdup_printf("--methods %s", pipelines[i].method);
		char *text = g_strdup_printf("[proxy]\npipeline=%s\n", pipelines[i].pipeline);
		char *options = g_strdup_printf("-c %s %s", file, pipelines[i].options);
		char *reads = g_strdup_printf("\"reads\":%u", pipelines[i].reads);

		g_file_set_contents(file, text, -1, NULL);
		start_leading_proxy(proxy);
		lab_run(LAB_NOBODY, options, "sh -c '%s example.test 80; %s example.test 80'",
			program, program);
		char **requests = lab_requests();
		cr_assert_eq(g_strv_length(requests), 2u, "row %zu", i);
		cr_assert(strstr(requests[1], reads), "row %zu: no %s in %s", i, reads,
			  requests[1]);
		g_strfreev(requests);
		g_free(reads);
		g_free(options);
		g_free(text);
		g_free(proxy);
	}
}

/* ---- signals and time ---- */

Test(connect, is_interrupted_as_the_kernel_does_it)
{
	lab_open();
	start_leading_proxy("--fault delay:400");
	/* Without SA_RESTART: EINTR, and a second connect() waits for the first one's end. */
	struct lab_result result = run_connect(LAB_NOBODY, NULL, "-s 50 -a -l example.test 80");
	lab_assert_out(&result, "connect=EINTR\n");
	lab_assert_out(&result, "again=0\npeer=127.");
	lab_assert_out(&result, "line=this is the target\n");
	/* With it the call goes on. */
	result = run_connect(LAB_NOBODY, NULL, "-S 50 example.test 80");
	lab_assert_out(&result, "connect=0\nerrno=kept\n");
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 2u, "a connect was made twice");
}

Test(connect, honours_so_sndtimeo)
{
	lab_open();
	start_leading_proxy("--fault delay:400");
	const struct lab_result result = run_connect(LAB_NOBODY, NULL, "-t 50 -l example.test 80");
	lab_assert_out(&result, "connect=EINPROGRESS\n");
}

Test(connect, touches_no_socket_that_has_its_number_by_then)
{
	lab_open();
	start_leading_proxy("--fault silent:request");
	char *program = lab_program("closer");
	const struct lab_result result = lab_run(LAB_NOBODY, NULL, "%s example.test 80", program);
	lab_assert_out(&result, "reused=1\n");
	lab_assert_out(&result, "connect=EBADF\n");
	lab_assert_out(&result, "sent=-1\nleft=12\n");
	g_free(program);
}

/* ---- the policy ---- */

Test(connect, goes_to_loopback_directly)
{
	lab_open();
	lab_proxy(NULL);
	const unsigned port = lab_serve("the neighbour");
	static const char *const hosts[] = { "127.0.0.1", "localhost",	  "::1",
					     "0.0.0.0",	  "::",		  "::ffff:127.0.0.1",
					     "127.0.0.9", "ip6.localhost" };
	for (size_t i = 0; i < G_N_ELEMENTS(hosts); i++) {
		char *arguments = g_strdup_printf("%s %u", hosts[i], port);
		for (enum lab_user user = 0; user < LAB_USERS; user++) {
			const struct lab_result result = run_connect(user, NULL, arguments);
			lab_assert_out(&result, "connect=0\n");
			lab_assert_out(&result, "line=this is the neighbour\n");
		}
		g_free(arguments);
	}
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 0u);
}

Test(connect, proxies_or_denies_loopback_when_told)
{
	lab_open();
	const unsigned port = lab_serve("the neighbour");
	lab_proxy(NULL);
	char *file = lab_path("loopback.conf");
	char *options = g_strdup_printf("-c %s", file);
	char *arguments = g_strdup_printf("127.0.0.1 %u", port);

	g_file_set_contents(file, "[network]\nloopback=proxy\n", -1, NULL);
	const struct lab_result result = run_connect(LAB_NOBODY, options, arguments);
	lab_assert_out(&result, "line=this is the neighbour\n");
	char *request = lab_only_request();
	lab_assert_has(request, "\"host\":\"127.0.0.1\"");
	g_file_set_contents(file, "[network]\nloopback=deny\n", -1, NULL);
	assert_connect(LAB_NOBODY, options, arguments, "EACCES");
}

Test(connect, refuses_streams_to_port_53_of_loopback_and_datagrams_that_would_leave)
{
	static const char *const refused[] = { "-l 127.0.0.1 53",
					       "-l ::1 53",
					       "-u -l 203.0.113.5 4242",
					       "-u -l 2001:db8::5 4242",
					       "-u -l ::ffff:203.0.113.5 4242",
					       "-u -l example.test 4242" };

	lab_open();
	start_leading_proxy(NULL);
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
			assert_connect(user, NULL, refused[i], "EACCES");
		assert_connect(user, NULL, "-u -l 127.0.0.1 4242", "0");
	}
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 0u);
}

Test(connect, refuses_a_placeholder_that_nobody_knows)
{
	lab_open();
	start_leading_proxy(NULL);
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		assert_connect(user, NULL, "127.64.0.77 80", "EHOSTUNREACH");
		assert_connect(user, NULL, "::ffff:127.64.0.77 80", "EHOSTUNREACH");
	}
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 0u);
}
