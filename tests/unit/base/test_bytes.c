#include "base/bytes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

/* The last bytes before a page that faults: what is read or written beyond them ends the test. */
static uint8_t *guarded(size_t length)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *pages =
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(pages, MAP_FAILED);
	cr_assert_eq(mprotect(pages + page, page, PROT_NONE), 0);
	return pages + page - length;
}

/* What a writer with room to spare has written. */
static const char *written(const struct bytes_writer *w)
{
	static char text[512];

	cr_assert_not(w->bad);
	cr_assert_lt(bytes_length(w), sizeof(text));
	memcpy(text, w->start, bytes_length(w));
	text[bytes_length(w)] = '\0';
	return text;
}

/* ---- reader ---- */

Test(bytes, takes_numbers_in_network_order)
{
	struct bytes_reader r = bytes_reader("\x00\x09\xff\xfe\x97", 5);

	cr_assert_eq(bytes_take_u16(&r), 0x0009);
	cr_assert_eq(bytes_take_u16(&r), 0xfffe);
	cr_assert_eq(bytes_left(&r), 1u);
	cr_assert_eq(bytes_take_u8(&r), 0x97);
	cr_assert_eq(bytes_left(&r), 0u);
	cr_assert_not(r.bad);
}

Test(bytes, takes_up_to_the_last_byte_and_none_beyond)
{
	uint8_t *memory = guarded(3);

	memcpy(memory, "abc", 3);
	for (size_t length = 0; length <= 4; length++) {
		struct bytes_reader r = bytes_reader(memory, 3);
		const uint8_t *at = bytes_take(&r, length);
		cr_assert_eq(at, length <= 3 ? memory : NULL, "%zu", length);
		cr_assert_eq(r.bad, length > 3, "%zu", length);
		cr_assert_eq(bytes_left(&r), length <= 3 ? 3 - length : 3, "%zu", length);
	}
	struct bytes_reader r = bytes_reader(memory, 3);
	cr_assert_null(bytes_take(&r, SIZE_MAX));
	cr_assert(r.bad);
}

Test(bytes, takes_no_half_of_a_number)
{
	uint8_t *memory = guarded(1);
	struct bytes_reader r = bytes_reader(memory, 1);

	*memory = 0x42;
	cr_assert_eq(bytes_take_u16(&r), 0);
	cr_assert(r.bad);
	cr_assert_eq(bytes_left(&r), 1u);
}

Test(bytes, takes_nothing_more_once_bad)
{
	struct bytes_reader r = bytes_reader("\x01\x02", 2);

	cr_assert_null(bytes_take(&r, 3));
	cr_assert_eq(bytes_take_u8(&r), 0);
	cr_assert_eq(bytes_take_u16(&r), 0);
	cr_assert_null(bytes_take(&r, 0));
	cr_assert(r.bad);
}

Test(bytes, takes_nothing_from_nothing)
{
	struct bytes_reader r = bytes_reader("", 0);

	cr_assert_not_null(bytes_take(&r, 0));
	cr_assert_not(r.bad);
	cr_assert_eq(bytes_take_u8(&r), 0);
	cr_assert(r.bad);
}

/* ---- writer ---- */

Test(bytes, puts_numbers_in_network_order)
{
	uint8_t room[5];
	struct bytes_writer w = bytes_writer(room, sizeof(room));

	bytes_put_u16(&w, 0x0009);
	bytes_put_u16(&w, 0xfffe);
	bytes_put_u8(&w, 0x97);
	cr_assert_not(w.bad);
	cr_assert_eq(bytes_length(&w), 5u);
	cr_assert_arr_eq(room, "\x00\x09\xff\xfe\x97", 5);
}

Test(bytes, puts_up_to_the_last_byte_and_none_beyond)
{
	uint8_t *memory = guarded(3);

	for (size_t length = 0; length <= 4; length++) {
		struct bytes_writer w = bytes_writer(memory, 3);
		memset(memory, '.', 3);
		bytes_put(&w, "abcd", length);
		cr_assert_eq(w.bad, length > 3, "%zu", length);
		cr_assert_eq(bytes_length(&w), length <= 3 ? length : 0, "%zu", length);
		cr_assert_arr_eq(memory, length <= 3 ? "abc" : "...", length <= 3 ? length : 3);
	}
	struct bytes_writer w = bytes_writer(memory, 3);
	bytes_put(&w, "abcd", SIZE_MAX);
	cr_assert(w.bad);
}

Test(bytes, puts_nothing_more_once_bad)
{
	uint8_t room[4] = { '.', '.', '.', '.' };
	struct bytes_writer w = bytes_writer(room, sizeof(room));

	bytes_put_text(&w, "hello");
	bytes_put_u8(&w, 'x');
	bytes_put_decimal(&w, 1);
	bytes_put(&w, "", 0);
	cr_assert(w.bad);
	cr_assert_eq(bytes_length(&w), 0u);
	cr_assert_arr_eq(room, "....", 4);
}

Test(bytes, puts_no_bytes_from_nowhere)
{
	uint8_t room[1];
	struct bytes_writer w = bytes_writer(room, sizeof(room));

	bytes_put(&w, NULL, 0);
	cr_assert_not(w.bad);
	cr_assert_eq(bytes_length(&w), 0u);
}

Test(bytes, puts_decimal_numbers_of_every_length)
{
	char room[32], expected[32];

	for (uint64_t value = 1; value != 0; value = value > UINT64_MAX / 10 ? 0 : value * 10) {
		for (int less = 0; less < 2; less++) {
			struct bytes_writer w = bytes_writer(room, sizeof(room));
			bytes_put_decimal(&w, value - (uint64_t)less);
			sprintf(expected, "%llu", (unsigned long long)value - (unsigned)less);
			cr_assert_str_eq(written(&w), expected);
		}
	}
	struct bytes_writer w = bytes_writer(room, sizeof(room));
	bytes_put_decimal(&w, UINT64_MAX);
	cr_assert_str_eq(written(&w), "18446744073709551615");
}

Test(bytes, puts_hex_in_lower_case)
{
	uint8_t room[32];
	struct bytes_writer w = bytes_writer(room, sizeof(room));

	bytes_put_hex(&w, "\x00\x0f\xa5\xff", 4);
	cr_assert_str_eq(written(&w), "000fa5ff");
}

/* RFC 3986 §2.3: the unreserved characters; §2.1: upper-case digits. */
Test(bytes, escapes_every_byte_but_the_unreserved)
{
	static const char unreserved[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789-._~";

	for (unsigned byte = 0; byte < 256; byte++) {
		uint8_t room[8];
		char expected[8];
		struct bytes_writer w = bytes_writer(room, sizeof(room));

		bytes_put_escaped(&w, (uint8_t)byte, "");
		sprintf(expected, byte && strchr(unreserved, (int)byte) ? "%c" : "%%%02X", byte);
		cr_assert_str_eq(written(&w), expected);
	}
}

Test(bytes, lets_stand_what_is_named_besides_but_never_nul)
{
	uint8_t room[16];
	struct bytes_writer w = bytes_writer(room, sizeof(room));

	for (const char *at = "/:;%"; *at; at++)
		bytes_put_escaped(&w, (uint8_t)*at, "/:");
	bytes_put_escaped(&w, 0, "/:");
	cr_assert_str_eq(written(&w), "/:%3B%25%00");
}

Test(bytes, puts_an_escape_whole_or_not_at_all)
{
	uint8_t *memory = guarded(2);
	struct bytes_writer w = bytes_writer(memory, 2);

	bytes_put_escaped(&w, ' ', "");
	cr_assert(w.bad);
	cr_assert_eq(bytes_length(&w), 0u);
}
