/*
 * bytes: checked cursors over memory that belongs to the caller. A cursor that would leave its
 * bounds goes bad instead and stays so: a whole message is taken or put without looking, then asked
 * once. Plain values on the stack of one thread. Multi-byte numbers are big-endian, as RFC 1928 has
 * them.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool bad;
};

struct bytes_writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool bad;
};

static inline struct bytes_reader bytes_reader(const void *from, size_t length)
{
	const uint8_t *at = from;
	return (struct bytes_reader){ .at = at, .end = at + length };
}

static inline struct bytes_writer bytes_writer(void *to, size_t size)
{
	uint8_t *at = to;
	return (struct bytes_writer){ .start = at, .at = at, .end = at + size };
}

/* Bytes not yet taken. */
static inline size_t bytes_left(const struct bytes_reader *r)
{
	return (size_t)(r->end - r->at);
}

/* Bytes put so far. */
static inline size_t bytes_length(const struct bytes_writer *w)
{
	return (size_t)(w->at - w->start);
}

/* The next `length` bytes, or NULL (and a bad cursor) when fewer are left. */
const uint8_t *bytes_take(struct bytes_reader *r, size_t length);
uint8_t bytes_take_u8(struct bytes_reader *r);
uint16_t bytes_take_u16(struct bytes_reader *r);

void bytes_put(struct bytes_writer *w, const void *from, size_t length);
void bytes_put_u8(struct bytes_writer *w, uint8_t value);
void bytes_put_u16(struct bytes_writer *w, uint16_t value);

/* Text, for addresses and log lines: no NUL is written. */
void bytes_put_text(struct bytes_writer *w, const char *text);
void bytes_put_decimal(struct bytes_writer *w, uint64_t value);
void bytes_put_hex(struct bytes_writer *w, const void *from, size_t length);

/*
 * One byte as RFC 3986 percent-encoding has it: itself when unreserved (ALPHA DIGIT - . _ ~) or in
 * `also`, otherwise %XX with upper-case digits.
 */
void bytes_put_escaped(struct bytes_writer *w, uint8_t byte, const char *also);

#endif
