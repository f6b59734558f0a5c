/*
 * datagram: sends that carry an address. A datagram goes directly where the policy says so and
 * nowhere else; a query to a nameserver is answered here; an address with MSG_FASTOPEN would be a
 * connect past the proxy.
 */
#include "base/memory.h"
#include "hooks/failure.h"
#include "hooks/hook.h"
#include "hooks/leash.h"
#include "hooks/nameserver.h"
#include "hooks/pending.h"
#include "hooks/route.h"

#include <limits.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#define LOOPBACK_INDEX 1 /* in every network namespace */

/* RFC 2292's numbers, which linux/in6.h has and netinet/in.h has not. */
#ifndef IPV6_2292PKTINFO
#define IPV6_2292PKTINFO 2
#endif
#ifndef IPV6_2292RTHDR
#define IPV6_2292RTHDR 5
#endif

/* ROUTE_LIBC or ROUTE_NAMESERVER (without an address: where it is connected to), or -errno. */
static int check(int fd, const struct sockaddr *addr, socklen_t length, int flags,
		 struct route *route)
{
	struct session *session;
	sa_family_t family;

	if (table_may_be_pending(fd)) {
		const int r = pending_gate(fd, PENDING_WRITE, flags);
		if (r < 0)
			return r;
	}
	if (!route_is_readable(addr, length))
		return addr == NULL && nameserver_may_be_peer(fd) ? ROUTE_NAMESERVER : ROUTE_LIBC;
	session = session_get();
	memcpy(&family, addr, sizeof(family));
	if ((flags & MSG_FASTOPEN) && !session->passive &&
	    (family == AF_INET || family == AF_INET6))
		return -EOPNOTSUPP;
	const int verdict = route_datagram(session, fd, addr, length, route);
	if (verdict < 0)
		failure_of_datagram(session, &route->destination, verdict);
	return verdict;
}

static bool may_wait(int fd, int flags)
{
	return !(flags & MSG_DONTWAIT) && !(libc()->fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static int check_passed(int fd, const struct cmsghdr *passed, int flags)
{
	int r = 0, one;

	for (size_t at = CMSG_LEN(0); at + sizeof(one) <= passed->cmsg_len && r == 0;
	     at += sizeof(one)) {
		memcpy(&one, (const char *)passed + at, sizeof(one));
		if (table_may_be_pending(one))
			r = pending_hand_over(one, may_wait(fd, flags));
	}
	return r;
}

static bool names_other_device(const struct cmsghdr *c, size_t place)
{
	unsigned index = LOOPBACK_INDEX;

	if (c->cmsg_len >= CMSG_LEN(place + sizeof(index)))
		memcpy(&index, (const char *)c + CMSG_LEN(place), sizeof(index));
	return index > LOOPBACK_INDEX;
}

/*
 * Whether a datagram leaves by a device, or by way of a machine, that the control data names: what
 * is sent to this machine would be seen elsewhere. An IPv4 datagram takes such a device though the
 * socket is bound to another one.
 */
static bool is_led_astray(const struct session *session, const struct cmsghdr *c)
{
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
		return leash_is_wanted(session) &&
		       names_other_device(c, offsetof(struct in_pktinfo, ipi_ifindex));
	if (c->cmsg_level == IPPROTO_IPV6 &&
	    (c->cmsg_type == IPV6_PKTINFO || c->cmsg_type == IPV6_2292PKTINFO))
		return leash_is_wanted(session) &&
		       names_other_device(c, offsetof(struct in6_pktinfo, ipi6_ifindex));
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RETOPTS)
		return c->cmsg_len > CMSG_LEN(0);
	return c->cmsg_level == IPPROTO_IPV6 &&
	       (c->cmsg_type == IPV6_RTHDR || c->cmsg_type == IPV6_2292RTHDR);
}

static int check_part(int fd, const struct cmsghdr *c, int flags)
{
	const struct session *session;

	if (c->cmsg_level == SOL_SOCKET)
		return c->cmsg_type == SCM_RIGHTS && pending_ever() ? check_passed(fd, c, flags)
								    : 0;
	session = session_get();
	return !session->passive && is_led_astray(session, c) ? -EACCES : 0;
}

/* Descriptors that go along (unix(7)): one on its way through the proxy must have arrived; and what
 * says how a datagram goes. */
static int check_control(int fd, const struct msghdr *message, int flags)
{
	int r = 0;

	if (!message->msg_control || message->msg_controllen < sizeof(struct cmsghdr) ||
	    !memory_is_readable(message->msg_control, message->msg_controllen))
		return 0;
	struct msghdr own = *message; /* CMSG_NXTHDR wants one that is not const */
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&own); c && r == 0; c = CMSG_NXTHDR(&own, c)) {
		const size_t room =
			(size_t)((const char *)own.msg_control + own.msg_controllen - (char *)c);
		if (c->cmsg_len <= room)
			r = check_part(fd, c, flags);
	}
	return r;
}

/* The kernel cuts a length that is too large here, where sendto() and connect() refuse it. */
static int check_message(int fd, const struct msghdr *message, int flags, struct route *route)
{
	const socklen_t most = sizeof(struct sockaddr_storage);

	if (!message || !memory_is_readable(message, sizeof(*message)))
		return ROUTE_LIBC;
	const int r = check(fd, message->msg_name,
			    (int)message->msg_namelen > (int)most ? most : message->msg_namelen,
			    flags, route);
	return r != ROUTE_LIBC ? r : check_control(fd, message, flags);
}

/* Without an address: of the nameserver that the socket is connected to. */
static ssize_t ask(int fd, const struct sockaddr *addr, const struct route *route,
		   const struct iovec *pieces, size_t count)
{
	return nameserver_ask(fd, addr ? route : NULL, pieces, count);
}

/* Whether the answer was ours, and not -ENOTCONN: then it is the kernel's call. */
static bool is_final(const struct sockaddr *addr, ssize_t r)
{
	return addr || r != -ENOTCONN;
}

HOOK ssize_t sendto(int fd, const void *buffer, size_t size, int flags, const struct sockaddr *addr,
		    socklen_t length)
{
	const int saved = errno;
	const struct iovec piece = { (void *)buffer, size };
	struct route route;
	ssize_t r = check(fd, addr, length, flags, &route);

	if (r == ROUTE_NAMESERVER) {
		r = ask(fd, addr, &route, &piece, 1);
		if (is_final(addr, r))
			return hook_return((int)r, saved);
		r = ROUTE_LIBC;
	}
	if (r < 0)
		return hook_return((int)r, saved);
	errno = saved;
	return libc()->sendto(fd, buffer, size, flags, addr, length);
}

HOOK ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	const int saved = errno;
	struct route route;
	ssize_t r = check_message(fd, message, flags, &route);

	if (r == ROUTE_NAMESERVER) {
		r = ask(fd, message->msg_name, &route, message->msg_iov, message->msg_iovlen);
		if (is_final(message->msg_name, r))
			return hook_return((int)r, saved);
		r = ROUTE_LIBC;
	}
	if (r < 0)
		return hook_return((int)r, saved);
	errno = saved;
	return libc()->sendmsg(fd, message, flags);
}

/* The messages at the start that are libc's; *ret_next says what the next one is, if there is one.
 */
static unsigned count_libc(int fd, const struct mmsghdr *messages, unsigned count, int flags,
			   struct route *route, int *ret_next)
{
	unsigned i = 0;

	*ret_next = ROUTE_LIBC;
	while (i < count) {
		*ret_next = check_message(fd, &messages[i].msg_hdr, flags, route);
		if (*ret_next != ROUTE_LIBC)
			break;
		i++;
	}
	return i;
}

static int ask_one(int fd, struct mmsghdr *message, int flags, const struct route *route)
{
	struct msghdr *header = &message->msg_hdr;
	const ssize_t r = ask(fd, header->msg_name, route, header->msg_iov, header->msg_iovlen);

	if (!is_final(header->msg_name, r))
		return error_or(libc()->sendmmsg(fd, message, 1, flags));
	if (r >= 0)
		message->msg_len = (unsigned)r;
	return r < 0 ? (int)r : 1;
}

/* As the kernel does it: the messages before the first refused one go out, and count. */
static int send_many(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	unsigned sent = 0;
	struct route route;
	int next, r = 0;

	while (sent < count && r >= 0) {
		const unsigned run =
			count_libc(fd, messages + sent, count - sent, flags, &route, &next);
		if (run > 0) {
			r = error_or(libc()->sendmmsg(fd, messages + sent, run, flags));
			sent += r > 0 ? (unsigned)r : 0;
			if (r < (int)run)
				break;
		}
		if (sent == count)
			break;
		r = next < 0 ? next : ask_one(fd, &messages[sent], flags, &route);
		sent += r > 0;
	}
	return sent > 0 ? (int)sent : r;
}

HOOK int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	const int saved = errno;

	if (!messages || count == 0)
		return libc()->sendmmsg(fd, messages, count, flags);
	return hook_return(send_many(fd, messages, count, flags), saved);
}
