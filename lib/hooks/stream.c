/*
 * stream: reads and writes. On a socket on its way they wait or say EAGAIN, as on one that the
 * kernel is connecting; any other descriptor pays one look into a table. Sends that carry an
 * address are in datagram.c.
 */
#include "base/memory.h"
#include "hooks/hook.h"
#include "hooks/nameserver.h"
#include "hooks/passing.h"
#include "hooks/pending.h"
#include "hooks/successor.h"

/* 0: go on. -1: errno says why not, as the call would. */
static int gate(int fd, enum pending_use use, int flags)
{
	const int saved = errno;
	const int r = pending_gate(fd, use, flags);

	errno = r < 0 ? -r : saved;
	return r < 0 ? -1 : 0;
}

/* RWF_NOWAIT as recv(2) has it. */
static int no_wait(int flags)
{
	return flags & RWF_NOWAIT ? MSG_DONTWAIT : 0;
}

/* Whether what is written is a query to the nameserver the socket is connected to; its result then.
 */
static bool is_query(int fd, const struct iovec *pieces, size_t count, ssize_t *ret)
{
	const int saved = errno;

	if (!nameserver_may_be_peer(fd))
		return false;
	const ssize_t r = nameserver_ask(fd, NULL, pieces, count);
	if (r == -ENOTCONN) {
		errno = saved;
		return false;
	}
	*ret = hook_return((int)r, saved);
	return true;
}

/* A receipt, once more where it ended with nothing because another socket took the place of this
 * one (hooks/successor.h). */
#define RECEIVE(call)                                                                              \
	__extension__({                                                                            \
		unsigned before;                                                                   \
		ssize_t received;                                                                  \
		do {                                                                               \
			before = successor_count();                                                \
			received = (call);                                                         \
		} while (received == 0 && successor_count() != before);                            \
		received;                                                                          \
	})

HOOK ssize_t read(int fd, void *buffer, size_t length)
{
	if (table_may_be_pending(fd) && gate(fd, PENDING_READ, 0) < 0)
		return -1;
	return RECEIVE(libc()->read(fd, buffer, length));
}

HOOK ssize_t __read_chk(int fd, void *buffer, size_t length, size_t size)
{
	if (table_may_be_pending(fd) && gate(fd, PENDING_READ, 0) < 0)
		return -1;
	return libc()->__read_chk(fd, buffer, length, size);
}

HOOK ssize_t readv(int fd, const struct iovec *pieces, int count)
{
	if (table_may_be_pending(fd) && gate(fd, PENDING_READ, 0) < 0)
		return -1;
	return RECEIVE(libc()->readv(fd, pieces, count));
}

/* With an offset of -1 they are readv and writev. */
HOOK ssize_t preadv2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	if (table_may_be_pending(fd) && gate(fd, PENDING_READ, no_wait(flags)) < 0)
		return -1;
	return libc()->preadv2(fd, pieces, count, offset, flags);
}

HOOK ssize_t preadv64v2(int fd, const struct iovec *pieces, int count, off64_t offset, int flags)
{
	return preadv2(fd, pieces, count, offset, flags);
}

HOOK ssize_t recv(int fd, void *buffer, size_t length, int flags)
{
	if (table_may_be_pending(fd) && gate(fd, PENDING_READ, flags) < 0)
		return -1;
	return RECEIVE(libc()->recv(fd, buffer, length, flags));
}

HOOK ssize_t __recv_chk(int fd, void *buffer, size_t length, size_t size, int flags)
{
	if (table_may_be_pending(fd) && gate(fd, PENDING_READ, flags) < 0)
		return -1;
	return libc()->__recv_chk(fd, buffer, length, size, flags);
}

/* The room for an address is written over by a receipt of nothing. */
static ssize_t receive_from(int fd, void *buffer, size_t length, int flags, struct sockaddr *addr,
			    socklen_t *addr_length)
{
	if (!addr_length || session_get()->stays_on_loopback ||
	    !memory_is_readable(addr_length, sizeof(*addr_length)))
		return libc()->recvfrom(fd, buffer, length, flags, addr, addr_length);
	const socklen_t room = *addr_length;
	return RECEIVE((*addr_length = room,
			libc()->recvfrom(fd, buffer, length, flags, addr, addr_length)));
}

HOOK ssize_t recvfrom(int fd, void *restrict buffer, size_t length, int flags,
		      struct sockaddr *restrict addr, socklen_t *restrict addr_length)
{
	if (table_may_be_pending(fd) && gate(fd, PENDING_READ, flags) < 0)
		return -1;
	if (table_asks(fd) != TABLE_ASKS_NOBODY)
		return nameserver_recvfrom(fd, buffer, length, flags, addr, addr_length);
	return receive_from(fd, buffer, length, flags, addr, addr_length);
}

HOOK ssize_t __recvfrom_chk(int fd, void *buffer, size_t length, size_t size, int flags,
			    struct sockaddr *addr, socklen_t *addr_length)
{
	if (table_may_be_pending(fd) && gate(fd, PENDING_READ, flags) < 0)
		return -1;
	if (table_asks(fd) != TABLE_ASKS_NOBODY && length <= size)
		return nameserver_recvfrom(fd, buffer, length, flags, addr, addr_length);
	return libc()->__recvfrom_chk(fd, buffer, length, size, flags, addr, addr_length);
}

static ssize_t receive_message(int fd, struct msghdr *message, int flags)
{
	if (!message || session_get()->stays_on_loopback ||
	    !memory_is_readable(message, sizeof(*message)))
		return libc()->recvmsg(fd, message, flags);
	const struct msghdr own = *message;
	return RECEIVE((*message = own, libc()->recvmsg(fd, message, flags)));
}

HOOK ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	if (table_may_be_pending(fd) && gate(fd, PENDING_READ, flags) < 0)
		return -1;
	if (table_asks(fd) != TABLE_ASKS_NOBODY)
		return passing_received(nameserver_recvmsg(fd, message, flags), message);
	return passing_received(receive_message(fd, message, flags), message);
}

HOOK int recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
		  struct timespec *timeout)
{
	if (table_may_be_pending(fd) && gate(fd, PENDING_READ, flags) < 0)
		return -1;
	if (table_asks(fd) != TABLE_ASKS_NOBODY)
		return passing_received_many(
			nameserver_recvmmsg(fd, messages, count, flags, timeout), messages);
	return passing_received_many(libc()->recvmmsg(fd, messages, count, flags, timeout),
				     messages);
}

HOOK ssize_t write(int fd, const void *buffer, size_t length)
{
	ssize_t r;

	if (table_may_be_pending(fd) && gate(fd, PENDING_WRITE, 0) < 0)
		return -1;
	if (is_query(fd, &(struct iovec){ (void *)buffer, length }, 1, &r))
		return r;
	return libc()->write(fd, buffer, length);
}

HOOK ssize_t writev(int fd, const struct iovec *pieces, int count)
{
	ssize_t r;

	if (table_may_be_pending(fd) && gate(fd, PENDING_WRITE, 0) < 0)
		return -1;
	if (count >= 0 && is_query(fd, pieces, (size_t)count, &r))
		return r;
	return libc()->writev(fd, pieces, count);
}

HOOK ssize_t pwritev2(int fd, const struct iovec *pieces, int count, off_t offset, int flags)
{
	ssize_t r;

	if (table_may_be_pending(fd) && gate(fd, PENDING_WRITE, no_wait(flags)) < 0)
		return -1;
	if (offset == -1 && count >= 0 && is_query(fd, pieces, (size_t)count, &r))
		return r;
	return libc()->pwritev2(fd, pieces, count, offset, flags);
}

HOOK ssize_t pwritev64v2(int fd, const struct iovec *pieces, int count, off64_t offset, int flags)
{
	return pwritev2(fd, pieces, count, offset, flags);
}

HOOK ssize_t send(int fd, const void *buffer, size_t length, int flags)
{
	ssize_t r;

	if (table_may_be_pending(fd) && gate(fd, PENDING_WRITE, flags) < 0)
		return -1;
	if (is_query(fd, &(struct iovec){ (void *)buffer, length }, 1, &r))
		return r;
	return libc()->send(fd, buffer, length, flags);
}

HOOK ssize_t sendfile(int to, int from, off_t *offset, size_t count)
{
	if (table_may_be_pending(to) && gate(to, PENDING_WRITE, 0) < 0)
		return -1;
	return libc()->sendfile(to, from, offset, count);
}

HOOK ssize_t sendfile64(int to, int from, off64_t *offset, size_t count)
{
	if (table_may_be_pending(to) && gate(to, PENDING_WRITE, 0) < 0)
		return -1;
	return libc()->sendfile64(to, from, offset, count);
}

HOOK ssize_t splice(int from, off64_t *from_offset, int to, off64_t *to_offset, size_t length,
		    unsigned flags)
{
	const int wait = flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0;

	if (table_may_be_pending(from) && gate(from, PENDING_READ, wait) < 0)
		return -1;
	if (table_may_be_pending(to) && gate(to, PENDING_WRITE, wait) < 0)
		return -1;
	return libc()->splice(from, from_offset, to, to_offset, length, flags);
}
