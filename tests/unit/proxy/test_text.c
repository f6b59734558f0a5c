#include "proxy/text.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

struct row {
	char in[24];
	size_t length;
	char out[60];
};

#define ROW(in, out)                                                                               \
	{                                                                                          \
		in, sizeof(in) - 1, out                                                            \
	}

/* RFC 8259 §7; what a terminal obeys or does not show; bytes that are no UTF-8. */
static struct row rows[] = {
	ROW("", ""),
	ROW("plain", "plain"),
	ROW("say \"so\"", "say \\\"so\\\""),
	ROW("back\\slash", "back\\\\slash"),
	ROW("a\nb\tc", "a\\u000Ab\\u0009c"),
	ROW("a\0b", "a\\u0000b"),
	ROW("\x1b[2J", "\\u001B[2J"),
	ROW("\x7f", "\\u007F"),
	ROW("caf\xc3\xa9", "caf\xc3\xa9"),
	ROW("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"),
	ROW("\xff\xfe", "\\u00FF\\u00FE"),
	ROW("x\xc3", "x\\u00C3"),
	ROW("\xc3(", "\\u00C3("),
	ROW("\xed\xa0\x80", "\\u00ED\\u00A0\\u0080"), /* half a surrogate pair */
	ROW("\xc0\x80", "\\u00C0\\u0080"),	      /* an overlong NUL */
	ROW("\xc2\x80\xc2\x9b\xc2\x9f", "\\u0080\\u009B\\u009F"),
	ROW("\xe2\x80\xaa\xe2\x80\xae", "\\u202A\\u202E"),
	ROW("\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069"),
	ROW("\xe2\x80\x8b\xe2\x80\x8f", "\\u200B\\u200F"),
	ROW("\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029"),
	ROW("\xef\xbb\xbf", "\\uFEFF"),
	ROW("\xee\x80\x80", "\\uE000"),		   /* private use */
	ROW("\xf3\xa0\x81\x81", "\\uDB40\\uDC41"), /* a tag, U+E0041 */
};

ParameterizedTestParameters(proxy_text, escapes_what_is_not_a_letter)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_text, escapes_what_is_not_a_letter)
{
	GString *out = g_string_new(NULL);

	text_append_escaped(out, row->in, row->length);
	cr_assert_str_eq(out->str, row->out);
	g_string_free(out, TRUE);
}

Test(proxy_text, leaves_a_message_for_a_terminal_readable)
{
	g_autofree char *text = text_printable("--map \"a\x1b[m\": no\n");

	cr_assert_str_eq(text, "--map \"a\\u001B[m\": no\\u000A");
}
