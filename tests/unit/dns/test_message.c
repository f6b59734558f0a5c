#include "dns/message.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* The header of a query with one question (RFC 1035 §4.1.1), and the question of a.test. */
#define HEAD	 "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define HEAD_OPT "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x01"
#define NAME                                                                                       \
	"\x01"                                                                                     \
	"a"                                                                                        \
	"\x04"                                                                                     \
	"test"                                                                                     \
	"\x00"
#define IN_A "\x00\x01\x00\x01"
#define OPT  "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
#define X9   "xxxxxxxxx"
#define X63  X9 X9 X9 X9 X9 X9 X9
#define L63  "\x3f" X63

struct packet {
	const char *bytes;
	size_t length;
};
#define PACKET(text)                                                                               \
	{                                                                                          \
		text, sizeof(text) - 1                                                             \
	}

/* Copies the packet to the end of a page with nothing behind it, so that a read too far ends the
 * test. */
static const void *at_edge(const char *bytes, size_t length)
{
	static char *page;

	if (!page) {
		page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		cr_assert_eq(mprotect(page + 4096, 4096, PROT_NONE), 0);
	}
	return memcpy(page + 4096 - length, bytes, length);
}

static const struct {
	struct packet packet;
	uint8_t rcode;
	const char *name; /* NULL: not looked at */
	bool is_hostname;
} queries[] = {
	{ PACKET(HEAD NAME IN_A), DNS_NOERROR, "a.test", true },
	{ PACKET(HEAD "\x00"
		      "\x00\x02\x00\x01"),
	  DNS_NOERROR, "", true },
	{ PACKET(HEAD "\x03"
		      "a.b"
		      "\x00" IN_A),
	  DNS_NOERROR, "a.b", false },
	{ PACKET(HEAD "\x03"
		      "a b"
		      "\x00" IN_A),
	  DNS_NOERROR, "a b", false },
	{ PACKET(HEAD "\x02"
		      "\xc3\xbc"
		      "\x00" IN_A),
	  DNS_NOERROR, NULL, false },
	{ PACKET(HEAD "\x03"
		      "a\0b"
		      "\x00" IN_A),
	  DNS_NOERROR, NULL, false },
	{ PACKET(HEAD L63 L63 L63 "\x3d" X9 X9 X9 X9 X9 X9 "xxxxxxx"
				  "\x00" IN_A),
	  DNS_NOERROR, NULL, true },
	{ PACKET(HEAD_OPT NAME IN_A OPT), DNS_NOERROR, "a.test", true },
	/* RFC 6891 §6.1.3: a version that is not known; options are not looked at. */
	{ PACKET(HEAD_OPT NAME IN_A "\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"), DNS_BADVERS,
	  "a.test", true },
	{ PACKET(HEAD_OPT NAME IN_A "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x04\x00\x0a\x00\x00"),
	  DNS_NOERROR, "a.test", true },
	/* Names of 256 bytes, labels of 64, pointers, also to themselves, and the two bits between.
	 */
	{ PACKET(HEAD L63 L63 L63 "\x3e" X9 X9 X9 X9 X9 X9 "xxxxxxxx"
				  "\x00" IN_A),
	  DNS_FORMERR, NULL, false },
	{ PACKET(HEAD "\x40" X63 "x"
		      "\x00" IN_A),
	  DNS_FORMERR, NULL, false },
	{ PACKET(HEAD "\xc0\x0c" IN_A), DNS_FORMERR, NULL, false },
	{ PACKET(HEAD "\x01"
		      "a"
		      "\xc0\x0c" IN_A),
	  DNS_FORMERR, NULL, false },
	{ PACKET(HEAD "\x80\x01"
		      "a"
		      "\x00" IN_A),
	  DNS_FORMERR, NULL, false },
	/* Other numbers of records, and bytes too many. */
	{ PACKET("\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"), DNS_FORMERR, NULL, false },
	{ PACKET("\x12\x34\x01\x00\x00\x02\x00\x00\x00\x00\x00\x00" NAME IN_A NAME IN_A),
	  DNS_FORMERR, NULL, false },
	{ PACKET("\x12\x34\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff" NAME IN_A), DNS_FORMERR, NULL,
	  false },
	{ PACKET("\x12\x34\x01\x00\x00\x01\x00\x01\x00\x00\x00\x00" NAME IN_A), DNS_FORMERR, NULL,
	  false },
	{ PACKET("\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x02" NAME IN_A OPT OPT), DNS_FORMERR,
	  NULL, false },
	{ PACKET(HEAD NAME IN_A "\x00"), DNS_FORMERR, NULL, false },
	{ PACKET(HEAD_OPT NAME IN_A OPT "x"), DNS_FORMERR, NULL, false },
	{ PACKET(HEAD_OPT NAME IN_A), DNS_FORMERR, NULL, false },
	{ PACKET(HEAD_OPT NAME IN_A "\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x00"), DNS_FORMERR,
	  NULL, false },
	{ PACKET(HEAD_OPT NAME IN_A "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\xff\xff"), DNS_FORMERR,
	  NULL, false },
	/* An update, RFC 2136. */
	{ PACKET("\x12\x34\x28\x00\x00\x01\x00\x00\x00\x00\x00\x00" NAME IN_A), DNS_NOTIMP, NULL,
	  false },
};

Test(message, reads_one_question_and_refuses_what_is_none)
{
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		const struct packet packet = queries[i].packet;
		struct dns_query query;
		cr_assert_eq(dns_parse(at_edge(packet.bytes, packet.length), packet.length, &query),
			     0);
		cr_expect_eq(query.rcode, queries[i].rcode, "row %zu: %u", i, query.rcode);
		cr_expect_eq(query.id, 0x1234);
		if (queries[i].name)
			cr_expect_str_eq(query.name, queries[i].name);
		if (query.rcode == DNS_NOERROR) {
			cr_expect_eq(query.is_hostname, queries[i].is_hostname, "row %zu", i);
			cr_expect_eq(query.name_length <= DNS_NAME, true);
		}
	}
}

Test(message, cut_anywhere_is_refused_or_not_answered)
{
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		if (queries[i].rcode != DNS_NOERROR)
			continue;
		for (size_t length = 0; length < queries[i].packet.length; length++) {
			struct dns_query query;
			const int r =
				dns_parse(at_edge(queries[i].packet.bytes, length), length, &query);
			cr_expect_eq(r, length < DNS_HEADER ? -EBADMSG : 0);
			if (r == 0)
				cr_expect_neq(query.rcode, DNS_NOERROR, "row %zu cut at %zu", i,
					      length);
		}
	}
}

Test(message, answers_no_answer)
{
	static const char answer[] = "\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00" NAME IN_A;
	struct dns_query query;

	cr_assert_eq(dns_parse(answer, sizeof(answer) - 1, &query), -EBADMSG);
}

/* ---- answers ---- */

static const uint8_t four[4] = { 127, 64, 0, 1 };
static const uint8_t six[16] = { 0x20, 1, 0xd, 0xb8, [15] = 7 };
static const struct dns_record a = { DNS_A, 4, four }, aaaa = { DNS_AAAA, 16, six },
			       ptr = { DNS_PTR, 6, "b.test" };

static void expect_answer(struct packet in, enum dns_rcode rcode, const struct dns_record *record,
			  struct packet out)
{
	struct dns_query query;
	uint8_t answer[DNS_MESSAGE_MAX];

	cr_assert_eq(dns_parse(in.bytes, in.length, &query), 0);
	const size_t length =
		dns_answer(&query, rcode, record, record ? 1 : 0, answer, sizeof(answer));
	cr_expect_eq(length, out.length, "%zu bytes, not %zu", length, out.length);
	cr_expect_arr_eq(answer, out.bytes, out.length);
}

Test(message, writes_answers_as_rfc_1035_has_them)
{
	expect_answer((struct packet)PACKET(HEAD NAME IN_A), DNS_NOERROR, &a,
		      (struct packet)PACKET(
			      "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" NAME IN_A
			      "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x7f\x40\x00\x01"));
	expect_answer((struct packet)PACKET(HEAD NAME "\x00\x1c\x00\x01"), DNS_NOERROR, &aaaa,
		      (struct packet)PACKET(
			      "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" NAME
			      "\x00\x1c\x00\x01\xc0\x0c\x00\x1c\x00\x01\x00\x00\x00\x00\x00\x10"
			      "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07"));
	expect_answer((struct packet)PACKET(HEAD NAME "\x00\x0c\x00\x01"), DNS_NOERROR, &ptr,
		      (struct packet)PACKET(
			      "\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" NAME
			      "\x00\x0c\x00\x01\xc0\x0c\x00\x0c\x00\x01\x00\x00\x00\x00\x00\x08"
			      "\x01"
			      "b"
			      "\x04"
			      "test"
			      "\x00"));
	expect_answer((struct packet)PACKET(HEAD NAME IN_A), DNS_NXDOMAIN, NULL,
		      (struct packet)PACKET(
			      "\x12\x34\x81\x83\x00\x01\x00\x00\x00\x00\x00\x00" NAME IN_A));
	/* RFC 6891: an EDNS record for one, the upper half of BADVERS in it. */
	expect_answer(
		(struct packet)PACKET(HEAD_OPT NAME IN_A OPT), DNS_NOERROR, NULL,
		(struct packet)PACKET("\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x01" NAME IN_A
				      "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"));
	expect_answer(
		(struct packet)PACKET(HEAD_OPT NAME IN_A OPT), DNS_BADVERS, NULL,
		(struct packet)PACKET("\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x01" NAME IN_A
				      "\x00\x00\x29\x04\xd0\x01\x00\x00\x00\x00\x00"));
	/* A question that could not be read is not repeated. */
	expect_answer((struct packet)PACKET(HEAD "\xc0\x0c" IN_A), DNS_FORMERR, NULL,
		      (struct packet)PACKET("\x12\x34\x81\x81\x00\x00\x00\x00\x00\x00\x00\x00"));
}

Test(message, leaves_out_what_does_not_fit_and_says_so)
{
	static const char packet[] = HEAD_OPT NAME IN_A OPT;
	struct dns_record records[200];
	uint8_t answer[DNS_MESSAGE_MAX];
	struct dns_query query;

	for (size_t i = 0; i < 200; i++)
		records[i] = a;
	cr_assert_eq(dns_parse(packet, sizeof(packet) - 1, &query), 0);
	const size_t least = DNS_HEADER + query.question_length + 11;
	for (size_t size = 0; size <= sizeof(answer); size++) {
		memset(answer, 0xee, sizeof(answer));
		const size_t length = dns_answer(&query, DNS_NOERROR, records, 200, answer, size);
		cr_assert_leq(length, size);
		if (size < least) {
			cr_assert_eq(length, 0u);
			continue;
		}
		const size_t fit = (size - least) / 16;
		cr_assert_eq(length, least + fit * 16);
		cr_assert_eq(answer[7], fit & 0xff);
		cr_assert((answer[2] & 2) != 0); /* never all 200 */
		cr_assert(size == sizeof(answer) || answer[size] == 0xee);
	}
}

/* ---- queries of our own ---- */

Test(message, asks_for_hostnames_only)
{
	uint8_t packet[DNS_HEADER + DNS_QUESTION];
	static const char *const bad[] = { "a..b", ".a", "a..", X63 "x" };
	struct dns_query query;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(dns_ask(1, bad[i], strlen(bad[i]), 1, 1, packet, sizeof(packet)), 0u,
			     "%s", bad[i]);
	const size_t length = dns_ask(0x1234, "a.test.", 7, 1, 1, packet, sizeof(packet));
	cr_assert_eq(length, sizeof(HEAD NAME IN_A) - 1);
	cr_assert_arr_eq(packet, HEAD NAME IN_A, length);
	for (size_t size = 0; size < length; size++)
		cr_expect_eq(dns_ask(0x1234, "a.test.", 7, 1, 1, packet, size), 0u);
	const char *longest = X63 "." X63 "." X63 "." X9 X9 X9 X9 X9 X9 "xxxxxxx";
	cr_assert_eq(strlen(longest), (size_t)DNS_NAME);
	cr_assert_eq(dns_parse(packet, dns_ask(1, longest, DNS_NAME, 1, 1, packet, sizeof(packet)),
			       &query),
		     0);
	cr_assert_str_eq(query.name, longest);
	cr_assert_eq(query.rcode, DNS_NOERROR);
}
