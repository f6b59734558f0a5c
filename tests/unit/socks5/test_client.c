/*
 * Every handshake below runs four ways: as much at once as the client takes, byte by byte, cut at
 * every length, and with bytes of the application behind the reply, which must stay unread.
 */
#include "socks5/client.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

#define NAME_REQUEST                                                                               \
	"\x05\x01\x00\x03\x0b"                                                                     \
	"example.com"                                                                              \
	"\x00\x50"
#define PAIRS                                                                                      \
	"\x00\x09ISOLATION\x00\x05"                                                                \
	"alice"
#define EXTENDED "\x01\x00\x01" PAIRS
#define PASSWORD "\x01\x09<torS0X>0\x06secret"
#define REPLY_4	 "\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"

/* One handshake: what is offered, what the proxy says, what it must have been sent. */
static const struct row {
	const char *sentence;
	uint8_t methods[3];
	uint8_t count;
	bool pipelined;
	size_t ahead; /* bytes sent before the proxy's first */
	const uint8_t *in;
	size_t in_length;
	const uint8_t *out;
	size_t out_length;
	int error;
	enum socks5_stage stage;
	uint8_t code;
} rows[] = {
	/* RFC 1928 §3, §4, §6 */
	{ "no authentication",
	  { 0x00 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x00" REPLY_4),
	  BYTES("\x05\x01\x00" NAME_REQUEST),
	  0,
	  SOCKS5_STAGE_NONE,
	  0 },
	{ "no authentication, greeting and request in one",
	  { 0x00 },
	  1,
	  true,
	  3 + 18,
	  BYTES("\x05\x00" REPLY_4),
	  BYTES("\x05\x01\x00" NAME_REQUEST),
	  0,
	  SOCKS5_STAGE_NONE,
	  0 },
	{ "a reply with an IPv6 address is 22 bytes",
	  { 0x00 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x00\x05\x00\x00\x04"
		"0123456789abcdef"
		"\x00\x50"),
	  BYTES("\x05\x01\x00" NAME_REQUEST),
	  0,
	  SOCKS5_STAGE_NONE,
	  0 },
	{ "a reply with a name is sized by it",
	  { 0x00 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x00\x05\x00\x00\x03\x04host\x00\x50"),
	  BYTES("\x05\x01\x00" NAME_REQUEST),
	  0,
	  SOCKS5_STAGE_NONE,
	  0 },
	{ "a reply with an empty name is the shortest",
	  { 0x00 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x00\x05\x00\x00\x03\x00\x00\x50"),
	  BYTES("\x05\x01\x00" NAME_REQUEST),
	  0,
	  SOCKS5_STAGE_NONE,
	  0 },
	{ "an unknown address type breaks the protocol",
	  { 0x00 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x00\x05\x00\x00\x02\x00\x00\x00\x00\x00\x00"),
	  BYTES("\x05\x01\x00" NAME_REQUEST),
	  -EPROTO,
	  SOCKS5_STAGE_PROTOCOL,
	  0 },
	{ "a reserved byte that is not zero breaks the protocol",
	  { 0x00 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x00\x05\x00\x01\x01\x7f\x00\x00\x01\x00\x50"),
	  BYTES("\x05\x01\x00" NAME_REQUEST),
	  -EPROTO,
	  SOCKS5_STAGE_PROTOCOL,
	  0 },
	{ "a reply of another version breaks the protocol",
	  { 0x00 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x00\x04\x00\x00\x01"),
	  BYTES("\x05\x01\x00" NAME_REQUEST),
	  -EPROTO,
	  SOCKS5_STAGE_PROTOCOL,
	  0 },
	{ "no acceptable method",
	  { 0x97, 0x02, 0x00 },
	  3,
	  false,
	  5,
	  BYTES("\x05\xff"),
	  BYTES("\x05\x03\x97\x02\x00"),
	  -EPROTONOSUPPORT,
	  SOCKS5_STAGE_METHOD,
	  0xff },
	{ "a method that was not offered breaks the protocol",
	  { 0x97, 0x02 },
	  2,
	  false,
	  4,
	  BYTES("\x05\x00"),
	  BYTES("\x05\x02\x97\x02"),
	  -EPROTO,
	  SOCKS5_STAGE_PROTOCOL,
	  0 },
	{ "an HTTP server is not a proxy",
	  { 0x00 },
	  1,
	  false,
	  3,
	  BYTES("HTTP/1.0 501 No\r\n"),
	  BYTES("\x05\x01\x00"),
	  -EPROTO,
	  SOCKS5_STAGE_PROTOCOL,
	  0 },
	{ "a refusal decides at its own byte",
	  { 0x00 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x00\x05\x05"),
	  BYTES("\x05\x01\x00" NAME_REQUEST),
	  -ECONNREFUSED,
	  SOCKS5_STAGE_REPLY,
	  5 },
	{ "Tor's failed RESOLVE carries address type 00",
	  { 0x00 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x00\x05\x04\x00\x00\x00\x00\x00\x00\x00\x00"),
	  BYTES("\x05\x01\x00" NAME_REQUEST),
	  -EHOSTUNREACH,
	  SOCKS5_STAGE_REPLY,
	  4 },
	{ "without 0x97 F0 is proposal 304's",
	  { 0x00 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x00\x05\xf0"),
	  BYTES("\x05\x01\x00" NAME_REQUEST),
	  -ENXIO,
	  SOCKS5_STAGE_REPLY,
	  0xf0 },
	/* RFC 1929 §2 */
	{ "username and password",
	  { 0x02 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x02\x01\x00" REPLY_4),
	  BYTES("\x05\x01\x02" PASSWORD NAME_REQUEST),
	  0,
	  SOCKS5_STAGE_NONE,
	  0 },
	{ "username and password wait for the method even when pipelined",
	  { 0x02 },
	  1,
	  true,
	  3,
	  BYTES("\x05\x02\x01\x00" REPLY_4),
	  BYTES("\x05\x01\x02" PASSWORD NAME_REQUEST),
	  0,
	  SOCKS5_STAGE_NONE,
	  0 },
	{ "a password refused",
	  { 0x02 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x02\x01\x01"),
	  BYTES("\x05\x01\x02" PASSWORD),
	  -EPERM,
	  SOCKS5_STAGE_AUTHENTICATION,
	  1 },
	{ "Tor refuses a username with a reply in place of the status",
	  { 0x02 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x02\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00"),
	  BYTES("\x05\x01\x02" PASSWORD),
	  -EPROTO,
	  SOCKS5_STAGE_PROTOCOL,
	  0 },
	/* Proposal 229 §2.1 */
	{ "keys",
	  { 0x97 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x97\x01\x00\x00\x00" REPLY_4),
	  BYTES("\x05\x01\x97" EXTENDED NAME_REQUEST),
	  0,
	  SOCKS5_STAGE_NONE,
	  0 },
	{ "keys in one write",
	  { 0x97 },
	  1,
	  true,
	  3 + 21 + 18,
	  BYTES("\x05\x97\x01\x00\x00\x00" REPLY_4),
	  BYTES("\x05\x01\x97" EXTENDED NAME_REQUEST),
	  0,
	  SOCKS5_STAGE_NONE,
	  0 },
	{ "keys among other methods",
	  { 0x97, 0x02, 0x00 },
	  3,
	  false,
	  5,
	  BYTES("\x05\x97\x01\x00\x00\x00" REPLY_4),
	  BYTES("\x05\x03\x97\x02\x00" EXTENDED NAME_REQUEST),
	  0,
	  SOCKS5_STAGE_NONE,
	  0 },
	{ "response pairs are read over",
	  { 0x97 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x97\x01\x00\x00\x02\x00\x01k\x00\x03val\x00\x02kk\x00\x00" REPLY_4),
	  BYTES("\x05\x01\x97" EXTENDED NAME_REQUEST),
	  0,
	  SOCKS5_STAGE_NONE,
	  0 },
	{ "response pairs are read over when pipelined",
	  { 0x97 },
	  1,
	  true,
	  3 + 21 + 18,
	  BYTES("\x05\x97\x01\x00\x00\x01\x00\x01k\x00\x00" REPLY_4),
	  BYTES("\x05\x01\x97" EXTENDED NAME_REQUEST),
	  0,
	  SOCKS5_STAGE_NONE,
	  0 },
	{ "a response key of length zero is a violation",
	  { 0x97 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x97\x01\x00\x00\x01\x00\x00\x00\x00" REPLY_4),
	  BYTES("\x05\x01\x97" EXTENDED),
	  -EPROTO,
	  SOCKS5_STAGE_PROTOCOL,
	  0 },
	{ "status 01: authentication failed, at its own byte",
	  { 0x97 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x97\x01\x01"),
	  BYTES("\x05\x01\x97" EXTENDED),
	  -EPERM,
	  SOCKS5_STAGE_AUTHENTICATION,
	  1 },
	{ "status 02: invalid arguments",
	  { 0x97 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x97\x01\x02"),
	  BYTES("\x05\x01\x97" EXTENDED),
	  -EINVAL,
	  SOCKS5_STAGE_AUTHENTICATION,
	  2 },
	{ "an unknown status is a failure",
	  { 0x97 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x97\x01\x77"),
	  BYTES("\x05\x01\x97" EXTENDED),
	  -EPROTO,
	  SOCKS5_STAGE_AUTHENTICATION,
	  0x77 },
	{ "an authentication reply of another version breaks the protocol",
	  { 0x97 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x97\x05\x00\x00\x00"),
	  BYTES("\x05\x01\x97" EXTENDED),
	  -EPROTO,
	  SOCKS5_STAGE_PROTOCOL,
	  0 },
	{ "with 0x97 F0 is proposal 229's",
	  { 0x97 },
	  1,
	  false,
	  3,
	  BYTES("\x05\x97\x01\x00\x00\x00\x05\xf0"),
	  BYTES("\x05\x01\x97" EXTENDED NAME_REQUEST),
	  -ECONNRESET,
	  SOCKS5_STAGE_REPLY,
	  0xf0 },
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct socks5_request request = {
	.command = SOCKS5_CONNECT,
	.target = { .type = SOCKS5_NAME, .length = 11, .bytes = "example.com", .port = 80 },
};

/* The pairs come in two pieces, as they do when a part of ISOLATION varies. */
static const struct iovec pairs[] = {
	{ (void *)"\x00\x09ISOLATION\x00", 12 },
	{ (void *)"\x05"
		  "alice",
	  6 },
};

struct run {
	struct socks5_client client;
	uint8_t out[1024];
	size_t out_length;
	size_t consumed;
};

static void start(struct run *run, const struct row *row)
{
	struct socks5_offer offer = {
		.count = row->count,
		.pipelined = row->pipelined,
		.pieces = 2,
		.pair_count = 1,
		.pairs = pairs,
		.username = "<torS0X>0",
		.username_length = 9,
		.password = "secret",
		.password_length = 6,
	};
	memcpy(offer.methods, row->methods, 3);
	memset(run, 0, sizeof(*run));
	socks5_client_init(&run->client, &offer, &request);
}

/* Sends all there is, `most` bytes at a time, as a socket with little room would. */
static void send_all(struct run *run, size_t most)
{
	const struct iovec *pieces;

	while (socks5_client_peek_output(&run->client, &pieces) > 0) {
		const size_t length = pieces[0].iov_len < most ? pieces[0].iov_len : most;
		cr_assert(run->out_length + length <= sizeof(run->out));
		memcpy(run->out + run->out_length, pieces[0].iov_base, length);
		run->out_length += length;
		socks5_client_commit_output(&run->client, length);
	}
}

/* Feeds the proxy's bytes through the windows lent, at most `most` at a time, until the client
 * wants no more. */
static void feed(struct run *run, const uint8_t *in, size_t length, size_t most)
{
	uint8_t *window;
	size_t room;

	send_all(run, most);
	while (run->consumed < length &&
	       (room = socks5_client_lend_input(&run->client, &window)) > 0) {
		if (room > most)
			room = most;
		if (room > length - run->consumed)
			room = length - run->consumed;
		memcpy(window, in + run->consumed, room);
		run->consumed += room;
		socks5_client_commit_input(&run->client, room);
		send_all(run, most);
	}
}

static void assert_outcome(const struct run *run, const struct row *row)
{
	uint8_t code;

	cr_assert_eq(socks5_client_want(&run->client), SOCKS5_WANT_NOTHING, "%s: it is not over",
		     row->sentence);
	cr_assert_eq(socks5_client_error(&run->client), row->error, "%s: error %d", row->sentence,
		     socks5_client_error(&run->client));
	cr_assert_eq(socks5_client_is_done(&run->client), row->error == 0, "%s", row->sentence);
	cr_assert_eq(socks5_client_stage(&run->client, &code), row->stage, "%s: stage",
		     row->sentence);
	cr_assert_eq(code, row->code, "%s: code %02x", row->sentence, code);
	cr_assert_arr_eq(run->out, row->out, run->out_length, "%s: sent other bytes",
			 row->sentence);
}

/* A proxy that refuses before it was asked everything leaves the rest unsent. */
static void assert_all_sent(const struct run *run, const struct row *row)
{
	cr_assert_eq(run->out_length, row->out_length, "%s: sent %zu bytes", row->sentence,
		     run->out_length);
}

#define EACH_ROW(name)                                                                             \
	ParameterizedTestParameters(client, name)                                                  \
	{                                                                                          \
		static size_t index[ROWS];                                                         \
		for (size_t i = 0; i < ROWS; i++)                                                  \
			index[i] = i;                                                              \
		return cr_make_param_array(size_t, index, ROWS);                                   \
	}                                                                                          \
	ParameterizedTest(size_t *row_index, client, name)

EACH_ROW(takes_a_handshake_whole)
{
	const struct row *row = &rows[*row_index];
	struct run run;

	start(&run, row);
	feed(&run, row->in, row->in_length, SIZE_MAX);
	assert_outcome(&run, row);
	if (row->error == 0)
		assert_all_sent(&run, row);
}

EACH_ROW(takes_a_handshake_byte_by_byte)
{
	const struct row *row = &rows[*row_index];
	struct run run;

	start(&run, row);
	feed(&run, row->in, row->in_length, 1);
	assert_outcome(&run, row);
	assert_all_sent(&run, row);
}

EACH_ROW(sends_no_more_ahead_than_the_method_allows)
{
	const struct row *row = &rows[*row_index];
	struct run run;

	start(&run, row);
	send_all(&run, SIZE_MAX);
	cr_assert_eq(run.out_length, row->ahead, "%s: %zu bytes", row->sentence, run.out_length);
}

EACH_ROW(never_succeeds_when_cut)
{
	const struct row *row = &rows[*row_index];

	for (size_t cut = 0; cut < row->in_length; cut++) {
		struct run run;
		start(&run, row);
		feed(&run, row->in, cut, SIZE_MAX);
		socks5_client_end_input(&run.client);
		const int error = socks5_client_error(&run.client);
		cr_assert(error == -ECONNRESET || (error < 0 && error == row->error),
			  "%s: cut at %zu gives %d", row->sentence, cut, error);
		cr_assert_not(socks5_client_is_done(&run.client));
	}
}

EACH_ROW(leaves_the_applications_bytes_unread)
{
	static const uint8_t banner[] = "SSH-2.0-glued behind the reply";
	const struct row *row = &rows[*row_index];
	uint8_t in[512];
	struct run run;

	memcpy(in, row->in, row->in_length);
	memcpy(in + row->in_length, banner, sizeof(banner));
	for (size_t most = 1; most < 64; most++) {
		start(&run, row);
		feed(&run, in, row->in_length + sizeof(banner), most);
		assert_outcome(&run, row);
		if (row->error == 0)
			cr_assert_eq(run.consumed, row->in_length, "%s: read %zu of %zu bytes",
				     row->sentence, run.consumed, row->in_length);
	}
}

Test(client, reads_a_pipelined_success_in_two_windows)
{
	const struct row *row = &rows[19];
	struct run run;
	uint8_t *window;

	cr_assert_str_eq(row->sentence, "keys in one write");
	start(&run, row);
	send_all(&run, SIZE_MAX);
	/* 05 97, 01 00 00 00, and the seven bytes that the shortest reply has */
	cr_assert_eq(socks5_client_lend_input(&run.client, &window), 2u + 4 + 7);
	memcpy(window, row->in, 13);
	socks5_client_commit_input(&run.client, 13);
	cr_assert_eq(socks5_client_lend_input(&run.client, &window), 3u);
}

Test(client, bounds_the_response_pairs)
{
	struct run run;
	uint8_t chunk[4 + 65535];

	start(&run, &rows[18]);
	feed(&run, (const uint8_t *)"\x05\x97\x01\x00\xff\xff", 6, SIZE_MAX);
	memset(chunk, 'k', sizeof(chunk));
	memcpy(chunk, "\xff\xff", 2);
	run.consumed = 0;
	feed(&run, chunk, 2 + 65535, SIZE_MAX);
	cr_assert_eq(socks5_client_error(&run.client), -EPROTO);
	cr_assert_eq(socks5_client_stage(&run.client, NULL), SOCKS5_STAGE_PROTOCOL);
}

Test(client, keeps_its_error_whatever_comes)
{
	struct run run;
	uint8_t *window;

	start(&run, &rows[0]);
	feed(&run, (const uint8_t *)"\x05\xff", 2, SIZE_MAX);
	cr_assert_eq(socks5_client_lend_input(&run.client, &window), 0u);
	socks5_client_end_input(&run.client);
	cr_assert_eq(socks5_client_error(&run.client), -EPROTONOSUPPORT);
}

Test(client, gives_the_bound_address)
{
	static const char *const replies[] = {
		"\x05\x00\x05\x00\x00\x01\x7f\x00\x00\x02\x1f\x90",
		"\x05\x00\x05\x00\x00\x03\x0fptr.tornet.test\x00\x00"
	};
	struct socks5_address bound;
	struct run run;

	start(&run, &rows[0]);
	feed(&run, (const uint8_t *)replies[0], 12, SIZE_MAX);
	socks5_client_bound(&run.client, &bound);
	cr_assert_eq(bound.type, SOCKS5_IPV4);
	cr_assert_eq(bound.length, 4);
	cr_assert_arr_eq(bound.bytes, "\x7f\x00\x00\x02", 4);
	cr_assert_eq(bound.port, 8080);

	start(&run, &rows[0]);
	feed(&run, (const uint8_t *)replies[1], 24, SIZE_MAX);
	socks5_client_bound(&run.client, &bound);
	cr_assert_eq(bound.type, SOCKS5_NAME);
	cr_assert_eq(bound.length, 15);
	cr_assert_arr_eq(bound.bytes, "ptr.tornet.test", 15);
}

Test(client, sends_a_credential_of_any_length)
{
	uint8_t long_text[255];
	struct socks5_offer offer = {
		.methods = { SOCKS5_PASSWORD },
		.count = 1,
		.username = long_text,
		.username_length = 255,
		.password = long_text,
		.password_length = 255,
	};
	struct run run = { .out_length = 0 };

	memset(long_text, 'x', sizeof(long_text));
	socks5_client_init(&run.client, &offer, &request);
	feed(&run, (const uint8_t *)"\x05\x02", 2, SIZE_MAX);
	cr_assert_eq(run.out_length, 3u + 1 + 1 + 255 + 1 + 255);
}
