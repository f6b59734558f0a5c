#include "dns/reverse.h"

#include <stdbool.h>

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Takes a suffix off the name. */
static bool cut_suffix(const char *name, size_t *length, const char *suffix, size_t suffix_length)
{
	if (*length < suffix_length)
		return false;
	for (size_t i = 0; i < suffix_length; i++) {
		if (lower(name[*length - suffix_length + i]) != suffix[i])
			return false;
	}
	*length -= suffix_length;
	return true;
}

/* A byte in decimal digits, without zeros in front. */
static bool take_decimal(const char **at, const char *end, uint8_t *ret)
{
	const char *start = *at;
	unsigned value = 0;

	for (; *at < end && **at >= '0' && **at <= '9' && *at - start < 3; (*at)++)
		value = value * 10 + (unsigned)(**at - '0');
	*ret = (uint8_t)value;
	return *at > start && value <= 255 && (*start != '0' || *at - start == 1);
}

static size_t take_ipv4(const char *at, const char *end, uint8_t address[16])
{
	for (int i = 3; i >= 0; i--) {
		if (!take_decimal(&at, end, &address[i]))
			return 0;
		if (i > 0 && (at == end || *at++ != '.'))
			return 0;
	}
	return at == end ? 4 : 0;
}

static int nibble(char c)
{
	c = lower(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The last nibble comes first: 32 of them with dots between. */
static size_t take_ipv6(const char *name, size_t length, uint8_t address[16])
{
	if (length != 32 + 31)
		return 0;
	for (int i = 0; i < 16; i++) {
		const char *at = name + length - 1 - 4 * i;
		const int high = nibble(at[0]), low = nibble(at[-2]);

		if (high < 0 || low < 0 || at[-1] != '.' || (i < 15 && at[-3] != '.'))
			return 0;
		address[i] = (uint8_t)(high << 4 | low);
	}
	return 16;
}

size_t dns_reverse(const char *name, size_t length, uint8_t ret[16])
{
	static const char ipv4[] = ".in-addr.arpa", ipv6[] = ".ip6.arpa";

	if (cut_suffix(name, &length, ipv4, sizeof(ipv4) - 1))
		return take_ipv4(name, name + length, ret);
	if (cut_suffix(name, &length, ipv6, sizeof(ipv6) - 1))
		return take_ipv6(name, length, ret);
	return 0;
}
