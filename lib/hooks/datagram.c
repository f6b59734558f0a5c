/*
 * datagram: sends that carry an address. A datagram goes directly where the policy says so and
 * nowhere else; a query to a nameserver is answered here; an address with MSG_FASTOPEN would be a
 * connect past the proxy.
 */
#include "base/memory.h"
#include "base/pass.h"
#include "base/question.h"
#include "hooks/failure.h"
#include "hooks/hook.h"
#include "hooks/nameserver.h"
#include "hooks/pending.h"
#include "hooks/route.h"
#include "hooks/successor.h"

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
	if (verdict == ROUTE_LIBC && route->leaves) {
		const int r = successor_put(fd);
		return r < 0 ? r : ROUTE_LIBC;
	}
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
static bool is_led_astray(const struct cmsghdr *c)
{
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO)
		return names_other_device(c, offsetof(struct in_pktinfo, ipi_ifindex));
	if (c->cmsg_level == IPPROTO_IPV6 &&
	    (c->cmsg_type == IPV6_PKTINFO || c->cmsg_type == IPV6_2292PKTINFO))
		return names_other_device(c, offsetof(struct in6_pktinfo, ipi6_ifindex));
	if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RETOPTS)
		return c->cmsg_len > CMSG_LEN(0);
	return c->cmsg_level == IPPROTO_IPV6 &&
	       (c->cmsg_type == IPV6_RTHDR || c->cmsg_type == IPV6_2292RTHDR);
}

static int check_part(int fd, const struct cmsghdr *c, int flags)
{
	if (c->cmsg_level == SOL_SOCKET)
		return c->cmsg_type == SCM_RIGHTS && pending_ever() ? check_passed(fd, c, flags)
								    : 0;
	return !session_get()->passive && is_led_astray(c) ? -EACCES : 0;
}

/* Descriptors that go along (unix(7)): one on its way through the proxy must have arrived; and what
 * says how a datagram goes. */
static int check_control(int fd, struct msghdr *message, int flags)
{
	int r = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c && r == 0; c = CMSG_NXTHDR(message, c)) {
		const size_t room = (size_t)((const char *)message->msg_control +
					     message->msg_controllen - (char *)c);
		if (c->cmsg_len <= room)
			r = check_part(fd, c, flags);
	}
	return r;
}

/* ---- a message of ours ---- */

/* Bytes; more is for descriptors, which an internet socket does not take along. */
#define CONTROL_MAX 512

/* As the caller has it, but for what is looked at: that cannot become another. */
struct message {
	struct msghdr header;
	struct sockaddr_storage name;
	union {
		struct cmsghdr first;
		char bytes[CONTROL_MAX];
	} control;
};

static bool may_be_internet(int fd)
{
	int domain = AF_INET;
	socklen_t length = sizeof(domain);

	libc()->getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length);
	return domain == AF_INET || domain == AF_INET6;
}

/* The kernel cuts a length that is too large here, where sendto() and connect() refuse it. */
static void copy_name(struct message *own)
{
	const socklen_t most = sizeof(own->name);

	if ((int)own->header.msg_namelen > (int)most)
		own->header.msg_namelen = most;
	own->header.msg_name =
		(void *)route_copy(own->header.msg_name, own->header.msg_namelen, &own->name);
}

static int take_control(int fd, struct message *own, int flags)
{
	struct msghdr *header = &own->header;

	/* What the kernel does not read it refuses. */
	if (!header->msg_control || header->msg_controllen < sizeof(struct cmsghdr) ||
	    !memory_is_readable(header->msg_control, header->msg_controllen))
		return 0;
	if (header->msg_controllen <= sizeof(own->control)) {
		memcpy(&own->control, header->msg_control, header->msg_controllen);
		header->msg_control = &own->control;
	} else if (may_be_internet(fd)) {
		return -ENOBUFS;
	}
	return check_control(fd, header, flags);
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

static ssize_t outcome(ssize_t r)
{
	return r < 0 ? error_last() : r;
}

static ssize_t finish(ssize_t r, int saved)
{
	errno = r < 0 ? (int)-r : saved;
	return r < 0 ? -1 : r;
}

static ssize_t send_to(int fd, const void *buffer, size_t size, int flags,
		       const struct sockaddr *addr, socklen_t length)
{
	const struct iovec piece = { (void *)buffer, size };
	struct sockaddr_storage own;
	struct route route;

	addr = route_copy(addr, length, &own);
	ssize_t r = check(fd, addr, length, flags, &route);
	if (r == ROUTE_NAMESERVER) {
		r = ask(fd, addr, &route, &piece, 1);
		if (is_final(addr, r))
			return r;
		r = ROUTE_LIBC;
	}
	if (r < 0)
		return r;
	/* What is shorter or longer than any address is refused here, and not everywhere in a
	 * message; the filter lets it pass. */
	if (addr && length >= sizeof(struct sockaddr_in) && length <= sizeof(own) &&
	    question_is_allowed(QUESTION_MESSAGE))
		return outcome(pass_sendto(fd, buffer, size, flags, addr, length));
	return outcome(libc()->sendto(fd, buffer, size, flags, addr, addr ? length : 0));
}

HOOK ssize_t sendto(int fd, const void *buffer, size_t size, int flags, const struct sockaddr *addr,
		    socklen_t length)
{
	const int saved = errno;
	return finish(send_to(fd, buffer, size, flags, addr, length), saved);
}

/* By pass_sendmsg() or pass_sendmmsg(). */
static ssize_t send_message(int fd, const struct msghdr *message, int flags,
			    ssize_t (*send_it)(int, const struct msghdr *, int))
{
	struct message own;
	struct route route;

	if (!message || !memory_is_readable(message, sizeof(*message)))
		return outcome(pass_sendmsg(fd, message, flags));
	own.header = *message;
	copy_name(&own);
	const struct msghdr *header = &own.header;
	ssize_t r = check(fd, header->msg_name, header->msg_namelen, flags, &route);
	if (r == ROUTE_NAMESERVER) {
		r = ask(fd, header->msg_name, &route, header->msg_iov, header->msg_iovlen);
		if (is_final(header->msg_name, r))
			return r;
		r = ROUTE_LIBC;
	}
	if (r == ROUTE_LIBC)
		r = take_control(fd, &own, flags);
	return r < 0 ? r : outcome(send_it(fd, header, flags));
}

HOOK ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	const int saved = errno;
	return finish(send_message(fd, message, flags, pass_sendmsg), saved);
}

/* Of a message that has been sent. */
static size_t length_of(const struct msghdr *message)
{
	size_t length = 0;

	for (size_t i = 0; i < message->msg_iovlen; i++)
		length += message->msg_iov[i].iov_len;
	return length;
}

/* As the kernel does it: one by one, up to the first that is refused or not taken whole. */
static int send_many(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	unsigned sent = 0;
	ssize_t r = 0;

	while (sent < count && sent < IOV_MAX) {
		struct mmsghdr *message = &messages[sent];

		r = send_message(fd, &message->msg_hdr, flags, pass_sendmmsg);
		if (r < 0)
			break;
		message->msg_len = (unsigned)r;
		sent++;
		if ((size_t)r < length_of(&message->msg_hdr))
			break;
	}
	return sent > 0 ? (int)sent : (int)r;
}

HOOK int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	const int saved = errno;
	return hook_return(send_many(fd, messages, count, flags), saved);
}
