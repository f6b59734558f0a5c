/*
 * datagram: sends that carry an address. A datagram goes directly where the policy says so and
 * nowhere else; an address with MSG_FASTOPEN would be a connect past the proxy.
 */
#include "hooks/hook.h"
#include "hooks/pending.h"
#include "hooks/route.h"

#include <limits.h>

/* 0: the call goes to libc. Otherwise -errno. */
static int check(int fd, const struct sockaddr *addr, socklen_t length, int flags)
{
	struct session *session;

	if (table_may_be_pending(fd)) {
		const int r = pending_gate(fd, flags);
		if (r < 0)
			return r;
	}
	if (!addr)
		return 0;
	session = session_get();
	if ((flags & MSG_FASTOPEN) && !session->passive &&
	    (addr->sa_family == AF_INET || addr->sa_family == AF_INET6))
		return -EOPNOTSUPP;
	return route_datagram(session, fd, addr, length);
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
	const int r = message ? check(fd, message->msg_name, message->msg_namelen, flags) : 0;

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
		const struct msghdr *header = &messages[allowed].msg_hdr;
		r = check(fd, header->msg_name, header->msg_namelen, flags);
		if (r == 0)
			allowed++;
	}
	if (r < 0 && allowed == 0)
		return hook_return(r, saved);
	errno = saved;
	return libc()->sendmmsg(fd, messages, messages ? allowed : count, flags);
}
