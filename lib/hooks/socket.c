/*
 * socket: what a socket is made, and what it says of itself while it is on its way and once it is
 * tunnelled.
 */
#include "hooks/hook.h"
#include "hooks/pending.h"

#include <string.h>

static bool is_tcp(int domain, int type, int protocol)
{
	return (domain == AF_INET || domain == AF_INET6) &&
	       (type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) == SOCK_STREAM &&
	       (protocol == 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

HOOK int socket(int domain, int type, int protocol)
{
	const int fd = libc()->socket(domain, type, protocol);

	if (fd >= 0)
		table_put_kind(fd, is_tcp(domain, type, protocol));
	return fd;
}

/* Whether the kernel's peer is the proxy, as an AF_INET or an AF_INET6 socket sees it. */
static bool is_proxy(const struct session *session, const struct sockaddr_storage *peer)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
	const in_port_t port = htons(session->proxy.port);

	switch (peer->ss_family) {
	case AF_INET:
		return v4->sin_port == port &&
		       memcmp(&v4->sin_addr, session->proxy.address + 12, 4) == 0;
	case AF_INET6:
		return v6->sin6_port == port &&
		       memcmp(&v6->sin6_addr, session->proxy.address, 16) == 0;
	default:
		return false;
	}
}

/* Copies an address out as the kernel does: cut to the caller's room, with its whole length. */
static void put_address(const struct sockaddr_in6 *from, socklen_t from_length, struct sockaddr *to,
			socklen_t *length)
{
	memcpy(to, from, *length < from_length ? *length : from_length);
	*length = from_length;
}

static int find_target(int fd, struct sockaddr_in6 *ret_target, socklen_t *ret_length)
{
	const struct session *session = session_get();
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	if (session->passive || session->error < 0)
		return -ENOENT;
	if (libc()->getpeername(fd, (struct sockaddr *)&peer, &length) < 0 ||
	    !is_proxy(session, &peer))
		return -ENOENT;
	return table_find_target(fd, table_cookie(fd), ret_target, ret_length);
}

HOOK int getpeername(int fd, struct sockaddr *restrict addr, socklen_t *restrict length)
{
	const int saved = errno;
	struct sockaddr_in6 target;
	socklen_t target_length;
	struct pending p;

	if (pending_find(fd, &p) && pending_step(&p) != 0)
		return hook_return(-ENOTCONN, saved);
	/* Bad arguments are the kernel's to refuse. */
	if (!addr || !length || (int)*length < 0 || find_target(fd, &target, &target_length) < 0) {
		errno = saved;
		return libc()->getpeername(fd, addr, length);
	}
	put_address(&target, target_length, addr, length);
	return hook_return(0, saved);
}

/* SO_ERROR tells a failure once; nothing of a connection under way. */
HOOK int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict length)
{
	const int saved = errno;
	struct pending p;

	if (level != SOL_SOCKET || name != SO_ERROR || !value || !length || *length < sizeof(int) ||
	    !pending_find(fd, &p))
		return libc()->getsockopt(fd, level, name, value, length);
	const int r = pending_step(&p);
	const int error = r == -EINPROGRESS ? 0 : -r;

	if (r == 0)
		return libc()->getsockopt(fd, level, name, value, length);
	if (error)
		pending_collect(&p);
	memcpy(value, &error, sizeof(error));
	*length = sizeof(error);
	return hook_return(0, saved);
}

/* It takes back a connect() under way, and succeeds, as on a socket that the kernel is connecting.
 */
HOOK int shutdown(int fd, int how)
{
	const int saved = errno;
	struct pending p;

	if (!pending_find(fd, &p) || pending_step(&p) != -EINPROGRESS)
		return libc()->shutdown(fd, how);
	pending_cancel(fd);
	return hook_return(0, saved);
}
