#include "dns/message.h"
#include "base/bytes.h"

#include <errno.h>

/* RFC 1035 §4.1.1, the second word of the header. */
#define FLAG_ANSWER    0x8000u
#define FLAG_OPCODE    0x7800u
#define FLAG_AUTHORITY 0x0400u
#define FLAG_TRUNCATED 0x0200u
#define FLAG_RECURSE   0x0100u
#define FLAG_RECURSIVE 0x0080u
#define FLAG_CHECKED   0x0010u /* RFC 4035 §3.2.2 */

#define OPT_SIZE   (1 + 2 + 2 + 4 + 2)
#define RECORD_TTL 0 /* a placeholder is worth what the session is; nobody is to keep it */

/* The name of a record that answers the question: where the question's name stands. */
#define NAME_OF_QUESTION (0xc000u | DNS_HEADER)

/* ---- queries ---- */

static bool is_plain(uint8_t c)
{
	return c > 0x20 && c < 0x7f && c != '.';
}

static void take_label(struct bytes_reader *in, uint8_t length, struct dns_query *query)
{
	const uint8_t *label = bytes_take(in, length);

	if (!label)
		return;
	if (query->name_length > 0)
		query->name[query->name_length++] = '.';
	for (uint8_t i = 0; i < length; i++) {
		query->is_hostname &= is_plain(label[i]);
		query->name[query->name_length++] = (char)label[i];
	}
}

/* A question has no name before it that a pointer could mean, so a length byte above 63 is wrong.
 */
static void take_name(struct bytes_reader *in, struct dns_query *query)
{
	size_t wire = 1;

	query->is_hostname = true;
	for (uint8_t length; (length = bytes_take_u8(in)) > 0 && !in->bad;) {
		wire += 1u + length;
		if (length > DNS_LABEL || wire > DNS_WIRE_NAME) {
			in->bad = true;
			return;
		}
		take_label(in, length, query);
	}
}

static void take_question(struct bytes_reader *in, struct dns_query *query)
{
	const uint8_t *start = in->at;

	take_name(in, query);
	query->type = bytes_take_u16(in);
	query->class = bytes_take_u16(in);
	if (in->bad)
		return;
	query->question_length = (uint16_t)(in->at - start);
	memcpy(query->question, start, query->question_length);
}

/*
 * RFC 6891 §6.1.2:
 *
 *   +------+------------+---------------+----------------+---------+-------+-------+
 *   | NAME | TYPE = OPT | CLASS: size   | TTL: RCODE VER FLAGS     | RDLEN | RDATA |
 *   |  0   |     2      |       2       |      1     1     2       |   2   |       |
 *   +------+------------+---------------+----------------+---------+-------+-------+
 */
static void take_option(struct bytes_reader *in, struct dns_query *query)
{
	const uint8_t name = bytes_take_u8(in);
	const uint16_t type = bytes_take_u16(in);
	const uint16_t room = bytes_take_u16(in);
	bytes_take_u8(in);
	const uint8_t version = bytes_take_u8(in);
	bytes_take_u16(in);
	bytes_take(in, bytes_take_u16(in));

	if (name != 0 || type != DNS_OPT)
		in->bad = true;
	if (in->bad)
		return;
	query->has_edns = true;
	if (room > DNS_PLAIN_MAX)
		query->room = room < DNS_MESSAGE_MAX ? room : DNS_MESSAGE_MAX;
	if (version > 0)
		query->rcode = DNS_BADVERS;
}

static void take_body(struct bytes_reader *in, struct dns_query *query)
{
	const uint16_t questions = bytes_take_u16(in);
	const uint16_t answers = bytes_take_u16(in), authorities = bytes_take_u16(in);
	const uint16_t others = bytes_take_u16(in);

	if (query->flags & FLAG_OPCODE) {
		query->rcode = DNS_NOTIMP;
		return;
	}
	if (questions != 1 || answers != 0 || authorities != 0 || others > 1)
		in->bad = true;
	else
		take_question(in, query);
	if (others == 1)
		take_option(in, query);
	if (in->bad || bytes_left(in) > 0)
		query->rcode = DNS_FORMERR;
}

int dns_parse(const void *packet, size_t length, struct dns_query *ret)
{
	struct bytes_reader in = bytes_reader(packet, length);

	memset(ret, 0, offsetof(struct dns_query, name));
	ret->id = bytes_take_u16(&in);
	ret->flags = bytes_take_u16(&in);
	ret->room = DNS_PLAIN_MAX;
	if (length < DNS_HEADER || (ret->flags & FLAG_ANSWER))
		return -EBADMSG;
	take_body(&in, ret);
	ret->name[ret->name_length] = '\0';
	return 0;
}

/* ---- names ---- */

/* A hostname as labels. It is the caller's, not a packet's, but what is none is still refused. */
static void put_name(struct bytes_writer *out, const char *name, size_t length)
{
	size_t start = 0;

	if (length > DNS_NAME || (length > 0 && name[length - 1] == '.'))
		out->bad = true;
	while (start < length && !out->bad) {
		const char *dot = memchr(name + start, '.', length - start);
		const size_t label = dot ? (size_t)(dot - name) - start : length - start;

		if (label < 1 || label > DNS_LABEL) {
			out->bad = true;
			return;
		}
		bytes_put_u8(out, (uint8_t)label);
		bytes_put(out, name + start, label);
		start += label + 1;
	}
	bytes_put_u8(out, 0);
}

size_t dns_ask(uint16_t id, const char *name, size_t name_length, uint16_t class, uint16_t type,
	       void *to, size_t size)
{
	struct bytes_writer out = bytes_writer(to, size);

	if (name_length > 0 && name[name_length - 1] == '.')
		name_length--;
	bytes_put_u16(&out, id);
	bytes_put_u16(&out, FLAG_RECURSE);
	bytes_put_u16(&out, 1);
	bytes_put(&out, "\0\0\0\0\0", 6);
	put_name(&out, name, name_length);
	bytes_put_u16(&out, type);
	bytes_put_u16(&out, class);
	return out.bad ? 0 : bytes_length(&out);
}

/* ---- answers ---- */

static void put_u32(struct bytes_writer *out, uint32_t value)
{
	bytes_put_u16(out, (uint16_t)(value >> 16));
	bytes_put_u16(out, (uint16_t)value);
}

static void set_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* RFC 1035 §4.1.3: NAME, TYPE, CLASS, TTL, RDLENGTH, RDATA. */
static void put_record(struct bytes_writer *out, const struct dns_record *record)
{
	bytes_put_u16(out, NAME_OF_QUESTION);
	bytes_put_u16(out, record->type);
	bytes_put_u16(out, DNS_INTERNET);
	put_u32(out, RECORD_TTL);
	bytes_put_u16(out, 0);
	uint8_t *const start = out->at;
	if (record->type == DNS_PTR)
		put_name(out, record->data, record->length);
	else
		bytes_put(out, record->data, record->length);
	if (!out->bad)
		set_u16(start - 2, (uint16_t)(out->at - start));
}

/* How many of them fit, whole. */
static unsigned put_records(struct bytes_writer *out, const struct dns_record *records,
			    unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct bytes_writer before = *out;
		put_record(out, &records[i]);
		if (out->bad) {
			*out = before;
			return i;
		}
	}
	return count;
}

static void put_option(struct bytes_writer *out, enum dns_rcode rcode)
{
	bytes_put_u8(out, 0);
	bytes_put_u16(out, DNS_OPT);
	bytes_put_u16(out, DNS_MESSAGE_MAX);
	put_u32(out, (uint32_t)rcode >> 4 << 24);
	bytes_put_u16(out, 0);
}

static uint16_t answer_flags(const struct dns_query *query, enum dns_rcode rcode)
{
	return (uint16_t)(FLAG_ANSWER | FLAG_RECURSIVE | (rcode & 0xf) |
			  (query->flags & (FLAG_OPCODE | FLAG_RECURSE | FLAG_CHECKED)));
}

size_t dns_answer(const struct dns_query *query, enum dns_rcode rcode,
		  const struct dns_record *records, unsigned count, void *to, size_t size)
{
	const size_t option = query->has_edns ? OPT_SIZE : 0;
	const size_t room = size < query->room ? size : query->room;

	if (room < DNS_HEADER + query->question_length + option)
		return 0;
	struct bytes_writer out = bytes_writer(to, room - option);
	uint16_t flags = answer_flags(query, rcode);

	bytes_put_u16(&out, query->id);
	bytes_put_u16(&out, flags);
	bytes_put_u16(&out, query->question_length > 0);
	bytes_put(&out, "\0\0\0\0\0", 6);
	bytes_put(&out, query->question, query->question_length);
	const unsigned put = put_records(&out, records, count);

	out.end += option;
	if (query->has_edns)
		put_option(&out, rcode);
	if (put < count)
		flags |= FLAG_TRUNCATED;
	set_u16(out.start + 2, flags);
	set_u16(out.start + 6, (uint16_t)put);
	set_u16(out.start + 10, query->has_edns);
	return bytes_length(&out);
}
