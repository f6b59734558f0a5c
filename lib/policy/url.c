#include "policy/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define CREDENTIAL_MAX 255 /* RFC 1929 §2: UNAME and PASSWD */

/* A part of the text. */
struct part {
	const char *at;
	size_t length;
};

static int fail(const char **ret_problem, const char *problem)
{
	*ret_problem = problem;
	return -EINVAL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Whether the part is this lower-case word, in any case. */
static bool is_word(struct part part, const char *word)
{
	if (part.length != strlen(word))
		return false;
	for (size_t i = 0; i < part.length; i++) {
		const char c = part.at[i];
		if ((c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c) != word[i])
			return false;
	}
	return true;
}

static const char *find(struct part part, char c)
{
	return memchr(part.at, c, part.length);
}

/* Cuts off and gives what stands before `at`, and leaves in *part what is behind it and `skip`
 * bytes. */
static struct part cut(struct part *part, const char *at, size_t skip)
{
	const struct part before = { part->at, (size_t)(at - part->at) };

	part->length -= before.length + skip;
	part->at = at + skip;
	return before;
}

/* ---- scheme ---- */

static const char *explain_scheme(struct part scheme)
{
	if (is_word(scheme, "socks5") || is_word(scheme, "socks5h"))
		return NULL;
	if (is_word(scheme, "socks4") || is_word(scheme, "socks4a"))
		return "socks4:// is not supported: give socks5://ADDRESS:PORT";
	if (is_word(scheme, "http") || is_word(scheme, "https"))
		return "http:// is not supported, the proxy must speak SOCKS5: give "
		       "socks5://ADDRESS:PORT";
	if (is_word(scheme, "unix"))
		return "unix: is not supported, the proxy must listen on TCP: give "
		       "socks5://ADDRESS:PORT";
	return "the scheme is not supported: give socks5://ADDRESS:PORT";
}

/* RFC 3986 §3.1: ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ), before "://". */
static bool has_scheme(struct part text, const char **ret_end)
{
	size_t i = 0;

	while (i < text.length && (is_letter(text.at[i]) || (i > 0 && is_digit(text.at[i])) ||
				   (i > 0 && strchr("+-.", text.at[i]))))
		i++;
	*ret_end = text.at + i;
	return i > 0 && text.length - i >= 3 && memcmp(text.at + i, "://", 3) == 0;
}

static int take_scheme(struct part *text, const char **ret_problem)
{
	const char *end;

	if (has_scheme(*text, &end)) {
		const char *problem = explain_scheme(cut(text, end, 3));
		return problem ? fail(ret_problem, problem) : 0;
	}
	if (*end == ':' && is_word((struct part){ text->at, (size_t)(end - text->at) }, "unix") &&
	    !find(*text, '@'))
		return fail(ret_problem, explain_scheme((struct part){ "unix", 4 }));
	return 0;
}

/* RFC 3986 §3.2: the authority ends at the first of these. One slash may end the text, nothing
 * else. */
static int take_end(struct part *text, const char **ret_problem)
{
	const size_t length = strcspn(text->at, "/?#");

	if (length < text->length && !(text->at[length] == '/' && length + 1 == text->length))
		return fail(ret_problem, "nothing may follow the port: give socks5://ADDRESS:PORT "
					 "(in a username or password / is written %2F, ? is %3F, "
					 "# is %23)");
	text->length = length;
	return 0;
}

/* ---- credentials ---- */

static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (is_letter(c) && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* RFC 3986 §2.1: %XX stands for a byte. */
static int unescape(struct part part, char to[CREDENTIAL_MAX], uint8_t *ret_length,
		    const char **ret_problem)
{
	size_t length = 0;

	for (size_t i = 0; i < part.length; i++) {
		char byte = part.at[i];
		if (byte == '%') {
			const int high = part.length - i > 2 ? hex_value(part.at[i + 1]) : -1;
			const int low = part.length - i > 2 ? hex_value(part.at[i + 2]) : -1;
			if (high < 0 || low < 0)
				return fail(ret_problem, "% in a username or password needs two "
							 "hex digits: a % itself is written %25");
			byte = (char)(high << 4 | low);
			i += 2;
		}
		if (length == CREDENTIAL_MAX)
			return fail(ret_problem, "the username and the password have at most 255 "
						 "bytes each");
		to[length++] = byte;
	}
	*ret_length = (uint8_t)length;
	return 0;
}

static int take_credentials(struct part *text, struct url *url, const char **ret_problem)
{
	const char *at = find(*text, '@');

	if (!at)
		return 0;
	struct part password = cut(text, at, 1);
	if (find(*text, '@'))
		return fail(
			ret_problem,
			"there is more than one @: in a username or password it is written %40");
	const char *colon = find(password, ':');
	if (!colon)
		return fail(ret_problem, "the username needs a password: give USER:PASS@ADDRESS");
	const struct part username = cut(&password, colon, 1);
	if (username.length == 0)
		return fail(ret_problem,
			    "the username is empty: give USER:PASS@ADDRESS, or ADDRESS "
			    "alone");
	if (password.length == 0)
		return fail(ret_problem,
			    "the password is empty: give USER:PASS@ADDRESS, or ADDRESS alone");
	url->has_credentials = true;
	int r = unescape(username, url->username, &url->username_length, ret_problem);
	return r < 0 ? r : unescape(password, url->password, &url->password_length, ret_problem);
}

/* ---- address ---- */

static int parse_literal(struct part part, int family, uint8_t ret_address[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (part.length >= sizeof(text) || find(part, '\0'))
		return -EINVAL;
	memcpy(text, part.at, part.length);
	text[part.length] = '\0';
	if (family == AF_INET)
		memcpy(ret_address, mapped, sizeof(mapped));
	return inet_pton(family, text, family == AF_INET ? ret_address + 12 : ret_address) == 1
		       ? 0
		       : -EINVAL;
}

/* 0.0.0.0, :: and ::ffff:0.0.0.0 are no machine's address. */
static bool is_unspecified(const uint8_t address[16])
{
	static const uint8_t unspecified4[16] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t unspecified6[16];

	return memcmp(address, unspecified4, 16) == 0 || memcmp(address, unspecified6, 16) == 0;
}

static int parse_ipv6(struct part host, uint8_t ret_address[16], const char **ret_problem)
{
	if (find(host, '%'))
		return fail(ret_problem,
			    "an IPv6 address with a zone (%) is not supported: give one "
			    "without, for example [::1]");
	if (parse_literal(host, AF_INET6, ret_address) < 0)
		return fail(ret_problem,
			    "what stands in the brackets is not an IPv6 address: give for example "
			    "[::1]");
	return 0;
}

static int parse_ipv4(struct part host, uint8_t ret_address[16], const char **ret_problem)
{
	size_t numeric = 0;

	if (host.length == 0)
		return fail(ret_problem, "the host is missing: give for example 127.0.0.1");
	if (parse_literal(host, AF_INET, ret_address) == 0)
		return 0;
	while (numeric < host.length && (is_digit(host.at[numeric]) || host.at[numeric] == '.'))
		numeric++;
	if (numeric == host.length)
		return fail(ret_problem, "an IPv4 address has four numbers from 0 to 255: give for "
					 "example 127.0.0.1");
	return fail(ret_problem, "the host must be an IP address, because a name would need a DNS "
				 "query outside the proxy: give for example 127.0.0.1");
}

/* Cuts off `[ADDRESS]`. */
static int take_bracketed(struct part *text, uint8_t ret_address[16], const char **ret_problem)
{
	const char *end = find(*text, ']');

	if (!end)
		return fail(
			ret_problem,
			"the bracket is not closed: give [ADDRESS]:PORT, for example [::1]:9050");
	struct part host = cut(text, end, 1);
	host.at++;
	host.length--;
	if (text->length > 0 && text->at[0] != ':')
		return fail(ret_problem, "behind ] only :PORT may follow: give for example "
					 "[::1]:9050");
	return parse_ipv6(host, ret_address, ret_problem);
}

/* Cuts off `ADDRESS`. */
static int take_plain(struct part *text, uint8_t ret_address[16], const char **ret_problem)
{
	const char *colon = find(*text, ':');
	const char *end = colon ? colon : text->at + text->length;

	if (colon && memchr(colon + 1, ':', text->length - (size_t)(colon + 1 - text->at)))
		return fail(ret_problem, "an IPv6 address needs brackets: give [ADDRESS]:PORT, for "
					 "example [::1]:9050");
	return parse_ipv4(cut(text, end, 0), ret_address, ret_problem);
}

static int take_address(struct part *text, uint8_t ret_address[16], const char **ret_problem)
{
	const bool is_bracketed = text->length > 0 && text->at[0] == '[';
	int r = is_bracketed ? take_bracketed(text, ret_address, ret_problem)
			     : take_plain(text, ret_address, ret_problem);

	if (r < 0)
		return r;
	if (is_unspecified(ret_address))
		return fail(ret_problem,
			    "the unspecified address is nobody's: give the proxy's own, "
			    "for example 127.0.0.1");
	return 0;
}

/* ---- port ---- */

/* `:PORT`, or nothing. */
static int parse_port(struct part text, uint16_t *ret_port, const char **ret_problem)
{
	uint32_t port = 0;
	size_t i = 1;

	if (text.length == 0) {
		*ret_port = URL_DEFAULT_PORT;
		return 0;
	}
	for (; i < text.length && i <= 5 && is_digit(text.at[i]); i++)
		port = port * 10 + (uint32_t)(text.at[i] - '0');
	if (i < text.length || port < 1 || port > UINT16_MAX)
		return fail(ret_problem,
			    "the port must be a number from 1 to 65535: give for example "
			    "127.0.0.1:9050");
	*ret_port = (uint16_t)port;
	return 0;
}

/* ---- the whole ---- */

static int parse_parts(struct part text, struct url *url, const char **ret_problem)
{
	int r = take_scheme(&text, ret_problem);

	if (r == 0)
		r = take_end(&text, ret_problem);
	if (r == 0)
		r = take_credentials(&text, url, ret_problem);
	if (r == 0)
		r = take_address(&text, url->address, ret_problem);
	return r < 0 ? r : parse_port(text, &url->port, ret_problem);
}

int url_parse(const char *text, struct url *ret_url, const char **ret_problem)
{
	struct url url = { .port = 0 };

	if (text[0] == '\0')
		return fail(ret_problem, "the URL is empty: give for example "
					 "socks5://127.0.0.1:9050");
	int r = parse_parts((struct part){ text, strlen(text) }, &url, ret_problem);
	if (r == 0)
		*ret_url = url;
	return r;
}

int url_parse_address(const char *text, uint8_t ret_address[16])
{
	struct part part = { text, strlen(text) };
	uint8_t address[16];

	if (part.length > 2 && text[0] == '[' && text[part.length - 1] == ']')
		part = (struct part){ text + 1, part.length - 2 };
	else if (parse_literal(part, AF_INET, address) == 0)
		part.length = 0;
	if (part.length > 0 && parse_literal(part, AF_INET6, address) < 0)
		return -EINVAL;
	if (is_unspecified(address) || text[0] == '\0')
		return -EINVAL;
	memcpy(ret_address, address, sizeof(address));
	return 0;
}
