/*
 * fuzz_client: any bytes as a proxy's answers, in pieces of any size, to any offer. The first byte
 * of the input chooses the offer, the second the pieces, the third what is presented; the rest is
 * what the proxy says. A second reader of the protocol, which has the whole stream before it, says
 * after every piece what must have become of the handshake so far; and nothing may be lent, sent or
 * said beyond that.
 */
#include "socks5/client.h"
#include "socks5/reply.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD 3 /* bytes of the input that are not the proxy's */

static const struct {
	uint8_t count;
	uint8_t methods[SOCKS5_METHODS_MAX];
} offers[] = {
	{ 3, { 0x97, 0x02, 0x00 } },
	{ 2, { 0x97, 0x02 } },
	{ 1, { 0x97 } },
	{ 1, { 0x02 } },
	{ 1, { 0x00 } },
	{ 2, { 0x02, 0x00 } },
	{ 2, { 0x97, 0x00 } },
	{ 2, { 0x00, 0x02 } },
};

static const uint8_t commands[] = { SOCKS5_CONNECT, SOCKS5_RESOLVE, SOCKS5_RESOLVE_PTR };
static const struct {
	uint8_t type;
	uint8_t length;
} targets[] = { { SOCKS5_IPV4, 4 }, { SOCKS5_IPV6, 16 }, { SOCKS5_NAME, 255 }, { SOCKS5_NAME, 1 } };

static uint8_t filler[600];

/* How far a handshake has come. */
enum step { STEP_METHOD, STEP_AUTHENTICATION, STEP_REPLY, STEP_DONE };

struct verdict {
	enum step step;
	int error;
	size_t end; /* of the reply, once done; where the reply begins, in STEP_REPLY */
};

struct run {
	struct socks5_client client;
	struct socks5_offer offer;
	struct socks5_request request;
	struct iovec pairs[SOCKS5_PIECES_MAX];
	const uint8_t *in; /* all that the proxy will say */
	size_t length;
	size_t taken;
	uint8_t out[4096]; /* what it would be sent, to the end */
	size_t parts[3];   /* where greeting, authentication and request end in it */
	uint8_t method;	   /* out is made for it */
	size_t sent;
	uint32_t random;
};

static void require(int truth)
{
	if (!truth)
		__builtin_trap();
}

static size_t pick(struct run *run, size_t most)
{
	run->random = run->random * 1664525u + 1013904223u;
	return (run->random >> 16) % (most + 1);
}

/* ---- the second reader ---- */

static unsigned number(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static struct verdict failed(int error)
{
	return (struct verdict){ .error = error };
}

/* RFC 1928 §6 */
static struct verdict judge_reply(const uint8_t *in, size_t length, size_t at, bool extended)
{
	const struct verdict going = { .step = STEP_REPLY, .end = at };
	const uint8_t *reply = in + at;
	const size_t have = length - at;

	if (have >= 1 && reply[0] != 5)
		return failed(-EPROTO);
	if (have >= 2 && reply[1] != 0)
		return failed(reply_error(reply[1], extended));
	if (have >= 3 && reply[2] != 0)
		return failed(-EPROTO);
	if (have < 5)
		return going;
	if (reply[3] != 1 && reply[3] != 3 && reply[3] != 4)
		return failed(-EPROTO);
	const size_t whole = reply[3] == 1 ? 10 : reply[3] == 4 ? 22 : 7u + reply[4];
	return have < whole ? going : (struct verdict){ .step = STEP_DONE, .end = at + whole };
}

/* Proposal 229 §2.1: where the response ends, 0 when it goes on, or -EPROTO. */
static int end_of_pairs(const uint8_t *in, size_t length)
{
	size_t at = 6;

	for (unsigned i = 0; i < 2 * number(in + 4); i++) {
		if (length < at + 2)
			return 0;
		const unsigned item = number(in + at);
		at += 2u + item;
		if (at - 6 > SOCKS5_RESPONSE_PAIRS_MAX || (i % 2 == 0 && item == 0))
			return -EPROTO;
		if (length < at)
			return 0;
	}
	return (int)at;
}

static struct verdict judge_extended(const uint8_t *in, size_t length)
{
	const struct verdict going = { .step = STEP_AUTHENTICATION };

	if (length >= 4 && in[3] != 0)
		return failed(in[3] == 1 ? -EPERM : in[3] == 2 ? -EINVAL : -EPROTO);
	if (length < 6)
		return going;
	const int end = end_of_pairs(in, length);
	if (end < 0)
		return failed(end);
	return end == 0 ? going : judge_reply(in, length, (size_t)end, true);
}

static struct verdict judge_password(const uint8_t *in, size_t length)
{
	if (length < 4)
		return (struct verdict){ .step = STEP_AUTHENTICATION };
	return in[3] != 0 ? failed(-EPERM) : judge_reply(in, length, 4, false);
}

/* What the first bytes of a stream have led to. */
static struct verdict judge(const struct socks5_offer *offer, const uint8_t *in, size_t length)
{
	if (length >= 1 && in[0] != 5)
		return failed(-EPROTO);
	if (length < 2)
		return (struct verdict){ .step = STEP_METHOD };
	if (in[1] == 0xff)
		return failed(-EPROTONOSUPPORT);
	if (!memchr(offer->methods, in[1], offer->count))
		return failed(-EPROTO);
	if (in[1] == 0x00)
		return judge_reply(in, length, 2, false);
	if (length >= 3 && in[2] != 1)
		return failed(-EPROTO);
	return in[1] == 0x02 ? judge_password(in, length) : judge_extended(in, length);
}

/* ---- what it must be sent ---- */

static size_t add(struct run *run, size_t at, const void *bytes, size_t length)
{
	require(at + length <= sizeof(run->out));
	if (length > 0)
		memcpy(run->out + at, bytes, length);
	return at + length;
}

static size_t add_byte(struct run *run, size_t at, unsigned byte)
{
	return add(run, at, &(uint8_t){ (uint8_t)byte }, 1);
}

static size_t add_authentication(struct run *run, size_t at, uint8_t method)
{
	const struct socks5_offer *offer = &run->offer;

	if (method == 0x00)
		return at;
	at = add_byte(run, at, 1);
	if (method == 0x02) {
		at = add_byte(run, at, offer->username_length);
		at = add(run, at, offer->username, offer->username_length);
		at = add_byte(run, at, offer->password_length);
		return add(run, at, offer->password, offer->password_length);
	}
	at = add_byte(run, at, offer->pair_count >> 8);
	at = add_byte(run, at, offer->pair_count);
	for (unsigned i = 0; i < offer->pieces; i++)
		at = add(run, at, offer->pairs[i].iov_base, offer->pairs[i].iov_len);
	return at;
}

static size_t add_request(struct run *run, size_t at)
{
	const struct socks5_address *target = &run->request.target;

	at = add_byte(run, at, 5);
	at = add_byte(run, at, run->request.command);
	at = add_byte(run, at, 0);
	at = add_byte(run, at, target->type);
	if (target->type == SOCKS5_NAME)
		at = add_byte(run, at, target->length);
	at = add(run, at, target->bytes, target->length);
	at = add_byte(run, at, target->port >> 8);
	return add_byte(run, at, target->port);
}

/* The whole of it, if the proxy takes this method. */
static void expect(struct run *run, uint8_t method)
{
	size_t at = add_byte(run, 0, 5);

	at = add_byte(run, at, run->offer.count);
	at = run->parts[0] = add(run, at, run->offer.methods, run->offer.count);
	at = run->parts[1] = add_authentication(run, at, method);
	run->parts[2] = add_request(run, at);
	run->method = method;
}

/* How much of it may have been sent by now. */
static size_t allowed(const struct run *run, const struct verdict *verdict)
{
	const bool at_once = run->offer.pipelined && run->offer.count == 1;

	switch (verdict->step) {
	case STEP_METHOD:
		return run->parts[at_once && run->offer.methods[0] != 0x02 ? 2 : 0];
	case STEP_AUTHENTICATION:
		return run->parts[at_once ? 2 : 1];
	default:
		return run->parts[2];
	}
}

/* ---- one handshake ---- */

/* Pieces of several lengths, empty ones among them. */
static void present(struct run *run, uint8_t choice)
{
	struct socks5_offer *offer = &run->offer;

	offer->pieces = choice % (SOCKS5_PIECES_MAX + 1);
	for (unsigned i = 0; i < offer->pieces; i++)
		run->pairs[i] = (struct iovec){ filler + i, (choice * (i + 3u)) % 97 };
	offer->pairs = run->pairs;
	offer->pair_count = (uint16_t)(choice * 257u);
	offer->username = filler + 5;
	offer->username_length = choice;
	offer->password = filler + 9;
	offer->password_length = (uint8_t)~choice;
}

static void prepare(struct run *run, const uint8_t *data, size_t size)
{
	struct socks5_address *target = &run->request.target;
	const unsigned shape = data[0] >> 4;

	for (size_t i = 0; i < sizeof(filler); i++)
		filler[i] = (uint8_t)(i * 7 + 1);
	run->offer.count = offers[data[0] % 8].count;
	memcpy(run->offer.methods, offers[data[0] % 8].methods, SOCKS5_METHODS_MAX);
	run->offer.pipelined = data[0] & 8;
	run->random = data[1];
	present(run, data[2]);
	run->request.command = commands[(shape & 3) % 3];
	target->type = targets[shape >> 2].type;
	target->length = targets[shape >> 2].length;
	memcpy(target->bytes, filler + 20, target->length);
	target->port = 443;
	run->in = data + HEAD;
	run->length = size - HEAD;
	expect(run, run->offer.methods[0]);
	socks5_client_init(&run->client, &run->offer, &run->request);
}

static void send_some(struct run *run, const struct verdict *verdict)
{
	const struct iovec *pieces;
	const unsigned count = socks5_client_peek_output(&run->client, &pieces);
	const size_t most = allowed(run, verdict);
	size_t at = run->sent;

	require(count <= SOCKS5_PIECES_MAX + 3);
	for (unsigned i = 0; i < count; i++) {
		require(pieces[i].iov_len > 0 && pieces[i].iov_len <= most - at);
		require(memcmp(run->out + at, pieces[i].iov_base, pieces[i].iov_len) == 0);
		at += pieces[i].iov_len;
	}
	require(at == most); /* nothing that may go is kept back */
	const size_t used = pick(run, 3) == 0 ? pick(run, at - run->sent) : at - run->sent;
	socks5_client_commit_output(&run->client, used);
	run->sent += used;
}

/* Whatever the proxy is going to say, the window ends before the application's bytes. */
static size_t receive_some(struct run *run)
{
	const struct verdict whole = judge(&run->offer, run->in, run->length);
	uint8_t *window = NULL;
	const size_t room = socks5_client_lend_input(&run->client, &window);
	const size_t left = run->length - run->taken;
	size_t used = room < left ? room : left;

	require(room > 0 && window >= run->client.in);
	require(window + room <= run->client.in + sizeof(run->client.in));
	if (whole.step == STEP_DONE)
		require(run->taken + room <= whole.end);
	if (used > 1 && pick(run, 1) == 0)
		used = 1 + pick(run, used - 1);
	memcpy(window, run->in + run->taken, used);
	socks5_client_commit_input(&run->client, used);
	run->taken += used;
	return used;
}

static void check_bound(const struct run *run)
{
	struct socks5_address bound;
	const struct verdict verdict = judge(&run->offer, run->in, run->taken);

	socks5_client_bound(&run->client, &bound);
	const uint8_t *end = run->in + verdict.end;
	require(bound.port == number(end - 2));
	require(memcmp(bound.bytes, end - 2 - bound.length, bound.length) == 0);
	require(bound.type == SOCKS5_IPV4 ? bound.length == 4 : 1);
	require(bound.type == SOCKS5_IPV6 ? bound.length == 16 : 1);
}

/* An end is an end: nothing is wanted, and nothing changes it. */
static void check_end(struct run *run)
{
	struct socks5_client *client = &run->client;
	const struct iovec *pieces;
	uint8_t *window, code;
	const int error = socks5_client_error(client);
	const bool done = socks5_client_is_done(client);
	const enum socks5_stage stage = socks5_client_stage(client, &code);

	require(done == (error == 0) && done == (stage == SOCKS5_STAGE_NONE));
	require(socks5_client_lend_input(client, &window) == 0);
	require(socks5_client_peek_output(client, &pieces) == 0);
	socks5_client_end_input(client);
	socks5_client_commit_input(client, 0);
	socks5_client_commit_output(client, 0);
	require(socks5_client_want(client) == SOCKS5_WANT_NOTHING);
	require(socks5_client_error(client) == error && socks5_client_is_done(client) == done);
	require(socks5_client_stage(client, NULL) == stage);
	if (done)
		check_bound(run);
}

/* The client says what the second reader says of the bytes that it was given. */
static void compare(struct run *run, struct verdict *ret)
{
	const struct socks5_client *client = &run->client;
	const bool over = socks5_client_want(client) == SOCKS5_WANT_NOTHING;
	const struct verdict verdict = judge(&run->offer, run->in, run->taken);

	if (verdict.error == 0 && run->taken >= 2) {
		require(socks5_client_method(client) == run->in[1]);
		if (run->method != run->in[1])
			expect(run, run->in[1]);
	}
	require(over == (verdict.error < 0 || verdict.step == STEP_DONE));
	if (verdict.error == 0 && verdict.step == STEP_DONE) {
		/* A yes to what was not asked yet is no yes. */
		require(socks5_client_error(client) == (run->sent == run->parts[2] ? 0 : -EPROTO));
		require(run->taken == verdict.end);
	} else {
		require(socks5_client_error(client) == verdict.error);
	}
	*ret = verdict;
}

static void converse(struct run *run)
{
	struct verdict verdict;

	compare(run, &verdict);
	while (socks5_client_want(&run->client) != SOCKS5_WANT_NOTHING) {
		const unsigned want = socks5_client_want(&run->client);
		require(want & SOCKS5_WANT_RECV);
		require(((want & SOCKS5_WANT_SEND) != 0) == (run->sent < allowed(run, &verdict)));
		/* A proxy may answer before it has been asked everything. */
		if ((want & SOCKS5_WANT_SEND) && pick(run, 7) != 0) {
			send_some(run, &verdict);
		} else if (receive_some(run) == 0) {
			socks5_client_end_input(&run->client);
			require(socks5_client_error(&run->client) == -ECONNRESET);
			require(socks5_client_stage(&run->client, NULL) == SOCKS5_STAGE_END);
			return;
		} else {
			compare(run, &verdict);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct run *run;

	if (size < HEAD)
		return 0;
	run = calloc(1, sizeof(*run));
	require(run != NULL);
	prepare(run, data, size);
	converse(run);
	check_end(run);
	free(run);
	return 0;
}
