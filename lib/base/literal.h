/*
 * literal: addresses as text, the same as inet_ntop(3) writes them, which needs two kilobytes of
 * stack for it. Allocation-free; any thread and any signal handler.
 */
#ifndef BASE_LITERAL_H
#define BASE_LITERAL_H

#include "base/bytes.h"

/* No NUL is written; INET_ADDRSTRLEN and INET6_ADDRSTRLEN bytes are enough. */
void literal_put_ipv4(struct bytes_writer *w, const uint8_t address[4]);
void literal_put_ipv6(struct bytes_writer *w, const uint8_t address[16]);

#endif
