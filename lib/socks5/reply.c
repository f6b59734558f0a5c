#include "socks5/reply.h"

#include <errno.h>

/*
 * RFC 1928 §6; proposal 229 §2.2, whose prose swaps the descriptions of E0 and E1 (the names decide
 * here); proposal 304, which Tor ships behind the SocksPort flag ExtendedErrors.
 */
const struct reply_row reply_rows[] = {
	{ 0x01, REPLY_RFC_1928, ECONNABORTED, "general SOCKS server failure" },
	{ 0x02, REPLY_RFC_1928, EACCES, "connection not allowed by ruleset" },
	{ 0x03, REPLY_RFC_1928, ENETUNREACH, "network unreachable" },
	{ 0x04, REPLY_RFC_1928, EHOSTUNREACH, "host unreachable" },
	{ 0x05, REPLY_RFC_1928, ECONNREFUSED, "connection refused" },
	{ 0x06, REPLY_RFC_1928, ETIMEDOUT, "TTL expired" },
	{ 0x07, REPLY_RFC_1928, EOPNOTSUPP, "command not supported" },
	{ 0x08, REPLY_RFC_1928, EAFNOSUPPORT, "address type not supported" },
	{ 0xe0, REPLY_PROPOSAL_229, ENXIO, "onion service not found" },
	{ 0xe1, REPLY_PROPOSAL_229, EHOSTDOWN, "onion service not reachable" },
	{ 0xf0, REPLY_PROPOSAL_229, ECONNRESET, "pluggable transport failed for now" },
	{ 0xf1, REPLY_PROPOSAL_229, EPROTO,
	  "pluggable transport protocol failure: invalid bridge" },
	{ 0xf2, REPLY_PROPOSAL_229, EIO, "pluggable transport internal error" },
	{ 0xf0, REPLY_PROPOSAL_304, ENXIO, "onion service descriptor not found" },
	{ 0xf1, REPLY_PROPOSAL_304, EBADMSG, "onion service descriptor invalid" },
	{ 0xf2, REPLY_PROPOSAL_304, EHOSTDOWN, "onion service introduction failed" },
	{ 0xf3, REPLY_PROPOSAL_304, ECONNRESET, "onion service rendezvous failed" },
	{ 0xf4, REPLY_PROPOSAL_304, ENOKEY, "onion service client authorisation missing" },
	{ 0xf5, REPLY_PROPOSAL_304, EKEYREJECTED, "onion service client authorisation wrong" },
	{ 0xf6, REPLY_PROPOSAL_304, EADDRNOTAVAIL, "bad onion address" },
	{ 0xf7, REPLY_PROPOSAL_304, ETIMEDOUT, "onion service introduction timed out" },
};

const size_t reply_count = sizeof(reply_rows) / sizeof(reply_rows[0]);

const struct reply_row *reply_find(uint8_t code, bool extended)
{
	const unsigned column =
		REPLY_RFC_1928 | (extended ? REPLY_PROPOSAL_229 : REPLY_PROPOSAL_304);

	for (size_t i = 0; i < reply_count; i++) {
		if (reply_rows[i].code == code && (reply_rows[i].dialect & column))
			return &reply_rows[i];
	}
	return NULL;
}

int reply_error(uint8_t code, bool extended)
{
	const struct reply_row *row = reply_find(code, extended);
	return row ? -row->error : -EPROTO;
}
