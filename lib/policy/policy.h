/*
 * policy: reads a compiled policy where it lies. The caller owns the bytes, which must be aligned
 * to 8 and stay unchanged; a struct policy is a validated view of them that any thread may use.
 * Nothing is allocated, and every byte is reached through the bounds checks here.
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "policy/blob.h"

#include <stdbool.h>
#include <stddef.h>

struct policy {
	const struct blob_header *header;
	const struct blob_header *machine; /* of another one whose demands hold too, or NULL */
};

struct policy_text {
	const char *at;
	size_t length;
};

/* The checksum of header.checksum: any change of a single byte changes it. Not cryptographic. */
uint64_t policy_checksum(const void *from, size_t length);

/*
 * Validates everything once: magic, version, size, checksum, enumerations, every table and every
 * span. -EBADMSG when the bytes are no policy, -EPROTONOSUPPORT when they are one of another
 * version.
 */
int policy_open(struct policy *policy, const void *blob, size_t length);

/*
 * What an administrator demands cannot be taken back: from now on `deny` and `require` of machine,
 * which has been opened and stays as long, hold for policy besides its own.
 */
void policy_hold(struct policy *policy, const struct policy *machine);

/* The stricter enum blob_require of both. */
uint8_t policy_require(const struct policy *policy);

/* Text of a span of this blob, without a NUL behind it. */
struct policy_text policy_text(const struct policy *policy, struct blob_span span);

/* The records; NULL behind the last one. The proxy BLOB_NONE is the default one, the first. */
const struct blob_proxy *policy_proxy(const struct policy *policy, uint32_t index);
const struct blob_pair *policy_pair(const struct policy *policy, struct blob_table pairs,
				    uint32_t index);
const struct blob_rule *policy_rule(const struct policy *policy, uint32_t index);

/* Where a stream or a datagram may go. */
enum policy_verdict {
	POLICY_PROXY,
	POLICY_DIRECT,
	POLICY_DENY,
};

struct policy_target {
	uint8_t address[16]; /* IPv6, or IPv4 as ::ffff:a.b.c.d; what the application passed */
	uint16_t port;
	bool is_stream;	  /* TCP (or MPTCP); otherwise datagrams */
	const char *name; /* the hostname behind a placeholder, NULL for a plain address */
	size_t name_length;
};

/* The verdict; *ret_rule (may be NULL) becomes the rule that said so, or NULL. */
enum policy_verdict policy_decide(const struct policy *policy, const struct policy_target *target,
				  const struct blob_rule **ret_rule);

/* The rule that denies the target, NULL for none: all that holds for a program that is let go
 * directly. */
const struct blob_rule *policy_find_deny(const struct policy *policy,
					 const struct policy_target *target);

/*
 * Whether a deny item has this name, with a port or without (at_every_port: without). It is asked
 * of nobody, and has a placeholder wherever it is looked up: so the item decides when it is
 * connected to.
 */
bool policy_denies_name(const struct policy *policy, const char *name, size_t length,
			bool at_every_port);

/* Whether any name is denied. */
bool policy_has_denied_names(const struct policy *policy);

/* Whether an address is denied at every port. */
bool policy_denies_address(const struct policy *policy, const uint8_t address[16]);

/* Whether a program may come to the address past the proxy, at some port: what is loopback, a
 * placeholder, or in a direct rule. */
bool policy_may_be_direct(const struct policy *policy, const uint8_t address[16]);

/* Whether the target is this proxy, or one of the policy's, at any of the addresses that one on
 * loopback may be reached at. */
bool policy_is_a_proxy(const struct policy *policy, const struct blob_proxy *proxy,
		       const struct policy_target *target);

/* Whether the address is this proxy's, or that of one of the policy's, at whatever port. */
bool policy_is_address_of(const struct policy *policy, const struct blob_proxy *proxy,
			  const uint8_t address[16]);

/* Whether a direct rule has every address at some port, so that no answer of a proxy is safe. */
bool policy_lets_a_port_go(const struct policy *policy);

/* Whether the whole text is as the glob says: * stands for any text, / in it too, ? for a byte. */
bool policy_glob(struct policy_text glob, struct policy_text text);

/*
 * The first group that names the executable (its real path, NULL when that is not known) and the
 * user, or NULL.
 */
const struct blob_application *policy_find_application(const struct policy *policy,
						       const char *executable, uint32_t user);

/* Whether any group that names the executable has the user in its list. */
bool policy_names_user(const struct policy *policy, const char *executable, uint32_t user);

/* Whether the address is loopback: 127/8 less the pool, ::1, 0.0.0.0 and ::. */
bool policy_is_loopback(const struct policy *policy, const uint8_t address[16]);

/*
 * Whether nothing that the policy lets through needs another device than the loopback one: the
 * proxy and every direct rule are on it, and others may not connect from outside.
 */
bool policy_stays_on_loopback(const struct policy *policy, const struct blob_proxy *proxy);

/* Whether the address lies in the placeholder pool (plain or v4-mapped). */
bool policy_is_placeholder(const struct policy *policy, const uint8_t address[16]);

/*
 * Whether a connection must fail rather than go without its pairs, by the policy's
 * BLOB_REQUIRE_…: set is how many of them someone set (a token is one), all how many there are
 * without the credentials.
 */
bool policy_keys_must_arrive(uint32_t require, unsigned set, unsigned all);

/*
 * The SOCKS methods to offer, in order, and their number (0: nothing is left, EPROTONOSUPPORT).
 * When keys must arrive 0x00 is not among them: a proxy that takes it would lose them silently.
 * With real credentials the password method carries those and no keys.
 */
unsigned policy_methods(const struct policy *policy, bool keys_must_arrive, bool has_credentials,
			uint8_t methods[3]);

#endif
