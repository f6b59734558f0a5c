#include "socks5/client.h"
#include "socks5/reply.h"

#include <errno.h>

enum state {
	STATE_METHOD,	/* VER METHOD to come */
	STATE_PASSWORD, /* VER STATUS */
	STATE_EXTENDED, /* VER STATUS NR_PAIRS */
	STATE_PAIRS,	/* response pairs, ignored */
	STATE_REPLY,
	STATE_DONE,
	STATE_FAILED,
};

/* ---- output ---- */

static void add_piece(struct socks5_client *c, const void *from, size_t length)
{
	if (length == 0)
		return;
	c->out[c->pieces_out++] = (struct iovec){ .iov_base = (void *)from, .iov_len = length };
}

static struct bytes_writer own_room(struct socks5_client *c)
{
	return bytes_writer(c->room + c->used, sizeof(c->room) - c->used);
}

static void add_own(struct socks5_client *c, const struct bytes_writer *w)
{
	add_piece(c, w->start, bytes_length(w));
	c->used += (uint16_t)bytes_length(w);
}

static void queue_greeting(struct socks5_client *c)
{
	struct bytes_writer w = own_room(c);
	socks5_put_greeting(&w, c->offer.methods, c->offer.count);
	add_own(c, &w);
}

static void queue_password(struct socks5_client *c)
{
	struct bytes_writer w = own_room(c);
	socks5_put_password(&w, c->offer.username, c->offer.username_length, c->offer.password,
			    c->offer.password_length);
	add_own(c, &w);
}

static void queue_extended(struct socks5_client *c)
{
	struct bytes_writer w = own_room(c);
	socks5_put_extended_head(&w, c->offer.pair_count);
	add_own(c, &w);
	for (unsigned i = 0; i < c->offer.pieces; i++)
		add_piece(c, c->offer.pairs[i].iov_base, c->offer.pairs[i].iov_len);
}

static void queue_request(struct socks5_client *c)
{
	struct bytes_writer w = own_room(c);
	socks5_put_request(&w, c->request->command, &c->request->target);
	add_own(c, &w);
}

/* Authentication and request go in one write. */
static bool asks_at_once(const struct socks5_client *c)
{
	return c->offer.pipelined && c->offer.count == 1;
}

/* So does the greeting. */
static bool went_ahead(const struct socks5_client *c, uint8_t method)
{
	return asks_at_once(c) && method != SOCKS5_PASSWORD;
}

/*
 * What goes out together with the greeting when the one method offered is known to be taken. Not so
 * 0x02: a Tor that reads greeting, authentication and request at once loses its answer to the
 * first.
 */
static void queue_ahead(struct socks5_client *c)
{
	const uint8_t only = c->offer.methods[0];

	if (!went_ahead(c, only))
		return;
	if (only == SOCKS5_EXTENDED)
		queue_extended(c);
	queue_request(c);
}

/* ---- input ---- */

static int fail(struct socks5_client *c, enum socks5_stage stage, uint8_t code, int error)
{
	c->state = STATE_FAILED;
	c->stage = (uint8_t)stage;
	c->code = code;
	c->error = error;
	c->pieces_out = 0;
	return error;
}

static int violate(struct socks5_client *c)
{
	return fail(c, SOCKS5_STAGE_PROTOCOL, 0, -EPROTO);
}

static bool was_offered(const struct socks5_client *c, uint8_t method)
{
	return memchr(c->offer.methods, method, c->offer.count) != NULL;
}

/* Each parser below gets what has come, returns the bytes it used, 0 to wait for more, or -errno.
 */

static int parse_method(struct socks5_client *c)
{
	if (c->in[0] != SOCKS5_VERSION)
		return violate(c);
	if (c->have < SOCKS5_METHOD_REPLY)
		return 0;
	const uint8_t method = c->in[1];

	if (method == SOCKS5_NO_ACCEPTABLE)
		return fail(c, SOCKS5_STAGE_METHOD, method, -EPROTONOSUPPORT);
	if (!was_offered(c, method))
		return violate(c);
	c->method = method;
	switch (method) {
	case SOCKS5_EXTENDED:
		c->state = STATE_EXTENDED;
		if (!went_ahead(c, method))
			queue_extended(c);
		break;
	case SOCKS5_PASSWORD:
		c->state = STATE_PASSWORD;
		queue_password(c);
		if (asks_at_once(c))
			queue_request(c);
		break;
	default:
		c->state = STATE_REPLY;
		if (!went_ahead(c, method))
			queue_request(c);
	}
	return SOCKS5_METHOD_REPLY;
}

static void begin_reply(struct socks5_client *c)
{
	c->state = STATE_REPLY;
	if (!asks_at_once(c))
		queue_request(c);
}

static int parse_password(struct socks5_client *c)
{
	/* Tor answers a username it refuses with a reply (05 01 …) in place of the status. */
	if (c->in[0] != SOCKS5_AUTH_VERSION)
		return violate(c);
	if (c->have < SOCKS5_PASSWORD_REPLY)
		return 0;
	if (c->in[1] != 0)
		return fail(c, SOCKS5_STAGE_AUTHENTICATION, c->in[1], -EPERM);
	begin_reply(c);
	return SOCKS5_PASSWORD_REPLY;
}

/*
 * Proposal 229 §2.1
 *
 *   +-----+--------+----------+---------+
 *   | VER | STATUS | NR PAIRS |  pairs  |
 *   +-----+--------+----------+---------+
 *   |  1  |   1    |    2     | ignored |
 *   +-----+--------+----------+---------+
 */
static int status_error(uint8_t status)
{
	switch (status) {
	case 1:
		return -EPERM; /* authentication failed */
	case 2:
		return -EINVAL; /* invalid arguments */
	default:
		return -EPROTO;
	}
}

static int parse_extended(struct socks5_client *c)
{
	if (c->in[0] != SOCKS5_AUTH_VERSION)
		return violate(c);
	if (c->have < 2)
		return 0;
	if (c->in[1] != 0) /* decides at its own byte, whether or not the rest ever comes */
		return fail(c, SOCKS5_STAGE_AUTHENTICATION, c->in[1], status_error(c->in[1]));
	if (c->have < SOCKS5_EXTENDED_REPLY)
		return 0;
	c->pairs_left = (uint16_t)(c->in[2] << 8 | c->in[3]);
	c->in_value = false;
	c->skip = 0;
	if (c->pairs_left > 0)
		c->state = STATE_PAIRS;
	else
		begin_reply(c);
	return SOCKS5_EXTENDED_REPLY;
}

/* A key or a value of a response pair has been read over. */
static void end_of_item(struct socks5_client *c)
{
	if (c->in_value && --c->pairs_left == 0)
		begin_reply(c);
	c->in_value = !c->in_value;
}

static int parse_pairs(struct socks5_client *c)
{
	if (c->skip > 0) {
		const uint16_t used = c->have < c->skip ? c->have : c->skip;
		c->skip -= used;
		if (c->skip == 0)
			end_of_item(c);
		return used;
	}
	if (c->have < 2)
		return 0;
	c->skip = (uint16_t)(c->in[0] << 8 | c->in[1]);
	c->skipped += 2u + c->skip;
	if (c->skipped > SOCKS5_RESPONSE_PAIRS_MAX || (!c->in_value && c->skip == 0))
		return violate(c);
	if (c->skip == 0)
		end_of_item(c);
	return 2;
}

static int parse_reply(struct socks5_client *c)
{
	if (c->in[0] != SOCKS5_VERSION)
		return violate(c);
	if (c->have < 2)
		return 0;
	if (c->in[1] !=
	    SOCKS5_SUCCEEDED) /* the rest tells nothing: a failed RESOLVE even has ATYP 00 */
		return fail(c, SOCKS5_STAGE_REPLY, c->in[1],
			    reply_error(c->in[1], c->method == SOCKS5_EXTENDED));
	if (c->have >= 3 && c->in[2] != 0)
		return violate(c);
	const int length = socks5_reply_length(c->in, c->have);

	if (length < 0)
		return violate(c);
	if (c->have < length || c->have < 5)
		return 0;
	if (c->pieces_out >
	    0) /* a yes to what was not asked yet: the rest of it would become the application's */
		return violate(c);
	c->state = STATE_DONE;
	return 0; /* it stays in the buffer, for socks5_client_bound */
}

static int parse(struct socks5_client *c)
{
	switch (c->state) {
	case STATE_METHOD:
		return parse_method(c);
	case STATE_PASSWORD:
		return parse_password(c);
	case STATE_EXTENDED:
		return parse_extended(c);
	case STATE_PAIRS:
		return parse_pairs(c);
	case STATE_REPLY:
		return parse_reply(c);
	default:
		return 0;
	}
}

/* Bytes of the message in hand, as far as it is known how long it must be. */
static size_t message_length(const struct socks5_client *c)
{
	switch (c->state) {
	case STATE_METHOD:
		return SOCKS5_METHOD_REPLY;
	case STATE_PASSWORD:
		return SOCKS5_PASSWORD_REPLY;
	case STATE_EXTENDED:
		return SOCKS5_EXTENDED_REPLY;
	case STATE_PAIRS:
		return c->skip > 0 ? c->skip : 2;
	case STATE_REPLY:
		return (size_t)socks5_reply_length(c->in, c->have);
	default:
		return 0;
	}
}

/* Bytes that must come before the reply can begin, if the method in question is taken. */
static size_t least_before_reply(uint8_t method)
{
	switch (method) {
	case SOCKS5_EXTENDED:
		return SOCKS5_EXTENDED_REPLY;
	case SOCKS5_PASSWORD:
		return SOCKS5_PASSWORD_REPLY;
	default:
		return 0;
	}
}

/*
 * Bytes that must come behind the message in hand, at the least, before the application's can: none
 * while the proxy has not been asked for more.
 */
static size_t least_behind(const struct socks5_client *c)
{
	const uint8_t only = c->offer.methods[0];

	switch (c->state) {
	case STATE_METHOD:
		return went_ahead(c, only) ? least_before_reply(only) + SOCKS5_REPLY_MIN : 0;
	case STATE_PASSWORD:
	case STATE_EXTENDED:
	case STATE_PAIRS:
		return asks_at_once(c) ? SOCKS5_REPLY_MIN : 0;
	default:
		return 0;
	}
}

/* ---- the machine ---- */

void socks5_client_init(struct socks5_client *c, const struct socks5_offer *offer,
			const struct socks5_request *request)
{
	c->state = STATE_METHOD;
	c->method = SOCKS5_NO_ACCEPTABLE;
	c->stage = SOCKS5_STAGE_NONE;
	c->code = 0;
	c->error = 0;
	c->pieces_out = 0;
	c->pairs_left = 0;
	c->skip = 0;
	c->in_value = false;
	c->skipped = 0;
	c->have = 0;
	c->used = 0;
	c->offer = *offer;
	c->request = request;
	queue_greeting(c);
	queue_ahead(c);
}

unsigned socks5_client_want(const struct socks5_client *c)
{
	if (c->state == STATE_DONE || c->state == STATE_FAILED)
		return SOCKS5_WANT_NOTHING;
	return SOCKS5_WANT_RECV | (c->pieces_out > 0 ? SOCKS5_WANT_SEND : 0);
}

unsigned socks5_client_peek_output(const struct socks5_client *c, const struct iovec **ret_pieces)
{
	*ret_pieces = c->out;
	return c->pieces_out;
}

void socks5_client_commit_output(struct socks5_client *c, size_t length)
{
	unsigned sent = 0;

	while (sent < c->pieces_out && length >= c->out[sent].iov_len)
		length -= c->out[sent++].iov_len;
	c->pieces_out -= (uint8_t)sent;
	memmove(c->out, c->out + sent, c->pieces_out * sizeof(c->out[0]));
	if (c->pieces_out == 0) {
		c->used = 0;
		return;
	}
	c->out[0].iov_base = (uint8_t *)c->out[0].iov_base + length;
	c->out[0].iov_len -= length;
}

size_t socks5_client_lend_input(struct socks5_client *c, uint8_t **ret_window)
{
	if (socks5_client_want(c) == SOCKS5_WANT_NOTHING)
		return 0;
	const size_t rest = message_length(c) + least_behind(c) - c->have;
	const size_t room = sizeof(c->in) - c->have;

	*ret_window = c->in + c->have;
	return rest < room ? rest : room;
}

void socks5_client_commit_input(struct socks5_client *c, size_t length)
{
	c->have += (uint16_t)length;
	while (c->have > 0) {
		const int used = parse(c);
		if (used <= 0)
			return;
		c->have -= (uint16_t)used;
		memmove(c->in, c->in + used, c->have);
	}
}

void socks5_client_end_input(struct socks5_client *c)
{
	static const uint8_t stages[] = {
		[STATE_METHOD] = SOCKS5_STAGE_METHOD,
		[STATE_PASSWORD] = SOCKS5_STAGE_AUTHENTICATION,
		[STATE_EXTENDED] = SOCKS5_STAGE_AUTHENTICATION,
		[STATE_PAIRS] = SOCKS5_STAGE_AUTHENTICATION,
		[STATE_REPLY] = SOCKS5_STAGE_REPLY,
	};
	if (socks5_client_want(c) != SOCKS5_WANT_NOTHING)
		fail(c, SOCKS5_STAGE_END, stages[c->state], -ECONNRESET);
}

bool socks5_client_is_done(const struct socks5_client *c)
{
	return c->state == STATE_DONE;
}

int socks5_client_error(const struct socks5_client *c)
{
	return c->error;
}

enum socks5_stage socks5_client_stage(const struct socks5_client *c, uint8_t *ret_code)
{
	if (ret_code)
		*ret_code = c->code;
	return (enum socks5_stage)c->stage;
}

uint8_t socks5_client_method(const struct socks5_client *c)
{
	return c->method;
}

void socks5_client_bound(const struct socks5_client *c, struct socks5_address *ret_bound)
{
	struct bytes_reader r = bytes_reader(c->in, c->have);

	bytes_take(&r, 3);
	ret_bound->type = bytes_take_u8(&r);
	ret_bound->length = ret_bound->type == SOCKS5_NAME   ? bytes_take_u8(&r)
			    : ret_bound->type == SOCKS5_IPV6 ? 16
							     : 4;
	const uint8_t *bytes = bytes_take(&r, ret_bound->length);
	if (bytes)
		memcpy(ret_bound->bytes, bytes, ret_bound->length);
	ret_bound->port = bytes_take_u16(&r);
}
