/*
 * socket: which sockets there are, and what one says of itself while it is on its way and once it
 * is tunnelled.
 */
#include "base/bytes.h"
#include "base/cold.h"
#include "base/log.h"
#include "base/memory.h"
#include "hooks/hook.h"
#include "hooks/leash.h"
#include "hooks/pending.h"

#include <stdarg.h>
#include <string.h>

/* ---- socket ---- */

static bool is_internet(int domain)
{
	return domain == AF_INET || domain == AF_INET6;
}

static int kind_of(int type)
{
	return type & ~(SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static bool is_tcp(int kind, int protocol)
{
	return kind == SOCK_STREAM &&
	       (protocol == 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);
}

static bool is_udp(int kind, int protocol)
{
	return kind == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP);
}

/* What no kernel makes: it says so itself. */
static bool is_impossible(int kind, int protocol)
{
	return protocol < 0 || kind <= 0 || kind > SOCK_PACKET ||
	       (kind == SOCK_STREAM && protocol == IPPROTO_UDP) ||
	       (kind == SOCK_DGRAM && protocol == IPPROTO_TCP);
}

/* 0 for what the proxy or the policy's rules can answer for; everything else is another door. */
static int check_socket(const struct session *session, int domain, int type, int protocol)
{
	const int kind = kind_of(type);

	if (session->passive || domain == AF_UNIX || domain == AF_NETLINK)
		return 0;
	if (domain <= AF_UNSPEC || domain >= AF_MAX)
		return -EAFNOSUPPORT;
	if (session->error < 0 || !is_internet(domain))
		return -EACCES;
	return is_tcp(kind, protocol) || is_udp(kind, protocol) || is_impossible(kind, protocol)
		       ? 0
		       : -EACCES;
}

static enum table_kind table_kind_of(int domain, int kind, int protocol)
{
	if (!is_internet(domain))
		return TABLE_KIND_UNKNOWN;
	if (is_tcp(kind, protocol))
		return TABLE_KIND_STREAM;
	return is_udp(kind, protocol) ? TABLE_KIND_DATAGRAM : TABLE_KIND_UNKNOWN;
}

COLD static void log_refused(int domain, int type, int protocol)
{
	struct log_line line;

	log_begin(&line, LOG_DEBUG);
	bytes_put_text(&line.text, "no socket of family ");
	bytes_put_decimal(&line.text, (uint64_t)(unsigned)domain);
	bytes_put_text(&line.text, ", type ");
	bytes_put_decimal(&line.text, (uint64_t)(unsigned)kind_of(type));
	bytes_put_text(&line.text, ", protocol ");
	bytes_put_decimal(&line.text, (uint64_t)(unsigned)protocol);
	bytes_put_text(&line.text, ": only TCP goes by the proxy, and datagrams nowhere");
	log_end(&line);
}

/*
 * MPTCP is TCP here, as it is to a peer that has none: the kernel may open further paths of an
 * MPTCP connection by other devices, with sockets of its own that no leash is on.
 */
HOOK int socket(int domain, int type, int protocol)
{
	const int saved = errno;
	const struct session *session = session_get();
	int r = check_socket(session, domain, type, protocol);

	if (r == -EACCES && log_wants(LOG_DEBUG))
		log_refused(domain, type, protocol);
	if (r == 0 && !session->passive && is_internet(domain) && protocol == IPPROTO_MPTCP)
		protocol = IPPROTO_TCP;
	if (r == 0)
		r = leash_socket(session, domain, type, protocol);
	if (r >= 0)
		table_put_kind(r, table_kind_of(domain, kind_of(type), protocol));
	return hook_return(r, saved);
}

/* ---- addresses ---- */

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
	    (!is_proxy(session, &peer) && table_asks(fd) != TABLE_ASKS_PEER))
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
	/* Bad arguments are the kernel's to refuse, which writes first. */
	if (!length || !memory_is_readable(length, sizeof(*length)) ||
	    find_target(fd, &target, &target_length) < 0) {
		errno = saved;
		return libc()->getpeername(fd, addr, length);
	}
	socklen_t room = *length;
	if (libc()->getpeername(fd, addr, length) < 0)
		return -1;
	put_address(&target, target_length, addr, &room);
	*length = room;
	return hook_return(0, saved);
}

/* ---- state ---- */

/* SO_ERROR tells a failure once; nothing of a connection under way. SO_RCVLOWAT is lowered for as
 * long. */
HOOK int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict length)
{
	const int saved = errno;
	struct pending p;

	if (level != SOL_SOCKET || (name != SO_ERROR && name != SO_RCVLOWAT) ||
	    !pending_find(fd, &p))
		return libc()->getsockopt(fd, level, name, value, length);
	const int mark = name == SO_RCVLOWAT ? tunnel_get_low_mark(p.tunnel, p.cookie) : 0;
	if (mark < 0)
		return libc()->getsockopt(fd, level, name, value, length);
	/* Bad arguments are the kernel's to refuse; this question takes nothing away. */
	if (libc()->getsockopt(fd, level, SO_TYPE, value, length) < 0)
		return -1;
	if (mark > 0) {
		memcpy(value, &mark, *length);
		return hook_return(0, saved);
	}
	const int r = pending_step(&p);
	const int error = r == -EINPROGRESS ? 0 : -r;

	if (r == 0)
		return libc()->getsockopt(fd, level, name, value, length);
	if (error)
		pending_collect(&p);
	memcpy(value, &error, *length);
	return hook_return(0, saved);
}

/* Nothing is there to be read before the connection stands, and nothing was sent. */
HOOK int ioctl(int fd, unsigned long request, ...)
{
	const int saved = errno;
	struct pending p;
	va_list arguments;

	va_start(arguments, request);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	if ((request == FIONREAD || request == TIOCOUTQ) && pending_find(fd, &p) &&
	    pending_step(&p) == -EINPROGRESS && memory_is_readable(argument, sizeof(int))) {
		memset(argument, 0, sizeof(int));
		return hook_return(0, saved);
	}
	errno = saved;
	return libc()->ioctl(fd, request, argument);
}

/* It takes back a connect() under way, and succeeds, as on a socket that the kernel is connecting.
 */
HOOK int shutdown(int fd, int how)
{
	const int saved = errno;
	const bool is_known = how == SHUT_RD || how == SHUT_WR || how == SHUT_RDWR;
	struct pending p;

	if (!is_known || !pending_find(fd, &p) || pending_step(&p) != -EINPROGRESS ||
	    !pending_cancel(fd))
		return libc()->shutdown(fd, how);
	return hook_return(0, saved);
}
