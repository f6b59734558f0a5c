/*
 * isosocksctl: what each command prints, and its exit status.
 */
#include "support/lab.h"

#include "socks5/reply.h"

#include <criterion/criterion.h>
#include <string.h>

static struct lab_result run(const char *arguments)
{
	g_autofree char *program = lab_program("isosocksctl");

	return lab_shell(LAB_NOBODY, "%s %s", program, arguments);
}

static char *write_file(const char *name, const char *text)
{
	char *path = lab_path(name);

	cr_assert(g_file_set_contents(path, text, -1, NULL));
	return path;
}

Test(isosocksctl, says_what_is_wrong_with_its_command_line)
{
	static const struct {
		char arguments[32];
		int status;
		char text[64];
	} rows[] = {
		{ "", 2, "no command is given: there are " },
		{ "frobnicate", 2, "there is no command frobnicate: there are check, " },
		{ "errors x", 2, "isosocksctl errors: there are too many arguments" },
		{ "errors --jsno", 2, "isosocksctl errors: Unknown option --jsno" },
		{ "check a b", 2, "isosocksctl check: there are too many arguments" },
		{ "--verison", 2, "there is no option --verison: --version may be meant" },
		{ "-x doctor", 2, "-x stands where a command must; see isosocksctl --help" },
		{ "why -n -1", 2, "isosocksctl why: --number: -1: it must be 1 or more" },
		{ "explain http://web.test/", 2, "http://web.test/ is a URL: give its host alone" },
	};

	lab_open();
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		struct lab_result result = run(rows[i].arguments);
		lab_assert_status(&result, rows[i].status);
		cr_assert_not_null(strstr(result.err, rows[i].text), "%s", result.err);
		cr_assert_str_eq(result.out, "");
	}
}

Test(isosocksctl, has_help_for_itself_and_for_every_command)
{
	lab_open();
	struct lab_result result = run("--help");
	g_auto(GStrv) lines = g_strsplit(result.out, "\n", -1);
	guint commands = 0;

	lab_assert_status(&result, 0);
	for (guint i = 0; lines[i]; i++) {
		g_autofree char *name = NULL;
		g_autofree char *arguments = NULL;
		if (!g_str_has_prefix(lines[i], "  ") || !g_ascii_islower(lines[i][2]))
			continue;
		name = g_strndup(lines[i] + 2, strcspn(lines[i] + 2, " "));
		arguments = g_strconcat(name, " --help", NULL);
		struct lab_result one = run(arguments);
		lab_assert_status(&one, 0);
		lab_assert_out(&one, name);
		commands++;
	}
	cr_assert_geq(commands, 2);
}

Test(isosocksctl, errors_has_every_row_of_the_table)
{
	lab_open();
	struct lab_result table = run("errors");
	struct lab_result json = run("errors --json");

	lab_assert_status(&table, 0);
	lab_assert_status(&json, 0);
	for (size_t i = 0; i < reply_count; i++) {
		const struct reply_row *row = &reply_rows[i];
		g_autofree char *member =
			g_strdup_printf("\"errno\":\"%s\",\"number\":%d,\"meaning\":\"%s\"",
					strerrorname_np(row->error), row->error, row->meaning);
		g_autofree char *line = g_strdup_printf("%02X    ", row->code);
		lab_assert_out(&table, line);
		lab_assert_out(&table, row->meaning);
		lab_assert_out(&json, member);
	}
}

Test(isosocksctl, check_names_everything_that_is_wrong)
{
	lab_open();
	g_autofree char *path =
		write_file("bad.conf", "[proxy]\nretry=many\ntimeout=3\n[nonsense]\n"
				       "[log]\nlevel=loud\n");
	g_autofree char *expected = g_strdup_printf("%s:2: [proxy] retry: ", path);
	g_autofree char *last = g_strdup_printf("%s:6: [log] level: ", path);
	g_autofree char *arguments = g_strconcat("check ", path, NULL);
	struct lab_result result = run(arguments);

	lab_assert_status(&result, 1);
	lab_assert_out(&result, expected);
	lab_assert_out(&result, ":4: [nonsense]: there is no such group");
	lab_assert_out(&result, last);
}

Test(isosocksctl, check_takes_the_file_that_is_shipped)
{
	lab_open();
	g_autofree char *text = NULL;

	cr_assert(g_file_get_contents("config/isosocks.conf", &text, NULL, NULL));
	g_autofree char *path = write_file("isosocks.conf", text);
	g_autofree char *arguments = g_strconcat("check ", path, NULL);
	struct lab_result result = run(arguments);

	lab_assert_status(&result, 0);
	cr_assert_str_eq(result.out, "");
}

/* What is no configuration at all: one line, which names the file and what it should be. */
Test(isosocksctl, check_says_what_is_no_configuration)
{
	static const struct {
		char make[96]; /* $f is the file */
		char says[96]; /* behind its name */
	} rows[] = {
		{ ":", ": cannot be read: No such file or directory" },
		{ "mkdir $f", ": cannot be read: Is a directory" },
		{ "head -c 10000000 /dev/zero >$f", ": is larger than the 1024 KiB" },
		{ "yes '[proxy]' | head -c 10000000 >$f", ": is larger than the 1024 KiB" },
		{ "printf '[proxy]\\nretry=\\377\\n' >$f", ":2: this is not UTF-8 text" },
		{ "printf '[proxy]\\n\\000retry=1\\n' >$f", ":2: a NUL byte is not text" },
		{ "cp /proc/self/exe $f", ":1: a NUL byte is not text" },
		{ "printf 'retry=1\\n' >$f", ":1: " },
		{ "printf '[network]\\ndirect=192.0.2.1:53\\n' >$f",
		  ":2: [network] direct: 192.0.2.1:53: never" },
		{ "printf '[network]\\ndeny=10.0.0.0/8\\n\\ndirect=10.1.2.3\\n' >$f",
		  ":4: [network] direct: 10.1.2.3: never" },
		{ "printf '[application a]\\n[application b]\\nuser=1\\n' >$f",
		  ":2: [application b]: never" },
	};

	lab_open();
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *name = g_strdup_printf("bad-%zu.conf", i);
		g_autofree char *path = lab_path(name);
		g_autofree char *arguments = g_strconcat("check ", path, NULL);
		g_autofree char *expected = g_strconcat(path, rows[i].says, NULL);
		const struct lab_result made =
			lab_shell(LAB_NOBODY, "f=%s; %s", path, rows[i].make);
		lab_assert_status(&made, 0);
		struct lab_result result = run(arguments);
		lab_assert_status(&result, 1);
		cr_expect(g_str_has_prefix(result.out, expected), "no «%s» but\n%s%s", expected,
			  result.out, result.err);
		cr_expect_lt(strlen(result.out), 400u, "%s: that much: %.1000s", rows[i].make,
			     result.out);
	}
}

/* ---- a shell that runs already ---- */

Test(isosocksctl, env_takes_a_shell_in_and_lets_it_out_again)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer's runtime must come before what the shell preloads");
	lab_open();
	const unsigned neighbour = lab_serve("the neighbour");
	g_autofree char *map = g_strdup_printf("--map 203.0.113.5=127.0.0.1:%u", neighbour);
	const unsigned proxy = lab_proxy(map);
	g_autofree char *program = lab_program("isosocksctl");
	g_autofree char *connect = lab_program("connect");
	/* The library of another, and a value that a shell could take for its own words. */
	struct lab_result result =
		lab_shell(LAB_NOBODY,
			  "set -e; export LD_PRELOAD=libm.so.6 ISOSOCKS_PROXY=127.0.0.1:%u "
			  "ISOSOCKS_KEY_ODD=\"a'b \\$(touch $PWD/odd) \\`id\\`\"; c='%s "
			  "203.0.113.5 80'; ctl=%s; "
			  "eval \"$($ctl env)\"; $c; echo \"in=$LD_PRELOAD=\"; "
			  "eval \"$($ctl env)\"; echo \"twice=$LD_PRELOAD=\"; "
			  "eval \"$($ctl env --undo)\"; "
			  "echo \"out=$LD_PRELOAD=$ISOSOCKS_POLICY=$ISOSOCKS_NAMES=\"; $c -l; "
			  "unset LD_PRELOAD; eval \"$($ctl env)\"; eval \"$($ctl env --undo)\"; "
			  "env | grep -c -e ^LD_PRELOAD -e ^ISOSOCKS_POLICY || :",
			  proxy, connect, program);
	g_autofree char *odd = lab_path("odd");
	g_autofree char *line = lab_only_request();
	g_autofree char *in = g_strstr_len(result.out, -1, "in=")
				      ? g_strdup(strstr(result.out, "in=") + 3)
				      : g_strdup("");
	g_autofree char *twice = g_strdup_printf("twice=%.*s=", (int)strcspn(in, "="), in);

	lab_assert_status(&result, 0);
	lab_assert_out(&result, "line=this is the neighbour");
	lab_assert_has(line, "\"ODD\":\"a'b $(touch");
	lab_assert_out(&result, "libisosocks.so:libm.so.6=");
	lab_assert_out(&result, twice);
	lab_assert_out(&result, "out=libm.so.6===\nconnect=ENETUNREACH\n");
	cr_assert(g_str_has_suffix(result.out, "\n0\n"), "%s", result.out);
	cr_assert_not(g_file_test(odd, G_FILE_TEST_EXISTS));
}

Test(isosocksctl, env_says_that_credentials_will_be_in_the_environment)
{
	lab_open();
	struct lab_result plain = run("env");
	lab_assert_status(&plain, 0);
	cr_assert_str_empty(plain.err);
	g_setenv("ISOSOCKS_USERNAME", "carol", TRUE);
	g_setenv("ISOSOCKS_PASSWORD", "hunter2", TRUE);
	struct lab_result result = run("env");

	lab_assert_status(&result, 0);
	cr_assert(strstr(result.err, "the proxy's credentials are in what is printed"), "%s",
		  result.err);
	cr_assert_null(strstr(result.out, "ISOSOCKS_POLICY='@"), "%s", result.out);
	cr_assert_null(strstr(result.err, "hunter2"));
}

Test(isosocksctl, env_prints_nothing_that_a_shell_could_run_when_it_fails)
{
	lab_open();
	g_setenv("ISOSOCKS_PROXY", "http://127.0.0.1:1", TRUE);
	struct lab_result result = run("env");

	lab_assert_status(&result, 1);
	cr_assert_str_eq(result.out, "");
	cr_assert(strstr(result.err, "isosocksctl env: ISOSOCKS_PROXY: "), "%s", result.err);
}

/* Each shell that there is takes part, with another preload that has odd characters, and is out of
 * it again. SHELL says which it is. */
static const struct {
	const char *shell;
	const char *in, *out;
	const char *show; /* a variable that may not be there */
} shells[] = {
	{ "dash", "eval \"$($CTL env)\"", "eval \"$($CTL env --undo)\"", "echo [$LD_PRELOAD]" },
	{ "bash", "eval \"$($CTL env)\"", "eval \"$($CTL env --undo)\"", "echo [$LD_PRELOAD]" },
	{ "zsh", "eval \"$($CTL env)\"", "eval \"$($CTL env --undo)\"", "echo \"[$LD_PRELOAD]\"" },
	{ "ksh", "eval \"$($CTL env)\"", "eval \"$($CTL env --undo)\"", "echo [$LD_PRELOAD]" },
	{ "fish", "$CTL env | source", "$CTL env --undo | source", "echo \"[$LD_PRELOAD]\"" },
	{ "tcsh", "eval \"`$CTL env`\"", "eval \"`$CTL env --undo`\"",
	  "sh -c 'echo \"[$LD_PRELOAD]\"'" },
};

static void assert_takes_part(const char *shell, const char *in, const char *out, const char *show)
{
	g_autofree char *program = lab_program("isosocksctl");
	g_autofree char *connect = lab_program("connect");
	g_autofree char *script =
		g_strdup_printf("%s\n$CONNECT 203.0.113.5 80\n%s\n%s\n", in, out, show);
	g_autofree char *path = lab_path("script");

	cr_assert(g_file_set_contents(path, script, -1, NULL));
	const struct lab_result result =
		lab_shell(LAB_NOBODY,
			  "CTL=%s CONNECT=%s SHELL=/usr/bin/%s ISOSOCKS_PROXY=127.0.0.1:%u "
			  "LD_PRELOAD='libm.so.6 /x\\y!z.so' HOME=%s %s %s 2>/dev/null",
			  program, connect, shell, lab_port(), lab_folder(), shell, path);
	cr_assert(strstr(result.out, "line=this is the neighbour"), "%s: %s%s", shell, result.out,
		  result.err);
	cr_assert(strstr(result.out, "[libm.so.6:/x\\y!z.so]"), "%s: %s%s", shell, result.out,
		  result.err);
}

Test(isosocksctl, env_is_for_every_shell)
{
	unsigned tried = 0;

	lab_open();
	g_autofree char *map =
		g_strdup_printf("--map 203.0.113.5=127.0.0.1:%u", lab_serve("the neighbour"));
	lab_proxy(map);
	for (size_t i = 0; i < G_N_ELEMENTS(shells); i++) {
		g_autofree char *path = g_find_program_in_path(shells[i].shell);
		if (!path)
			continue;
		assert_takes_part(shells[i].shell, shells[i].in, shells[i].out, shells[i].show);
		tried++;
	}
	cr_assert_geq(tried, 2u);
}

/* ---- the machine's policy ---- */

#define POLICY "/etc/isosocks.policy"

static struct lab_result as_root(const char *script)
{
	g_autofree char *program = lab_program("isosocksctl");

	return lab_shell(LAB_ROOT, "ctl=%s; %s", program, script);
}

Test(isosocksctl, compile_replaces_the_policy_by_a_good_one_alone)
{
	lab_open();
	lab_cover_etc();
	struct lab_result first = as_root("umask 077; $ctl compile && stat -c %a " POLICY);
	lab_assert_status(&first, 0);
	cr_assert_str_eq(first.out, "644\n", "every user must be able to read it");

	struct lab_result second = as_root(
		"printf '[network]\\ndeny=203.0.113.9\\n' >/etc/isosocks.conf; $ctl compile && "
		"grep -c /etc/isosocks.conf " POLICY);
	lab_assert_status(&second, 0);
	lab_assert_out(&second, "1\n");

	struct lab_result bad =
		as_root("cp " POLICY " kept; printf '[network]\\ndeny=x y\\n' >/etc/isosocks.conf; "
			"$ctl compile; echo $?; cmp kept " POLICY " && ls /etc | grep isosocks");
	lab_assert_status(&bad, 0);
	cr_assert_str_eq(bad.out, "1\nisosocks.conf\nisosocks.policy\n");
	cr_assert(strstr(bad.err, "isosocksctl compile: /etc/isosocks.conf:2: [network] deny: "),
		  "%s", bad.err);

	struct lab_result user = run("compile");
	lab_assert_status(&user, 1);
	cr_assert(strstr(user.err, "isosocksctl compile: "), "%s", user.err);
}

/* As an upgrade may leave one: whom it concerned is not known, and is not guessed. */
Test(isosocksctl, names_a_policy_of_another_version)
{
	lab_open();
	lab_cover_etc();
	struct lab_result result =
		as_root("$ctl compile && printf '\\377' | dd of=" POLICY
			" bs=1 seek=8 conv=notrunc 2>/dev/null && "
			"cp " POLICY " kept; $ctl compile; echo $?; cmp kept " POLICY);
	lab_assert_status(&result, 0);
	cr_assert_str_eq(result.out, "1\n");
	cr_assert_str_eq(result.err,
			 "isosocksctl compile: " POLICY ": the policy is one of another version of "
			 "isosocks; say anew whom it concerns: isosocksctl system enable --min-uid "
			 "N, or --users LIST\n");
}

/* ---- what becomes of a connection ---- */

Test(isosocksctl, explain_names_the_rule_and_what_would_go)
{
	lab_open();
	g_autofree char *path = write_file(
		"rules.conf",
		"[isolation]\nby=destination\nkey.A=b\n[network]\ndeny=.denied.test\n"
		"direct=10.0.0.0/8\n[application sh]\nmatch=*/*sh\nuser=77\naction=deny\n");
	static const struct {
		char target[32];
		char options[16];
		char text[64];
		char also[64];
	} rows[] = {
		{ "x.denied.test", "", "x.denied.test:443: deny\n",
		  "rules.conf:5: [network] deny: .denied.test\n" },
		{ "10.1.2.3:80", "", "10.1.2.3:80: direct\n",
		  "rules.conf:6: [network] direct: 10.0.0.0/8" },
		{ "127.0.0.1:80", "", "127.0.0.1:80: direct\n", "[network] loopback: direct" },
		{ "127.0.0.1:53", "", "127.0.0.1:53: deny\n", "port 53 never" },
		{ "ok.test:80", "", "ok.test:80: proxy\n", "ISOLATION=dest=ok.test:80" },
		{ "ok.test:80", "", "extended (97), password (02)\n", "must arrive" },
		{ "'[2001:db8::1]:80'", "", "2001:db8::1:80: proxy\n", "A=b" },
		{ "ok.test", "--user 77", "ok.test:443: deny\n",
		  "rules.conf:7: [application sh] action: deny" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *arguments = g_strdup_printf("explain -c %s %s %s", path,
							     rows[i].options, rows[i].target);
		struct lab_result result = run(arguments);
		lab_assert_status(&result, 0);
		lab_assert_out(&result, rows[i].text);
		lab_assert_out(&result, rows[i].also);
	}
}

Test(isosocksctl, status_tells_what_a_proxy_takes)
{
	lab_open();
	g_autofree char *settings = g_strdup_printf(
		"[proxy]\nurl=user:secret@127.0.0.1:%u\n[network]\ndeny=.denied.test\n"
		"[application one]\nmatch=/bin/a*;/bin/\"b\nuser=7\n",
		lab_proxy("--methods password,none"));
	g_autofree char *path = write_file("status.conf", settings);
	g_autofree char *there = g_strdup_printf("status --json -c %s", path);
	struct lab_result up = run(there);
	struct lab_result down = run("status");

	lab_assert_status(&up, 0);
	lab_assert_out(&up, "\"extended\":false,\"password\":true,\"none\":true");
	lab_assert_out(&up, "\"policy\":{\"proxy\":{\"url\":\"socks5://127.0.0.1:");
	lab_assert_out(&up, "\"network\":{\"loopback\":\"direct\",\"direct\":\"\","
			    "\"deny\":\".denied.test\",");
	lab_assert_out(&up,
		       "\"application one\":{\"match\":\"/bin/a*;/bin/\\\"b\",\"user\":\"7\",");
	cr_assert_null(strstr(up.out, "secret"), "%s", up.out);
	lab_assert_status(&down, 1);
	lab_assert_out(&down, "127.0.0.1:9050: Connection refused");
	lab_assert_out(&down, "\n[isolation]\n");
}

/* ---- what failed ---- */

Test(isosocksctl, why_has_the_last_failures_and_the_program_knows_its_own)
{
	lab_open();
	g_autofree char *settings =
		write_file("why.conf", "[log]\nwhy=true\n[network]\ndeny=203.0.113.9\n[isolation]"
				       "\nkey.org.example=hidden\n");
	g_autofree char *connect = lab_program("connect");
	g_autofree char *options = g_strdup_printf("-c %s", settings);
	g_autofree char *folder = lab_path("runtime");

	g_setenv("XDG_RUNTIME_DIR", folder, TRUE);
	struct lab_result none = run("why");
	lab_assert_status(&none, 1);
	cr_assert(strstr(none.err, "there is no such folder"), "%s", none.err);
	struct lab_result made = lab_shell(LAB_NOBODY, "mkdir -m 700 %s", folder);
	lab_assert_status(&made, 0);
	none = run("why");
	lab_assert_status(&none, 1);
	cr_assert(strstr(none.err, "why=true"), "%s", none.err);
	lab_proxy("--fault gone.test=reply:e0");
	struct lab_result failed = lab_run(LAB_NOBODY, options, "%s -l -f gone.test 80", connect);
	lab_assert_out(&failed, "failure=ENXIO 4 e0 gone.test:80 onion service not found");
	struct lab_result denied = lab_run(LAB_NOBODY, options, "%s -l -f 203.0.113.9 81", connect);
	lab_assert_out(&denied, "failure=EACCES 0 00 203.0.113.9:81 the policy denies it");

	g_autofree char *isosocks = lab_program("isosocks");
	struct lab_result down = lab_shell(LAB_NOBODY, "%s %s -x 127.0.0.1:1 %s -l -f down.test 80",
					   isosocks, options, connect);
	lab_assert_out(&down, "failure=ENETDOWN 1 00 down.test:80 the proxy cannot be reached");

	struct lab_result why = run("why");
	lab_assert_status(&why, 0);
	lab_assert_out(&why, " down.test:80: ENETDOWN: the proxy cannot be reached");
	lab_assert_out(&why, " 203.0.113.9:81: EACCES: the policy denies it");
	lab_assert_out(&why, " gone.test:80: ENXIO, reply E0: onion service not found");
	lab_assert_out(&why, "ISOLATION org.example");
	cr_assert_null(strstr(why.out, "hidden"));
	cr_assert_lt(strstr(why.out, "203.0.113.9"), strstr(why.out, "gone.test"),
		     "the latest first");
	struct lab_result json = run("why --json -n 1");
	lab_assert_out(&json, "\"host\":\"down.test\",\"port\":80,\"errno\":\"ENETDOWN\"");
	cr_assert_null(strstr(json.out, "gone.test"));
	struct lab_result mode = lab_shell(LAB_NOBODY, "stat -c %%a %s/isosocks-why", folder);
	cr_assert_str_eq(mode.out, "600\n");
}
