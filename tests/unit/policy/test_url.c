#include "policy/url.h"
#include "support/blob.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A10	"aaaaaaaaaa"
#define A50	A10 A10 A10 A10 A10
#define A255	A50 A50 A50 A50 A50 "aaaaa"
#define ROWS(x) (sizeof(x) / sizeof((x)[0]))

Test(url, takes_every_accepted_form)
{
	static const struct {
		const char *text;
		const char *address;
		uint16_t port;
		const char *username; /* NULL: no credentials */
		const char *password;
	} rows[] = {
		{ "127.0.0.1", "127.0.0.1", 9050, NULL, NULL },
		{ "127.0.0.1:1080", "127.0.0.1", 1080, NULL, NULL },
		{ "socks5://127.0.0.1", "127.0.0.1", 9050, NULL, NULL },
		{ "socks5h://127.0.0.1:9150", "127.0.0.1", 9150, NULL, NULL },
		{ "SOCKS5://10.1.2.3:1", "10.1.2.3", 1, NULL, NULL },
		{ "Socks5H://10.1.2.3:65535/", "10.1.2.3", 65535, NULL, NULL },
		{ "127.0.0.1/", "127.0.0.1", 9050, NULL, NULL },
		{ "[::1]", "::1", 9050, NULL, NULL },
		{ "[::1]:9150", "::1", 9150, NULL, NULL },
		{ "socks5://[2001:DB8::a]:80/", "2001:db8::a", 80, NULL, NULL },
		{ "[::ffff:10.0.0.1]", "10.0.0.1", 9050, NULL, NULL },
		{ "socks5://alice:secret@127.0.0.1", "127.0.0.1", 9050, "alice", "secret" },
		{ "alice:secret@[::1]:1", "::1", 1, "alice", "secret" },
		{ "a:b:c@127.0.0.1", "127.0.0.1", 9050, "a", "b:c" },
		{ "unix:secret@127.0.0.1", "127.0.0.1", 9050, "unix", "secret" },
		{ "a%40b:%25%2f%3A%23@127.0.0.1", "127.0.0.1", 9050, "a@b", "%/:#" },
		{ "\xc3\xbc:p w@127.0.0.1", "127.0.0.1", 9050, "\xc3\xbc", "p w" },
		{ A255 ":" A255 "@127.0.0.1", "127.0.0.1", 9050, A255, A255 },
		{ "%61" A50 A50 A50 A50 A50 "aaaa:x@127.0.0.1", "127.0.0.1", 9050, A255, "x" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *problem = NULL;
		uint8_t address[16];
		struct url url;

		cr_assert_eq(url_parse(rows[i].text, &url, &problem), 0, "%s: %s", rows[i].text,
			     problem);
		blob_address(rows[i].address, address);
		cr_assert_arr_eq(url.address, address, 16, "%s", rows[i].text);
		cr_assert_eq(url.port, rows[i].port, "%s", rows[i].text);
		cr_assert_eq(url.has_credentials, rows[i].username != NULL, "%s", rows[i].text);
		const char *username = rows[i].username ? rows[i].username : "";
		const char *password = rows[i].password ? rows[i].password : "";
		cr_assert_eq(url.username_length, strlen(username), "%s", rows[i].text);
		cr_assert_arr_eq(url.username, username, strlen(username));
		cr_assert_eq(url.password_length, strlen(password), "%s", rows[i].text);
		cr_assert_arr_eq(url.password, password, strlen(password));
	}
}

/* The sentence names what is wrong, and what would be right. */
Test(url, says_what_is_wrong_with_every_other_form)
{
	static const struct {
		const char *text;
		const char *wrong;
		const char *right;
	} rows[] = {
		{ "", "is empty", "socks5://127.0.0.1:9050" },
		{ "socks4://127.0.0.1:9050", "socks4:// is not supported",
		  "socks5://ADDRESS:PORT" },
		{ "SOCKS4A://127.0.0.1", "socks4:// is not supported", "socks5://ADDRESS:PORT" },
		{ "http://127.0.0.1:8080", "http:// is not supported", "socks5://ADDRESS:PORT" },
		{ "https://127.0.0.1", "http:// is not supported", "socks5://ADDRESS:PORT" },
		{ "unix:/run/tor/socks", "unix: is not supported", "socks5://ADDRESS:PORT" },
		{ "unix:///run/tor/socks", "unix: is not supported", "socks5://ADDRESS:PORT" },
		{ "unix:socks", "unix: is not supported", "socks5://ADDRESS:PORT" },
		{ "ftp://127.0.0.1", "scheme is not supported", "socks5://ADDRESS:PORT" },
		{ "socks5:127.0.0.1", "must be an IP address", "127.0.0.1" },
		{ "://127.0.0.1", "nothing may follow", "socks5://ADDRESS:PORT" },
		{ "socks5://", "host is missing", "127.0.0.1" },
		{ "socks5:///", "host is missing", "127.0.0.1" },
		{ ":9050", "host is missing", "127.0.0.1" },
		{ "a:b@", "host is missing", "127.0.0.1" },
		{ "localhost", "must be an IP address", "127.0.0.1" },
		{ "proxy.example.org:9050", "DNS query", "127.0.0.1" },
		{ " 127.0.0.1", "must be an IP address", "127.0.0.1" },
		{ "127.1", "four numbers", "127.0.0.1" },
		{ "127.0.0.256", "four numbers", "127.0.0.1" },
		{ "127.0.0.01", "four numbers", "127.0.0.1" },
		{ "127.0.0.1.", "four numbers", "127.0.0.1" },
		{ "2130706433", "four numbers", "127.0.0.1" },
		{ "0x7f.0.0.1", "must be an IP address", "127.0.0.1" },
		{ "0.0.0.0", "unspecified", "127.0.0.1" },
		{ "[::]:9050", "unspecified", "127.0.0.1" },
		{ "[::ffff:0.0.0.0]", "unspecified", "127.0.0.1" },
		{ "::1", "needs brackets", "[ADDRESS]:PORT" },
		{ "2001:db8::1:9050", "needs brackets", "[ADDRESS]:PORT" },
		{ "[::1", "not closed", "[ADDRESS]:PORT" },
		{ "[", "not closed", "[ADDRESS]:PORT" },
		{ "[]", "not an IPv6 address", "[::1]" },
		{ "[127.0.0.1]", "not an IPv6 address", "[::1]" },
		{ "[::g]", "not an IPv6 address", "[::1]" },
		{ "[" A50 "]", "not an IPv6 address", "[::1]" },
		{ "[::1]9050", "only :PORT may follow", "[::1]:9050" },
		{ "[fe80::1%eth0]:9050", "zone", "[::1]" },
		{ "127.0.0.1:", "1 to 65535", "127.0.0.1:9050" },
		{ "127.0.0.1:0", "1 to 65535", "127.0.0.1:9050" },
		{ "127.0.0.1:65536", "1 to 65535", "127.0.0.1:9050" },
		{ "127.0.0.1:999999", "1 to 65535", "127.0.0.1:9050" },
		{ "127.0.0.1:4294976346", "1 to 65535", "127.0.0.1:9050" },
		{ "127.0.0.1:+80", "1 to 65535", "127.0.0.1:9050" },
		{ "127.0.0.1:80x", "1 to 65535", "127.0.0.1:9050" },
		{ "127.0.0.1:80 ", "1 to 65535", "127.0.0.1:9050" },
		{ "[::1]:", "1 to 65535", "127.0.0.1:9050" },
		{ "127.0.0.1:9050/path", "nothing may follow", "socks5://ADDRESS:PORT" },
		{ "127.0.0.1:9050//", "nothing may follow", "socks5://ADDRESS:PORT" },
		{ "127.0.0.1?a", "nothing may follow", "socks5://ADDRESS:PORT" },
		{ "127.0.0.1#a", "nothing may follow", "socks5://ADDRESS:PORT" },
		{ "a:b/c@127.0.0.1", "nothing may follow", "%2F" },
		{ "10.0.0.1/@127.0.0.1", "nothing may follow", "%2F" },
		{ "alice@127.0.0.1", "needs a password", "USER:PASS@" },
		{ "@127.0.0.1", "needs a password", "USER:PASS@" },
		{ ":secret@127.0.0.1", "username is empty", "USER:PASS@" },
		{ "user:@127.0.0.1", "password is empty", "USER:PASS@" },
		{ "a:b@c@127.0.0.1", "more than one @", "%40" },
		{ "a%:b@127.0.0.1", "two hex digits", "%25" },
		{ "a:%4@127.0.0.1", "two hex digits", "%25" },
		{ "a:%4g@127.0.0.1", "two hex digits", "%25" },
		{ "a:%@127.0.0.1", "two hex digits", "%25" },
		{ A255 "a:b@127.0.0.1", "at most 255", "255" },
		{ "a:" A255 "%61@127.0.0.1", "at most 255", "255" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *problem = NULL;
		struct url url = { .port = 4711 };

		cr_assert_eq(url_parse(rows[i].text, &url, &problem), -EINVAL, "%s", rows[i].text);
		cr_assert(problem, "%s", rows[i].text);
		cr_assert(strstr(problem, rows[i].wrong), "%s: %s", rows[i].text, problem);
		cr_assert(strstr(problem, rows[i].right), "%s: %s", rows[i].text, problem);
		cr_assert_eq(url.port, 4711, "output changed on failure: %s", rows[i].text);
	}
}

Test(url, takes_any_escaped_byte_in_credentials)
{
	for (unsigned byte = 0; byte < 256; byte++) {
		const char *problem;
		struct url url;
		char text[64];

		snprintf(text, sizeof(text), "x%%%02x:%%%02X@127.0.0.1", byte, byte);
		cr_assert_eq(url_parse(text, &url, &problem), 0, "%s", text);
		cr_assert_eq(url.username_length, 2);
		cr_assert_eq((uint8_t)url.username[1], byte);
		cr_assert_eq(url.password_length, 1);
		cr_assert_eq((uint8_t)url.password[0], byte);
	}
}

/* Every beginning of a good URL: an answer, and never a byte beyond its end. */
Test(url, answers_every_beginning)
{
	static const char text[] = "socks5://us%65r:pass@[2001:db8::1]:9050/";

	for (size_t length = 0; length < sizeof(text); length++) {
		char *part = strndup(text, length);
		const char *problem = NULL;
		struct url url;
		int r = url_parse(part, &url, &problem);
		cr_assert(r == 0 || (r == -EINVAL && problem), "%s", part);
		free(part);
	}
}

Test(url, takes_a_bare_address)
{
	static const char *const rows[][2] = {
		{ "127.0.0.1", "127.0.0.1" },
		{ "::1", "::1" },
		{ "[::1]", "::1" },
		{ "2001:DB8::1", "2001:db8::1" },
		{ "::ffff:10.0.0.1", "10.0.0.1" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t address[16], expected[16];

		cr_assert_eq(url_parse_address(rows[i][0], address), 0, "%s", rows[i][0]);
		blob_address(rows[i][1], expected);
		cr_assert_arr_eq(address, expected, 16, "%s", rows[i][0]);
	}
}

Test(url, refuses_what_is_no_bare_address)
{
	static const char *const rows[] = {
		"",	      "localhost", "127.1", "127.0.0.1:9050", "[::1]:9050", "[127.0.0.1]",
		"[]",	      "[::1",	   "::1]",  "0.0.0.0",	      "::",	    "[::]",
		"fe80::1%lo", " ::1",
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t address[16] = { 0x77 };
		cr_assert_eq(url_parse_address(rows[i], address), -EINVAL, "%s", rows[i]);
		cr_assert_eq(address[0], 0x77, "output changed on failure");
	}
}
