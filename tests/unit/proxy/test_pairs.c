#include "proxy/pairs.h"

#include "guarded.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <string.h>

/* Proposal 229 §2.1. `verdict` 0: complete with `count` pairs; otherwise known after `at` bytes. */
struct row {
	char name[40];
	uint8_t in[80];
	size_t length;
	int verdict;
	size_t at;
	unsigned count;
};

#define GOOD(name, bytes, count)                                                                   \
	{                                                                                          \
		name, bytes, sizeof(bytes) - 1, 0, sizeof(bytes) - 1, count                        \
	}
#define BAD(name, bytes, verdict, at)                                                              \
	{                                                                                          \
		name, bytes, sizeof(bytes) - 1, verdict, at, 0                                     \
	}

static struct row rows[] = {
	GOOD("no pair", "\x01\x00\x00", 0),
	GOOD("one pair",
	     "\x01\x00\x01\x00\x09ISOLATION\x00\x05"
	     "alice",
	     1),
	GOOD("two pairs",
	     "\x01\x00\x02\x00\x01"
	     "b"
	     "\x00\x01"
	     "1"
	     "\x00\x01"
	     "a"
	     "\x00\x01"
	     "2",
	     2),
	GOOD("a pair without a value",
	     "\x01\x00\x01\x00\x01"
	     "a"
	     "\x00\x00",
	     1),
	GOOD("a value of any bytes",
	     "\x01\x00\x01\x00\x01"
	     "a"
	     "\x00\x03\x00\xff&",
	     1),
	GOOD("every kind of letter",
	     "\x01\x00\x01\x00\x08"
	     "aZ09._-x"
	     "\x00\x00",
	     1),
	GOOD("names differing in case",
	     "\x01\x00\x02\x00\x01"
	     "a"
	     "\x00\x00\x00\x01"
	     "A"
	     "\x00\x00",
	     2),
	BAD("version 5", "\x05\x00\x00", -EPROTO, 1),
	BAD("an empty name", "\x01\x00\x01\x00\x00\x00\x00", -EPROTO, 5),
	BAD("an empty name after a good one",
	    "\x01\x00\x02\x00\x01"
	    "a"
	    "\x00\x00\x00\x00",
	    -EPROTO, 10),
	BAD("a space in a name",
	    "\x01\x00\x01\x00\x01"
	    " "
	    "\x00\x00",
	    -EINVAL, 6),
	BAD("= in a name",
	    "\x01\x00\x01\x00\x03"
	    "a=b"
	    "\x00\x00",
	    -EINVAL, 8),
	BAD("NUL in a name",
	    "\x01\x00\x01\x00\x03"
	    "a\0b"
	    "\x00\x00",
	    -EINVAL, 8),
	BAD("a letter beyond ASCII", "\x01\x00\x01\x00\x02\xc3\xa9\x00\x00", -EINVAL, 7),
	BAD("a name of 256 bytes", "\x01\x00\x01\x01\x00", -EINVAL, 5),
	BAD("a name twice",
	    "\x01\x00\x02\x00\x01"
	    "a"
	    "\x00\x00\x00\x01"
	    "a",
	    -EINVAL, 11),
	BAD("a value above 8 KiB",
	    "\x01\x00\x01\x00\x01"
	    "a"
	    "\x20\x00",
	    -EINVAL, 8),
};

/* Feeds pieces of `step` bytes; returns the error or the bytes used. */
static int feed(struct pairs *pairs, const uint8_t *in, size_t length, size_t step)
{
	size_t used = 0;

	for (size_t end = 0; end < length;) {
		end = end + step < length ? end + step : length;
		struct guarded guarded = guarded_copy(in + used, end - used);
		int r = pairs_parse(pairs, guarded.bytes, end - used);
		guarded_free(&guarded);
		if (r < 0)
			return r;
		used += (size_t)r;
	}
	return (int)used;
}

static void check(const struct row *row, size_t length, size_t step)
{
	struct pairs *pairs = pairs_new();
	int r = feed(pairs, row->in, length, step);

	if (length < row->at) {
		cr_assert_geq(r, 0, "%s: %zu bytes", row->name, length);
		cr_assert_not(pairs_is_complete(pairs), "%s: %zu bytes", row->name, length);
	} else if (row->verdict < 0) {
		cr_assert_eq(r, row->verdict, "%s: %zu bytes", row->name, length);
	} else {
		cr_assert_eq(r, (int)row->length, "%s: %zu bytes", row->name, length);
		cr_assert(pairs_is_complete(pairs));
		cr_assert_eq(pairs_count(pairs), row->count, "%s", row->name);
	}
	pairs_free(pairs);
}

ParameterizedTestParameters(proxy_pairs, reads_a_message_whole_and_by_bytes)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_pairs, reads_a_message_whole_and_by_bytes)
{
	check(row, row->length, row->length);
	for (size_t step = 1; step < row->length; step++)
		check(row, row->length, step);
}

ParameterizedTestParameters(proxy_pairs, waits_for_the_rest_of_a_cut_message)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_pairs, waits_for_the_rest_of_a_cut_message)
{
	for (size_t length = 0; length < row->length; length++) {
		check(row, length, length > 0 ? length : 1);
		check(row, length, 1);
	}
}

ParameterizedTestParameters(proxy_pairs, leaves_what_stands_behind_the_pairs)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_pairs, leaves_what_stands_behind_the_pairs)
{
	memcpy(row->in + row->length, "\x05\x01\x00", 3);
	check(row, row->length + 3, row->length + 3);
}

Test(proxy_pairs, keeps_values_byte_for_byte)
{
	static const uint8_t in[] = "\x01\x00\x01\x00\x01"
				    "a"
				    "\x00\x03\x00\xff&";
	struct pairs *pairs = pairs_new();
	struct pair pair;
	gsize at = 0;

	cr_assert_eq(pairs_parse(pairs, in, sizeof(in) - 1), (int)sizeof(in) - 1);
	cr_assert(pairs_find(pairs, "a", &pair));
	cr_assert_str_eq(pair.name, "a");
	cr_assert_eq(pair.length, 3);
	cr_assert_arr_eq(pair.value, "\x00\xff&", 3);
	cr_assert_not(pairs_find(pairs, "A", &pair));
	cr_assert(pairs_next(pairs, &at, &pair));
	cr_assert_str_eq(pair.name, "a");
	cr_assert_not(pairs_next(pairs, &at, &pair));
	pairs_free(pairs);
}

static void append_pair(GByteArray *out, const char *name, size_t length)
{
	size_t klen = strlen(name);
	g_autofree guint8 *value = g_malloc0(length + 1);

	g_byte_array_append(out, (const guint8[]){ 0, (guint8)klen }, 2);
	g_byte_array_append(out, (const guint8 *)name, (guint)klen);
	g_byte_array_append(out, (const guint8[]){ (guint8)(length >> 8), (guint8)length }, 2);
	g_byte_array_append(out, value, (guint)length);
}

/* Names and values together are counted, the lengths around them are not. */
static int parse_sizes(size_t first, size_t second)
{
	g_autoptr(GByteArray) in = g_byte_array_new();
	struct pairs *pairs = pairs_new();
	int r;

	g_byte_array_append(in, (const guint8 *)"\x01\x00\x02", 3);
	append_pair(in, "first", first);
	append_pair(in, "second", second);
	r = pairs_parse(pairs, in->data, in->len);
	cr_assert(r < 0 || pairs_is_complete(pairs));
	pairs_free(pairs);
	return r < 0 ? r : 0;
}

Test(proxy_pairs, holds_exactly_8_kib)
{
	cr_assert_eq(parse_sizes(8192 - 11, 0), 0);
	cr_assert_eq(parse_sizes(4000, 8192 - 11 - 4000), 0);
	cr_assert_eq(parse_sizes(4000, 8192 - 11 - 4000 + 1), -EINVAL);
	cr_assert_eq(parse_sizes(8192 - 5, 0), -EINVAL);
}

Test(proxy_pairs, takes_a_name_of_255_bytes)
{
	uint8_t in[3 + 2 + 255 + 2] = { 1, 0, 1, 0, 255 };
	struct pairs *pairs = pairs_new();

	memset(in + 5, 'n', 255);
	cr_assert_eq(feed(pairs, in, sizeof(in), 1), (int)sizeof(in));
	cr_assert(pairs_is_complete(pairs));
	cr_assert_eq(strlen(pairs_get_sorted(pairs, 0).name), 255);
	pairs_free(pairs);
}

/* As many as fit, with the shortest names there are; each is found again, and their room is theirs
 * on the wire. */
Test(proxy_pairs, holds_many_in_little_room)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	g_autoptr(GByteArray) in = g_byte_array_new();
	struct pairs *pairs = pairs_new();
	const guint count = 4063;

	g_byte_array_append(in, (const guint8[]){ 1, count >> 8, count & 0xff }, 3);
	for (guint i = 0; i < count; i++)
		append_pair(in, (char[]){ letters[i % 65], letters[i / 65], 0 }, 0);
	cr_assert_eq(pairs_parse(pairs, in->data, in->len), (int)in->len);
	cr_assert(pairs_is_complete(pairs));
	cr_assert_eq(pairs_count(pairs), count);
	for (guint i = 1; i < count; i++)
		cr_assert_lt(strcmp(pairs_get_sorted(pairs, i - 1).name,
				    pairs_get_sorted(pairs, i).name),
			     0);
	cr_assert_lt(pairs_size(pairs), 2 * in->len);
	pairs_free(pairs);
}
