#include "inifile.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

static GPtrArray *parse(const char *text, size_t length, GError **error)
{
	return inifile_parse("f", text, length, error);
}

Test(inifile, keeps_the_line_of_every_setting)
{
	const char text[] = "# comment\n\n  [one] \nkey = a value \n\n[two]\n\tother=\n";
	g_autoptr(GPtrArray) entries = parse(text, strlen(text), NULL);
	const struct inifile_entry *key = entries->pdata[1];
	const struct inifile_entry *other = entries->pdata[3];

	cr_assert_eq(entries->len, 4);
	cr_assert_str_eq(key->group, "one");
	cr_assert_str_eq(key->key, "key");
	cr_assert_eq(key->line, 4);
	cr_assert(g_str_has_prefix(key->value, "a value"));
	cr_assert_str_eq(other->value, "");
	cr_assert_eq(other->line, 7);
}

Test(inifile, takes_an_empty_file)
{
	g_autoptr(GPtrArray) entries = parse("", 0, NULL);

	cr_assert_eq(entries->len, 0);
}

static const struct {
	const char *text;
	size_t length; /* 0: up to the NUL */
	const char *message;
} refused[] = {
	{ "[a]\nx=1\ny=2\nx=3\n", 0, "f:4: [a] x: given twice, on line 2 already" },
	{ "[a]\nx=1\nx =1\n", 0, "f:3: [a] x: given twice, on line 2 already" },
	{ "[a]\n[b]\n[a]\n", 0, "f:3: [a]: this group began on line 1 already" },
	{ "x=1\n", 0, "f:1: a key stands behind the [group] it belongs to" },
	{ "[a]\nword\n", 0, "f:2: this is no [group], no key=value and no # comment" },
	{ "[a]\n=1\n", 0, "f:2: this is no [group], no key=value and no # comment" },
	{ "[a\n", 0, "f:1: a group is a name in brackets, [proxy], alone on its line" },
	{ "[a] b\n", 0, "f:1: a group is a name in brackets, [proxy], alone on its line" },
	{ "[a]\nx=\0\n", 8, "f:2: a NUL byte is not text" },
	{ "[a]\n\nx=\xff\n", 0, "f:3: this is not UTF-8 text" },
	{ "[a]\nx=\xc3", 0, "f:2: this is not UTF-8 text" },
};

ParameterizedTestParameters(inifile, says_on_which_line_it_is_wrong)
{
	static size_t rows[G_N_ELEMENTS(refused)];

	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, G_N_ELEMENTS(refused));
}

ParameterizedTest(size_t *row, inifile, says_on_which_line_it_is_wrong)
{
	const char *text = refused[*row].text;
	size_t length = refused[*row].length ? refused[*row].length : strlen(text);
	g_autoptr(GError) error = NULL;
	GPtrArray *entries = parse(text, length, &error);

	cr_assert_null(entries);
	cr_assert_str_eq(error->message, refused[*row].message);
}

Test(inifile, names_the_line_of_a_value_with_a_bad_escape)
{
	const char text[] = "[a]\n\nx=\\q\n";
	g_autoptr(GError) error = NULL;

	cr_assert_null(parse(text, strlen(text), &error));
	cr_assert(g_str_has_prefix(error->message, "f:3: [a] x: "), "%s", error->message);
}
