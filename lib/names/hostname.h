/*
 * hostname: which text is a host name, and which host it means. Pure; any thread.
 */
#ifndef NAMES_HOSTNAME_H
#define NAMES_HOSTNAME_H

#include <stdbool.h>
#include <stddef.h>

#define HOSTNAME_MAX 255 /* RFC 1928 §4: DST.ADDR of ATYP 3 */

/* Whether the text is an address, as inet_aton(3) or IPv6 has it: no name, and nothing to look up.
 */
bool hostname_is_literal(const char *text);

/*
 * The name that is meant, with its NUL: without a dot at its end, and below .onion where it is
 * below the alias ("" or NULL: there is none). Its length, or -EINVAL for what somebody might take
 * for an address: a literal, what ends in a number, or has brackets or a port about it.
 */
int hostname_meant(const char *name, size_t length, const char *alias, size_t alias_length,
		   char ret[HOSTNAME_MAX + 1]);

/* Below .onion: it has no address (RFC 7686 §2). */
bool hostname_is_onion(const char *name, size_t length);

/*
 * Whether bytes from elsewhere may be shown to a program as the name of a host: labels of 1 to 63
 * letters, digits, `-` and `_`, with no `-` at either end (RFC 952, RFC 1123 §2.1, and the
 * underscore that res_hnok(3) lets pass), 253 bytes at most, and nothing like an address.
 */
bool hostname_is_plain(const char *bytes, size_t length);

#endif
