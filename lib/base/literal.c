#include "base/literal.h"

#define WORDS 8

/* Words in a row that are zero, for which `::` stands. */
struct run {
	unsigned first, length;
};

void literal_put_ipv4(struct bytes_writer *w, const uint8_t address[4])
{
	for (unsigned i = 0; i < 4; i++) {
		if (i > 0)
			bytes_put_u8(w, '.');
		bytes_put_decimal(w, address[i]);
	}
}

static unsigned word_of(const uint8_t address[16], unsigned i)
{
	return (unsigned)address[2 * i] << 8 | address[2 * i + 1];
}

/* Without leading zeros. */
static void put_word(struct bytes_writer *w, unsigned word)
{
	unsigned shift = 12;

	while (shift > 0 && word >> shift == 0)
		shift -= 4;
	for (;; shift -= 4) {
		bytes_put_u8(w, (uint8_t) "0123456789abcdef"[word >> shift & 0xf]);
		if (shift == 0)
			return;
	}
}

/* The longest one, of several the first; one word alone is none. */
static struct run find_zeros(const uint8_t address[16])
{
	struct run best = { WORDS, 1 };

	for (unsigned i = 0; i < WORDS; i++) {
		unsigned length = 0;
		while (i + length < WORDS && word_of(address, i + length) == 0)
			length++;
		if (length > best.length)
			best = (struct run){ i, length };
		i += length;
	}
	return best;
}

/* Mapped addresses, and those that were called compatible, end in an IPv4 address. */
static bool ends_in_ipv4(const uint8_t address[16], const struct run *zeros)
{
	return zeros->first == 0 &&
	       (zeros->length == 6 || (zeros->length == 5 && word_of(address, 5) == 0xffff));
}

void literal_put_ipv6(struct bytes_writer *w, const uint8_t address[16])
{
	const struct run zeros = find_zeros(address);
	const unsigned words = ends_in_ipv4(address, &zeros) ? 6 : WORDS;

	for (unsigned i = 0; i < words; i++) {
		if (i == zeros.first) {
			bytes_put_text(w, "::");
			i += zeros.length - 1;
			continue;
		}
		if (i > 0 && i != zeros.first + zeros.length)
			bytes_put_u8(w, ':');
		put_word(w, word_of(address, i));
	}
	if (words == WORDS)
		return;
	if (zeros.length == 5)
		bytes_put_u8(w, ':');
	literal_put_ipv4(w, address + 12);
}
