#include "proxy/message.h"

#include "guarded.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <string.h>

enum parser { GREETING, CREDENTIALS, REQUEST };

/* `verdict` is what the parser says of the whole, `at` the number of bytes after which it can say
 * so. */
struct row {
	enum parser parser;
	char name[40];
	uint8_t in[300];
	size_t length;
	int verdict;
	size_t at;
};

#define ROW(parser, name, bytes, verdict, at)                                                      \
	{                                                                                          \
		parser, name, bytes, sizeof(bytes) - 1, verdict, at                                \
	}
#define WHOLE(parser, name, bytes) ROW(parser, name, bytes, sizeof(bytes) - 1, sizeof(bytes) - 1)

static struct row rows[] = {
	/* RFC 1928 §3 */
	WHOLE(GREETING, "one method", "\x05\x01\x00"),
	WHOLE(GREETING, "three methods", "\x05\x03\x97\x02\x00"),
	WHOLE(GREETING, "no method", "\x05\x00"),
	ROW(GREETING, "SOCKS4", "\x04\x01\x00\x50", -EPROTO, 1),
	ROW(GREETING, "HTTP", "GET / HTTP/1.0\r\n\r\n", -EPROTO, 1),
	/* RFC 1929 §2 */
	WHOLE(CREDENTIALS, "name and password",
	      "\x01\x05"
	      "alice"
	      "\x06"
	      "secret"),
	WHOLE(CREDENTIALS, "both empty", "\x01\x00\x00"),
	WHOLE(CREDENTIALS, "empty password", "\x01\x01u\x00"),
	WHOLE(CREDENTIALS, "empty name", "\x01\x00\x01p"),
	ROW(CREDENTIALS, "version 5", "\x05\x01u\x01p", -EPROTO, 1),
	ROW(CREDENTIALS, "version 0", "\x00\x01u\x01p", -EPROTO, 1),
	/* RFC 1928 §4 */
	WHOLE(REQUEST, "IPv4", "\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x50"),
	WHOLE(REQUEST, "IPv6",
	      "\x05\x01\x00\x04"
	      "0123456789abcdef"
	      "\x01\xbb"),
	WHOLE(REQUEST, "name",
	      "\x05\x01\x00\x03\x0b"
	      "example.com"
	      "\x00\x50"),
	WHOLE(REQUEST, "RESOLVE", "\x05\xf0\x00\x03\x01h\x00\x00"),
	WHOLE(REQUEST, "unknown command is still a request", "\x05\x03\x00\x03\x01h\x00\x00"),
	ROW(REQUEST, "version 1", "\x01\x01\x00\x01", -EPROTO, 1),
	ROW(REQUEST, "reserved byte 1", "\x05\x01\x01\x01\x7f\x00\x00\x01\x00\x50", -EPROTO, 3),
	ROW(REQUEST, "address type 0", "\x05\x01\x00\x00\x00\x00", -EAFNOSUPPORT, 4),
	ROW(REQUEST, "address type 2", "\x05\x01\x00\x02\x00\x00", -EAFNOSUPPORT, 4),
	ROW(REQUEST, "address type 5", "\x05\x01\x00\x05\x00\x00", -EAFNOSUPPORT, 4),
	ROW(REQUEST, "empty name", "\x05\x01\x00\x03\x00\x00\x50", -EPROTO, 7),
	ROW(REQUEST, "NUL in a name",
	    "\x05\x01\x00\x03\x03"
	    "a\0b"
	    "\x00\x50",
	    -EPROTO, 10),
};

static int parse(enum parser parser, const uint8_t *in, size_t length)
{
	static struct greeting greeting;
	static struct credentials credentials;
	static struct request request;

	switch (parser) {
	case GREETING:
		return greeting_parse(in, length, &greeting);
	case CREDENTIALS:
		return credentials_parse(in, length, &credentials);
	default:
		return request_parse(in, length, &request);
	}
}

static int parse_guarded(enum parser parser, const uint8_t *in, size_t length)
{
	struct guarded guarded = guarded_copy(in, length);
	int r = parse(parser, guarded.bytes, length);

	guarded_free(&guarded);
	return r;
}

ParameterizedTestParameters(proxy_message, reads_every_message_whole)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_message, reads_every_message_whole)
{
	cr_assert_eq(parse_guarded(row->parser, row->in, row->length), row->verdict, "%s",
		     row->name);
}

ParameterizedTestParameters(proxy_message, decides_at_the_byte_that_decides_and_not_before)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_message, decides_at_the_byte_that_decides_and_not_before)
{
	for (size_t length = 0; length <= row->length; length++)
		cr_assert_eq(parse_guarded(row->parser, row->in, length),
			     length < row->at ? 0 : row->verdict, "%s: %zu bytes", row->name,
			     length);
}

ParameterizedTestParameters(proxy_message, leaves_what_stands_behind_a_message)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_message, leaves_what_stands_behind_a_message)
{
	for (int trailing = 0; trailing < 256; trailing++) {
		row->in[row->length] = (uint8_t)trailing;
		cr_assert_eq(parse_guarded(row->parser, row->in, row->length + 1), row->verdict,
			     "%s, then %02x", row->name, trailing);
	}
}

Test(proxy_message, keeps_the_longest_credentials)
{
	uint8_t in[2 + 255 + 1 + 255];
	struct credentials credentials;

	memset(in, 'x', sizeof(in));
	in[0] = 1;
	in[1] = in[2 + 255] = 255;
	for (size_t length = 0; length < sizeof(in); length++)
		cr_assert_eq(parse_guarded(CREDENTIALS, in, length), 0);
	cr_assert_eq(credentials_parse(in, sizeof(in), &credentials), (int)sizeof(in));
	cr_assert_eq(credentials.user_length, 255);
	cr_assert_eq(credentials.password_length, 255);
}

Test(proxy_message, keeps_the_longest_name)
{
	uint8_t in[4 + 1 + 255 + 2];
	struct request request;

	memset(in, 'x', sizeof(in));
	memcpy(in, "\x05\x01\x00\x03\xff", 5);
	for (size_t length = 0; length < sizeof(in); length++)
		cr_assert_eq(parse_guarded(REQUEST, in, length), 0);
	cr_assert_eq(request_parse(in, sizeof(in), &request), (int)sizeof(in));
	cr_assert_eq(request.target.length, 255);
	cr_assert_eq(request.target.port, 'x' << 8 | 'x');
}

Test(proxy_message, reads_the_fields_of_a_request)
{
	static const uint8_t in[] = "\x05\xf0\x00\x03\x0b"
				    "example.com"
				    "\x01\xbb";
	struct request request;
	gsize length;

	cr_assert_gt(request_parse(in, sizeof(in) - 1, &request), 0);
	g_autofree char *host = address_host(&request.target, &length);
	cr_assert_eq(request.command, COMMAND_RESOLVE);
	cr_assert_eq(request.target.type, ADDRESS_NAME);
	cr_assert_str_eq(host, "example.com");
	cr_assert_eq(request.target.port, 443);
}

Test(proxy_message, says_literals_as_text)
{
	static const uint8_t v6[] = "\x05\x01\x00\x04"
				    "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
				    "\x00\x50";
	struct request request;
	gsize length;

	cr_assert_gt(request_parse(v6, sizeof(v6) - 1, &request), 0);
	g_autofree char *host = address_host(&request.target, &length);
	cr_assert_str_eq(host, "::1");
}

Test(proxy_message, prefers_the_servers_order_over_the_clients)
{
	static const struct greeting offered = { .count = 3, .methods = { 0x00, 0x02, 0x97 } };

	cr_assert_eq(greeting_choose(&offered, (const guint8[]){ 0x97, 0x02, 0x00 }, 3), 0x97);
	cr_assert_eq(greeting_choose(&offered, (const guint8[]){ 0x02, 0x97 }, 2), 0x02);
	cr_assert_eq(greeting_choose(&offered, (const guint8[]){ 0x00 }, 1), 0x00);
}

Test(proxy_message, refuses_when_nothing_is_in_common)
{
	static const struct greeting gssapi = { .count = 1, .methods = { 0x01 } };
	static const struct greeting nothing = { .count = 0 };

	cr_assert_eq(greeting_choose(&gssapi, (const guint8[]){ 0x97, 0x02, 0x00 }, 3), 0xff);
	cr_assert_eq(greeting_choose(&nothing, (const guint8[]){ 0x97, 0x02, 0x00 }, 3), 0xff);
	cr_assert_eq(greeting_choose(&gssapi, NULL, 0), 0xff);
}

Test(proxy_message, compares_credentials_by_all_their_bytes)
{
	static const struct credentials credentials = {
		.user_length = 3,
		.user = "u\0v",
		.password_length = 1,
		.password = "p",
	};
	static const struct credentials plain = {
		.user_length = 1,
		.user = "u",
		.password_length = 1,
		.password = "p",
	};

	cr_assert_not(credentials_equal(&credentials, "u", "p"));
	cr_assert(credentials_equal(&plain, "u", "p"));
	cr_assert_not(credentials_equal(&plain, "u", "pp"));
	cr_assert_not(credentials_equal(&plain, "uu", "p"));
	cr_assert_not(credentials_equal(&plain, "u", ""));
}

static void assert_bytes(const GByteArray *out, const char *expected, size_t length)
{
	cr_assert_eq(out->len, length);
	cr_assert_arr_eq(out->data, expected, length);
}

Test(proxy_message, replies_in_the_shape_of_the_rfc)
{
	g_autoptr(GByteArray) bare = g_byte_array_new();
	g_autoptr(GByteArray) bound = g_byte_array_new();
	g_autoptr(GInetAddress) inet = g_inet_address_new_from_string("::1");
	struct address address;

	reply_append(bare, 0xf0, NULL);
	assert_bytes(bare, "\x05\xf0\x00\x01\0\0\0\0\0\0", 10);
	address_set_inet(&address, inet, 0x1234);
	reply_append(bound, 0, &address);
	assert_bytes(bound, "\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\x12\x34", 22);
}
