/*
 * datagram: sends that carry an address. A datagram goes directly where the policy says so and
 * nowhere else; an address with MSG_FASTOPEN would be a connect past the proxy.
 */
#include "base/memory.h"
#include "hooks/hook.h"
#include "hooks/pending.h"
#include "hooks/route.h"

#include <limits.h>
#include <string.h>

/* 0: the call goes to libc. Otherwise -errno. */
static int check(int fd, const struct sockaddr *addr, socklen_t length, int flags)
{
	struct session *session;
	sa_family_t family;

	if (table_may_be_pending(fd)) {
		const int r = pending_gate(fd, flags);
		if (r < 0)
			return r;
	}
	if (!route_is_readable(addr, length))
		return 0;
	session = session_get();
	memcpy(&family, addr, sizeof(family));
	if ((flags & MSG_FASTOPEN) && !session->passive &&
	    (family == AF_INET || family == AF_INET6))
		return -EOPNOTSUPP;
	return route_datagram(session, fd, addr, length);
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

/* Descriptors that go along (unix(7)): one on its way through the proxy must have arrived. */
static int check_rights(int fd, const struct msghdr *message, int flags)
{
	int r = 0;

	if (!pending_ever() || !message->msg_control ||
	    !memory_is_readable(message->msg_control, message->msg_controllen))
		return 0;
	struct msghdr own = *message; /* CMSG_NXTHDR wants one that is not const */
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&own); c && r == 0; c = CMSG_NXTHDR(&own, c)) {
		const size_t room =
			(size_t)((const char *)own.msg_control + own.msg_controllen - (char *)c);
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len > room)
			continue;
		r = check_passed(fd, c, flags);
	}
	return r;
}

/* The kernel cuts a length that is too large here, where sendto() and connect() refuse it. */
static int check_message(int fd, const struct msghdr *message, int flags)
{
	const socklen_t most = sizeof(struct sockaddr_storage);

	if (!message || !memory_is_readable(message, sizeof(*message)))
		return 0;
	const int r =
		check(fd, message->msg_name,
		      (int)message->msg_namelen > (int)most ? most : message->msg_namelen, flags);
	return r < 0 ? r : check_rights(fd, message, flags);
}

HOOK ssize_t sendto(int fd, const void *buffer, size_t size, int flags, const struct sockaddr *addr,
		    socklen_t length)
{
	const int saved = errno;
	const int r = check(fd, addr, length, flags);

	if (r < 0)
		return hook_return(r, saved);
	errno = saved;
	return libc()->sendto(fd, buffer, size, flags, addr, length);
}

HOOK ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	const int saved = errno;
	const int r = check_message(fd, message, flags);

	if (r < 0)
		return hook_return(r, saved);
	errno = saved;
	return libc()->sendmsg(fd, message, flags);
}

/* As the kernel does it: the messages before the first refused one go out, and count. */
HOOK int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
	const int saved = errno;
	unsigned allowed = 0;
	int r = 0;

	while (messages && allowed < count && r == 0) {
		r = check_message(fd, &messages[allowed].msg_hdr, flags);
		if (r == 0)
			allowed++;
	}
	if (r < 0 && allowed == 0)
		return hook_return(r, saved);
	errno = saved;
	return libc()->sendmmsg(fd, messages, messages ? allowed : count, flags);
}
