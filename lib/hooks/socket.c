/*
 * socket: what a socket says of itself once it is tunnelled.
 */
#include "hooks/hook.h"
#include "session/session.h"
#include "tunnel/table.h"

#include <string.h>

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

	/* Bad arguments are the kernel's to refuse. */
	if (!addr || !length || (int)*length < 0 || find_target(fd, &target, &target_length) < 0) {
		errno = saved;
		return libc()->getpeername(fd, addr, length);
	}
	put_address(&target, target_length, addr, length);
	return hook_return(0, saved);
}
