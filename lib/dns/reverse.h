/*
 * reverse: the names that stand for addresses: 4.3.2.1.in-addr.arpa (RFC 1035 §3.5) and 32 nibbles
 * under ip6.arpa (RFC 3596 §2.5). Pure functions.
 */
#ifndef DNS_REVERSE_H
#define DNS_REVERSE_H

#include <stddef.h>
#include <stdint.h>

/* The address that a name (without the dot at its end) stands for: its 4 or 16 bytes, and how many;
 * 0 when it stands for none. */
size_t dns_reverse(const char *name, size_t length, uint8_t ret_address[16]);

#endif
