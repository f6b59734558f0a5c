/*
 * wire: SOCKS5's messages as bytes. Encoders put a whole message into a writer; the numbers and
 * sizes here are the only place where the protocol's constants stand. No state, no I/O.
 *
 * Sources: RFC 1928 (SOCKS5), RFC 1929 (username/password), Tor proposal 229 §2.1 (method 0x97),
 * Tor's socks-extensions (RESOLVE, RESOLVE_PTR).
 */
#ifndef SOCKS5_WIRE_H
#define SOCKS5_WIRE_H

#include "base/bytes.h"

#include <stdint.h>

#define SOCKS5_VERSION	    5 /* RFC 1928 §3 */
#define SOCKS5_AUTH_VERSION 1 /* RFC 1929 §2, proposal 229 §2.1 */

enum socks5_method {
	SOCKS5_NO_AUTHENTICATION = 0x00, /* RFC 1928 §3 */
	SOCKS5_PASSWORD = 0x02,		 /* RFC 1929 */
	SOCKS5_EXTENDED = 0x97,		 /* proposal 229 */
	SOCKS5_NO_ACCEPTABLE = 0xff,
};

enum socks5_command {
	SOCKS5_CONNECT = 0x01, /* RFC 1928 §4 */
	SOCKS5_RESOLVE = 0xf0, /* Tor's socks-extensions §2 */
	SOCKS5_RESOLVE_PTR = 0xf1,
};

enum socks5_address_type {
	SOCKS5_IPV4 = 0x01, /* RFC 1928 §5 */
	SOCKS5_NAME = 0x03,
	SOCKS5_IPV6 = 0x04,
};

#define SOCKS5_NAME_MAX	    255
#define SOCKS5_METHODS_MAX  3 /* that we ever offer */
#define SOCKS5_GREETING_MAX (1 + 1 + SOCKS5_METHODS_MAX)
#define SOCKS5_REQUEST_MAX  (4 + 1 + SOCKS5_NAME_MAX + 2)
#define SOCKS5_PASSWORD_MAX (1 + 1 + 255 + 1 + 255)
#define SOCKS5_REPLY_MAX    (4 + 1 + SOCKS5_NAME_MAX + 2)
/* The shortest reply is one with an empty name; nothing of the application can stand before its
 * end. */
#define SOCKS5_REPLY_MIN      (4 + 1 + 0 + 2)
#define SOCKS5_METHOD_REPLY   2 /* VER METHOD */
#define SOCKS5_PASSWORD_REPLY 2 /* VER STATUS */
#define SOCKS5_EXTENDED_REPLY 4 /* VER STATUS NR_PAIRS */
#define SOCKS5_PAIR_MIN	      (2 + 1 + 2)

struct socks5_address {
	uint8_t type;	/* enum socks5_address_type */
	uint8_t length; /* bytes: 4, 16, or 0 to 255 of a name without NUL */
	uint8_t bytes[SOCKS5_NAME_MAX];
	uint16_t port; /* host byte order */
};

/*
 * RFC 1928 §3
 *
 *   +-----+----------+----------+
 *   | VER | NMETHODS | METHODS  |
 *   +-----+----------+----------+
 *   |  1  |    1     | 1 to 255 |
 *   +-----+----------+----------+
 */
void socks5_put_greeting(struct bytes_writer *w, const uint8_t *methods, unsigned count);

/*
 * RFC 1929 §2. Both lengths are at most 255.
 *
 *   +-----+------+----------+------+----------+
 *   | VER | ULEN |  UNAME   | PLEN |  PASSWD  |
 *   +-----+------+----------+------+----------+
 *   |  1  |  1   | 1 to 255 |  1   | 0 to 255 |
 *   +-----+------+----------+------+----------+
 */
void socks5_put_password(struct bytes_writer *w, const void *username, size_t username_length,
			 const void *password, size_t password_length);

/*
 * Proposal 229 §2.1, the head of the request; the pairs follow it.
 *
 *   +-----+----------+
 *   | VER | NR PAIRS |
 *   +-----+----------+
 *   |  1  |    2     |
 *   +-----+----------+
 */
void socks5_put_extended_head(struct bytes_writer *w, uint16_t pairs);

/*
 * RFC 1928 §4
 *
 *   +-----+-----+-----+------+----------+----------+
 *   | VER | CMD | RSV | ATYP | DST.ADDR | DST.PORT |
 *   +-----+-----+-----+------+----------+----------+
 *   |  1  |  1  | 00  |  1   | variable |    2     |
 *   +-----+-----+-----+------+----------+----------+
 */
void socks5_put_request(struct bytes_writer *w, uint8_t command,
			const struct socks5_address *target);

/*
 * How long the reply that begins with these bytes is (RFC 1928 §6: the request's layout with REP in
 * CMD's place), by its own ATYP: the whole length, or the bytes needed to tell (never more than it
 * has), or -EPROTO for an unknown ATYP.
 */
int socks5_reply_length(const uint8_t *reply, size_t have);

#endif
