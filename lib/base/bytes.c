#include "base/bytes.h"

const uint8_t *bytes_take(struct bytes_reader *r, size_t length)
{
	if (r->bad || length > bytes_left(r)) {
		r->bad = true;
		return NULL;
	}
	const uint8_t *at = r->at;
	r->at += length;
	return at;
}

uint8_t bytes_take_u8(struct bytes_reader *r)
{
	const uint8_t *at = bytes_take(r, 1);
	return at ? at[0] : 0;
}

uint16_t bytes_take_u16(struct bytes_reader *r)
{
	const uint8_t *at = bytes_take(r, 2);
	return at ? (uint16_t)(at[0] << 8 | at[1]) : 0;
}

void bytes_put(struct bytes_writer *w, const void *from, size_t length)
{
	if (w->bad || length > (size_t)(w->end - w->at)) {
		w->bad = true;
		return;
	}
	if (length > 0)
		memcpy(w->at, from, length);
	w->at += length;
}

void bytes_put_u8(struct bytes_writer *w, uint8_t value)
{
	bytes_put(w, &value, 1);
}

void bytes_put_u16(struct bytes_writer *w, uint16_t value)
{
	const uint8_t wire[2] = { (uint8_t)(value >> 8), (uint8_t)value };
	bytes_put(w, wire, sizeof(wire));
}

void bytes_put_text(struct bytes_writer *w, const char *text)
{
	bytes_put(w, text, strlen(text));
}

void bytes_put_decimal(struct bytes_writer *w, uint64_t value)
{
	char digits[20]; /* 2^64 - 1 has 20 */
	size_t first = sizeof(digits);

	do {
		digits[--first] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	bytes_put(w, digits + first, sizeof(digits) - first);
}

void bytes_put_hex(struct bytes_writer *w, const void *from, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *byte = from;

	for (size_t i = 0; i < length; i++) {
		bytes_put_u8(w, (uint8_t)digits[byte[i] >> 4]);
		bytes_put_u8(w, (uint8_t)digits[byte[i] & 15]);
	}
}

static bool is_unreserved(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_' ||
	       byte == '~';
}

void bytes_put_escaped(struct bytes_writer *w, uint8_t byte, const char *also)
{
	static const char digits[] = "0123456789ABCDEF";

	if (is_unreserved(byte) || (byte != 0 && strchr(also, byte))) {
		bytes_put_u8(w, byte);
		return;
	}
	const uint8_t escape[3] = { '%', (uint8_t)digits[byte >> 4], (uint8_t)digits[byte & 15] };
	bytes_put(w, escape, sizeof(escape));
}
