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
	g_autofree char *settings = g_strdup_printf("[proxy]\nurl=127.0.0.1:%u\n",
						    lab_proxy("--methods password,none"));
	g_autofree char *path = write_file("status.conf", settings);
	g_autofree char *there = g_strdup_printf("status --json -c %s", path);
	struct lab_result up = run(there);
	struct lab_result down = run("status");

	lab_assert_status(&up, 0);
	lab_assert_out(&up, "\"extended\":false,\"password\":true,\"none\":true");
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
