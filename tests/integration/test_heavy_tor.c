/*
 * A whole Tor network, with exits and onion services (tests/tor/network.py), and ordinary programs
 * that reach them by isosocks. What they were answered is said by servers that name themselves, and
 * who shared a circuit with whom by the client's control port.
 */
#include "support/control.h"
#include "support/lab.h"
#include "support/tornet.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void open_here(void)
{
	lab_need("tor");
	lab_need("curl");
	lab_need("python3");
	lab_open();
	tornet_start();
}

/* Puts the names of the network's onion services in place of {open}, {auth}, ... */
static char *fill_in(const char *text)
{
	static const char *const names[] = { "open", "auth", "ghost", "offline" };
	GString *filled = g_string_new(text);

	for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
		char *mark = g_strdup_printf("{%s}", names[i]);
		g_string_replace(filled, mark, tornet_get(names[i]), 0);
		g_free(mark);
	}
	return g_string_free(filled, FALSE);
}

static char *write_config(const char *name, const char *text)
{
	char *path = lab_path(name);

	cr_assert(g_file_set_contents(path, text, -1, NULL));
	return path;
}

/* ---- exits and onions ---- */

static const struct {
	const char *url;
	const char *expected;
} pages[] = {
	{ "http://www.tornet.test/a", "this is www.tornet.test/a\n" },
	{ "http://two.tornet.test/b", "this is two.tornet.test/b\n" },
	{ "http://six.tornet.test/c", "this is six.tornet.test/c\n" },
	{ "http://both.tornet.test/d", "this is both.tornet.test/d\n" },
	{ "http://198.51.100.10/e", "this is 198.51.100.10/e\n" },
	{ "http://{open}/f", "this is {open}/f\n" },
	{ "http://www.{open}/g", "this is www.{open}/g\n" },
};

Test(heavy_tor, takes_curl_to_exits_and_onions)
{
	static const unsigned ports[] = { TORNET_EXTENDED, TORNET_PLAIN };

	open_here();
	for (size_t i = 0; i < G_N_ELEMENTS(pages); i++) {
		char *url = fill_in(pages[i].url), *expected = fill_in(pages[i].expected);
		for (size_t j = 0; j < G_N_ELEMENTS(ports); j++) {
			char *options = g_strdup_printf("-x 127.0.0.1:%u", ports[j]);
			const struct lab_result result =
				lab_run(j % LAB_USERS, options, "curl -sS %s", url);
			lab_assert_status(&result, 0);
			cr_assert_str_eq(result.out, expected);
			g_free(options);
		}
		g_free(expected);
		g_free(url);
	}
	char *options = g_strdup_printf("-x 127.0.0.1:%u", TORNET_ONION_ONLY);
	char *command = fill_in("curl -sS http://{open}/");
	struct lab_result result = lab_run(LAB_NOBODY, options, "%s", command);
	lab_assert_status(&result, 0);
}

static const struct {
	const char *name;
	const char *expected;
} addresses[] = {
	{ "mapped.tornet.test", "198.51.100.10" },
	{ "distant.tornet.test", "2001:db8::10" },
	/* Tor says 127.0.0.1 and ::1, which would be this machine's, and not by the proxy. */
	{ "www.tornet.test", "EAI_NONAME" },
	{ "six.tornet.test", "EAI_NONAME" },
	{ "absent.tornet.test", "EAI_NONAME" },
};

#define PYTHON_RESOLVE                                                                             \
	"python3 -c \"\n"                                                                          \
	"import socket, sys\n"                                                                     \
	"names = {getattr(socket, n): n for n in dir(socket) if n.startswith('EAI_')}\n"           \
	"try:\n"                                                                                   \
	"    for a in socket.getaddrinfo(sys.argv[1], 80, type=socket.SOCK_STREAM):\n"             \
	"        print(a[4][0])\n"                                                                 \
	"except socket.gaierror as e:\n"                                                           \
	"    print(names[e.errno])\n"                                                              \
	"\" "

Test(heavy_tor, resolves_by_the_proxy_when_asked_to)
{
	open_here();
	char *file = write_config("resolve.conf", "[names]\nresolve=proxy\n");
	char *options =
		g_strdup_printf("-x 127.0.0.1:%u -b none -k a=b -c %s", TORNET_EXTENDED, file);
	struct lab_result result;

	for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
		char *expected = g_strdup_printf("%s\n", addresses[i].expected);
		result = lab_run(LAB_NOBODY, options, PYTHON_RESOLVE "%s", addresses[i].name);
		cr_assert_str_eq(result.out, expected, "%s: %s%s", addresses[i].name, result.out,
				 result.err);
		char *event = control_new_stream(addresses[i].name);
		cr_assert(strstr(event, " NEWRESOLVE ") && strstr(event, "SOCKS_PASSWORD=\"a=b\""),
			  "%s", event);
		g_free(event);
		g_free(expected);
	}
	/* An onion service has no address: it is reached by its name as ever. */
	char *onion = fill_in("curl -sS http://{open}/");
	result = lab_run(LAB_NOBODY, options, "%s", onion);
	lab_assert_status(&result, 0);
	g_free(onion);
	/* What was resolved is reached by its address. */
	result = lab_run(LAB_NOBODY, options, "curl -sS http://mapped.tornet.test/");
	lab_assert_status(&result, 0);
	cr_assert_str_eq(result.out, "this is mapped.tornet.test/\n");
	g_free(control_new_stream(" 198.51.100.10:80 "));
}

#define PYTHON_REVERSE                                                                             \
	"python3 -c \"\n"                                                                          \
	"import socket, sys\n"                                                                     \
	"def show(call, *arguments):\n"                                                            \
	"    try:\n"                                                                               \
	"        print(call(*arguments)[0])\n"                                                     \
	"    except OSError as e:\n"                                                               \
	"        print(type(e).__name__)\n"                                                        \
	"show(socket.gethostbyaddr, sys.argv[1])\n"                                                \
	"show(socket.getnameinfo, (sys.argv[1], 80), socket.NI_NAMEREQD)\n"                        \
	"show(socket.getnameinfo, (sys.argv[1], 80), 0)\n"                                         \
	"\" "

static const struct {
	const char *address;
	const char *expected; /* of three questions */
} reverse[] = {
	{ "198.51.100.7", "ptr.tornet.test\nptr.tornet.test\nptr.tornet.test\n" },
	{ "198.51.100.8", "herror\ngaierror\n198.51.100.8\n" },
	{ "2001:db8::10", "herror\ngaierror\n2001:db8::10\n" },
};

Test(heavy_tor, tells_the_name_of_an_address)
{
	open_here();
	char *file = write_config("resolve.conf", "[names]\nresolve=proxy\n");
	char *options =
		g_strdup_printf("-x 127.0.0.1:%u -b none -k a=b -c %s", TORNET_EXTENDED, file);

	for (size_t i = 0; i < G_N_ELEMENTS(reverse); i++) {
		const struct lab_result result =
			lab_run(i % LAB_USERS, options, PYTHON_REVERSE "%s", reverse[i].address);
		cr_assert_str_eq(result.out, reverse[i].expected, "%s: %s%s", reverse[i].address,
				 result.out, result.err);
		for (unsigned asked = 0; asked < 3; asked++) {
			char *event = control_new_stream(" NEWRESOLVE ");
			cr_assert(strstr(event, "SOCKS_PASSWORD=\"a=b\""), "%s", event);
			g_free(event);
		}
	}
}

/* ---- circuits ---- */

struct visit {
	enum lab_user user;
	const char *options;
	const char *command;
	unsigned streams; /* it makes */
};

#define CURL(host)  "curl -sS -o /dev/null http://" host "/"
#define WGET(host)  "wget -q -O /dev/null http://" host "/"
#define BOTH(a, b)  "sh -c '" a " && " b "'"
#define N1	    "n1.tornet.test"
#define N2	    "n2.tornet.test"
#define ONE_PROCESS "curl -sS -o /dev/null http://" N1 "/ -o /dev/null http://" N2 "/"

struct pair {
	bool are_equal;
	struct visit first, second; /* two streams in all */
};

static const struct pair users[] = {
	{ false, { LAB_NOBODY, "-b user", CURL(N1), 1 }, { LAB_ROOT, "-b user", CURL(N1), 1 } },
	{ true,
	  { LAB_NOBODY, "-b application", CURL(N1), 1 },
	  { LAB_ROOT, "-b application", CURL(N2), 1 } },
	{ true,
	  { LAB_NOBODY, "-k ISOLATION=alice", CURL(N1), 1 },
	  { LAB_ROOT, "-b none -k ISOLATION=alice", WGET(N2), 1 } },
};

static const struct pair circuits[] = {
	{ true, { LAB_NOBODY, "-b user", CURL(N1), 1 }, { LAB_NOBODY, "-b user", WGET(N2), 1 } },
	{ true,
	  { LAB_NOBODY, "-b application", CURL(N1), 1 },
	  { LAB_NOBODY, "-b application", CURL(N2), 1 } },
	{ false,
	  { LAB_NOBODY, "-b application", CURL(N1), 1 },
	  { LAB_NOBODY, "-b application", WGET(N1), 1 } },
	{ true, { LAB_NOBODY, "-b session", BOTH(CURL(N1), WGET(N2)), 2 }, { 0 } },
	{ false,
	  { LAB_NOBODY, "-b session", CURL(N1), 1 },
	  { LAB_NOBODY, "-b session", CURL(N1), 1 } },
	{ true, { LAB_NOBODY, "-b process", ONE_PROCESS, 2 }, { 0 } },
	{ false, { LAB_NOBODY, "-b process", BOTH(CURL(N1), CURL(N1)), 2 }, { 0 } },
	{ true, { LAB_NOBODY, "-b destination", BOTH(CURL(N1), WGET(N1)), 2 }, { 0 } },
	{ false, { LAB_NOBODY, "-b destination", ONE_PROCESS, 2 }, { 0 } },
	{ true,
	  { LAB_NOBODY, "-k ISOLATION=alice", CURL(N1), 1 },
	  { LAB_NOBODY, "-b none -k ISOLATION=alice", WGET(N2), 1 } },
	{ false,
	  { LAB_NOBODY, "-k ISOLATION=alice", CURL(N1), 1 },
	  { LAB_NOBODY, "-k ISOLATION=bob", CURL(N1), 1 } },
	{ false,
	  { LAB_NOBODY, "-b none -k ISOLATION=alice", CURL(N1), 1 },
	  { LAB_NOBODY, "-b none -k ISOLATION=alice -k org.example.tab=1", CURL(N1), 1 } },
	{ true, { LAB_NOBODY, "-i", BOTH(CURL(N1), CURL(N2)), 2 }, { 0 } },
	{ false, { LAB_NOBODY, "-i", CURL(N1), 1 }, { LAB_NOBODY, "-i", CURL(N1), 1 } },
	{ false, { LAB_NOBODY, "", CURL(N1), 1 }, { LAB_NOBODY, "", WGET(N1), 1 } },
	/* Onion services have circuits of their own, and keys hold for them too. */
	{ true,
	  { LAB_NOBODY, "-k ISOLATION=carol", CURL("{open}"), 1 },
	  { LAB_NOBODY, "-k ISOLATION=carol", WGET("{open}"), 1 } },
	{ false,
	  { LAB_NOBODY, "-k ISOLATION=carol", CURL("{open}"), 1 },
	  { LAB_NOBODY, "-k ISOLATION=dave", CURL("{open}"), 1 } },
};

static void visit(const struct visit *visit, unsigned port, unsigned *ret_circuits)
{
	char *options = g_strdup_printf("-x 127.0.0.1:%u %s", port, visit->options);
	char *command = fill_in(visit->command);
	const struct lab_result result = lab_run(visit->user, options, "%s", command);

	lab_assert_status(&result, 0);
	for (unsigned i = 0; i < visit->streams; i++) {
		char *event = control_new_stream("PURPOSE=USER");
		ret_circuits[i] = control_circuit(event);
		g_free(event);
	}
	g_free(command);
	g_free(options);
}

static void compare(const struct pair *pair)
{
	unsigned taken[2];

	visit(&pair->first, TORNET_EXTENDED, taken);
	if (pair->first.streams == 1)
		visit(&pair->second, TORNET_EXTENDED, taken + 1);
	cr_assert_eq(taken[0] == taken[1], pair->are_equal, "%s %s, then %s %s: circuits %u and %u",
		     pair->first.options, pair->first.command, pair->second.options,
		     pair->second.command, taken[0], taken[1]);
}

Test(heavy_tor, gives_other_keys_other_circuits_and_equal_keys_the_same)
{
	lab_need("wget");
	open_here();
	for (size_t i = 0; i < G_N_ELEMENTS(circuits); i++)
		compare(&circuits[i]);
}

Test(heavy_tor, gives_other_users_other_circuits)
{
	if (getuid() != 0)
		cr_skip_test("who is not root has no second user to be");
	lab_need("wget");
	open_here();
	for (size_t i = 0; i < G_N_ELEMENTS(users); i++)
		compare(&users[i]);
}

/* ---- failures ---- */

#define PYTHON_CONNECT                                                                             \
	"python3 -c \"\n"                                                                          \
	"import errno, socket, sys\n"                                                              \
	"for at in sys.argv[1:]:\n"                                                                \
	"    host, _, port = at.rpartition(':')\n"                                                 \
	"    try:\n"                                                                               \
	"        socket.create_connection((host, int(port)))\n"                                    \
	"        print(at, 0)\n"                                                                   \
	"    except OSError as e:\n"                                                               \
	"        print(at, errno.errorcode[e.errno])\n"                                            \
	"\" "

struct failure {
	const char *target;
	const char *extended; /* ExtendedErrors, proposal 304 */
	const char *plain;
	const char *bridged; /* by isosocks-proxy, proposal 229 */
};

static const struct failure failures[] = {
	{ "www.tornet.test:80", "0", "0", "0" },
	{ "www.tornet.test:1", "ECONNABORTED", "ECONNABORTED", "ECONNABORTED" }, /* 01 */
	{ "www.tornet.test:25", "ECONNABORTED", "ECONNABORTED", "ECONNABORTED" },
	{ "absent.tornet.test:80", "EHOSTUNREACH", "EHOSTUNREACH", "EHOSTUNREACH" }, /* 04 */
	{ "noroute.tornet.test:80", "EHOSTUNREACH", "EHOSTUNREACH", "EHOSTUNREACH" },
	/* A relay's own port is what an exit refuses with a reason. */
	{ "www.tornet.test:5001", "ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED" }, /* 05 */
	{ "{open}:80", "0", "0", "0" },
	{ "{open}:82", "ECONNREFUSED", "ECONNREFUSED", "ECONNREFUSED" },
	{ "{open}:81", "ECONNABORTED", "ECONNABORTED", "ECONNABORTED" },
	{ "{offline}:80", "ENXIO", "EHOSTUNREACH", "ENXIO" },		    /* F0, 04, E0 */
	{ "{ghost}:80", "EHOSTDOWN", "EHOSTUNREACH", "EHOSTDOWN" },	    /* F2, 04, E1 */
	{ "{auth}:80", "ENOKEY", "ECONNABORTED", "EACCES" },		    /* F4, 01, 02 */
	{ "badbadbad.onion:80", "EADDRNOTAVAIL", "ECONNABORTED", "ENXIO" }, /* F6, 01, E0 */
};

/* One program tries all, by these options; its lines must be these. */
static void try_all(const char *options, const size_t column)
{
	GString *command = g_string_new(PYTHON_CONNECT), *expected = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(failures); i++) {
		char *target = fill_in(failures[i].target);
		g_string_append_printf(command, " %s", target);
		g_string_append_printf(expected, "%s %s\n", target,
				       G_STRUCT_MEMBER(const char *, &failures[i], column));
		g_free(target);
	}
	const struct lab_result result = lab_run(LAB_NOBODY, options, "%s", command->str);
	cr_assert_str_eq(result.out, expected->str, "%s: %s\nexpected: %s\n%s", options, result.out,
			 expected->str, result.err);
	g_string_free(command, TRUE);
	g_string_free(expected, TRUE);
}

static void try_auth(const char *options, const char *expected)
{
	char *target = fill_in("{auth}:80");
	char *line = g_strdup_printf("%s %s\n", target, expected);
	const struct lab_result result = lab_run(LAB_NOBODY, options, PYTHON_CONNECT "%s", target);

	cr_assert_str_eq(result.out, line, "%s: not %s: %s%s", options, expected, result.out,
			 result.err);
	g_free(line);
	g_free(target);
}

/* "ONION_CLIENT_AUTH_" and this, about "auth", whose name without .onion has 56 characters. */
static void change_client_auth(const char *verb, const char *rest)
{
	char *text =
		g_strdup_printf("ONION_CLIENT_AUTH_%s %.56s%s", verb, tornet_get("auth"), rest);

	control_command(text);
	g_free(text);
}

static void add_client_auth(const char *key)
{
	char *rest = g_strconcat(" x25519:", tornet_get(key), NULL);

	change_client_auth("ADD", rest);
	g_free(rest);
}

/* curl says the same in its own words. */
static void try_curl(const char *options, const char *url, const char *expected)
{
	char *filled = fill_in(url);
	const struct lab_result result = lab_run(LAB_NOBODY, options, "curl -v %s", filled);

	lab_assert_status(&result, 7);
	cr_assert(strstr(result.err, expected), "%s: no %s in %s", filled, expected, result.err);
	g_free(filled);
}

Test(heavy_tor, says_why_a_connect_failed)
{
	open_here();
	char *extended = g_strdup_printf("-x 127.0.0.1:%u -k a=b", TORNET_EXTENDED);
	char *plain = g_strdup_printf("-x 127.0.0.1:%u -k a=b", TORNET_PLAIN);
	char *onion_only = g_strdup_printf("-x 127.0.0.1:%u -k a=b", TORNET_ONION_ONLY);

	try_all(extended, G_STRUCT_OFFSET(struct failure, extended));
	try_all(plain, G_STRUCT_OFFSET(struct failure, plain));
	try_curl(extended, "http://{offline}/", "No such device or address");
	try_curl(extended, "http://{ghost}/", "Host is down");
	try_curl(extended, "http://{auth}/", "Required key not available");
	try_curl(plain, "http://{auth}/", "Software caused connection abort");
	try_curl(onion_only, "http://www.tornet.test/", "Permission denied"); /* 02 */
	/* A directory that was asked for a descriptor is not asked again soon, but for this. */
	control_command("SIGNAL NEWNYM");
	add_client_auth("other_key");
	try_auth(extended, "EKEYREJECTED"); /* F5 */
	try_auth(plain, "ECONNABORTED");
	add_client_auth("key");
	try_auth(extended, "0");
	try_auth(plain, "0");
	change_client_auth("REMOVE", "");
	try_auth(extended, "ENOKEY"); /* F4 again */
}

/* ---- pipelining ---- */

static const struct {
	const char *config;
	const char *options;
	unsigned first, second; /* writes of a handshake before and after the method is known */
} pipelines[] = {
	{ "pipeline=no", "-b none -k a=b", 3, 3 },
	{ "pipeline=auto", "-b none -k a=b", 3, 2 },
	{ "pipeline=yes", "-b none -k a=b", 3, 2 },
	{ "pipeline=no", "-u me -p secret", 3, 3 },
	{ "pipeline=auto", "-u me -p secret", 3, 3 },
	{ "pipeline=yes", "-u me -p secret", 3, 2 },
	{ "methods=none\npipeline=no", "-b none", 2, 2 },
	{ "methods=none\npipeline=auto", "-b none", 2, 2 },
	{ "methods=none\npipeline=yes", "-b none", 2, 1 },
};

static unsigned count(const char *text, const char *part)
{
	unsigned found = 0;

	for (const char *at = text; (at = strstr(at, part)); at++)
		found++;
	return found;
}

/* The method is learned by one process and used by the next: both are of one session. */
Test(heavy_tor, takes_what_is_pipelined)
{
	lab_need("strace");
	open_here();
	char *connect = lab_program("connect"), *trace = lab_path("trace");

	for (size_t i = 0; i < G_N_ELEMENTS(pipelines); i++) {
		char *config = g_strdup_printf("[proxy]\n%s\n", pipelines[i].config);
		char *file = write_config("pipeline.conf", config), *text = NULL;
		char *options = g_strdup_printf("-x 127.0.0.1:%u -c %s %s", TORNET_EXTENDED, file,
						pipelines[i].options);
		const struct lab_result result =
			lab_run(LAB_ROOT, options,
				"strace -f -qq -xx -s 4096 -e trace=sendmsg -o %s "
				"sh -c '%s -l n1.tornet.test 80; %s -l n2.tornet.test 80'",
				trace, connect, connect);
		cr_assert_eq(count(result.out, "connect=0\n"), 2u, "%s %s: %s%s", config, options,
			     result.out, result.err);
		g_file_get_contents(trace, &text, NULL, NULL);
		cr_assert_eq(count(text, "sendmsg("), pipelines[i].first + pipelines[i].second,
			     "%s %s: not %u and %u in %s", config, options, pipelines[i].first,
			     pipelines[i].second, text);
		g_free(text);
		g_free(options);
		g_free(file);
		g_free(config);
	}
}

/* ---- by isosocks-proxy ---- */

Test(heavy_tor, is_brought_keys_and_gives_codes_through_isosocks_proxy)
{
	char *upstream = g_strdup_printf("--upstream 127.0.0.1:%u", TORNET_EXTENDED);
	unsigned taken[2];

	open_here();
	const unsigned port = lab_proxy(upstream);
	const struct lab_result result =
		lab_run(LAB_NOBODY, "-b none -k ISOLATION=alice -k a.b=2",
			"curl -sS http://www.tornet.test/ http://n1.tornet.test/");
	lab_assert_status(&result, 0);
	cr_assert_str_eq(result.out, "this is www.tornet.test/\nthis is n1.tornet.test/\n");
	for (int i = 0; i < 2; i++) {
		char *event = control_new_stream("PURPOSE=USER");
		cr_assert(strstr(event, "SOCKS_USERNAME=\"<torS0X>0\" "
					"SOCKS_PASSWORD=\"ISOLATION=alice&a.b=2\" "),
			  "%s", event);
		taken[i] = control_circuit(event);
		g_free(event);
	}
	cr_assert_eq(taken[0], taken[1]);
	char **requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 2u);
	lab_assert_has(requests[0], "\"method\":151");
	lab_assert_has(requests[1], "\"method\":151");

	static const struct visit bob = { LAB_NOBODY, "-b none -k ISOLATION=bob -k a.b=2", CURL(N1),
					  1 };
	visit(&bob, port, taken + 1);
	cr_assert_neq(taken[0], taken[1]);
	try_all("-b none -k a=b", G_STRUCT_OFFSET(struct failure, bridged));
}
