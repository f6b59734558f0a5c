#include "habit.h"

#include "finding.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static const char *word_of(const char *path)
{
	static char word[32];
	g_autoptr(GPtrArray) findings = findings_new();

	habit_inspect(findings, path);
	if (findings->len == 0)
		return "";
	const struct finding *finding = findings->pdata[0];
	cr_assert_eq(findings->len, 1);
	cr_assert_eq(finding->level, FINDING_NOTE);
	cr_assert(g_str_has_prefix(finding->text, path), "%s", finding->text);
	g_strlcpy(word, finding->what, sizeof(word));
	return word;
}

Test(habit, is_told_by_the_whole_name)
{
	static const char *const rows[][2] = {
		{ "/usr/bin/gpg", "daemon" },
		{ "gpg2", "daemon" },
		{ "./ssh", "daemon" },
		{ "/usr/bin/ping", "datagrams" },
		{ "/opt/mosh/mosh", "datagrams" },
		{ "/usr/bin/gpgv", "" },
		{ "/usr/bin/sshd", "" },
		{ "/usr/bin/pin", "" },
		{ "/gpg/x", "" },
		{ "", "" },
		{ "/usr/bin/curl", "" },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(rows); i++)
		cr_expect_str_eq(word_of(rows[i][0]), rows[i][1], "%s", rows[i][0]);
}

Test(habit, is_told_behind_a_link)
{
	char folder[] = "/tmp/isosocks-habit-XXXXXX";

	cr_assert(g_mkdtemp(folder));
	g_autofree char *program = g_build_filename(folder, "ping", NULL);
	g_autofree char *link = g_build_filename(folder, "p", NULL);
	cr_assert(g_file_set_contents(program, "", 0, NULL));
	cr_assert_eq(symlink("ping", link), 0);
	cr_expect_str_eq(word_of(link), "datagrams");
	unlink(link);
	unlink(program);
	rmdir(folder);
}
