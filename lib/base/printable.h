/*
 * printable: what may stand in one line of text that a person reads on a terminal or in a log,
 * whoever the text is from. Everything printable of UTF-8 may; what a terminal obeys, what ends or
 * turns around a line, what cannot be seen and what is no UTF-8 may not. Pure; any thread.
 */
#ifndef BASE_PRINTABLE_H
#define BASE_PRINTABLE_H

#include "base/bytes.h"

/* The length of the character at `at`, of `left` bytes, when it may stand there; 0 when its first
 * byte may not. */
size_t printable_length(const uint8_t *at, size_t left);

/* Puts ? in the place of every byte that may not stand there. */
void printable_mask(void *text, size_t length);

/* Most bytes that printable_put makes of one. */
#define PRINTABLE_GROWTH 4

/* The text with \n, \t, \r or \xHH in the place of every byte that may not stand there. */
void printable_put(struct bytes_writer *w, const void *text, size_t length);

#endif
