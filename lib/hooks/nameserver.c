#include "hooks/nameserver.h"
#include "base/memory.h"
#include "base/pass.h"
#include "hooks/answer.h"
#include "hooks/hook.h"
#include "hooks/leash.h"
#include "tunnel/asked.h"

#include <limits.h>
#include <string.h>

#define ANY_PORT   0
#define OTHER_PORT 1  /* nothing is sent to it */
#define BATCH	   64 /* messages that one recvmmsg takes here */

/* Of either family. */
struct address {
	struct sockaddr_in6 at;
	socklen_t length;
};

/* ---- addresses ---- */

static struct sockaddr *any(struct address *address)
{
	return (struct sockaddr *)&address->at;
}

static bool is_ipv6(const struct address *address)
{
	return address->at.sin6_family == AF_INET6;
}

/* The port is in the same place in both. */
static in_port_t port_of(const struct address *address)
{
	return address->at.sin6_port;
}

static struct in_addr *ipv4(struct address *address)
{
	return &((struct sockaddr_in *)&address->at)->sin_addr;
}

static int own_address(int fd, struct address *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->length = sizeof(ret->at);
	return error_or(libc()->getsockname(fd, any(ret), &ret->length));
}

static void map(struct in_addr from, struct in6_addr *to)
{
	memset(to, 0, sizeof(*to));
	memset(to->s6_addr + 10, 0xff, 2);
	memcpy(to->s6_addr + 12, &from, sizeof(from));
}

/* Where a socket with this name reaches itself: any address becomes the loopback one. */
static void fill_loopback(struct address *address, bool mapped)
{
	const struct in_addr loopback = { htonl(INADDR_LOOPBACK) };

	if (!is_ipv6(address)) {
		if (ipv4(address)->s_addr == INADDR_ANY)
			*ipv4(address) = loopback;
		return;
	}
	if (!IN6_IS_ADDR_UNSPECIFIED(&address->at.sin6_addr))
		return;
	if (mapped)
		map(loopback, &address->at.sin6_addr);
	else
		address->at.sin6_addr = in6addr_loopback;
}

static bool is_any(struct address *address)
{
	return is_ipv6(address) ? IN6_IS_ADDR_UNSPECIFIED(&address->at.sin6_addr)
				: ipv4(address)->s_addr == INADDR_ANY;
}

/* The nameserver as a socket of this family shows it. */
static void fill_server(const struct sockaddr_in6 *server, bool as_ipv6, struct address *ret)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)server;

	*ret = (struct address){ .at = *server,
				 .length = server->sin6_family == AF_INET6 ? sizeof(*server)
									   : sizeof(*v4) };
	if (!as_ipv6 || server->sin6_family == AF_INET6)
		return;
	ret->at = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = v4->sin_port };
	map(v4->sin_addr, &ret->at.sin6_addr);
	ret->length = sizeof(ret->at);
}

/* ---- a socket's way to itself ---- */

/* An IPv6 socket is answered in the form it asks in. */
static bool asks_mapped(const struct sockaddr_in6 *server)
{
	return server->sin6_family == AF_INET || IN6_IS_ADDR_V4MAPPED(&server->sin6_addr);
}

/*
 * connect() gives a port and an address that connect(AF_UNSPEC) takes back, where bind() would not:
 * so the socket first goes to where nothing is sent, then to what it has become.
 */
static int connect_to_itself(int fd, bool mapped)
{
	struct address self;
	int r = own_address(fd, &self);

	if (r < 0)
		return r;
	fill_loopback(&self, mapped);
	if (port_of(&self) == ANY_PORT) {
		self.at.sin6_port = htons(OTHER_PORT);
		r = error_or(libc()->connect(fd, any(&self), self.length));
		if (r == 0)
			r = own_address(fd, &self);
	}
	return r < 0 ? r : error_or(libc()->connect(fd, any(&self), self.length));
}

/* As a first send gives an unbound socket a port. */
static int find_itself(int fd, bool mapped, struct address *ret)
{
	int r = own_address(fd, ret);

	if (r == 0 && port_of(ret) == ANY_PORT) {
		r = error_or(libc()->bind(fd, any(ret), ret->length));
		if (r == 0)
			r = own_address(fd, ret);
	}
	if (r == 0)
		fill_loopback(ret, mapped);
	return r;
}

int nameserver_connect(int fd, const struct route *route)
{
	const bool mapped = asks_mapped(&route->target);
	int r;

	nameserver_leave(fd);
	r = connect_to_itself(fd, mapped);
	if (r == -EADDRNOTAVAIL && !mapped) /* a machine without ::1 */
		r = connect_to_itself(fd, true);
	if (r < 0)
		return r;
	return table_put_server(fd, table_cookie(fd), (const struct sockaddr *)&route->target,
				TABLE_ASKS_PEER);
}

void nameserver_leave(int fd)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };
	const uint64_t cookie = table_asks(fd) != TABLE_ASKS_NOBODY ? table_cookie(fd) : 0;

	if (!table_knows(fd, cookie))
		return;
	if (nameserver_may_be_peer(fd))
		leash_disconnect(fd, &none, sizeof(none));
	table_end(fd, cookie, false);
}

/* ---- queries ---- */

/* The start of the datagram, and its whole length; -EFAULT. */
static ssize_t gather(const struct iovec *pieces, size_t count, uint8_t packet[DNS_MESSAGE_MAX],
		      size_t *ret_length)
{
	size_t total = 0, used = 0;

	if (count > IOV_MAX || (count > 0 && !memory_is_readable(pieces, count * sizeof(*pieces))))
		return count > IOV_MAX ? -EMSGSIZE : -EFAULT;
	for (size_t i = 0; i < count; i++) {
		const size_t length = pieces[i].iov_len;
		const size_t part =
			length < DNS_MESSAGE_MAX - used ? length : DNS_MESSAGE_MAX - used;

		if (length > 0 && !memory_is_readable(pieces[i].iov_base, part))
			return -EFAULT;
		if (total + length > UINT16_MAX)
			return -EMSGSIZE;
		if (part > 0)
			memcpy(packet + used, pieces[i].iov_base, part);
		used += part;
		total += length;
	}
	*ret_length = used;
	return (ssize_t)total;
}

/* What is lost is lost as on a network: the program asks again. */
static int send_answer(int fd, const void *answer, size_t length, struct address *to)
{
	const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;
	const ssize_t r = to ? pass_sendto(fd, answer, length, flags, any(to), to->length)
			     : libc()->send(fd, answer, length, flags);
	const int error = r < 0 ? error_last() : 0;

	return error == -EAGAIN || error == -ENOBUFS ? 0 : error;
}

/* to: NULL where the socket is connected to itself. */
static int answer(int fd, uint64_t cookie, const struct sockaddr_in6 *server, const void *packet,
		  size_t length, struct address *to)
{
	uint8_t bytes[DNS_MESSAGE_MAX];
	struct dns_query query;

	if (dns_parse(packet, length, &query) < 0)
		return 0; /* a nameserver would say nothing either */
	const size_t size =
		answer_query(session_get(), &query, LOOKUP_AT_ONCE, bytes, sizeof(bytes));
	if (size == 0)
		return 0;
	asked_put(cookie, query.id, server);
	return send_answer(fd, bytes, size, to);
}

static ssize_t ask_peer(int fd, const void *packet, size_t length)
{
	const uint64_t cookie = table_cookie(fd);
	struct sockaddr_in6 server;
	socklen_t server_length;

	if (!table_knows(fd, cookie) || table_find_target(fd, cookie, &server, &server_length) < 0)
		return -ENOTCONN;
	return answer(fd, cookie, &server, packet, length, NULL);
}

static ssize_t ask_other(int fd, const struct sockaddr_in6 *server, const void *packet,
			 size_t length)
{
	const uint64_t cookie = table_cookie(fd);
	struct address self;
	int r = find_itself(fd, asks_mapped(server), &self);

	if (r == 0 && !table_knows(fd, cookie))
		r = table_put_server(fd, cookie, (const struct sockaddr *)server,
				     TABLE_ASKS_OTHERS);
	return r < 0 ? r : answer(fd, cookie, server, packet, length, &self);
}

ssize_t nameserver_ask(int fd, const struct route *route, const struct iovec *pieces, size_t count)
{
	uint8_t packet[DNS_MESSAGE_MAX];
	size_t length;
	const ssize_t sent = gather(pieces, count, packet, &length);

	if (sent < 0)
		return sent;
	const ssize_t r = route ? ask_other(fd, &route->target, packet, length)
				: ask_peer(fd, packet, length);
	return r < 0 ? r : sent;
}

/* ---- answers ---- */

/* Whether a datagram comes from the socket itself. */
static bool is_itself(int fd, struct address *from)
{
	struct address self;

	if (own_address(fd, &self) < 0 || port_of(&self) != port_of(from) ||
	    is_ipv6(&self) != is_ipv6(from))
		return false;
	if (is_any(&self))
		fill_loopback(&self, is_ipv6(from) && IN6_IS_ADDR_V4MAPPED(&from->at.sin6_addr));
	return is_ipv6(from) ? IN6_ARE_ADDR_EQUAL(&self.at.sin6_addr, &from->at.sin6_addr)
			     : ipv4(&self)->s_addr == ipv4(from)->s_addr;
}

static bool find_server(int fd, const uint8_t *start, size_t length, struct sockaddr_in6 *ret)
{
	const uint64_t cookie = table_cookie(fd);
	socklen_t ignored;

	if (length >= 2 && asked_find(cookie, (uint16_t)(start[0] << 8 | start[1]), ret))
		return true;
	return table_knows(fd, cookie) && table_find_target(fd, cookie, ret, &ignored) == 0;
}

/* Puts the nameserver in the place of the socket itself; the length stays what it was. */
static void reveal(int fd, const void *start, size_t length, struct address *from)
{
	const int saved = errno;
	struct sockaddr_in6 server;

	if ((from->at.sin6_family == AF_INET || is_ipv6(from)) && is_itself(fd, from) &&
	    find_server(fd, start, length, &server))
		fill_server(&server, is_ipv6(from), from);
	errno = saved;
}

/* As the kernel does it: cut to the caller's room, with its whole length. */
static void put_address(const struct address *from, struct sockaddr *to, socklen_t *room)
{
	memcpy(to, &from->at, *room < from->length ? *room : from->length);
	*room = from->length;
}

ssize_t nameserver_recvfrom(int fd, void *buffer, size_t length, int flags, struct sockaddr *addr,
			    socklen_t *addr_length)
{
	struct address from = { .length = sizeof(from.at) };

	/* Bad arguments are the kernel's to refuse. */
	if (!addr || !addr_length || !memory_is_readable(addr_length, sizeof(*addr_length)) ||
	    (int)*addr_length < 0 || !memory_is_readable(addr, *addr_length))
		return libc()->recvfrom(fd, buffer, length, flags, addr, addr_length);
	const ssize_t r = libc()->recvfrom(fd, buffer, length, flags, any(&from), &from.length);
	if (r < 0)
		return r;
	reveal(fd, buffer, (size_t)r < length ? (size_t)r : length, &from);
	put_address(&from, addr, addr_length);
	return r;
}

/* The first bytes of a message that has been received, if its first piece has them. */
static void reveal_message(int fd, const struct msghdr *message, size_t received,
			   struct address *from)
{
	const struct iovec *first = message->msg_iovlen > 0 ? message->msg_iov : NULL;
	const size_t length = !first ? 0 : received < first->iov_len ? received : first->iov_len;

	reveal(fd, first ? first->iov_base : NULL, length, from);
}

ssize_t nameserver_recvmsg(int fd, struct msghdr *message, int flags)
{
	struct address from = { .length = sizeof(from.at) };

	if (!message || !memory_is_readable(message, sizeof(*message)) || !message->msg_name ||
	    (int)message->msg_namelen < 0 ||
	    !memory_is_readable(message->msg_name, message->msg_namelen))
		return libc()->recvmsg(fd, message, flags);
	struct msghdr own = *message;
	own.msg_name = &from.at;
	own.msg_namelen = from.length;
	const ssize_t r = libc()->recvmsg(fd, &own, flags);
	if (r < 0)
		return r;
	from.length = own.msg_namelen;
	reveal_message(fd, &own, (size_t)r, &from);
	put_address(&from, message->msg_name, &message->msg_namelen);
	message->msg_controllen = own.msg_controllen;
	message->msg_flags = own.msg_flags;
	return r;
}

/* Where the kernel put a whole address there is room for the nameserver's, which is as long. */
static void reveal_in_place(int fd, struct mmsghdr *message, socklen_t room)
{
	struct msghdr *header = &message->msg_hdr;
	struct address from = { .length = header->msg_namelen };

	if (!header->msg_name || from.length > room || from.length > sizeof(from.at))
		return;
	memcpy(&from.at, header->msg_name, from.length);
	reveal_message(fd, header, message->msg_len, &from);
	memcpy(header->msg_name, &from.at, header->msg_namelen);
}

int nameserver_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
			struct timespec *timeout)
{
	socklen_t room[BATCH];

	if (count > BATCH)
		count = BATCH;
	if (!messages || !memory_is_readable(messages, count * sizeof(*messages)))
		return libc()->recvmmsg(fd, messages, count, flags, timeout);
	for (unsigned i = 0; i < count; i++)
		room[i] = messages[i].msg_hdr.msg_namelen;
	const int r = libc()->recvmmsg(fd, messages, count, flags, timeout);
	for (int i = 0; i < r; i++)
		reveal_in_place(fd, &messages[i], room[i]);
	return r;
}
