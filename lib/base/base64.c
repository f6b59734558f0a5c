#include "base/base64.h"

#include <errno.h>
#include <stdint.h>

static char digit_of(uint32_t bits)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	return digits[bits & 63];
}

/*
 * The six bits of each digit, and KNOWN; 0 for any other byte. A table, because each process
 * decodes its policy, which may be 64 KiB: asking for ranges takes five times as long.
 */
#define KNOWN 0x40
static const uint8_t known[256] = {
	0,    0,    0,	  0,	0,    0,    0,	  0,	0,    0,    0,	  0,	0,    0,
	0,    0,    0,	  0,	0,    0,    0,	  0,	0,    0,    0,	  0,	0,    0,
	0,    0,    0,	  0,	0,    0,    0,	  0,	0,    0,    0,	  0,	0,    0,
	0,    0,    0,	  0x7e, 0,    0,    0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x7b,
	0x7c, 0x7d, 0,	  0,	0,    0,    0,	  0,	0,    0x40, 0x41, 0x42, 0x43, 0x44,
	0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f, 0x50, 0x51, 0x52,
	0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0,	0,    0,    0,	  0x7f, 0,    0x5a,
	0x5b, 0x5c, 0x5d, 0x5e, 0x5f, 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
	0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73
};

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

/* Four digits to three bytes. */
static int decode_whole(const char *text, uint8_t *to)
{
	const uint32_t a = known[(uint8_t)text[0]], b = known[(uint8_t)text[1]];
	const uint32_t c = known[(uint8_t)text[2]], d = known[(uint8_t)text[3]];
	const uint32_t group = (a & 63) << 18 | (b & 63) << 12 | (c & 63) << 6 | (d & 63);

	to[0] = (uint8_t)(group >> 16);
	to[1] = (uint8_t)(group >> 8);
	to[2] = (uint8_t)group;
	return a & b & c & d & KNOWN ? 0 : -EINVAL;
}

/* The last `count` digits, 2 or 3, to count - 1 bytes. */
static int decode_rest(const char *text, size_t count, uint8_t *to)
{
	uint32_t group = 0;

	for (size_t i = 0; i < count; i++) {
		const uint32_t bits = known[(uint8_t)text[i]];
		if (!bits)
			return -EINVAL;
		group = group << 6 | (bits & 63);
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
	const char *const whole = text + length / 4 * 4;
	for (; text < whole; text += 4, at += 3) {
		if (decode_whole(text, at) < 0)
			return -EINVAL;
	}
	if (length % 4 && decode_rest(whole, length % 4, at) < 0)
		return -EINVAL;
	*ret_length = BASE64_DECODED(length);
	return 0;
}
