#include "base/printable.h"

/* Beyond ASCII: controls (ISO 6429, C1), what nobody sees, separators of lines and paragraphs, and
 * what changes the direction of writing (Unicode, Cf, Zl and Zp); noncharacters. */
static const struct {
	uint32_t first, last;
} refused[] = {
	{ 0x80, 0x9f },	      { 0xad, 0xad },	  { 0x61c, 0x61c },   { 0x180e, 0x180e },
	{ 0x200b, 0x200f },   { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfdd0, 0xfdef },
	{ 0xfeff, 0xfeff },   { 0xfff9, 0xfffb }, { 0xfffe, 0xffff }, { 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe0fff },
};

static bool is_refused(uint32_t character)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (character >= refused[i].first && character <= refused[i].last)
			return true;
	return (character & 0xfffe) == 0xfffe;
}

/* RFC 3629 §4: how long a sequence is by its first byte, and the least character of that length. */
static size_t sequence_length(uint8_t first, uint32_t *ret_bits, uint32_t *ret_least)
{
	static const uint32_t least[] = { 0x80, 0x800, 0x10000 };
	const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;

	if (first < 0xc2 || first > 0xf4)
		return 0;
	*ret_bits = first & (0x7fu >> length);
	*ret_least = least[length - 2];
	return length;
}

size_t printable_length(const uint8_t *at, size_t left)
{
	uint32_t character, least;

	if (left == 0)
		return 0;
	if (*at < 0x80)
		return *at >= ' ' && *at != 0x7f;
	const size_t length = sequence_length(*at, &character, &least);
	if (length == 0 || length > left)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		character = character << 6 | (at[i] & 0x3f);
	}
	if (character < least || character > 0x10ffff ||
	    (character >= 0xd800 && character <= 0xdfff))
		return 0;
	return is_refused(character) ? 0 : length;
}

void printable_mask(void *text, size_t length)
{
	uint8_t *at = text;

	for (uint8_t *end = at + length; at < end;) {
		const size_t good = printable_length(at, (size_t)(end - at));
		if (good == 0)
			*at = '?';
		at += good ? good : 1;
	}
}

static void put_escape(struct bytes_writer *w, uint8_t byte)
{
	static const char digits[] = "0123456789ABCDEF";

	switch (byte) {
	case '\n':
		bytes_put_text(w, "\\n");
		break;
	case '\r':
		bytes_put_text(w, "\\r");
		break;
	case '\t':
		bytes_put_text(w, "\\t");
		break;
	default:
		bytes_put_text(w, "\\x");
		bytes_put_u8(w, (uint8_t)digits[byte >> 4]);
		bytes_put_u8(w, (uint8_t)digits[byte & 15]);
	}
}

void printable_put(struct bytes_writer *w, const void *text, size_t length)
{
	const uint8_t *at = text;

	for (const uint8_t *end = at + length; at < end;) {
		const size_t good = printable_length(at, (size_t)(end - at));
		if (good == 0)
			put_escape(w, *at);
		else
			bytes_put(w, at, good);
		at += good ? good : 1;
	}
}
