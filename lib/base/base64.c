#include "base/base64.h"

#include <errno.h>
#include <stdint.h>

static char digit_of(uint32_t bits)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	return digits[bits & 63];
}

/* The six bits of a digit, or a number above 63. */
static uint32_t bits_of(char digit)
{
	if (digit >= 'A' && digit <= 'Z')
		return (uint32_t)(digit - 'A');
	if (digit >= 'a' && digit <= 'z')
		return (uint32_t)(digit - 'a' + 26);
	if (digit >= '0' && digit <= '9')
		return (uint32_t)(digit - '0' + 52);
	if (digit == '-')
		return 62;
	return digit == '_' ? 63 : 64;
}

size_t base64_encode(const void *from, size_t length, char *to)
{
	const uint8_t *byte = from;
	char *at = to;

	for (; length >= 3; length -= 3, byte += 3) {
		const uint32_t group = (uint32_t)byte[0] << 16 | (uint32_t)byte[1] << 8 | byte[2];
		for (int shift = 18; shift >= 0; shift -= 6)
			*at++ = digit_of(group >> shift);
	}
	if (length > 0) {
		const uint32_t second = length == 2 ? byte[1] : 0;
		*at++ = digit_of(byte[0] >> 2);
		*at++ = digit_of((uint32_t)byte[0] << 4 | second >> 4);
		if (length == 2)
			*at++ = digit_of(second << 2);
	}
	return (size_t)(at - to);
}

/* Decodes `count` digits, 2 to 4, into count - 1 bytes. */
static int decode_group(const char *text, size_t count, uint8_t *to)
{
	uint32_t group = 0;

	for (size_t i = 0; i < count; i++) {
		const uint32_t bits = bits_of(text[i]);
		if (bits > 63)
			return -EINVAL;
		group = group << 6 | bits;
	}
	group <<= 6 * (4 - count);
	for (size_t i = 0; i < count - 1; i++, group = group << 8 & 0xffffff)
		to[i] = (uint8_t)(group >> 16);
	return group == 0 ? 0 : -EINVAL;
}

int base64_decode(const char *text, size_t length, void *to, size_t size, size_t *ret_length)
{
	uint8_t *at = to;

	if (length % 4 == 1)
		return -EINVAL;
	if (BASE64_DECODED(length) > size)
		return -E2BIG;
	for (size_t taken = 0; taken < length; taken += 4) {
		const size_t count = length - taken < 4 ? length - taken : 4;
		int r = decode_group(text + taken, count, at);
		if (r < 0)
			return r;
		at += count - 1;
	}
	*ret_length = BASE64_DECODED(length);
	return 0;
}
