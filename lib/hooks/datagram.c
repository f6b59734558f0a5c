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

/* The kernel cuts a length that is too large here, where sendto() and connect() refuse it. */
static int check_message(int fd, const struct msghdr *message, int flags)
{
	const socklen_t most = sizeof(struct sockaddr_storage);

	if (!message || !memory_is_readable(message, sizeof(*message)))
		return 0;
	return check(fd, message->msg_name,
		     (int)message->msg_namelen > (int)most ? most : message->msg_namelen, flags);
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
