/*
 * by_hand: a SOCKS5 client as somebody would write it into his own program: 0x97 with one pair, and
 * a target that nobody has. What is compared with a preloaded library, and what checks it.
 */
#ifndef BENCH_BY_HAND_H
#define BENCH_BY_HAND_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum by_hand {
	BY_HAND_PIPELINED, /* greeting, keys and request in one write */
	BY_HAND_STEPWISE,  /* each behind the answer to the one before */
	BY_HAND_NOT,	   /* connect() to the target, and a library does the rest */
};

/* Everything in one write, and how many bytes answer it. */
extern const char by_hand_bytes[];
extern const size_t by_hand_size;
#define BY_HAND_ANSWER (2u + 4u + 10u)

/* What pipelined, stepwise and shim mean. */
enum by_hand by_hand_mode(const char *word);

/* Where connect() goes: the proxy on this port of loopback, or the target. */
struct sockaddr_in by_hand_address(enum by_hand mode, const char *port);

/* What follows a blocking connect(). A refusal must not be taken for a fast success: it ends here.
 */
void by_hand_talk(int fd, enum by_hand mode);

/* Whether a request gets its answer: many sockets are said to be connected that are not. Leaves the
 * socket blocking. */
bool by_hand_is_connected(int fd);

/* Milliseconds, by a clock that only goes forward. */
double by_hand_now(void);

#endif
