/*
 * table: what the library knows of a descriptor: what kind of socket it is, the tunnel it is on its
 * way through, the address the application asked for, and the epoll sets it is in. A socket is
 * recognised by its SO_COOKIE, so a descriptor that was closed and used again needs no hook to be
 * forgotten. Lock-free, without malloc; any thread and any signal handler.
 */
#ifndef TUNNEL_TABLE_H
#define TUNNEL_TABLE_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tunnel;

#define TABLE_PAGE_ENTRIES 256
#define TABLE_PAGES                                                                                \
	16384 /* 4 Mi descriptors; the kernel's own limit starts at 1 Mi (fs.nr_open)              \
	       */

/* A target fits in words that can be read while another thread replaces them. */
#define TABLE_TARGET_WORDS ((sizeof(struct sockaddr_in6) + 7) / 8)

/* A registration of the descriptor in an epoll set, as the application made it. */
struct table_watch {
	struct table_watch *_Atomic next; /* of the same descriptor, in another set */
	_Atomic uint64_t data;
	_Atomic uint32_t events;
	_Atomic uint32_t set;	  /* its number (table_set); 0: free */
	_Atomic int through;	  /* a descriptor of the set */
	_Atomic uint32_t version; /* changes by the library */
	_Atomic bool armed;	  /* the kernel has the handshake's events instead */
	_Atomic bool held;	  /* somebody tells the kernel */
};

/* Whether a datagram socket asks nameservers (hooks/nameserver.h). */
enum table_asks {
	TABLE_ASKS_NOBODY,
	TABLE_ASKS_OTHERS, /* by sends with an address */
	TABLE_ASKS_PEER,   /* and it is connected to one: its target */
};

/* What socket() made of a descriptor. */
enum table_kind {
	TABLE_KIND_UNKNOWN,
	TABLE_KIND_STREAM,   /* TCP, MPTCP */
	TABLE_KIND_DATAGRAM, /* UDP */
};

/* A bit beside the kind: there is, or was, another descriptor of the same socket. */
#define TABLE_DUPLICATED 0x80

struct table_entry {
	_Atomic uint64_t cookie; /* 0: no target is known; written last */
	struct tunnel *_Atomic tunnel;
	_Atomic uint64_t target[TABLE_TARGET_WORDS];
	_Atomic uint8_t kind; /* enum table_kind, and TABLE_DUPLICATED */
	_Atomic uint8_t asks; /* enum table_asks, of the socket that the cookie is of */
	_Atomic uint32_t set; /* the number of an epoll set, which its duplicates share; 0: none */
	struct table_watch watch; /* the first of a list */
};

extern struct table_entry *_Atomic table_pages[TABLE_PAGES];

/* The entry of a descriptor, NULL when there is none yet. */
static inline struct table_entry *table_find(int fd)
{
	if ((unsigned)fd >= TABLE_PAGES * TABLE_PAGE_ENTRIES)
		return NULL;
	struct table_entry *page = atomic_load_explicit(
		&table_pages[(unsigned)fd / TABLE_PAGE_ENTRIES], memory_order_acquire);
	return page ? &page[(unsigned)fd % TABLE_PAGE_ENTRIES] : NULL;
}

/* Whether the descriptor may be on its way: the question every read and write asks. */
static inline bool table_may_be_pending(int fd)
{
	const struct table_entry *entry = table_find(fd);
	return entry && atomic_load_explicit(&entry->tunnel, memory_order_relaxed);
}

/* The entry of a descriptor, made if need be; NULL when fd is beyond the table or no memory is
 * left. */
struct table_entry *table_get(int fd);

/*
 * The kind of a descriptor: a question less to the kernel in connect() and sendto(). A hint of the
 * harmless sort: it is wrong only where a socket was closed and one of another kind came by its
 * number without any function of ours. Such a one has to do with the proxy alone, or is refused
 * what is refused to UDP.
 */
void table_put_kind(int fd, enum table_kind kind);
static inline enum table_kind table_kind(int fd)
{
	const struct table_entry *entry = table_find(fd);
	return entry ? (enum table_kind)(atomic_load_explicit(&entry->kind, memory_order_relaxed) &
					 ~TABLE_DUPLICATED)
		     : TABLE_KIND_UNKNOWN;
}

/* Whether the descriptor may ask nameservers: what every send and receipt of datagrams asks. */
static inline enum table_asks table_asks(int fd)
{
	const struct table_entry *entry = table_find(fd);
	return entry ? (enum table_asks)atomic_load_explicit(&entry->asks, memory_order_relaxed)
		     : TABLE_ASKS_NOBODY;
}

/* The number of an epoll set that something was put into, 0: none is known by this descriptor. */
static inline uint32_t table_set(int fd)
{
	const struct table_entry *entry = table_find(fd);
	return entry ? atomic_load_explicit(&entry->set, memory_order_relaxed) : 0;
}

/* The highest descriptor that was ever entered, -1 for none; and it is this one at least. */
int table_highest(void);
void table_raise(int fd);

/* The next descriptor behind fd (-1: the first) that there is an entry for, up to the highest that
 * was entered; -1: none. Goes through them all without looking at the pages that are not there. */
int table_next(int fd);

/* The cookie of a socket, 0 when fd is none. */
uint64_t table_cookie(int fd);

/* Remembers that the socket is on its way to target (a sockaddr_in or sockaddr_in6). -ENOBUFS. */
int table_put(int fd, uint64_t cookie, struct tunnel *tunnel, const struct sockaddr *target);

/* Remembers that the datagram socket asks this nameserver. -ENOBUFS. */
int table_put_server(int fd, uint64_t cookie, const struct sockaddr *server, enum table_asks asks);

/* The duplicate is the same socket. */
void table_put_duplicate(int fd, int duplicate);

/* The next descriptor behind `last` (-1: the first) that duplicates this socket, but fd; -1: none.
 */
int table_next_duplicate(int fd, uint64_t cookie, int last);

/* Another socket has the descriptor now: what is known of the old one is so of it. */
void table_follow(int fd, uint64_t cookie, uint64_t successor);

/* Whether this very descriptor was given a target. */
bool table_knows(int fd, uint64_t cookie);

/* The tunnel of this very socket, NULL when it has none. */
struct tunnel *table_find_tunnel(int fd, uint64_t cookie);

/* Forgets the tunnel of this socket, and without keep_target where it was going. */
void table_end(int fd, uint64_t cookie, bool keep_target);

/*
 * The address this socket was connected to, in the form the application gave; *ret_length is its
 * size. 0 or -ENOENT. A duplicate of the descriptor has the same address.
 */
int table_find_target(int fd, uint64_t cookie, struct sockaddr_in6 *ret_target,
		      socklen_t *ret_length);

#endif
