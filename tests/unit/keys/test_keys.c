/*
 * The rows of "composes" state the text of ISOLATION once, and prove it in both forms that go out:
 * the pairs of method 0x97 and the password of proposal 351.
 */
#include "keys/keys.h"

#include "keys/sha256.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct keys keys;
static char filler[KEYS_PAYLOAD_MAX + 1];

static void fill(void)
{
	memset(filler, 'v', sizeof(filler));
}

TestSuite(keys, .init = fill);

static int set(const char *name, const char *value)
{
	return keys_set(&keys, name, strlen(name), value, strlen(value));
}

static int set_filler(const char *name, size_t value_length)
{
	return keys_set(&keys, name, strlen(name), filler, value_length);
}

/* ---- what goes out ---- */

struct sent {
	uint8_t bytes[KEYS_WIRE_MAX + KEYS_VARYING_MAX];
	size_t length;
};

static struct sent sent;

/* The user's part, where it has become another's. */
static const char *user = "";

static struct keys_now now_with(const char *varying)
{
	return (struct keys_now){ user, strlen(user), varying, strlen(varying) };
}

static void send_message(const char *varying)
{
	struct iovec part[KEYS_PARTS];
	uint8_t vlen[2];
	const struct keys_now now = now_with(varying);
	const unsigned count = keys_message(&keys, &now, vlen, part);

	cr_assert_leq(count, (unsigned)KEYS_PARTS);
	sent.length = 0;
	for (unsigned i = 0; i < count; i++) {
		cr_assert_gt(part[i].iov_len, 0u, "an empty piece");
		cr_assert_leq(sent.length + part[i].iov_len, sizeof(sent.bytes));
		memcpy(sent.bytes + sent.length, part[i].iov_base, part[i].iov_len);
		sent.length += part[i].iov_len;
	}
}

/* The message as `name=value` lines, read the way a strict proxy reads it. */
static const char *read_message(const char *varying)
{
	static char text[sizeof(sent.bytes)];
	char *out = text;
	unsigned count = 0;

	send_message(varying);
	for (size_t at = 0; at < sent.length; count++) {
		for (int field = 0; field < 2; field++) {
			cr_assert_leq(at + 2, sent.length, "cut in a length");
			const size_t length = (size_t)(sent.bytes[at] << 8 | sent.bytes[at + 1]);
			cr_assert_leq(at + 2 + length, sent.length, "cut in a field");
			memcpy(out, sent.bytes + at + 2, length);
			out += length;
			*out++ = field == 0 ? '=' : '\n';
			at += 2 + length;
		}
	}
	cr_assert_eq(count, keys.count);
	*out = '\0';
	return text;
}

static const char *read_password(const char *varying)
{
	static char password[KEYS_PASSWORD_MAX + 1];
	const struct keys_now now = now_with(varying);
	const size_t length = keys_password(&keys, &now, password);

	cr_assert_leq(length, (size_t)KEYS_PASSWORD_MAX);
	password[length] = '\0';
	return password;
}

static const char *digest_of(const char *text)
{
	static char result[7 + 2 * SHA256_SIZE + 1];
	struct sha256 sha;
	uint8_t digest[SHA256_SIZE];

	sha256_init(&sha);
	sha256_update(&sha, text, strlen(text));
	sha256_final(&sha, digest);
	strcpy(result, "sha256:");
	for (size_t i = 0; i < SHA256_SIZE; i++)
		sprintf(result + 7 + 2 * i, "%02x", digest[i]);
	return result;
}

/* ---- names ---- */

Test(keys, takes_names_of_letters_digits_dot_underscore_and_hyphen)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

	for (int c = 0; c < 256; c++) {
		const char name[3] = { 'a', (char)c, 'b' };
		const int expected = c != 0 && strchr(alphabet, c) ? 0 : -EINVAL;
		cr_assert_eq(keys_check_name(name, 3), expected, "%02x", (unsigned)c);
		cr_assert_eq(keys_check_name(name + 1, 1), expected, "%02x", (unsigned)c);
		cr_assert_eq(keys_set(&keys, name, 3, "v", 1), expected, "%02x", (unsigned)c);
	}
	cr_assert_eq(keys.count, sizeof(alphabet) - 1);
}

Test(keys, takes_names_of_1_to_255_bytes)
{
	cr_assert_eq(keys_check_name(filler, 0), -EINVAL);
	cr_assert_eq(keys_check_name(filler, 1), 0);
	cr_assert_eq(keys_check_name(filler, 255), 0);
	cr_assert_eq(keys_check_name(filler, 256), -EINVAL);
	cr_assert_eq(keys_set(&keys, filler, 0, "v", 1), -EINVAL);
	cr_assert_eq(keys_set(&keys, filler, 256, "v", 1), -EINVAL);
	cr_assert_eq(keys.count, 0);
	cr_assert_eq(keys_set(&keys, filler, 255, "v", 1), 0);
	send_message("");
	cr_assert_eq(sent.length, 2u + 255 + 2 + 1);
}

Test(keys, refuses_the_names_of_the_credentials)
{
	cr_assert_eq(set("USERNAME", "alice"), -EPERM);
	cr_assert_eq(set("PASSWD", "secret"), -EPERM);
	cr_assert_eq(keys.count, 0);
	cr_assert_eq(set("username", "alice"), 0);
	cr_assert_eq(set("USERNAMES", "alice"), 0);
	cr_assert_eq(set("PASSW", "alice"), 0);
}

Test(keys, finds_only_the_whole_name)
{
	cr_assert_not(keys_have(&keys, "ISOLATION", 9));
	cr_assert_eq(set("ISOLATION", ""), 0);
	cr_assert(keys_have(&keys, "ISOLATION", 9));
	cr_assert_not(keys_have(&keys, "ISOLATION", 8));
	cr_assert_not(keys_have(&keys, "ISOLATIONS", 10));
	cr_assert_not(keys_have(&keys, "isolation", 9));
}

/* ---- the wire ---- */

Test(keys, sends_nothing_when_there_are_none)
{
	struct iovec part[KEYS_PARTS];
	uint8_t vlen[2];

	cr_assert_eq(keys_message(&keys, &(struct keys_now){ 0 }, vlen, part), 0u);
	cr_assert_str_eq(read_password(""), "");
}

/* Proposal 229 §2.1 */
Test(keys, encodes_a_pair_as_the_proposal_draws_it)
{
	static const char golden[] = "\x00\x09ISOLATION\x00\x05"
				     "alice"
				     "\x00\x0borg.example\x00\x00";

	cr_assert_eq(set("org.example", ""), 0);
	cr_assert_eq(set("ISOLATION", "alice"), 0);
	send_message("");
	cr_assert_eq(sent.length, sizeof(golden) - 1);
	cr_assert_arr_eq(sent.bytes, golden, sizeof(golden) - 1);
}

/* By byte value: digits, upper case, underscore, lower case; a name before those that it begins. */
static const char *const sorted[] = {
	"-", ".", "0", "A", "AA", "AB", "B", "Z", "_", "a", "aa", "ab"
};

#define SORTED_LINES "-=v\n.=v\n0=v\nA=v\nAA=v\nAB=v\nB=v\nZ=v\n_=v\na=v\naa=v\nab=v\n"

Test(keys, sends_pairs_sorted_by_name)
{
	for (size_t i = 0; i < COUNT(sorted); i++)
		cr_assert_eq(set(sorted[COUNT(sorted) - 1 - i], "v"), 0);
	cr_assert_str_eq(read_message(""), SORTED_LINES);
}

Test(keys, sends_the_same_in_whatever_order_pairs_are_set)
{
	char first[KEYS_PASSWORD_MAX + 1];

	/* 5, 7 and 11 have no factor in common with 12: each walks through all names. */
	for (size_t stride = 1; stride < COUNT(sorted); stride++) {
		if (stride % 2 == 0 || stride % 3 == 0)
			continue;
		memset(&keys, 0, sizeof(keys));
		for (size_t i = 0, at = 0; i < COUNT(sorted);
		     i++, at = (at + stride) % COUNT(sorted))
			cr_assert_eq(set(sorted[at], "v"), 0);
		cr_assert_str_eq(read_message(""), SORTED_LINES);
	}

	cr_assert_eq(set("long",
			 "0123456789012345678901234567890123456789012345678901234567890123456789"
			 "0123456789012345678901234567890123456789012345678901234567890123456789"
			 "0123456789012345678901234567890123456789012345678901234567890123456789"),
		     0);
	strcpy(first, read_password(""));
	cr_assert_eq(strncmp(first, "sha256:", 7), 0);
	cr_assert_eq(set("aa", "w"), 0);
	cr_assert_str_neq(read_password(""), first);
	cr_assert_eq(set("aa", "v"), 0);
	cr_assert_str_eq(read_password(""), first);
}

Test(keys, replaces_a_pair_of_the_same_name)
{
	static const char *const values[] = { "first", "", "a longer value than before", "x" };

	cr_assert_eq(set("a", "1"), 0);
	cr_assert_eq(set("c", "3"), 0);
	for (size_t i = 0; i < COUNT(values); i++) {
		char expected[64];
		sprintf(expected, "a=1\nb=%s\nc=3\n", values[i]);
		cr_assert_eq(set("b", values[i]), 0);
		cr_assert_str_eq(read_message(""), expected);
		cr_assert_eq(keys.payload, 5 + strlen(values[i]));
	}
	cr_assert_eq(set("a", "one"), 0);
	cr_assert_eq(set("c", "three"), 0);
	cr_assert_str_eq(read_message(""), "a=one\nb=x\nc=three\n");
}

Test(keys, keeps_any_byte_in_a_value)
{
	uint8_t all[256];

	for (int i = 0; i < 256; i++)
		all[i] = (uint8_t)i;
	cr_assert_eq(keys_set(&keys, "k", 1, all, sizeof(all)), 0);
	send_message("");
	cr_assert_eq(sent.length, 2u + 1 + 2 + 256);
	cr_assert_arr_eq(sent.bytes, "\x00\x01k\x01\x00", 5);
	cr_assert_arr_eq(sent.bytes + 5, all, sizeof(all));
}

/* ---- bounds ---- */

Test(keys, holds_8192_bytes_of_names_and_values_and_no_more)
{
	cr_assert_eq(set_filler("k", KEYS_PAYLOAD_MAX), -E2BIG);
	cr_assert_eq(set_filler("k", SIZE_MAX), -E2BIG);
	cr_assert_eq(keys.count, 0);
	cr_assert_eq(set_filler("k", KEYS_PAYLOAD_MAX - 1), 0);
	cr_assert_eq(set("l", ""), -E2BIG);
	send_message("");
	cr_assert_eq(sent.length, 4u + KEYS_PAYLOAD_MAX);
}

Test(keys, counts_a_replaced_pair_no_more)
{
	cr_assert_eq(set_filler("k", KEYS_PAYLOAD_MAX - 1 - 2), 0);
	cr_assert_eq(set("l", "v"), 0);
	cr_assert_eq(set("l", "vv"), -E2BIG);
	cr_assert_eq(set_filler("k", KEYS_PAYLOAD_MAX - 1 - 2 + 1), -E2BIG);
	cr_assert_eq(keys.payload, (unsigned)KEYS_PAYLOAD_MAX, "a refused pair changed something");
	cr_assert_eq(set("k", "v"), 0);
	cr_assert_str_eq(read_message(""), "k=v\nl=v\n");
	cr_assert_eq(set_filler("l", KEYS_PAYLOAD_MAX - 2 - 1), 0);
}

Test(keys, holds_as_many_pairs_as_the_shortest_names_allow)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const size_t letters = sizeof(alphabet) - 1;
	char name[2];

	for (size_t i = 0; i < letters; i++)
		cr_assert_eq(keys_set(&keys, alphabet + i, 1, "", 0), 0);
	for (size_t i = 0; keys.count < KEYS_COUNT_MAX; i++) {
		name[0] = alphabet[i / letters];
		name[1] = alphabet[i % letters];
		cr_assert_eq(keys_set(&keys, name, 2, "", 0), 0, "pair %u", (unsigned)keys.count);
	}
	cr_assert_eq(keys_set(&keys, "--", 2, "", 0), -E2BIG);
	cr_assert_leq(keys.length, (unsigned)KEYS_WIRE_MAX);
	cr_assert_eq(keys.length, keys.payload + 4 * (unsigned)KEYS_COUNT_MAX);
	read_message("");
}

/* ---- credentials ---- */

Test(keys, sends_credentials_sorted_among_the_pairs)
{
	cr_assert_eq(set("ISOLATION", "work"), 0);
	cr_assert_eq(set("Q", "q"), 0);
	cr_assert_eq(set("a", "b"), 0);
	cr_assert_eq(keys_set_credentials(&keys, "alice", 5, "secret", 6), 0);
	cr_assert_str_eq(read_message(""),
			 "ISOLATION=work\nPASSWD=secret\nQ=q\nUSERNAME=alice\na=b\n");
	cr_assert_eq(keys_set_credentials(&keys, "bob", 3, "", 0), 0);
	cr_assert_str_eq(read_message(""), "ISOLATION=work\nPASSWD=\nQ=q\nUSERNAME=bob\na=b\n");
}

Test(keys, leaves_credentials_out_of_the_password)
{
	cr_assert_eq(keys_set_credentials(&keys, "alice", 5, "secret", 6), 0);
	cr_assert_str_eq(read_password(""), "");
	cr_assert_eq(set("ISOLATION", "work"), 0);
	cr_assert_eq(set("a", "b"), 0);
	cr_assert_str_eq(read_password(""), "ISOLATION=work&a=b");
}

Test(keys, bounds_credentials_at_255_bytes)
{
	cr_assert_eq(keys_set_credentials(&keys, filler, 256, "p", 1), -E2BIG);
	cr_assert_eq(keys_set_credentials(&keys, "u", 1, filler, 256), -E2BIG);
	cr_assert_eq(keys.count, 0);
	cr_assert_eq(keys_set_credentials(&keys, filler, 255, filler, 255), 0);
	cr_assert_eq(keys.payload, 8u + 255 + 6 + 255);
}

Test(keys, counts_credentials_in_the_payload_and_changes_none_when_both_do_not_fit)
{
	cr_assert_eq(set_filler("k", KEYS_PAYLOAD_MAX - 1 - 8 - 6 - 20), 0);
	cr_assert_eq(keys_set_credentials(&keys, filler, 10, filler, 11), -E2BIG);
	cr_assert_eq(keys.count, 1);
	cr_assert_eq(keys_set_credentials(&keys, filler, 1, filler, 19), 0);
	cr_assert_eq(keys_set_credentials(&keys, filler, 2, filler, 19), -E2BIG);
	cr_assert_eq(keys_set_credentials(&keys, filler, 19, filler, 1), 0);
	cr_assert_eq(keys.payload, (unsigned)KEYS_PAYLOAD_MAX);
	cr_assert_eq(keys.count, 3);
}

/* ---- ISOLATION ---- */

static const uint8_t session[KEYS_SESSION_SIZE] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
	0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff
};
static const uint8_t process[KEYS_PROCESS_SIZE] = {
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef
};

#define SESSION                                                                                    \
	"session=000102030405060788"                                                               \
	"99aabbccddeeff"
#define PROC "proc=0123456789abcdef"
#define DEST "dest=example.com:443"
#define ALL                                                                                        \
	(KEYS_BY_USER | KEYS_BY_APPLICATION | KEYS_BY_SESSION | KEYS_BY_PROCESS |                  \
	 KEYS_BY_DESTINATION)

static struct keys_facts facts_of(uint32_t by, const char *application, const char *token)
{
	return (struct keys_facts){
		.by = by,
		.user = 1000,
		.application = application,
		.session = session,
		.token = token,
		.token_length = token ? strlen(token) : 0,
	};
}

static const char *put_varying(uint32_t by, const char *host, uint16_t port)
{
	static char varying[KEYS_VARYING_MAX + 1];
	const size_t length =
		keys_put_varying(varying, by & KEYS_BY_PROCESS ? process : NULL,
				 by & KEYS_BY_DESTINATION ? host : NULL, strlen(host), port);

	cr_assert_leq(length, (size_t)KEYS_VARYING_MAX);
	varying[length] = '\0';
	return varying;
}

/* The escaped form of a value in the password, said again in the test's own words. */
static const char *escape(const char *value)
{
	static char text[3 * 512 + 1];
	char *out = text;

	for (; *value; value++) {
		if (strchr("=;/:[]% ", *value))
			out += sprintf(out, "%%%02X", (unsigned)*value);
		else
			*out++ = *value;
	}
	*out = '\0';
	return text;
}

static const struct {
	uint32_t by;
	const char *application;
	const char *token;
	const char *value; /* NULL: no pair */
} rows[] = {
	{ 0, "/usr/bin/curl", NULL, NULL },
	{ KEYS_BY_APPLICATION, NULL, NULL, NULL },
	{ KEYS_BY_USER, NULL, NULL, "user=1000" },
	{ KEYS_BY_USER, "/usr/bin/curl", NULL, "user=1000" },
	{ KEYS_BY_APPLICATION, "/usr/bin/curl", NULL, "app=/usr/bin/curl" },
	{ KEYS_BY_SESSION, NULL, NULL, SESSION },
	{ KEYS_BY_USER | KEYS_BY_APPLICATION, NULL, NULL, "user=1000" },
	{ KEYS_BY_USER | KEYS_BY_APPLICATION, "/usr/bin/curl", NULL,
	  "user=1000;app=/usr/bin/curl" },
	/* the token comes last, whatever by says */
	{ 0, NULL, "work", "token=work" },
	{ 0, NULL, "", "token=" },
	{ KEYS_BY_APPLICATION, NULL, "work", "token=work" },
	{ KEYS_BY_USER | KEYS_BY_APPLICATION, "/usr/bin/curl", "work",
	  "user=1000;app=/usr/bin/curl;token=work" },
	{ KEYS_BY_SESSION, NULL, "work", SESSION ";token=work" },
	/* the varying part alone, first, last, between */
	{ KEYS_BY_PROCESS, NULL, NULL, PROC },
	{ KEYS_BY_DESTINATION, NULL, NULL, DEST },
	{ KEYS_BY_PROCESS | KEYS_BY_DESTINATION, NULL, NULL, PROC ";" DEST },
	{ KEYS_BY_PROCESS | KEYS_BY_APPLICATION, NULL, NULL, PROC },
	{ KEYS_BY_PROCESS, NULL, "work", PROC ";token=work" },
	{ KEYS_BY_DESTINATION, NULL, "work", DEST ";token=work" },
	{ KEYS_BY_PROCESS | KEYS_BY_DESTINATION, NULL, "work", PROC ";" DEST ";token=work" },
	{ KEYS_BY_USER | KEYS_BY_PROCESS, NULL, NULL, "user=1000;" PROC },
	{ KEYS_BY_SESSION | KEYS_BY_DESTINATION, NULL, NULL, SESSION ";" DEST },
	{ KEYS_BY_USER | KEYS_BY_DESTINATION, NULL, "work", "user=1000;" DEST ";token=work" },
	{ ALL, "/a", "t", "user=1000;app=/a;" SESSION ";" PROC ";" DEST ";token=t" },
	/* RFC 3986 unreserved and / : [ ] stand, all else is escaped: no value can imitate another
	 */
	{ KEYS_BY_APPLICATION, "/opt/My App;user=0/%41", NULL,
	  "app=/opt/My%20App%3Buser%3D0/%2541" },
	{ KEYS_BY_APPLICATION, "/[a:b]~._-9Zz", NULL, "app=/[a:b]~._-9Zz" },
	{ KEYS_BY_APPLICATION, "/h\xc3\xa9\x7f\x01", NULL, "app=/h%C3%A9%7F%01" },
	{ 0, NULL, "a;b=c&d+e\"'", "token=a%3Bb%3Dc%26d%2Be%22%27" },
};

/* A pair before and one behind, which must come out whole around every value. */
static void check_row(size_t row, bool neighbours)
{
	const struct keys_facts facts =
		facts_of(rows[row].by, rows[row].application, rows[row].token);
	const char *varying = put_varying(facts.by, "example.com", 443);
	char lines[1024] = "", password[2048] = "";

	memset(&keys, 0, sizeof(keys));
	if (neighbours) {
		cr_assert_eq(set("A", "1"), 0);
		cr_assert_eq(set("org.example", "2"), 0);
	}
	cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
	if (rows[row].value) {
		sprintf(lines, "ISOLATION=%s\n", rows[row].value);
		sprintf(password, "ISOLATION=%s", escape(rows[row].value));
	}
	if (neighbours) {
		char inner[512];
		cr_assert_lt(strlen(lines) + strlen(password), sizeof(inner));
		strcpy(inner, lines);
		sprintf(lines, "A=1\n%sorg.example=2\n", inner);
		strcpy(inner, password);
		sprintf(password, "A=1&%s%sorg.example=2", inner, *inner ? "&" : "");
	}
	cr_assert_str_eq(read_message(varying), lines, "row %zu", row);
	cr_assert_str_eq(read_password(varying),
			 strlen(password) > KEYS_PASSWORD_MAX ? digest_of(password) : password,
			 "row %zu", row);
}

Test(keys, composes_isolation_from_what_was_asked_for)
{
	for (size_t row = 0; row < COUNT(rows); row++) {
		check_row(row, false);
		check_row(row, true);
	}
}

Test(keys, has_the_golden_form_in_both_methods)
{
	const struct keys_facts facts =
		facts_of(KEYS_BY_USER | KEYS_BY_APPLICATION, "/usr/bin/curl", "work");
	static const char golden[] =
		"\x00\x09ISOLATION\x00\x26user=1000;app=/usr/bin/curl;token=work";

	cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
	send_message("");
	cr_assert_eq(sent.length, sizeof(golden) - 1);
	cr_assert_arr_eq(sent.bytes, golden, sizeof(golden) - 1);
	cr_assert_str_eq(read_password(""),
			 "ISOLATION=user%3D1000%3Bapp%3D%2Fusr%2Fbin%2Fcurl%3Btoken%3Dwork");
	cr_assert_str_eq(KEYS_USERNAME, "<torS0X>0");
}

Test(keys, closes_the_gap_of_a_varying_part_that_is_empty)
{
	static const struct {
		uint32_t by;
		const char *token;
		const char *message;
	} gaps[] = {
		{ KEYS_BY_PROCESS, NULL, "ISOLATION=\n" },
		{ KEYS_BY_PROCESS, "work", "ISOLATION=token=work\n" },
		{ KEYS_BY_USER | KEYS_BY_PROCESS, NULL, "ISOLATION=user=1000\n" },
		{ KEYS_BY_USER | KEYS_BY_PROCESS, "work", "ISOLATION=user=1000;token=work\n" },
	};

	for (size_t i = 0; i < COUNT(gaps); i++) {
		const struct keys_facts facts = facts_of(gaps[i].by, NULL, gaps[i].token);
		char password[128] = "ISOLATION=";

		memset(&keys, 0, sizeof(keys));
		cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
		cr_assert_str_eq(read_message(""), gaps[i].message);
		strcat(password, escape(gaps[i].message + strlen("ISOLATION=")));
		password[strcspn(password, "\n")] = '\0';
		cr_assert_str_eq(read_password(""), password);
	}
}

Test(keys, lets_an_explicit_value_stand_whole)
{
	const struct keys_facts facts = facts_of(ALL, "/usr/bin/curl", "work");

	cr_assert_eq(set("ISOLATION", "mine"), 0);
	cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
	cr_assert_str_eq(read_message("proc=1"), "ISOLATION=mine\n");
	cr_assert_str_eq(read_password("proc=1"), "ISOLATION=mine");
	cr_assert_eq(keys.isolation, 0u);
}

Test(keys, keeps_the_varying_part_in_place_when_pairs_come_after_it)
{
	const struct keys_facts facts = facts_of(KEYS_BY_USER | KEYS_BY_PROCESS, NULL, "work");

	cr_assert_eq(set("A", "long value"), 0);
	cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
	cr_assert_eq(set("B", "2"), 0);
	cr_assert_eq(set("A", ""), 0);
	cr_assert_eq(set("Z", "26"), 0);
	cr_assert_eq(set("Z", "z"), 0);
	cr_assert_eq(keys_set_credentials(&keys, "u", 1, "p", 1), 0);
	cr_assert_str_eq(read_message(PROC), "A=\nB=2\nISOLATION=user=1000;" PROC
					     ";token=work\nPASSWD=p\nUSERNAME=u\nZ=z\n");

	cr_assert_eq(set("ISOLATION", "mine"), 0);
	cr_assert_str_eq(read_message(PROC),
			 "A=\nB=2\nISOLATION=mine\nPASSWD=p\nUSERNAME=u\nZ=z\n");
	cr_assert_eq(keys.payload, 1u + 2 + 13 + 7 + 9 + 2);
}

Test(keys, writes_a_path_of_more_than_1024_bytes_as_its_digest)
{
	char path[KEYS_APPLICATION_MAX + 2] = "", expected[KEYS_APPLICATION_MAX + 64];
	struct keys_facts facts = facts_of(KEYS_BY_APPLICATION, path, NULL);

	memset(path, 'p', KEYS_APPLICATION_MAX);
	path[0] = '/';
	cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
	sprintf(expected, "ISOLATION=app=%s\n", path);
	cr_assert_str_eq(read_message(""), expected);

	path[KEYS_APPLICATION_MAX] = 'p';
	memset(&keys, 0, sizeof(keys));
	cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
	sprintf(expected, "ISOLATION=app=%s\n", digest_of(path));
	cr_assert_str_eq(read_message(""), expected);

	/* The bound is on the escaped form: 342 bytes of three are 1026. */
	memset(path, 0, sizeof(path));
	memset(path, ' ', 342);
	memset(&keys, 0, sizeof(keys));
	cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
	sprintf(expected, "ISOLATION=app=%s\n", digest_of(path));
	cr_assert_str_eq(read_message(""), expected);
}

/* ---- a process that becomes another user's ---- */

Test(keys, writes_the_users_part)
{
	char text[KEYS_USER_MAX + 1] = "";

	text[keys_put_user(text, 1000, 0)] = '\0';
	cr_assert_str_eq(text, "user=1000");
	text[keys_put_user(text, 4294967294, 4294967295)] = '\0';
	cr_assert_str_eq(text, "user=4294967294@4294967295");
	cr_assert_eq(strlen(text), (size_t)KEYS_USER_MAX);
}

Test(keys, puts_another_user_in_the_place_of_the_first)
{
	static const struct {
		uint32_t by;
		const char *token, *varying, *value;
	} cases[] = {
		{ KEYS_BY_USER, NULL, "", "user=7" },
		{ KEYS_BY_USER, "t", "", "user=7;token=t" },
		{ KEYS_BY_USER | KEYS_BY_PROCESS, NULL, "", "user=7" },
		{ KEYS_BY_USER | KEYS_BY_PROCESS, NULL, PROC, "user=7;" PROC },
		{ KEYS_BY_USER | KEYS_BY_PROCESS, "t", PROC, "user=7;" PROC ";token=t" },
	};

	user = "user=7";
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct keys_facts facts = facts_of(cases[i].by, NULL, cases[i].token);
		char lines[256], password[512];
		memset(&keys, 0, sizeof(keys));
		cr_assert_eq(set("A", "1"), 0);
		cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
		cr_assert_eq(set("Z", "2"), 0);
		cr_assert_eq(set("B", "3"), 0);
		sprintf(lines, "A=1\nB=3\nISOLATION=%s\nZ=2\n", cases[i].value);
		sprintf(password, "A=1&B=3&ISOLATION=%s&Z=2", escape(cases[i].value));
		cr_expect_str_eq(read_message(cases[i].varying), lines);
		cr_expect_str_eq(read_password(cases[i].varying), password);
	}
}

Test(keys, bounds_isolation_by_what_the_other_pairs_left)
{
	const struct keys_facts facts = facts_of(KEYS_BY_USER, NULL, NULL);
	const size_t needed = strlen("ISOLATION") + KEYS_USER_MAX;

	cr_assert_eq(set_filler("k", KEYS_PAYLOAD_MAX - 1 - needed + 1), 0);
	cr_assert_eq(keys_set_isolation(&keys, &facts), -E2BIG);
	cr_assert_eq(keys.count, 1);
	cr_assert_eq(set_filler("k", KEYS_PAYLOAD_MAX - 1), 0);
	cr_assert_eq(keys_set_isolation(&keys, &facts), -E2BIG);
	cr_assert_eq(set_filler("k", KEYS_PAYLOAD_MAX - 1 - needed), 0);
	cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
	cr_assert_eq(keys.payload, (unsigned)KEYS_PAYLOAD_MAX);
}

Test(keys, sets_the_longest_varying_part_aside)
{
	const struct keys_facts facts = facts_of(KEYS_BY_USER | KEYS_BY_DESTINATION, NULL, "t");
	const size_t needed = strlen("ISOLATION;;token=t") + KEYS_USER_MAX + KEYS_VARYING_MAX;

	cr_assert_eq(set_filler("k", KEYS_PAYLOAD_MAX - 1 - needed + 1), 0);
	cr_assert_eq(keys_set_isolation(&keys, &facts), -E2BIG);
	cr_assert_eq(set_filler("k", KEYS_PAYLOAD_MAX - 1 - needed), 0);
	cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
	cr_assert_eq(set("l", ""), -E2BIG, "the place of the varying part was given away");

	filler[KEYS_VARYING_MAX] = '\0';
	user = "user=4294967294@4294967295";
	send_message(filler);
	cr_assert_eq(sent.length, 2u * 4 + KEYS_PAYLOAD_MAX);
	filler[KEYS_VARYING_MAX] = 'v';
	cr_assert_eq(set("ISOLATION", ""), 0);
	cr_assert_eq(keys.payload, KEYS_PAYLOAD_MAX - needed + strlen("ISOLATION"));
}

Test(keys, bounds_a_token_without_leaving_a_piece_of_it)
{
	struct keys_facts facts = facts_of(0, NULL, NULL);

	facts.token = filler;
	facts.token_length = KEYS_PAYLOAD_MAX - strlen("ISOLATIONtoken=") + 1;
	cr_assert_eq(keys_set_isolation(&keys, &facts), -E2BIG);
	cr_assert_eq(keys.count, 0);
	cr_assert_eq(keys.length, 0u);
	facts.token_length--;
	cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
	cr_assert_eq(keys.payload, (unsigned)KEYS_PAYLOAD_MAX);
}

Test(keys, puts_the_varying_part_of_any_host)
{
	char host[257 + 1];

	cr_assert_str_eq(put_varying(0, "example.com", 443), "");
	cr_assert_str_eq(put_varying(KEYS_BY_PROCESS, "example.com", 443), PROC);
	cr_assert_str_eq(put_varying(KEYS_BY_DESTINATION, "[2001:db8::1]", 65535),
			 "dest=[2001:db8::1]:65535");
	cr_assert_str_eq(put_varying(KEYS_BY_DESTINATION, "a;token=b", 0), "dest=a%3Btoken%3Db:0");
	memset(host, ' ', 257);
	host[257] = '\0';
	cr_assert_eq(strlen(put_varying(ALL, host, 65535)), (size_t)KEYS_VARYING_MAX);
}

/* ---- the password ---- */

Test(keys, escapes_all_but_unreserved_bytes_in_the_password)
{
	uint8_t value;
	char expected[16];

	for (unsigned c = 0; c < 256; c++) {
		const bool stands = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
				    (c >= 'a' && c <= 'z') || c == '-' || c == '.' || c == '_' ||
				    c == '~';
		value = (uint8_t)c;
		cr_assert_eq(keys_set(&keys, "k", 1, &value, 1), 0);
		sprintf(expected, stands ? "k=%c" : "k=%%%02X", c);
		cr_assert_str_eq(read_password(""), expected);
	}
}

Test(keys, sends_the_digest_of_a_password_longer_than_255_bytes)
{
	char text[KEYS_PASSWORD_MAX + 2];

	memset(text, 'v', sizeof(text));
	memcpy(text, "k=", 2);
	text[255] = '\0';
	cr_assert_eq(set("k", text + 2), 0);
	cr_assert_str_eq(read_password(""), text);

	text[255] = 'v';
	text[256] = '\0';
	cr_assert_eq(set("k", text + 2), 0);
	cr_assert_str_eq(read_password(""), digest_of(text));
}

/* Where the text crosses 255 bytes must not matter: in a name, a separator, an escape. */
Test(keys, hashes_the_text_wherever_it_grows_too_long)
{
	for (size_t length = 230; length < 260; length++) {
		char text[512];

		memset(&keys, 0, sizeof(keys));
		cr_assert_eq(set_filler("a", length), 0);
		cr_assert_eq(set("name", "/;/"), 0);
		cr_assert_eq(set("z", ""), 0);
		sprintf(text, "a=%.*s&name=%%2F%%3B%%2F&z=", (int)length, filler);
		cr_assert_str_eq(read_password(""), strlen(text) > 255 ? digest_of(text) : text,
				 "%zu bytes", strlen(text));
	}
}

Test(keys, hashes_the_varying_part_too)
{
	struct keys_facts facts = facts_of(ALL, "/usr/bin/curl", NULL);
	char one[KEYS_PASSWORD_MAX + 1];

	facts.token = filler;
	facts.token_length = KEYS_PASSWORD_MAX;
	cr_assert_eq(keys_set_isolation(&keys, &facts), 0);
	strcpy(one, read_password(put_varying(ALL, "example.com", 443)));
	cr_assert_eq(strncmp(one, "sha256:", 7), 0);
	cr_assert_str_neq(read_password(put_varying(ALL, "example.com", 80)), one);
	cr_assert_str_eq(read_password(put_varying(ALL, "example.com", 443)), one);
}

/* ---- lists ---- */

Test(keys, parses_what_isolation_is_made_of)
{
	static const struct {
		const char *list;
		int result;
		uint32_t by;
	} lists[] = {
		{ "user", 0, KEYS_BY_USER },
		{ "application", 0, KEYS_BY_APPLICATION },
		{ "session", 0, KEYS_BY_SESSION },
		{ "process", 0, KEYS_BY_PROCESS },
		{ "destination", 0, KEYS_BY_DESTINATION },
		{ "none", 0, 0 },
		{ "user;application", 0, KEYS_BY_USER | KEYS_BY_APPLICATION },
		{ "application,user", 0, KEYS_BY_USER | KEYS_BY_APPLICATION },
		{ "user,application;session,process;destination", 0, ALL },
		{ "user;user", 0, KEYS_BY_USER },
		{ " user ;\tprocess;", 0, KEYS_BY_USER | KEYS_BY_PROCESS },
		{ "", -EINVAL, 0 },
		{ ";", -EINVAL, 0 },
		{ " ", -EINVAL, 0 },
		{ "users", -EINVAL, 0 },
		{ "use", -EINVAL, 0 },
		{ "User", -EINVAL, 0 },
		{ "user application", -EINVAL, 0 },
		{ "user;other", -EINVAL, 0 },
		{ "none;user", -EINVAL, 0 },
		{ "user,none", -EINVAL, 0 },
	};

	for (size_t i = 0; i < COUNT(lists); i++) {
		uint32_t by = 77;
		const char *list = lists[i].list;
		cr_assert_eq(keys_parse_by(list, strlen(list), &by), lists[i].result, "\"%s\"",
			     list);
		cr_assert_eq(by, lists[i].result < 0 ? 77 : lists[i].by, "\"%s\"", list);
	}
}

Test(keys, parses_no_further_than_the_length)
{
	uint32_t by;

	cr_assert_eq(keys_parse_by("user;processes", 12, &by), 0);
	cr_assert_eq(by, (uint32_t)(KEYS_BY_USER | KEYS_BY_PROCESS));
}

Test(keys, takes_pairs_of_a_list_one_by_one)
{
	const char *list = "org.example.tab=x%3d1&a=&b=c=d&e=%00%ff+/&", *name;
	static const struct {
		const char *name, *value;
		size_t length;
	} expected[] = {
		{ "org.example.tab", "x=1", 3 },
		{ "a", "", 0 },
		{ "b", "c=d", 3 },
		{ "e", "\0\xff+/", 4 },
	};
	size_t name_length, length;
	char value[8];

	for (size_t i = 0; i < COUNT(expected); i++) {
		cr_assert_eq(keys_next(&list, &name, &name_length, value, sizeof(value), &length),
			     1);
		cr_assert_eq(name_length, strlen(expected[i].name));
		cr_assert_arr_eq(name, expected[i].name, name_length);
		cr_assert_eq(length, expected[i].length);
		cr_assert_arr_eq(value, expected[i].value, length);
	}
	cr_assert_eq(keys_next(&list, &name, &name_length, value, sizeof(value), &length), 0);
	cr_assert_eq(*list, '\0');
}

Test(keys, refuses_a_list_that_is_not_well_formed)
{
	static const struct {
		const char *list;
		int result;
	} lists[] = {
		{ "a", -EINVAL },	 { "=b", -EINVAL },	     { "=", -EINVAL },
		{ "&", -EINVAL },	 { "&a=b", -EINVAL },	     { "a&b=c", -EINVAL },
		{ "a=%", -EINVAL },	 { "a=%4", -EINVAL },	     { "a=%&b=c", -EINVAL },
		{ "a=%4&b=c", -EINVAL }, { "a=%4g", -EINVAL },	     { "a=%g4", -EINVAL },
		{ "a=%%41", -EINVAL },	 { "a=% 1", -EINVAL },	     { "a=%-1", -EINVAL },
		{ "a=%0x", -EINVAL },	 { "a=%\xff\xff", -EINVAL }, { "a=12345", -E2BIG },
		{ "a=1234%35", -E2BIG },
	};
	char value[4];

	for (size_t i = 0; i < COUNT(lists); i++) {
		const char *list = lists[i].list, *name = NULL;
		size_t name_length = 77, length = 77;
		/* A copy of exactly its size, so that a sanitizer sees a step beyond. */
		char *copy = strdup(list);
		const char *at = copy;
		cr_assert_eq(keys_next(&at, &name, &name_length, value, sizeof(value), &length),
			     lists[i].result, "\"%s\"", list);
		cr_assert_eq(at, copy, "\"%s\": moved on", list);
		cr_assert(!name && name_length == 77 && length == 77, "\"%s\"", list);
		free(copy);
	}
}

Test(keys, fills_the_room_for_a_value_to_the_last_byte)
{
	const char *list = "a=1%323", *name;
	size_t name_length, length;
	char value[3];

	cr_assert_eq(keys_next(&list, &name, &name_length, value, 2, &length), -E2BIG);
	cr_assert_eq(keys_next(&list, &name, &name_length, value, 3, &length), 1);
	cr_assert_arr_eq(value, "123", 3);
}
