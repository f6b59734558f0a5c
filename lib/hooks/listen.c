/*
 * listen: sockets that wait for others. Unless the policy says `listen=any` nobody outside this
 * machine reaches them. The leash sees to that, but for sockets that are not on it: those that need
 * another device, and those that the program was given.
 *
 * A connection from a leashed stream socket that is bound to an address of another device would
 * hang: it is bound to all of them instead, and getsockname gives back what was asked for.
 */
#include "hooks/listen.h"
#include "base/memory.h"
#include "base/pass.h"
#include "hooks/hook.h"
#include "hooks/leash.h"
#include "hooks/pending.h"
#include "hooks/successor.h"
#include "tunnel/table.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/time.h>

static int socket_option(int fd, int name)
{
	int value = 0;
	socklen_t length = sizeof(value);

	if (libc()->getsockopt(fd, SOL_SOCKET, name, &value, &length) < 0)
		return error_last();
	return value;
}

/* ---- addresses ---- */

static bool is_internet(sa_family_t family)
{
	return family == AF_INET || family == AF_INET6;
}

/* Copies an internet address. false: it is none, or the kernel is to refuse it. */
static bool copy_address(const struct sockaddr *addr, socklen_t length, struct sockaddr_in6 *ret)
{
	const size_t size = length < sizeof(*ret) ? length : sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	if ((int)length < (int)sizeof(struct sockaddr_in) || !addr ||
	    !memory_is_readable(addr, size))
		return false;
	memcpy(ret, addr, size);
	return ret->sin6_family == AF_INET ||
	       (ret->sin6_family == AF_INET6 &&
		length >= offsetof(struct sockaddr_in6, sin6_scope_id));
}

static const struct in_addr *ipv4_of(const struct sockaddr_in6 *address)
{
	if (address->sin6_family == AF_INET)
		return &((const struct sockaddr_in *)address)->sin_addr;
	if (!IN6_IS_ADDR_V4MAPPED(&address->sin6_addr))
		return NULL;
	return (const struct in_addr *)(const void *)&address->sin6_addr.s6_addr[12];
}

static bool is_unspecified(const struct sockaddr_in6 *address)
{
	const struct in_addr *v4 = ipv4_of(address);
	return v4 ? v4->s_addr == 0 : IN6_IS_ADDR_UNSPECIFIED(&address->sin6_addr);
}

static bool is_loopback(const struct sockaddr_in6 *address)
{
	const struct in_addr *v4 = ipv4_of(address);
	return v4 ? ntohl(v4->s_addr) >> 24 == 127 : IN6_IS_ADDR_LOOPBACK(&address->sin6_addr);
}

/* sockaddr_in and sockaddr_in6 have it in the same place. */
static void set_port(struct sockaddr_in6 *address, in_port_t port)
{
	address->sin6_port = port;
}

static socklen_t size_of(const struct sockaddr_in6 *address)
{
	return address->sin6_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(*address);
}

static void set_unspecified(struct sockaddr_in6 *address)
{
	if (address->sin6_family == AF_INET) {
		((struct sockaddr_in *)address)->sin_addr.s_addr = 0;
		return;
	}
	memset(&address->sin6_addr, 0, sizeof(address->sin6_addr));
	address->sin6_scope_id = 0;
}

/* ---- what was asked for ---- */

#define ASKED_WORDS ((sizeof(struct sockaddr_in6) + 7) / 8)
#define ASKED_MAX   128 /* the oldest is forgotten: getsockname then gives the wildcard */

/* By the socket's SO_COOKIE, which is never used again; so nothing has to be forgotten. */
static struct asked {
	_Atomic uint64_t cookie; /* written last; 0 while it changes */
	_Atomic uint64_t address[ASKED_WORDS];
} asked[ASKED_MAX];

static _Atomic unsigned asked_count;

static void remember(uint64_t cookie, const struct sockaddr_in6 *address)
{
	struct asked *at = &asked[atomic_fetch_add(&asked_count, 1) % ASKED_MAX];
	uint64_t words[ASKED_WORDS] = { 0 };

	memcpy(words, address, sizeof(*address));
	atomic_store(&at->cookie, 0);
	for (size_t i = 0; i < ASKED_WORDS; i++)
		atomic_store(&at->address[i], words[i]);
	atomic_store(&at->cookie, cookie);
}

static bool read_asked(const struct asked *at, uint64_t cookie, struct sockaddr_in6 *ret)
{
	uint64_t words[ASKED_WORDS];

	if (atomic_load(&at->cookie) != cookie)
		return false;
	for (size_t i = 0; i < ASKED_WORDS; i++)
		words[i] = atomic_load(&at->address[i]);
	if (atomic_load(&at->cookie) != cookie)
		return false;
	memcpy(ret, words, sizeof(*ret));
	return true;
}

bool listen_find_asked(uint64_t cookie, struct sockaddr_in6 *ret, socklen_t *ret_length)
{
	const unsigned count = atomic_load(&asked_count);

	for (unsigned i = 0; cookie && i < count && i < ASKED_MAX; i++) {
		if (!read_asked(&asked[i], cookie, ret))
			continue;
		*ret_length = size_of(ret);
		return true;
	}
	return false;
}

HOOK int getsockname(int fd, struct sockaddr *restrict addr, socklen_t *restrict length)
{
	const int saved = errno;
	struct sockaddr_in6 real, address;
	socklen_t room = 0, real_length = sizeof(real), asked_length;

	if (atomic_load_explicit(&asked_count, memory_order_relaxed) == 0)
		return libc()->getsockname(fd, addr, length);
	if (length && memory_is_readable(length, sizeof(*length)))
		room = *length;
	/* Bad arguments are the kernel's to refuse. */
	if (libc()->getsockname(fd, addr, length) < 0)
		return -1;
	if (listen_find_asked(table_cookie(fd), &address, &asked_length) &&
	    libc()->getsockname(fd, (struct sockaddr *)&real, &real_length) == 0) {
		set_port(&address, real.sin6_port);
		memcpy(addr, &address, room < asked_length ? room : asked_length);
		*length = asked_length;
	}
	errno = saved;
	return 0;
}

/* ---- bind ---- */

/* Whether the machine has the address: 0, or what bind(2) says. */
static int try_address(const struct sockaddr_in6 *address)
{
	struct sockaddr_in6 any_port = *address;
	const int fd = error_or(pass_socket(address->sin6_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
	int r;

	if (fd < 0)
		return fd;
	set_port(&any_port, 0);
	r = error_or(libc()->bind(fd, (const struct sockaddr *)&any_port, size_of(&any_port)));
	libc()->close(fd);
	return r;
}

static bool would_hang(int fd, const struct sockaddr_in6 *address)
{
	return !is_unspecified(address) && !is_loopback(address) &&
	       socket_option(fd, SO_TYPE) == SOCK_STREAM && leash_has(fd);
}

/* All addresses instead of one. The port may be taken on another address: then that one must do,
 * and it is a listener most likely. */
static int bind_all(int fd, const struct sockaddr_in6 *address)
{
	struct sockaddr_in6 all = *address;

	set_unspecified(&all);
	const int r = error_or(libc()->bind(fd, (const struct sockaddr *)&all, size_of(&all)));
	if (r == 0)
		remember(table_cookie(fd), address);
	if (r != -EADDRINUSE)
		return r;
	return error_or(libc()->bind(fd, (const struct sockaddr *)address, size_of(address)));
}

/* Where somebody else may come, and the port may be had now and no more at listen(2). Datagrams
 * come by no listen(2). */
static bool is_served_at_once(int fd, const struct sockaddr_in6 *address)
{
	return !is_loopback(address) &&
	       (socket_option(fd, SO_TYPE) == SOCK_DGRAM ||
		(address->sin6_port != 0 && ntohs(address->sin6_port) < IPPORT_RESERVED));
}

/* An address of a device by which nothing on the leash can be bound. */
static bool is_of_a_link(const struct sockaddr_in6 *address)
{
	return address->sin6_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr);
}

static bool needs_others(const struct session *session, int fd, const struct sockaddr_in6 *address)
{
	if (session->stays_on_loopback)
		return false;
	if (is_of_a_link(address))
		return socket_option(fd, SO_TYPE) == SOCK_DGRAM;
	return session->policy.header->listen == BLOB_LISTEN_ANY && is_served_at_once(fd, address);
}

HOOK int bind(int fd, const struct sockaddr *addr, socklen_t length)
{
	const int saved = errno;
	const struct session *session = session_get();
	struct sockaddr_in6 address;

	if (leash_is_wanted(session) && copy_address(addr, length, &address) &&
	    needs_others(session, fd, &address)) {
		const int r = successor_put(fd);
		if (r < 0)
			return hook_return(r, saved);
	}
	if (!leash_is_wanted(session) || !copy_address(addr, length, &address) ||
	    !would_hang(fd, &address) || try_address(&address) < 0) {
		errno = saved;
		return libc()->bind(fd, addr, length);
	}
	return hook_return(bind_all(fd, &address), saved);
}

/* ---- listen ---- */

static bool is_bound_to_loopback(int fd)
{
	struct sockaddr_in6 address = { 0 };
	socklen_t length = sizeof(address);

	return libc()->getsockname(fd, (struct sockaddr *)&address, &length) == 0 &&
	       is_loopback(&address);
}

/* 0: it may listen. A socket that was not on the leash is put there. */
static int check_listener(const struct session *session, int fd)
{
	int domain;

	if (session->error == 0 && leash_has(fd)) /* most are, and it is one question */
		return 0;
	domain = socket_option(fd, SO_DOMAIN);
	if (domain != AF_INET && domain != AF_INET6)
		return 0;
	if (session->error < 0)
		return -EACCES;
	if (is_bound_to_loopback(fd))
		return 0;
	return leash_put(fd) < 0 ? -EACCES : 0;
}

/* Whether only this machine may reach what listens. */
static bool is_loopback_only(const struct session *session)
{
	return !session->passive &&
	       (session->error < 0 || session->policy.header->listen == BLOB_LISTEN_LOOPBACK);
}

/* Others may come where the policy says so, but to what is bound to this machine. */
static int open_listener(const struct session *session, int fd)
{
	return session->passive || is_bound_to_loopback(fd) ? 0 : successor_put(fd);
}

HOOK int listen(int fd, int backlog)
{
	const int saved = errno;
	const struct session *session = session_get();
	const int r = is_loopback_only(session) ? check_listener(session, fd)
						: open_listener(session, fd);

	if (r < 0)
		return hook_return(r, saved);
	errno = saved;
	return libc()->listen(fd, backlog);
}

/* ---- accept ---- */

/* Where accept(2) is to put the peer's address, and how much of it there is room for: into memory
 * of ours when the application does not want to know. */
struct guest {
	struct sockaddr_in6 own;
	socklen_t own_length;
	struct sockaddr *addr;
	socklen_t *length;
	socklen_t room;
};

static void prepare_guest(struct guest *guest, struct sockaddr *addr, socklen_t *length)
{
	const bool is_ours = !addr;

	guest->own_length = sizeof(guest->own);
	guest->addr = is_ours ? (struct sockaddr *)&guest->own : addr;
	guest->length = is_ours ? &guest->own_length : length;
	guest->room = is_ours						      ? sizeof(guest->own)
		      : length && memory_is_readable(length, sizeof(*length)) ? *length
									      : 0;
}

/* What the kernel has written, or where that was cut what it says again. */
static bool find_peer(int fd, const struct guest *guest, struct sockaddr_in6 *ret)
{
	socklen_t length = sizeof(*ret);
	const socklen_t written = *guest->length;

	memset(ret, 0, sizeof(*ret));
	if (guest->room < written)
		return libc()->getpeername(fd, (struct sockaddr *)ret, &length) == 0;
	memcpy(ret, guest->addr, written < length ? written : length);
	return true;
}

static bool comes_from_outside(int fd, const struct guest *guest)
{
	struct sockaddr_in6 peer;

	return find_peer(fd, guest, &peer) && is_internet(peer.sin6_family) &&
	       !is_loopback(&peer) && !leash_has(fd);
}

/* The listener was not ours: a guest from outside is sent away, and the program goes on. */
static int accepted(int fd, const struct guest *guest)
{
	const int saved = errno;

	if (fd < 0)
		return fd;
	table_put_kind(fd, TABLE_KIND_UNKNOWN); /* whatever had this number before */
	if (is_loopback_only(session_get()) && comes_from_outside(fd, guest)) {
		libc()->close(fd);
		return hook_return(-ECONNABORTED, saved);
	}
	errno = saved;
	return fd;
}

/* What is no listener is told so at once. */
static bool waits_without_end(int fd)
{
	struct timeval limit = { 0 };
	socklen_t length = sizeof(limit);

	return socket_option(fd, SO_ACCEPTCONN) == 1 &&
	       !(libc()->fcntl(fd, F_GETFL) & O_NONBLOCK) &&
	       libc()->getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, &length) == 0 &&
	       limit.tv_sec == 0 && limit.tv_usec == 0;
}

#define A_NAP 10 /* ms */

/*
 * A program may wait here for a connection that it has begun itself, without looking at that again:
 * the kernel's needs no help on its way, and ours does. 0: accept(2) may wait alone.
 */
static int await_guest(int fd)
{
	struct pollfd listener = { .fd = fd, .events = POLLIN };
	int r;

	if (pending_deadline() == 0 || !waits_without_end(fd))
		return 0;
	do { /* a nap first: another thread that waits for one of them gets its news itself */
		r = error_or(libc()->poll(&listener, 1, A_NAP));
		if (r == -EINTR && tunnel_waits_on())
			r = 0;
	} while (r == 0 && pending_step_mine());
	return r < 0 ? r : 0;
}

HOOK int accept(int fd, struct sockaddr *restrict addr, socklen_t *restrict length)
{
	const int saved = errno, r = await_guest(fd);
	struct guest guest;

	if (r < 0)
		return hook_return(r, saved);
	errno = saved;
	prepare_guest(&guest, addr, length);
	return accepted(libc()->accept(fd, guest.addr, guest.length), &guest);
}

HOOK int accept4(int fd, struct sockaddr *restrict addr, socklen_t *restrict length, int flags)
{
	const int saved = errno, r = await_guest(fd);
	struct guest guest;

	if (r < 0)
		return hook_return(r, saved);
	errno = saved;
	prepare_guest(&guest, addr, length);
	return accepted(libc()->accept4(fd, guest.addr, guest.length, flags), &guest);
}
