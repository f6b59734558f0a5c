#include "names/hostname.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define PLAIN_MAX 253 /* RFC 1035 §2.3.4: 255 on the wire, with a length before and behind */

static const char onion[] = ".onion";

bool hostname_is_literal(const char *text)
{
	struct in_addr address;
	return strchr(text, ':') || (inet_aton(text, &address) && !strpbrk(text, " \t\n\v\f\r"));
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

static bool has_suffix(const char *name, size_t length, const char *suffix, size_t size)
{
	if (size == 0 || length <= size)
		return false;
	for (size_t i = 0; i < size; i++) {
		if (lower(name[length - size + i]) != lower(suffix[i]))
			return false;
	}
	return true;
}

bool hostname_is_onion(const char *name, size_t length)
{
	return has_suffix(name, length, onion, sizeof(onion) - 1);
}

/* No top-level domain is a number (RFC 3696 §2), and readers of addresses differ in what they take
 * for one. */
static bool ends_in_number(const char *name, size_t length)
{
	const char *dot = memrchr(name, '.', length);
	const char *at = dot ? dot + 1 : name;
	const char *const end = name + length;
	const bool hex = end - at >= 2 && at[0] == '0' && lower(at[1]) == 'x';

	for (at += hex ? 2 : 0; at < end; at++) {
		if (!(hex ? is_hex(*at) : is_digit(*at)))
			return false;
	}
	return true;
}

/* What stands about a host in a URL or an address (RFC 3986 §2.2), and is in no name. */
static bool has_delimiter(const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (name[i] == '\0' || strchr("[]()<>%/\\@:;,?#\"", name[i]))
			return true;
	}
	return false;
}

int hostname_meant(const char *name, size_t length, const char *alias, size_t alias_length,
		   char ret[HOSTNAME_MAX + 1])
{
	const char *behind = "";

	if (length > 0 && name[length - 1] == '.')
		length--;
	if (has_suffix(name, length, alias, alias_length)) {
		length -= alias_length;
		behind = onion;
	}
	if (length == 0 || length + strlen(behind) > HOSTNAME_MAX || has_delimiter(name, length))
		return -EINVAL;
	memcpy(ret, name, length);
	strcpy(ret + length, behind);
	length += strlen(behind);
	return ends_in_number(ret, length) || hostname_is_literal(ret) ? -EINVAL : (int)length;
}

static bool is_plain(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_';
}

bool hostname_is_plain(const char *bytes, size_t length)
{
	size_t label = 0;

	if (length == 0 || length > PLAIN_MAX || ends_in_number(bytes, length))
		return false;
	for (size_t i = 0; i <= length; i++) {
		const char c = i < length ? bytes[i] : '.';
		if (c != '.' && !is_plain(c))
			return false;
		if ((c == '.' && (label == 0 || bytes[i - 1] == '-')) || (c == '-' && label == 0))
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return true;
}
