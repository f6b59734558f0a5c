/*
 * blob: the compiled policy, as it stands in ISOSOCKS_POLICY and in /etc/isosocks.policy. The
 * format and nothing else: flat, position-independent, in the byte order of the machine that
 * compiled it; zero means "the default" wherever that can be said. wrappers/compile.c writes it,
 * policy.c reads it.
 *
 * A blob is a header, then tables of records, then text. Records start at multiples of 8; a span
 * names text, a table names records, both by offset from the start of the blob.
 */
#ifndef POLICY_BLOB_H
#define POLICY_BLOB_H

#include <stdint.h>

#define BLOB_MAGIC "isosocks" /* 8 bytes, without the NUL */
#define BLOB_MAGIC_BYTES                                                                           \
	{                                                                                          \
		'i', 's', 'o', 's', 'o', 'c', 'k', 's'                                             \
	}
#define BLOB_VERSION   2
#define BLOB_MAX       (48 * 1024) /* 64 KiB once in base64url */
#define BLOB_NONE      0xffffffffu /* no index */
#define BLOB_NO_METHOD 0xff	   /* ends a list of methods */

struct blob_span {
	uint32_t offset;
	uint32_t length; /* bytes; no NUL */
};

struct blob_table {
	uint32_t offset;
	uint32_t count; /* records */
};

enum blob_pipeline { BLOB_PIPELINE_AUTO, BLOB_PIPELINE_YES, BLOB_PIPELINE_NO };
enum blob_require {
	BLOB_REQUIRE_NEVER,
	BLOB_REQUIRE_EXPLICIT,
	BLOB_REQUIRE_ALWAYS
}; /* by strictness */
enum blob_resolve { BLOB_RESOLVE_DEFERRED, BLOB_RESOLVE_PROXY };
enum blob_family { BLOB_FAMILY_IPV4, BLOB_FAMILY_BOTH };
enum blob_loopback { BLOB_LOOPBACK_DIRECT, BLOB_LOOPBACK_PROXY, BLOB_LOOPBACK_DENY };
enum blob_listen { BLOB_LISTEN_LOOPBACK, BLOB_LISTEN_ANY };
enum blob_action { BLOB_ACTION_PROXY, BLOB_ACTION_DIRECT, BLOB_ACTION_DENY };

struct blob_proxy {
	uint8_t address[16]; /* IPv6, or IPv4 as ::ffff:a.b.c.d */
	uint16_t port;
	uint8_t has_credentials; /* 0 or 1 */
	uint8_t zero[5];
	struct blob_span username; /* at most 255 bytes each, RFC 1929 §2 */
	struct blob_span password;
};

struct blob_pair {
	struct blob_span name;
	struct blob_span value;
};

/* One item of [network] direct= or deny=. */
struct blob_rule {
	uint8_t address[16];	 /* as in blob_proxy */
	uint8_t prefix;		 /* bits of address that count, 0 to 128 */
	uint8_t action;		 /* BLOB_ACTION_DIRECT or BLOB_ACTION_DENY */
	uint16_t port;		 /* 0: every port */
	struct blob_span suffix; /* not empty: a name suffix `.example.com` instead of an address */
	uint32_t origin;	 /* index of the file in origins, BLOB_NONE: not from a file */
	uint32_t line;
};

/* [application NAME] */
struct blob_application {
	struct blob_span label;
	struct blob_table match; /* blob_span: globs over the executable's path; none: every path */
	struct blob_table users; /* uint32_t uids; none: every user */
	struct blob_table pairs; /* blob_pair */
	uint32_t proxy;		 /* index in proxies, BLOB_NONE: the default one */
	uint32_t origin;
	uint32_t line;
	uint32_t by; /* enum keys_by; counts when has_by */
	uint8_t has_by;
	uint8_t action; /* enum blob_action */
	uint8_t zero[6];
};

struct blob_header {
	char magic[8];
	uint32_t version;
	uint32_t size;	     /* bytes of the whole blob */
	uint64_t checksum;   /* policy_checksum over all bytes behind this field */
	uint8_t session[16]; /* 128 random bits of this run of isosocks */
	uint8_t cookie[16];  /* what the guard's filter wants to see; zero: no filter */
	uint32_t timeout;    /* seconds for one connect, all attempts together */
	uint32_t by;	     /* enum keys_by */
	uint8_t methods[4];  /* in the order offered, BLOB_NO_METHOD behind the last */
	uint8_t retry;	     /* attempts after 229's F0 */
	uint8_t pipeline;
	uint8_t require;
	uint8_t resolve;
	uint8_t loopback;
	uint8_t listen;
	uint8_t guard;	   /* 1: the filter is installed */
	uint8_t log_level; /* enum log_level */
	uint8_t why;	   /* 1: failures are kept for `isosocksctl why` */
	uint8_t pool_prefix;
	uint8_t log_format;	/* enum log_format */
	uint8_t family;		/* enum blob_family, of placeholders */
	uint8_t pool[4];	/* first address of the placeholder pool */
	uint32_t min_uid;	/* in /etc/isosocks.policy: users below are not concerned, unless an
				 * application names them */
	struct blob_span token; /* appended to ISOLATION; empty: none */
	struct blob_span alias; /* suffix that stands for .onion; empty: none */
	struct blob_span log_file;
	struct blob_table origins; /* blob_span: configuration files */
	struct blob_table proxies; /* blob_proxy; the first is the default, there is at least one */
	struct blob_table pairs;   /* blob_pair: explicit pairs, sorted by name */
	struct blob_table rules;   /* blob_rule: deny first, then direct */
	struct blob_table applications; /* blob_application, in the order they are tried */
};

#endif
