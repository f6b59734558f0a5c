/*
 * message: DNS queries in and their answers out (RFC 1035 §4), without a socket and without
 * allocation. The parser takes one plain question and tolerates an EDNS record (RFC 6891); whatever
 * else is in a packet is refused, not guessed at. Plain values of one thread.
 */
#ifndef DNS_MESSAGE_H
#define DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_PORT	53
#define DNS_HEADER	12
#define DNS_WIRE_NAME	255 /* RFC 1035 §2.3.4, with the lengths and the root */
#define DNS_LABEL	63
#define DNS_NAME	(DNS_WIRE_NAME - 2) /* as text, without the dot at its end */
#define DNS_QUESTION	(DNS_WIRE_NAME + 2 + 2)
#define DNS_PLAIN_MAX	512  /* bytes of an answer to who announces no more, RFC 1035 §2.3.4 */
#define DNS_MESSAGE_MAX 1232 /* bytes of any message here: no path cuts it */

enum dns_type {
	DNS_A = 1,
	DNS_PTR = 12,
	DNS_AAAA = 28,
	DNS_OPT = 41,
	DNS_ANY = 255,
};

enum dns_class { DNS_INTERNET = 1, DNS_ANY_CLASS = 255 };

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
	DNS_REFUSED = 5,
	DNS_BADVERS = 16, /* RFC 6891 §9 */
};

struct dns_query {
	uint16_t id;
	uint16_t flags; /* of the header, as they came */
	uint16_t type;
	uint16_t class;
	uint16_t question_length;	/* 0: it could not be read */
	uint8_t question[DNS_QUESTION]; /* name, type and class as they came, case and all */
	bool is_hostname; /* name says all: the labels are visible ASCII without dots */
	bool has_edns;
	uint16_t room; /* bytes that the answer may have */
	uint8_t rcode; /* what the packet itself deserves: DNS_NOERROR, or a refusal */
	uint16_t name_length;
	char name[DNS_NAME + 1]; /* without the dot at its end, NUL behind; the root is empty */
};

struct dns_record {
	uint16_t type; /* DNS_A, DNS_AAAA or DNS_PTR */
	uint16_t length;
	const void *data; /* 4 or 16 bytes; a hostname as text */
};

/*
 * Reads a query. -EBADMSG: nothing that is ever answered (no header, or itself an answer).
 * Otherwise 0, and ret->rcode says whether there is a question to answer.
 */
int dns_parse(const void *packet, size_t length, struct dns_query *ret);

/*
 * Writes the answer to a query: its bytes, at most size and the query's room. Records that do not
 * fit are left out, which the answer says. 0: not even the question fits.
 */
size_t dns_answer(const struct dns_query *query, enum dns_rcode rcode,
		  const struct dns_record *records, unsigned count, void *to, size_t size);

/* Writes a query for a hostname (text): its bytes. 0: it is none, or does not fit. */
size_t dns_ask(uint16_t id, const char *name, size_t name_length, uint16_t class, uint16_t type,
	       void *to, size_t size);

#endif
