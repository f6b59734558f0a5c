/*
 * table: what the library knows of a descriptor: the tunnel it is on its way through, and the
 * address the application asked for once it has arrived. A socket is recognised by its SO_COOKIE,
 * so a descriptor that was closed and used again needs no hook to be forgotten. Lock-free, without
 * malloc; any thread and any signal handler.
 */
#ifndef TUNNEL_TABLE_H
#define TUNNEL_TABLE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct tunnel;

/* The cookie of a socket, 0 when fd is none. */
uint64_t table_cookie(int fd);

/* Remembers that the socket is on its way to target (a sockaddr_in or sockaddr_in6). -ENOBUFS: fd
 * is beyond the table. */
int table_put(int fd, uint64_t cookie, struct tunnel *tunnel, const struct sockaddr *target);

/* The tunnel of this very socket while it is on its way, NULL when it is not. */
struct tunnel *table_find_tunnel(int fd, uint64_t cookie);

/* The handshake is over: the tunnel is forgotten, the address stays. Without keep_target both are.
 */
void table_end(int fd, uint64_t cookie, bool keep_target);

/*
 * The address this socket was connected to, in the form the application gave; *ret_length is its
 * size. 0 or -ENOENT. A duplicate of the descriptor has the same address.
 */
int table_find_target(int fd, uint64_t cookie, struct sockaddr_in6 *ret_target,
		      socklen_t *ret_length);

#endif
