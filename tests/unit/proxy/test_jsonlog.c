#include "proxy/jsonlog.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

struct row {
	char in[24];
	size_t length;
	char out[60];
};

#define ROW(in, out)                                                                               \
	{                                                                                          \
		in, sizeof(in) - 1, out                                                            \
	}

/* RFC 8259 §7; U+0000 and bytes that are no UTF-8 too. */
static struct row rows[] = {
	ROW("", "\"\""),
	ROW("plain", "\"plain\""),
	ROW("say \"so\"", "\"say \\\"so\\\"\""),
	ROW("back\\slash", "\"back\\\\slash\""),
	ROW("a\nb\tc", "\"a\\u000Ab\\u0009c\""),
	ROW("a\0b", "\"a\\u0000b\""),
	ROW("\x7f", "\"\\u007F\""),
	ROW("caf\xc3\xa9", "\"caf\xc3\xa9\""),
	ROW("\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\""),
	ROW("\xff\xfe", "\"\\u00FF\\u00FE\""),
	ROW("x\xc3", "\"x\\u00C3\""),
	ROW("\xc3(", "\"\\u00C3(\""),
	ROW("\xed\xa0\x80", "\"\\u00ED\\u00A0\\u0080\""), /* half a surrogate pair */
	ROW("\xc0\x80", "\"\\u00C0\\u0080\""),		  /* an overlong NUL */
};

ParameterizedTestParameters(proxy_jsonlog, escapes_any_bytes)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_jsonlog, escapes_any_bytes)
{
	GString *line = g_string_new("{");
	g_autofree char *expected = g_strdup_printf("{\"k\":%s", row->out);

	jsonlog_add_text(line, "k", row->in, row->length);
	cr_assert_str_eq(line->str, expected);
	g_string_free(line, TRUE);
}

static char *temporary(void)
{
	char *path = g_build_filename(g_get_tmp_dir(), "isosocks-test-XXXXXX", NULL);
	int fd = g_mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	return path;
}

Test(proxy_jsonlog, writes_one_object_a_line)
{
	g_autofree char *path = temporary();
	g_autofree char *text = NULL;
	struct jsonlog *log = jsonlog_open(path, NULL);
	GString *line = jsonlog_begin("request", 7);

	jsonlog_add_numbers(line, "offered", (const guint8[]){ 0x97, 2 }, 2);
	jsonlog_add_numbers(line, "empty", NULL, 0);
	jsonlog_open_object(line, "pairs");
	jsonlog_add_text(line, "a{", "{", 1);
	jsonlog_add_text(line, "b", "", 0);
	jsonlog_close_object(line);
	jsonlog_add_null(line, "reply");
	jsonlog_add_number(line, "port", -1);
	jsonlog_write(log, line);
	jsonlog_write(log, jsonlog_begin("close", 7));
	cr_assert(g_file_get_contents(path, &text, NULL, NULL));
	cr_assert_str_eq(text, "{\"event\":\"request\",\"conn\":7,\"offered\":[151,2],\"empty\":[],"
			       "\"pairs\":{\"a{\":\"{\",\"b\":\"\"},\"reply\":null,\"port\":-1}\n"
			       "{\"event\":\"close\",\"conn\":7}\n");
	jsonlog_close(log);
	g_unlink(path);
}

Test(proxy_jsonlog, appends_to_what_is_there)
{
	g_autofree char *path = temporary();
	g_autofree char *text = NULL;

	for (int i = 0; i < 2; i++) {
		struct jsonlog *log = jsonlog_open(path, NULL);
		jsonlog_write(log, jsonlog_begin("x", (guint64)i));
		jsonlog_close(log);
	}
	cr_assert(g_file_get_contents(path, &text, NULL, NULL));
	cr_assert_str_eq(text, "{\"event\":\"x\",\"conn\":0}\n{\"event\":\"x\",\"conn\":1}\n");
	g_unlink(path);
}

Test(proxy_jsonlog, makes_its_file_for_the_owner_alone)
{
	g_autofree char *path = temporary();
	struct stat st;

	g_unlink(path);
	jsonlog_close(jsonlog_open(path, NULL));
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 077, 0);
	g_unlink(path);
}

Test(proxy_jsonlog, says_which_file_it_cannot_open)
{
	GError *error = NULL;

	cr_assert_null(jsonlog_open("/nonexistent/log", &error));
	cr_assert_not_null(strstr(error->message, "/nonexistent/log"));
	g_error_free(error);
}

Test(proxy_jsonlog, does_without_a_file)
{
	jsonlog_write(NULL, jsonlog_begin("x", 1));
	jsonlog_close(NULL);
}
