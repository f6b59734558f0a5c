/*
 * What a terminal would obey, or a reader would not see, is in no line: by a table of nasty texts.
 */
#include "base/printable.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *text;
	const char *shown;
	const char *masked;
} rows[] = {
	{ "", "", "" },
	{ "plain text ~!", "plain text ~!", "plain text ~!" },
	{ "back\\slash", "back\\slash", "back\\slash" },
	{ "a\nb\r\tc", "a\\nb\\r\\tc", "a?b??c" },
	{ "\033[31mred\a", "\\x1B[31mred\\x07", "?[31mred?" },
	{ "del\177", "del\\x7F", "del?" },
	{ "Gr\303\274\303\237e", "Gr\303\274\303\237e", "Gr\303\274\303\237e" },
	{ "\344\270\255\360\237\220\247", "\344\270\255\360\237\220\247",
	  "\344\270\255\360\237\220\247" },
	{ "csi\302\233", "csi\\xC2\\x9B", "csi??" },			 /* U+009B */
	{ "rlo\342\200\256x", "rlo\\xE2\\x80\\xAEx", "rlo???x" },	 /* U+202E */
	{ "iso\342\201\246", "iso\\xE2\\x81\\xA6", "iso???" },		 /* U+2066 */
	{ "pdi\342\201\251", "pdi\\xE2\\x81\\xA9", "pdi???" },		 /* U+2069 */
	{ "line\342\200\250", "line\\xE2\\x80\\xA8", "line???" },	 /* U+2028 */
	{ "para\342\200\251", "para\\xE2\\x80\\xA9", "para???" },	 /* U+2029 */
	{ "zwsp\342\200\213", "zwsp\\xE2\\x80\\x8B", "zwsp???" },	 /* U+200B */
	{ "alm\330\234", "alm\\xD8\\x9C", "alm??" },			 /* U+061C */
	{ "bom\357\273\277", "bom\\xEF\\xBB\\xBF", "bom???" },		 /* U+FEFF */
	{ "tag\363\240\200\201", "tag\\xF3\\xA0\\x80\\x81", "tag????" }, /* U+E0001 */
	{ "latin1\374", "latin1\\xFC", "latin1?" },			 /* no UTF-8 */
	{ "raw\233", "raw\\x9B", "raw?" },				 /* C1 as one byte */
	{ "short\303", "short\\xC3", "short?" },			 /* cut */
	{ "overlong\300\212", "overlong\\xC0\\x8A", "overlong??" },	 /* U+000A */
	{ "overlong\340\200\212", "overlong\\xE0\\x80\\x8A", "overlong???" },
	{ "surrogate\355\240\200", "surrogate\\xED\\xA0\\x80", "surrogate???" },
	{ "beyond\364\220\200\200", "beyond\\xF4\\x90\\x80\\x80", "beyond????" },
	{ "none\357\277\277", "none\\xEF\\xBF\\xBF", "none???" }, /* U+FFFF */
};

Test(printable, shows_and_masks_what_may_not_stand_there)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char shown[128] = "", masked[64];
		struct bytes_writer w = bytes_writer(shown, sizeof(shown) - 1);

		printable_put(&w, rows[i].text, strlen(rows[i].text));
		cr_expect_not(w.bad);
		cr_expect_str_eq(shown, rows[i].shown, "row %zu", i);
		strcpy(masked, rows[i].text);
		printable_mask(masked, strlen(masked));
		cr_expect_str_eq(masked, rows[i].masked, "row %zu: %s", i, masked);
	}
}

/* Of all texts of up to three bytes, of which the first begin a character of every length. */
Test(printable, never_lets_a_control_through)
{
	for (unsigned n = 0; n < 1u << 20; n++) {
		uint8_t text[3] = { (uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(0x80 | n >> 16) };

		printable_mask(text, sizeof(text));
		for (size_t i = 0; i < sizeof(text); i++) {
			cr_assert(text[i] >= ' ' && text[i] != 0x7f, "%06x", n);
			cr_assert_not(i > 0 && text[i - 1] == 0xc2 && text[i] < 0xa0, "%06x", n);
		}
	}
}

Test(printable, reads_nothing_behind_the_end)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t length = 0; length <= strlen(rows[i].text); length++) {
			uint8_t *exact = malloc(length ? length : 1);

			memcpy(exact, rows[i].text, length);
			printable_mask(exact, length);
			free(exact);
		}
}
