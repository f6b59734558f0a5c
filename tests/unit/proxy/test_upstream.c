#include "proxy/upstream.h"

#include "guarded.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <string.h>

#define SENT_NONE  "\x05\x01\x00"
#define SENT_LOGIN "\x05\x01\x02"
#define AUTH	   "\x01\x01u\x01p"
#define REQUEST	   "\x05\x01\x00\x03\x01h\x00\x50"
#define NOWHERE	   "\x00\x00\x00\x00\x00\x00"

/* What the proxy answers, what we have sent by then, how it ends: a reply code or -errno, and bytes
 * left over. */
struct row {
	char name[40];
	bool login;
	uint8_t in[64];
	size_t length;
	uint8_t sent[64];
	size_t sent_length;
	int verdict;
	size_t left;
};

#define ROW(name, login, in, sent, verdict, left)                                                  \
	{                                                                                          \
		name, login, in, sizeof(in) - 1, sent, sizeof(sent) - 1, verdict, left             \
	}

static struct row rows[] = {
	ROW("success", false, "\x05\x00\x05\x00\x00\x01" NOWHERE, SENT_NONE REQUEST, 0, 0),
	ROW("success and data", false, "\x05\x00\x05\x00\x00\x01" NOWHERE "hello",
	    SENT_NONE REQUEST, 0, 5),
	ROW("login", true, "\x05\x02\x01\x00\x05\x00\x00\x01" NOWHERE, SENT_LOGIN AUTH REQUEST, 0,
	    0),
	ROW("bound to a name", true, "\x05\x02\x01\x00\x05\x00\x00\x03\x01x\x00\x01!",
	    SENT_LOGIN AUTH REQUEST, 0, 1),
	ROW("bound to IPv6", false,
	    "\x05\x00\x05\x00\x00\x04"
	    "0123456789abcdef"
	    "\x00\x01",
	    SENT_NONE REQUEST, 0, 0),
	ROW("refused", false, "\x05\x00\x05\x05\x00\x01" NOWHERE, SENT_NONE REQUEST, 5, 8),
	ROW("refused and cut short", false, "\x05\x00\x05\x05", SENT_NONE REQUEST, 5, 0),
	ROW("onion", false, "\x05\x00\x05\xf0\x00\x01" NOWHERE, SENT_NONE REQUEST, 0xf0, 8),
	ROW("Tor's failed RESOLVE", false, "\x05\x00\x05\x04\x00\x00" NOWHERE, SENT_NONE REQUEST, 4,
	    8),
	ROW("ATYP 0 in a success", false, "\x05\x00\x05\x00\x00\x00" NOWHERE, SENT_NONE REQUEST,
	    -EPROTO, 10),
	ROW("ATYP 2", false, "\x05\x00\x05\x00\x00\x02" NOWHERE, SENT_NONE REQUEST, -EPROTO, 10),
	ROW("ATYP 2 in a refusal", false, "\x05\x00\x05\x01\x00\x02" NOWHERE, SENT_NONE REQUEST, 1,
	    8),
	ROW("method refused", true, "\x05\xff", SENT_LOGIN, -EACCES, 2),
	ROW("method never offered: 00", true, "\x05\x00", SENT_LOGIN, -EACCES, 2),
	ROW("method never offered: 02", false, "\x05\x02", SENT_NONE, -EACCES, 2),
	ROW("login refused", true, "\x05\x02\x01\x01", SENT_LOGIN AUTH, -EACCES, 2),
	ROW("login refused as Tor does", true, "\x05\x02\x05\x01\x00\x01" NOWHERE, SENT_LOGIN AUTH,
	    -EPROTO, 10),
	ROW("HTTP", false, "HTTP/1.0 400\r\n", SENT_NONE, -EPROTO, 14),
	ROW("HTTP for a reply", false, "\x05\x00HTTP/1.0", SENT_NONE REQUEST, -EPROTO, 8),
};

static const struct credentials login = {
	.user_length = 1, .user = "u", .password_length = 1, .password = "p"
};
static const struct request request = {
	.command = COMMAND_CONNECT,
	.target = { .type = ADDRESS_NAME, .length = 1, .bytes = "h", .port = 80 },
};

struct talk {
	struct upstream upstream;
	GByteArray *sent;
	size_t used;
	int error;
};

static void talk(struct talk *t, const struct row *row, size_t length, size_t step)
{
	*t = (struct talk){ .sent = g_byte_array_new() };
	upstream_init(&t->upstream, HOP_SOCKS5, row->login ? &login : NULL, &request, t->sent);
	for (size_t end = 0; end < length && t->error == 0;) {
		end = MIN(end + step, length);
		int r;
		do {
			struct guarded in = guarded_copy(row->in + t->used, end - t->used);
			r = upstream_take(&t->upstream, in.bytes, end - t->used, t->sent);
			guarded_free(&in);
			t->used += r > 0 ? (size_t)r : 0;
		} while (r > 0);
		t->error = r;
	}
}

static void check(const struct row *row, size_t step)
{
	struct talk t;

	talk(&t, row, row->length, step);
	cr_assert_eq(t.error, row->verdict < 0 ? row->verdict : 0, "%s by %zu", row->name, step);
	cr_assert_eq(t.upstream.step == UPSTREAM_DONE, row->verdict >= 0, "%s", row->name);
	if (row->verdict >= 0)
		cr_assert_eq(t.upstream.reply, row->verdict, "%s", row->name);
	cr_assert_eq(t.used, row->length - row->left, "%s by %zu", row->name, step);
	cr_assert_eq(t.sent->len, row->sent_length, "%s", row->name);
	cr_assert_arr_eq(t.sent->data, row->sent, row->sent_length, "%s", row->name);
	g_byte_array_unref(t.sent);
}

ParameterizedTestParameters(proxy_upstream, ends_the_same_however_the_answers_arrive)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_upstream, ends_the_same_however_the_answers_arrive)
{
	for (size_t step = 1; step <= row->length; step++)
		check(row, step);
}

ParameterizedTestParameters(proxy_upstream, is_not_done_before_the_reply_is)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_upstream, is_not_done_before_the_reply_is)
{
	for (size_t length = 0; row->verdict >= 0 && length < row->length - row->left; length++) {
		struct talk t;
		talk(&t, row, length, row->length);
		cr_assert_eq(t.error, 0, "%s: %zu bytes", row->name, length);
		cr_assert_neq(t.upstream.step, UPSTREAM_DONE, "%s: %zu bytes", row->name, length);
		g_byte_array_unref(t.sent);
	}
}

Test(proxy_upstream, translates_tors_codes_for_clients_of_method_97)
{
	static const uint8_t expected[8] = { 0xe0, 0xe0, 0xe1, 0xe1, 0x02, 0x02, 0xe0, 0xe1 };

	for (unsigned code = 0; code < 256; code++) {
		bool tors = code >= 0xf0 && code <= 0xf7;
		cr_assert_eq(upstream_translate((uint8_t)code, METHOD_PAIRS),
			     tors ? expected[code - 0xf0] : code, "%02x", code);
	}
}

Test(proxy_upstream, leaves_codes_to_clients_of_other_methods)
{
	for (unsigned code = 0; code < 256; code++) {
		cr_assert_eq(upstream_translate((uint8_t)code, METHOD_PASSWORD), code);
		cr_assert_eq(upstream_translate((uint8_t)code, METHOD_NONE), code);
	}
}
