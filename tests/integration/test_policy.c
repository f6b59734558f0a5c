/*
 * The policy a program inherits. When it is not what isosocks compiled, every network call of the
 * program fails and nothing reaches the proxy; what the environment adds to it inside `isosocks`
 * arrives, or fails by name.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the programs below are run with, as a real isosocks made it. */
static struct {
	char *preload;
	char *policy; /* base64url */
	guint8 *blob;
	gsize length;
	char *connect;
	unsigned neighbour; /* a server on loopback */
	char *hosts[4];	    /* arguments of connect */
} given;

static char *printed(const char *variable)
{
	const struct lab_result result =
		lab_run(LAB_NOBODY, "-k a=b -k org.example.tab=7 -i", "printenv %s", variable);

	lab_assert_status(&result, 0);
	return g_strchomp(result.out);
}

static char *encode(const guint8 *bytes, gsize length)
{
	char *text = g_base64_encode(bytes, length);

	g_strdelimit(text, "+", '-');
	g_strdelimit(text, "/", '_');
	text[strcspn(text, "=")] = '\0';
	return text;
}

static guint8 *decode(const char *text, gsize *ret_length)
{
	char *padded = g_strconcat(text, "===", NULL);

	padded[(strlen(text) + 3) / 4 * 4] = '\0';
	g_strdelimit(padded, "-", '+');
	g_strdelimit(padded, "_", '/');
	guint8 *bytes = g_base64_decode(padded, ret_length);
	g_free(padded);
	return bytes;
}

static void open_given(void)
{
	lab_open();
	given.neighbour = lab_serve("the neighbour");
	char *proxy =
		g_strdup_printf("--map example.test=127.0.0.1:%u --map 203.0.113.5=127.0.0.1:%u",
				given.neighbour, given.neighbour);
	lab_proxy(proxy);
	g_free(proxy);
	given.preload = printed("LD_PRELOAD");
	given.policy = printed("ISOSOCKS_POLICY");
	given.blob = decode(given.policy, &given.length);
	given.connect = lab_program("connect");
	char *again = encode(given.blob, given.length);
	cr_assert_str_eq(again, given.policy, "the policy is not plain base64url");
	g_free(again);
}

/* ---- a program with a policy of its own ---- */

static void lower(gpointer data)
{
	/* Without root's rights there is one user only, and that is nobody much either. */
	if (data && setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) < 0)
		_exit(99);
}

/* Runs connect with this policy (NULL: none), as root and as nobody in turn. */
static struct lab_result connect_with(const char *policy, const char *arguments)
{
	static unsigned turn;
	char *line = g_strdup_printf("%s %s", given.connect, arguments);
	char **block = g_get_environ(), **argv;
	struct lab_result result = { 0 };
	GError *error = NULL;
	int status;

	block = g_environ_setenv(block, "LD_PRELOAD", given.preload, TRUE);
	if (policy)
		block = g_environ_setenv(block, "ISOSOCKS_POLICY", policy, TRUE);
	cr_assert(g_shell_parse_argv(line, NULL, &argv, NULL));
	if (!g_spawn_sync("/", argv, block, G_SPAWN_DEFAULT, lower,
			  turn++ % 2 ? GINT_TO_POINTER(1) : NULL, &result.out, &result.err, &status,
			  &error))
		cr_assert_fail("%s", error->message);
	result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	g_strfreev(block);
	g_strfreev(argv);
	g_free(line);
	return result;
}

static void assert_connect(const char *policy, const char *what, const char *arguments,
			   const char *expected)
{
	struct lab_result result = connect_with(policy, arguments);

	cr_assert_eq(result.status, 0, "%s: connect %s ended with %d\n%s%s", what, arguments,
		     result.status, result.out, result.err);
	cr_assert(g_str_has_prefix(result.out, expected), "%s: connect %s: not «%s» but\n%s%s",
		  what, arguments, expected, result.out, result.err);
	g_free(result.out);
	g_free(result.err);
}

/* Calls of every kind; rare ones with every seventh policy. */
static void assert_dead(const char *policy, const char *what)
{
	static unsigned count;
	char *loopback = g_strdup_printf("-l 127.0.0.1 %u", given.neighbour);

	assert_connect(policy, what, "-l example.test 80", "resolve=System error\n");
	assert_connect(policy, what, loopback, "connect=EACCES\n");
	if (count++ % 7 == 0) {
		assert_connect(policy, what, "-l 203.0.113.5 80", "connect=EACCES\n");
		assert_connect(policy, what, "-l 127.64.0.1 80", "connect=EACCES\n");
		assert_connect(policy, what, "-l 2001:db8::5 80", "connect=EACCES\n");
		assert_connect(policy, what, "-u -l 203.0.113.5 4242", "connect=EACCES\n");
		assert_connect(policy, what, "-u -l 127.0.0.1 4242", "connect=EACCES\n");
	}
	g_free(loopback);
}

static void assert_silence(void)
{
	char *log = lab_path("log-1"), *text = NULL;

	g_file_get_contents(log, &text, NULL, NULL);
	cr_assert(!text || !*text, "the proxy was called:\n%s", text);
	g_free(text);
	g_free(log);
}

Test(policy, works_as_isosocks_made_it)
{
	open_given();
	/* Else the tests below would prove nothing. */
	for (int user = 0; user < 2; user++) {
		assert_connect(given.policy, "whole", "203.0.113.5 80",
			       "connect=0\nerrno=kept\nso_error=0\npeer=203.0.113.5 80\n"
			       "line=this is the neighbour\n");
		char *request = lab_only_request();
		lab_assert_has(request, "\"a\":\"b\"");
		lab_assert_has(request, "\"org.example.tab\":\"7\"");
		g_free(request);
	}
}

static void assert_changed_byte_is_fatal(gsize at, guint8 change)
{
	guint8 *changed = g_memdup2(given.blob, given.length);
	char *what = g_strdup_printf("byte %zu of %zu, flipped by %02x", at, given.length, change);

	changed[at] ^= change;
	char *policy = encode(changed, given.length);
	assert_dead(policy, what);
	g_free(policy);
	g_free(what);
	g_free(changed);
}

Test(policy, fails_every_call_when_any_byte_is_flipped)
{
	open_given();
	for (gsize at = 0; at < given.length; at++)
		assert_changed_byte_is_fatal(at, at % 2 ? 0xff : (guint8)(1u << at / 2 % 8));
	assert_silence();
}

Test(policy, fails_every_call_when_cut_at_any_length)
{
	open_given();
	for (gsize length = 0; length < given.length; length++) {
		char *policy = encode(given.blob, length);
		char *what = g_strdup_printf("%zu of %zu bytes", length, given.length);
		assert_dead(policy, what);
		g_free(what);
		g_free(policy);
	}
	assert_silence();
}

Test(policy, fails_every_call_when_it_is_garbage)
{
	open_given();
	char *huge = g_strnfill(100000, 'A');
	char *longer = g_strconcat(given.policy, "AAAA", NULL);
	char *spaced = g_strconcat(" ", given.policy, NULL);
	char *padded = g_strconcat(given.policy, "=", NULL);
	char *doubled = g_strconcat(given.policy, given.policy, NULL);
	const char *const texts[] = { "@",    "@0:1", "@1:1", "@1000:1",  "@1:x",     "@:", "",
				      "A",    "*",    "====", "\xff\xfe", "isosocks", "1",  "none",
				      longer, spaced, padded, doubled,	  huge };

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		char *what = g_strdup_printf("text %zu", i);
		assert_dead(texts[i], what);
		g_free(what);
	}
	assert_silence();
}

/* From an isosocks of another installation, which a program started under this one may be. */
Test(policy, is_named_when_it_is_of_another_version)
{
	open_given();
	guint8 *other = g_memdup2(given.blob, given.length);
	other[8]++; /* behind the magic */
	char *policy = encode(other, given.length);
	g_autofree char *isosocks = lab_program("isosocks");

	assert_dead(policy, "another version");
	assert_silence();
	g_setenv("ISOSOCKS_LOG", "error", TRUE);
	struct lab_result inside = connect_with(policy, "-l 203.0.113.5 80");
	lab_assert_out(&inside, "connect=EACCES\n");
	cr_assert(strstr(inside.err, "error: ISOSOCKS_POLICY: "), "%s", inside.err);
	cr_assert(strstr(inside.err, "another version"), "%s", inside.err);
	g_setenv("ISOSOCKS_POLICY", policy, TRUE);
	struct lab_result command = lab_shell(LAB_NOBODY, "%s true", isosocks);
	lab_assert_status(&command, 125);
	cr_assert(strstr(command.err, "ISOSOCKS_POLICY: the policy is one of another version"),
		  "%s", command.err);
	g_free(policy);
	g_free(other);
}

Test(policy, fails_every_call_and_says_why_when_asked)
{
	open_given();
	g_setenv("ISOSOCKS_LOG", "error", TRUE);
	const struct lab_result result = connect_with("garbage", "-l 203.0.113.5 80");
	lab_assert_out(&result, "connect=EACCES\n");
	cr_assert(strstr(result.err, "error: ISOSOCKS_POLICY: "), "%s", result.err);
}

Test(policy, is_the_built_in_one_where_there_is_none)
{
	open_given();
	/* Which says 127.0.0.1:9050, where nobody listens here. */
	assert_connect(NULL, "none", "-l 203.0.113.5 80", "connect=ENETDOWN\n");
	assert_connect(NULL, "none", "-l example.test 80", "connect=ENETDOWN\n");
	assert_silence();
}

/* ---- variables inside isosocks ---- */

static const struct {
	const char *variables; /* for env(1); LONG stands for 8193 bytes, LONGER for 256 */
	const char *named;     /* in the log */
} bad[] = {
	{ "ISOSOCKS_PROXY=", "ISOSOCKS_PROXY" },
	{ "ISOSOCKS_PROXY=http://127.0.0.1:9050", "ISOSOCKS_PROXY" },
	{ "ISOSOCKS_PROXY=socks4://127.0.0.1", "ISOSOCKS_PROXY" },
	{ "ISOSOCKS_PROXY=proxy.example:9050", "ISOSOCKS_PROXY" },
	{ "ISOSOCKS_PROXY=127.0.0.1:0", "ISOSOCKS_PROXY" },
	{ "ISOSOCKS_ISOLATION=", "ISOSOCKS_ISOLATION" },
	{ "ISOSOCKS_ISOLATION=LONG", "ISOSOCKS_ISOLATION" },
	{ "'ISOSOCKS_KEY_A B=x'", "ISOSOCKS_KEY_" },
	{ "ISOSOCKS_KEY_=x", "ISOSOCKS_KEY_" },
	{ "ISOSOCKS_KEY_lower=x", "ISOSOCKS_KEY_" },
	{ "ISOSOCKS_KEY_USERNAME=x", "ISOSOCKS_KEY_" },
	{ "ISOSOCKS_KEY_PASSWD=x", "ISOSOCKS_KEY_" },
	{ "ISOSOCKS_KEY_BIG=LONG", "ISOSOCKS_KEY_" },
	{ "ISOSOCKS_KEYS=bad", "ISOSOCKS_KEYS" },
	{ "ISOSOCKS_KEYS==x", "ISOSOCKS_KEYS" },
	{ "ISOSOCKS_KEYS=a=%", "ISOSOCKS_KEYS" },
	{ "ISOSOCKS_KEYS=a=%zz", "ISOSOCKS_KEYS" },
	{ "ISOSOCKS_KEYS=a=LONG", "ISOSOCKS_KEYS" },
	{ "'ISOSOCKS_KEYS=a=1&PASSWD=2'", "ISOSOCKS_KEYS" },
	{ "'ISOSOCKS_KEYS=a=1&a=2'", "ISOSOCKS_KEYS" },
	{ "ISOSOCKS_KEYS=A=1 ISOSOCKS_KEY_A=2", "ISOSOCKS_KEYS" },
	{ "ISOSOCKS_BY=host", "ISOSOCKS_BY" },
	{ "ISOSOCKS_LOG=loud", "ISOSOCKS_LOG" },
	{ "ISOSOCKS_USERNAME=me", "ISOSOCKS_USERNAME" },
	{ "ISOSOCKS_PASSWORD=secret", "ISOSOCKS_PASSWORD" },
	{ "ISOSOCKS_USERNAME=LONGER ISOSOCKS_PASSWORD=x", "ISOSOCKS_USERNAME" },
};

static char *expand(const char *text)
{
	GString *expanded = g_string_new(text);
	char *longer = g_strnfill(256, 'n');
	char *value = g_strnfill(8193, 'v');

	g_string_replace(expanded, "LONGER", longer, 0);
	g_string_replace(expanded, "LONG", value, 0);
	g_free(value);
	g_free(longer);
	return g_string_free(expanded, FALSE);
}

static void check_bad_variable(enum lab_user user, size_t row, const char *arguments)
{
	char *variables = expand(bad[row].variables);
	struct lab_result result = lab_run(user, NULL, "env ISOSOCKS_LOG=error %s %s %s", variables,
					   given.connect, arguments);

	cr_expect(g_str_has_prefix(result.out, "connect=EACCES\n"), "%s: connect %s: %s%.500s",
		  bad[row].variables, arguments, result.out, result.err);
	cr_expect(strstr(result.err, bad[row].named) && strstr(result.err, "error: "),
		  "%s: not named in: %.500s", bad[row].variables, result.err);
	g_free(result.out);
	g_free(result.err);
	g_free(variables);
}

Test(policy, fails_every_call_when_a_variable_inside_is_bad)
{
	open_given();
	char *loopback = g_strdup_printf("-l 127.0.0.1 %u", given.neighbour);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		check_bad_variable(i % LAB_USERS, i, "-l 203.0.113.5 80");
		check_bad_variable((i + 1) % LAB_USERS, i, loopback);
	}
	assert_silence();
	g_free(loopback);
}

static const struct {
	const char *options; /* of isosocks */
	const char *variables;
	const char *logged[3];
} good[] = {
	{ "-b none",
	  "ISOSOCKS_KEYS=org.example.tab=x%26y\\&a=b",
	  { "\"org.example.tab\":\"x&y\"", "\"a\":\"b\"", "\"offered\":[151,2]" } },
	{ "-b none", "ISOSOCKS_KEY_TAB=7", { "\"TAB\":\"7\"", "\"offered\":[151,2]" } },
	{ "-b none", "ISOSOCKS_KEYS=", { "\"pairs\":{}", "\"offered\":[151,2,0]" } },
	{ "-b none", "ISOSOCKS_ISOLATION=work", { "\"ISOLATION\":\"token=work\"" } },
	{ "-b user -i", "ISOSOCKS_ISOLATION=work", { "\"ISOLATION\":\"user=0;token=work\"" } },
	{ "", "ISOSOCKS_KEY_ISOLATION=whole", { "\"ISOLATION\":\"whole\"" } },
	{ "-k ISOLATION=outer", "ISOSOCKS_KEY_ISOLATION=inner", { "\"ISOLATION\":\"inner\"" } },
	{ "-k a=1 -k b=2 -b none", "ISOSOCKS_KEYS=b=3", { "\"a\":\"1\"", "\"b\":\"3\"" } },
	{ "", "ISOSOCKS_BY=none", { "\"pairs\":{}" } },
	{ "", "ISOSOCKS_BY=destination", { "\"ISOLATION\":\"dest=203.0.113.5:80\"" } },
	{ "",
	  "'ISOSOCKS_BY=user;destination'",
	  { "\"ISOLATION\":\"user=0;dest=203.0.113.5:80\"" } },
	{ "-b none",
	  "ISOSOCKS_USERNAME=me ISOSOCKS_PASSWORD=secret",
	  { "\"USERNAME\":\"me\"", "\"PASSWD\":\"secret\"", "\"offered\":[151,2]" } },
	{ "-x 127.0.0.1:1",
	  "ISOSOCKS_PROXY=socks5://127.0.0.1:PORT",
	  { "\"host\":\"203.0.113.5\"" } },
	{ "-b none",
	  "ISOSOCKS_PROXY=socks5h://me:secret@127.0.0.1:PORT",
	  { "\"USERNAME\":\"me\"", "\"PASSWD\":\"secret\"" } },
};

Test(policy, takes_what_variables_inside_add)
{
	open_given();
	char *proxy = g_strdup_printf("--map 203.0.113.5=127.0.0.1:%u", given.neighbour);
	char *port = g_strdup_printf("%u", lab_proxy(proxy));
	for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
		GString *variables = g_string_new(good[i].variables);
		g_string_replace(variables, "PORT", port, 0);
		const struct lab_result result = lab_run(
			LAB_ROOT, good[i].options, "env ISOSOCKS_LOG=warning %s %s 203.0.113.5 80",
			variables->str, given.connect);
		lab_assert_out(&result, "line=this is the neighbour\n");
		char *request = lab_only_request();
		for (size_t j = 0; j < 3 && good[i].logged[j]; j++)
			lab_assert_has(request, good[i].logged[j]);
		g_free(request);
		g_string_free(variables, TRUE);
	}
	g_free(proxy);
	g_free(port);
}

Test(policy, never_gives_up_what_a_source_demands)
{
	open_given();
	/* The keys of the command line must arrive, whatever is said inside. */
	lab_proxy("--methods none");
	const struct lab_result result =
		lab_run(LAB_NOBODY, "-k a=b",
			"env ISOSOCKS_BY=none ISOSOCKS_KEYS= %s -l 203.0.113.5 80", given.connect);
	lab_assert_out(&result, "connect=EPROTONOSUPPORT\n");
}
