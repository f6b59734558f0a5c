/*
 * base64: base64url of RFC 4648 §5 without padding, the form in which bytes travel in an
 * environment variable. Exactly one text stands for given bytes: what decodes is what encodes.
 * Buffers are the caller's; any thread.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stddef.h>

/* Characters that stand for so many bytes, and the most bytes that so many characters stand for. */
#define BASE64_ENCODED(bytes)	   ((bytes) / 3 * 4 + ((bytes) % 3 * 4 + 2) / 3)
#define BASE64_DECODED(characters) ((characters) / 4 * 3 + (characters) % 4 * 3 / 4)

/* Writes BASE64_ENCODED(length) characters, no NUL. Returns their number. */
size_t base64_encode(const void *from, size_t length, char *to);

/*
 * 0 and *ret_length bytes in to, which has room for size. -EINVAL for a character outside the
 * alphabet, a length that no bytes have, or bits behind the last byte that are not zero; -E2BIG
 * when it does not fit.
 */
int base64_decode(const char *text, size_t length, void *to, size_t size, size_t *ret_length);

#endif
