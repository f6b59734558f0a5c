/*
 * keys: the isolation pairs of one process, kept sorted and encoded as method 0x97 sends them, and
 * their second form, the password of proposal 351. Memory is the caller's (zero is the empty set);
 * built once by one thread, afterwards read by any. No allocation, no I/O.
 */
#ifndef KEYS_KEYS_H
#define KEYS_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

/*
 * A pair on the wire (proposal 229 §2.1, numbers big-endian):
 *
 *   +------+----------+------+-----------+
 *   | KLEN |   KEY    | VLEN |   VALUE   |
 *   +------+----------+------+-----------+
 *   |  2   | 1 to 255 |  2   | 0 to VLEN |
 *   +------+----------+------+-----------+
 *
 * Bounds of ours, which the proposal leaves open: a name is of [A-Za-z0-9._-], and all names and
 * values together have at most 8 KiB, so that a proxy can size its buffer.
 */
#define KEYS_NAME_MAX	 255
#define KEYS_PAYLOAD_MAX 8192
/* 65 names of one byte and then names of two leave room for this many pairs with empty values. */
#define KEYS_COUNT_MAX (65 + (KEYS_PAYLOAD_MAX - 65) / 2)
#define KEYS_WIRE_MAX  (KEYS_PAYLOAD_MAX + 4 * KEYS_COUNT_MAX)

/* Parts of the pair ISOLATION, in the order they are written. */
enum keys_by {
	KEYS_BY_USER = 1u << 0,
	KEYS_BY_APPLICATION = 1u << 1,
	KEYS_BY_SESSION = 1u << 2,
	KEYS_BY_PROCESS = 1u << 3,
	KEYS_BY_DESTINATION = 1u << 4,
};

struct keys {
	uint16_t count;
	uint32_t payload; /* bytes of names and values, and those set aside */
	uint32_t length;  /* bytes of wire in use */
	uint32_t
		isolation; /* where the VLEN of ISOLATION stands in wire; 0: nothing of it varies */
	uint32_t set_aside; /* bytes, for what varies of it */
	uint32_t user;	    /* bytes at the beginning of its value that name the user; 0: none */
	uint32_t varying;   /* where its varying part (proc=, dest=) goes in wire; 0: none */
	bool varying_first; /* the varying part begins the value: no `;` before it */
	uint8_t wire[KEYS_WIRE_MAX];
};

#define KEYS_SESSION_SIZE 16
#define KEYS_PROCESS_SIZE 8

/*
 * An application whose path has more bytes than this, escaped, is written as `sha256:` and the hex
 * digest of the path. A bound of ours: it leaves the other pairs most of the 8 KiB, however deep a
 * program lies.
 */
#define KEYS_APPLICATION_MAX 1024

/* What ISOLATION is made of, and which of it stays the same for most connects of a process. */
struct keys_facts {
	uint32_t by; /* enum keys_by */
	uint32_t user;
	const char *application; /* path of the executable, NUL-terminated; NULL: unknown */
	const uint8_t *session;	 /* KEYS_SESSION_SIZE bytes, when by has it */
	const char *token;	 /* token_length bytes, NULL for none */
	size_t token_length;
};

/* 0, or -EINVAL when the name is empty, too long or outside the alphabet. */
int keys_check_name(const char *name, size_t length);

bool keys_have(const struct keys *keys, const char *name, size_t length);

/*
 * Sets a pair, replacing the one of that name. -EINVAL a bad name, -EPERM USERNAME or PASSWD (those
 * are proposal 229's credentials: keys_set_credentials), -E2BIG beyond KEYS_PAYLOAD_MAX.
 */
int keys_set(struct keys *keys, const char *name, size_t name_length, const void *value,
	     size_t value_length);

/* The pairs USERNAME and PASSWD, at most 255 bytes each (RFC 1929 §2). -E2BIG changes none. */
int keys_set_credentials(struct keys *keys, const void *username, size_t username_length,
			 const void *password, size_t password_length);

/*
 * Sets ISOLATION from the facts, unless a pair of that name stands already (an explicit value
 * replaces the derived one) or nothing was asked for. For the varying part KEYS_VARYING_MAX bytes
 * of the payload are set aside, for the user's part so many that it has KEYS_USER_MAX. -E2BIG.
 */
int keys_set_isolation(struct keys *keys, const struct keys_facts *facts);

/*
 * Parses a list of user, application, session, process and destination, or none alone, between `,`
 * or `;`. Blanks and empty items are passed over. -EINVAL for another word or a list without any.
 */
int keys_parse_by(const char *list, size_t length, uint32_t *ret_by);

/*
 * Takes the next `name=value` of a list `a=b&c=d` whose values are percent-escaped, from *list on,
 * and moves *list behind it and the `&`. The name points into the list; the value is unescaped into
 * value[size]. 1 when one was taken, 0 at the end, -EINVAL for a missing `=`, an empty name or a
 * bad escape, -E2BIG when the value does not fit.
 */
int keys_next(const char **list, const char **ret_name, size_t *ret_name_length, char *value,
	      size_t size, size_t *ret_value_length);

/* The user's part: `user=NUMBER`, and `@SPACE` behind it unless that is 0. The length. */
#define KEYS_USER_MAX (5 + 10 + 1 + 10)
size_t keys_put_user(char text[KEYS_USER_MAX], uint32_t number, uint32_t space);

/*
 * The varying part of ISOLATION for one connect, written without a leading `;`: `proc=<16 hex>`
 * when process is not NULL (KEYS_PROCESS_SIZE bytes), and `dest=host:port` when host is not NULL,
 * which has at most 257 bytes: a name of 255, or an IPv6 address in brackets.
 */
#define KEYS_VARYING_MAX (5 + 16 + 1 + 5 + 3 * 257 + 1 + 5)
size_t keys_put_varying(char varying[KEYS_VARYING_MAX], const uint8_t *process, const char *host,
			size_t host_length, uint16_t port);

/* What ISOLATION has for one connect. */
struct keys_now {
	const char *user; /* the user's part, where that has become another's */
	size_t user_length;
	const char *varying;
	size_t varying_length;
};

/*
 * The pairs as they go to the wire, in at most KEYS_PARTS pieces that point into keys, the texts of
 * now, and vlen; all must stay as they are until the message is sent. Returns the number of pieces.
 */
#define KEYS_PARTS 6
unsigned keys_message(const struct keys *keys, const struct keys_now *now, uint8_t vlen[2],
		      struct iovec part[KEYS_PARTS]);

/*
 * The pairs as proposal 351 takes them, for username KEYS_USERNAME: `NAME=value&NAME=value`, every
 * value escaped (only unreserved bytes of RFC 3986 stand), or `sha256:` and the hex digest of that
 * text when it is longer than 255 bytes. USERNAME and PASSWD are left out. Returns the length.
 */
#define KEYS_USERNAME	  "<torS0X>0"
#define KEYS_PASSWORD_MAX 255
size_t keys_password(const struct keys *keys, const struct keys_now *now,
		     char room[KEYS_PASSWORD_MAX]);

#endif
