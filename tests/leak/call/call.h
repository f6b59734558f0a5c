/*
 * call CHANNEL [PROGRAM ARGS]: tries to get one packet off this machine by one way, and says what
 * became of it: `CHANNEL=0`, `CHANNEL=EACCES`. It waits for no answer, so it ends at once. Exit
 * status 77: this kernel does not have that way at all.
 *
 * The addresses are those of the lab (support/far.c) and stand here, because some of the ways are
 * programs without an environment.
 */
#ifndef LEAK_CALL_H
#define LEAK_CALL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define TARGET4	 "203.0.113.7"
#define TARGET6	 "2001:db8:7::7"
#define MAPPED	 "::ffff:203.0.113.7"
#define NEAR4	 "198.51.100.2"
#define NEAR6	 "2001:db8::2"
#define GROUP4	 "239.5.5.5"
#define GROUP6	 "ff15::55"
#define DEVICE	 "near"
#define PRINTER	 "192.168.1.20" /* which the policy with a direct rule lets go */
#define NAME	 "leak.example.test"
#define PORT	 4242
#define MISSING	 77
#define PATIENCE 1000 /* milliseconds for an answer that may never come */

/* A way: its name, and what it does; argv has what stands behind the name. */
struct call {
	const char *name;
	void (*run)(void);
};

/* The ways of each file, behind the last one a row without a name. */
extern const struct call datagram_calls[], protocol_calls[], stream_calls[], past_calls[],
	uring_calls[], name_calls[], group_calls[], listener_calls[], descriptor_calls[],
	child_calls[];

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

/* Becomes the program argv[0] by the way of this name; returns when it does not, false when there
 * is no such way. */
bool children_run(const char *way, char **argv);

/* A helper outside, at a path: see descriptors.c. It never returns. */
void descriptors_help(const char *path);

/* A socket: "tcp", "udp", or "connected", which is a datagram socket that has a peer. */
int descriptors_fresh(const char *kind);

/* A connection to the helper there. */
int descriptors_visit(const char *path);

/* What a visitor of the far end asks for. */
struct errand {
	char kind; /* 'T' to connect to the address, 'U' to send it a datagram */
	socklen_t length;
	union address to;
};

/* The far end's part: an attempt from there, over when its outcome is known. */
void listeners_come(const struct errand *errand);

/* The name of this run's channel. */
extern const char *channel;

/* `CHANNEL=errno` for -1, `CHANNEL=0` for anything else; the second takes -errno. */
void tell(long r);
void tell_negative(long r);

/* A socket, or the end of this program with the refusal told. */
int open_socket(int family, int type, int protocol);

socklen_t fill(union address *to, const char *text, uint16_t port);
int family_of(const char *text);

/* A datagram socket and where it is to send; a message to there. */
int datagram_to(const char *target, union address *to, socklen_t *length);
struct msghdr message_to(union address *to, socklen_t length);

void send_datagram(const char *target);

/* The kernel's own call, past libc: its result, or -errno. */
long kernel(long number, long a, long b, long c, long d, long e, long f);
long kernel_sendto(long fd, const char *target);

#endif
