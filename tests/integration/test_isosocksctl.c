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
