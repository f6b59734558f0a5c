/*
 * reply: what a proxy's reply codes mean, and the errno each becomes: one table. The extended codes
 * of proposal 229 and of Tor's proposal 304 share numbers, so the negotiated method decides which
 * column counts.
 */
#ifndef SOCKS5_REPLY_H
#define SOCKS5_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum socks5_reply {
	SOCKS5_SUCCEEDED = 0x00,
	SOCKS5_COMMAND_NOT_SUPPORTED = 0x07,
	SOCKS5_229_TEMPORARY = 0xf0, /* transport failed for now: retry at once */
};

/* Which columns a row stands in. */
enum reply_dialect {
	REPLY_RFC_1928 = 1u << 0,     /* with every method */
	REPLY_PROPOSAL_229 = 1u << 1, /* with method 0x97 */
	REPLY_PROPOSAL_304 = 1u << 2, /* with every other method */
};

struct reply_row {
	uint8_t code;
	uint8_t dialect;
	int error; /* positive errno */
	const char *meaning;
};

extern const struct reply_row reply_rows[];
extern const size_t reply_count;

/* The row of a code, NULL when it is unassigned. extended: method 0x97 was negotiated. */
const struct reply_row *reply_find(uint8_t code, bool extended);

/* -errno of a reply code other than 00. Never -EAGAIN, -EINTR or -EINPROGRESS; unassigned codes are
 * -EPROTO. */
int reply_error(uint8_t code, bool extended);

#endif
