#include "base/base64.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

static int decode(const char *text, uint8_t *to, size_t size, size_t *ret_length)
{
	return base64_decode(text, strlen(text), to, size, ret_length);
}

/* RFC 4648 §10, without its padding, and the two digits in which §5 differs from §4. */
Test(base64, encodes_the_vectors_of_the_rfc)
{
	static const struct {
		const char *bytes;
		const char *text;
	} rows[] = {
		{ "", "" },
		{ "f", "Zg" },
		{ "fo", "Zm8" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "-__-" },
		{ "\xff", "_w" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[16];
		uint8_t bytes[16];
		size_t length = base64_encode(rows[i].bytes, strlen(rows[i].bytes), text);
		cr_assert_eq(length, strlen(rows[i].text));
		cr_assert_arr_eq(text, rows[i].text, length);
		cr_assert_eq(decode(rows[i].text, bytes, sizeof(bytes), &length), 0);
		cr_assert_eq(length, strlen(rows[i].bytes));
		cr_assert_arr_eq(bytes, rows[i].bytes, length);
	}
}

Test(base64, gives_back_bytes_of_every_length)
{
	uint8_t from[300], to[300];
	char text[BASE64_ENCODED(300) + 1];

	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 151 + (i >> 3));
	for (size_t length = 0; length <= sizeof(from); length++) {
		size_t decoded = 999;
		memset(text, '!', sizeof(text));
		cr_assert_eq(base64_encode(from, length, text), BASE64_ENCODED(length));
		cr_assert_eq(text[BASE64_ENCODED(length)], '!', "wrote past its end");
		cr_assert_eq(BASE64_DECODED(BASE64_ENCODED(length)), length);
		cr_assert_eq(base64_decode(text, BASE64_ENCODED(length), to, length, &decoded), 0);
		cr_assert_eq(decoded, length);
		cr_assert_arr_eq(to, from, length);
	}
}

Test(base64, takes_only_the_64_digits)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t to[3];
	size_t length;

	for (int place = 0; place < 4; place++) {
		for (int c = 0; c < 256; c++) {
			char text[4] = { 'A', 'A', 'A', 'A' };
			text[place] = (char)c;
			bool good = c != 0 && strchr(digits, c);
			cr_assert_eq(base64_decode(text, 4, to, 3, &length), good ? 0 : -EINVAL,
				     "character %d at %d", c, place);
		}
	}
}

Test(base64, refuses_lengths_that_no_bytes_have)
{
	static const char text[] = "AAAAAAAAAAAAAAAA";
	uint8_t to[16];
	size_t length = 77;

	for (size_t i = 1; i <= 13; i += 4)
		cr_assert_eq(base64_decode(text, i, to, sizeof(to), &length), -EINVAL);
	cr_assert_eq(length, 77, "output changed on failure");
}

Test(base64, refuses_bits_behind_the_last_byte)
{
	uint8_t to[3];
	size_t length;

	cr_assert_eq(decode("Zg", to, sizeof(to), &length), 0);
	cr_assert_eq(decode("Zh", to, sizeof(to), &length), -EINVAL);
	cr_assert_eq(decode("Zm8", to, sizeof(to), &length), 0);
	cr_assert_eq(decode("Zm9", to, sizeof(to), &length), -EINVAL);
}

Test(base64, refuses_padding)
{
	uint8_t to[8];
	size_t length;

	cr_assert_eq(decode("Zg==", to, sizeof(to), &length), -EINVAL);
	cr_assert_eq(decode("Zm8=", to, sizeof(to), &length), -EINVAL);
}

Test(base64, never_writes_more_than_there_is_room_for)
{
	uint8_t to[4] = { 0, 0, 0, 0xaa };
	size_t length;

	cr_assert_eq(decode("Zm9vYg", to, 3, &length), -E2BIG);
	cr_assert_eq(decode("Zm9v", to, 3, &length), 0);
	cr_assert_eq(to[3], 0xaa);
}
