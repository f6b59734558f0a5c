/*
 * url: a proxy's URL: `[socks5://|socks5h://][USER:PASS@]ADDRESS[:PORT]`, ADDRESS an IPv4 literal
 * or an IPv6 literal in brackets. A name would need a DNS query outside the proxy, so it is
 * refused. Pure text; no allocation.
 */
#ifndef POLICY_URL_H
#define POLICY_URL_H

#include <stdbool.h>
#include <stdint.h>

#define URL_DEFAULT_PORT 9050

struct url {
	uint8_t address[16]; /* IPv6, or IPv4 as ::ffff:a.b.c.d */
	uint16_t port;
	bool has_credentials;
	uint8_t username_length;
	uint8_t password_length;
	char username[255]; /* unescaped; RFC 1929 §2 bounds them */
	char password[255];
};

/* 0, or -EINVAL with *ret_problem a sentence that says what is wrong and what would be right. */
int url_parse(const char *text, struct url *ret_url, const char **ret_problem);

/* The same for a bare address literal (IPv6 with or without brackets). */
int url_parse_address(const char *text, uint8_t ret_address[16]);

#endif
