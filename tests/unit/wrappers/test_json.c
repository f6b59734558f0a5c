#include "json.h"

#include <criterion/criterion.h>

Test(json, puts_commas_between_and_nowhere_else)
{
	g_autoptr(GString) json = g_string_new("[{");

	json_add_number(json, "a", -1);
	json_add_bool(json, "b", TRUE);
	json_add_text(json, "c", NULL);
	json_add_key(json, "d");
	g_string_append_c(json, '[');
	json_next(json);
	json_put_text(json, "x", 1);
	json_next(json);
	json_put_text(json, "y", 1);
	g_string_append(json, "]}");
	json_next(json);
	g_string_append(json, "{}]");
	cr_assert_str_eq(json->str, "[{\"a\":-1,\"b\":true,\"c\":null,\"d\":[\"x\",\"y\"]},{}]");
}

/* RFC 8259 §7 and §8.1. */
Test(json, escapes_what_must_be_and_what_is_no_text)
{
	g_autoptr(GString) json = g_string_new(NULL);

	json_put_text(json, "a\"\\\n\0\xc3\xa4\xff\x7f", 9);
	cr_assert_str_eq(json->str, "\"a\\\"\\\\\\u000A\\u0000\xc3\xa4\\u00FF\\u007F\"");
}
