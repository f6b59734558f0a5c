/*
 * message: SOCKS5's messages as a server sees them, bytes to values and back, without I/O. Parsers
 * look at a view of the input and consume a whole message or nothing: they return its length, 0
 * when more bytes are needed, or -errno, which is final. Values belong to the caller; one thread.
 */
#ifndef PROXY_MESSAGE_H
#define PROXY_MESSAGE_H

#include "address.h"

#define MESSAGE_VERSION	     5
#define MESSAGE_AUTH_VERSION 1

enum message_method {
	METHOD_NONE = 0x00,
	METHOD_PASSWORD = 0x02, /* RFC 1929 */
	METHOD_PAIRS = 0x97,	/* proposal 229 */
	METHOD_REFUSED = 0xff,
};

enum message_command {
	COMMAND_CONNECT = 0x01,
	COMMAND_RESOLVE = 0xf0, /* Tor's socks-extensions */
	COMMAND_RESOLVE_PTR = 0xf1,
};

enum message_reply {
	REPLY_SUCCEEDED = 0x00, /* RFC 1928 §6 */
	REPLY_GENERAL_FAILURE = 0x01,
	REPLY_NOT_ALLOWED = 0x02,
	REPLY_NETWORK_UNREACHABLE = 0x03,
	REPLY_HOST_UNREACHABLE = 0x04,
	REPLY_REFUSED = 0x05,
	REPLY_TTL_EXPIRED = 0x06,
	REPLY_COMMAND_NOT_SUPPORTED = 0x07,
	REPLY_ADDRESS_NOT_SUPPORTED = 0x08,
	REPLY_ONION_NOT_FOUND = 0xe0, /* proposal 229 */
	REPLY_ONION_NOT_REACHABLE = 0xe1,
};

enum message_status {
	STATUS_OK = 0x00, /* proposal 229; RFC 1929 knows 00 and "failure" */
	STATUS_FAILED = 0x01,
	STATUS_INVALID = 0x02,
};

struct greeting {
	guint8 count;
	guint8 methods[255];
};

struct credentials {
	guint8 user_length;
	guint8 password_length;
	guint8 user[255];
	guint8 password[255];
};

struct request {
	guint8 command;
	struct address target;
};

/* -EPROTO when the first byte is not SOCKS5's. */
int greeting_parse(const guint8 *in, gsize length, struct greeting *ret);

/* -EPROTO when VER is not 01. */
int credentials_parse(const guint8 *in, gsize length, struct credentials *ret);

/* -EPROTO: wrong VER or RSV, or a name that cannot be one; -EAFNOSUPPORT: unknown ATYP. */
int request_parse(const guint8 *in, gsize length, struct request *ret);

/* The first of the server's methods that the client offered, or METHOD_REFUSED. */
guint8 greeting_choose(const struct greeting *greeting, const guint8 *methods, gsize count);

gboolean credentials_equal(const struct credentials *credentials, const char *user,
			   const char *password);

/* A reply in RFC 1928's shape; `bound` NULL stands for 0.0.0.0:0. */
void reply_append(GByteArray *out, guint8 code, const struct address *bound);

#endif
