/*
 * nameserver: datagrams to port 53. A program that is its own resolver gets its answers from the
 * very socket it asks by, which sends them to itself over loopback: so poll, select and epoll see
 * them as the kernel does, and no query goes anywhere. A connected socket is connected to itself;
 * getpeername and the receiving calls show the nameserver that was meant. Any thread and any signal
 * handler.
 */
#ifndef HOOKS_NAMESERVER_H
#define HOOKS_NAMESERVER_H

#include "hooks/route.h"
#include "tunnel/table.h"

#include <sys/uio.h>

/* connect(2) to a nameserver (ROUTE_NAMESERVER): 0 or -errno. */
int nameserver_connect(int fd, const struct route *route);

/* The socket is to have another peer or none: it is no longer connected to itself. */
void nameserver_leave(int fd);

/*
 * A datagram for a nameserver, or with NULL for the one the socket is connected to: its bytes, as
 * if all were sent, or -errno. -ENOTCONN: it is connected to none, and the call is the kernel's.
 */
ssize_t nameserver_ask(int fd, const struct route *route, const struct iovec *pieces, size_t count);

/* Whether a send without an address may be a query: the question every write asks. */
static inline bool nameserver_may_be_peer(int fd)
{
	return table_asks(fd) == TABLE_ASKS_PEER;
}

/* recvfrom, recvmsg and recvmmsg on a socket that asks: as libc's, but for who the answer is from.
 */
ssize_t nameserver_recvfrom(int fd, void *buffer, size_t length, int flags, struct sockaddr *addr,
			    socklen_t *addr_length);
ssize_t nameserver_recvmsg(int fd, struct msghdr *message, int flags);
int nameserver_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
			struct timespec *timeout);

#endif
