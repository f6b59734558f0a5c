#include "hooks/route.h"
#include "base/error.h"
#include "base/libc.h"
#include "base/memory.h"
#include "dns/message.h"
#include "hooks/lookup.h"
#include "names/hosts.h"
#include "tunnel/table.h"

#include <netinet/tcp.h>
#include <string.h>

static int socket_option(int fd, int name)
{
	int value = 0;
	socklen_t length = sizeof(value);

	if (libc()->getsockopt(fd, SOL_SOCKET, name, &value, &length) < 0)
		return error_last();
	return value;
}

bool route_is_readable(const struct sockaddr *addr, socklen_t length)
{
	return addr && length >= sizeof(addr->sa_family) &&
	       length <= sizeof(struct sockaddr_storage) && memory_is_readable(addr, length);
}

const struct sockaddr *route_copy(const struct sockaddr *addr, socklen_t length,
				  struct sockaddr_storage *own)
{
	if (!route_is_readable(addr, length))
		return addr;
	memcpy(own, addr, length);
	return (const struct sockaddr *)own;
}

/* Copies the caller's address. false: not an internet address, or one the kernel will refuse by
 * itself. */
static bool copy_address(const struct sockaddr *addr, socklen_t length, struct route *route)
{
	struct sockaddr_in6 *to = &route->target;
	sa_family_t family;

	if (!route_is_readable(addr, length))
		return false;
	memcpy(&family, addr, sizeof(family)); /* callers' buffers need not be aligned */
	if (family == AF_INET && length >= sizeof(struct sockaddr_in))
		memcpy(to, addr, sizeof(struct sockaddr_in));
	else if (family == AF_INET6 && length >= offsetof(struct sockaddr_in6, sin6_scope_id))
		memcpy(to, addr, length < sizeof(*to) ? length : sizeof(*to));
	else
		return false;
	return true;
}

static void fill_destination(struct route *route)
{
	struct policy_target *to = &route->destination;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&route->target;

	if (route->target.sin6_family == AF_INET6) {
		memcpy(to->address, &route->target.sin6_addr, sizeof(to->address));
		to->port = ntohs(route->target.sin6_port);
		return;
	}
	memset(to->address + 10, 0xff, 2);
	memcpy(to->address + 12, &v4->sin_addr, 4);
	to->port = ntohs(v4->sin_port);
}

static int find_name(struct session *session, struct route *route)
{
	const uint8_t *a = route->destination.address + 12;
	const uint32_t address =
		(uint32_t)a[0] << 24 | (uint32_t)a[1] << 16 | (uint32_t)a[2] << 8 | a[3];
	const struct pool *pool = session_pool(session);
	const int length = pool ? pool_find_name(pool, address, route->name) : -ENOMEM;

	if (length < 0)
		return -EHOSTUNREACH;
	route->destination.name = route->name;
	route->destination.name_length = (size_t)length;
	return 0;
}

/* A program that speaks SOCKS itself reaches the proxy, wherever that is. */
static bool is_the_proxy(const struct session *session, const struct policy_target *to)
{
	return to->is_stream && to->port == session->proxy.port &&
	       memcmp(to->address, session->proxy.address, sizeof(to->address)) == 0;
}

/* Of a program that is let go only what is denied is not. Of names it knows those alone as
 * placeholders; the others it has from libc. */
static int decide_direct(struct session *session, struct route *route)
{
	if (session->pool.map &&
	    policy_is_placeholder(&session->policy, route->destination.address))
		find_name(session, route);
	return policy_find_deny(&session->policy, &route->destination) ? -EACCES : ROUTE_LIBC;
}

/* No query leaves, so who would have got it makes no difference. */
static bool is_query(int fd, const struct policy_target *to)
{
	return !to->is_stream && to->port == DNS_PORT &&
	       socket_option(fd, SO_PROTOCOL) == IPPROTO_UDP;
}

/*
 * A name that is denied at another port and has a local address: lookup.c gave it a placeholder, so
 * that it is known here; now it is the address. One of the socket's family.
 */
static bool find_local(const struct session *session, struct route *route)
{
	struct hosts_address local[HOSTS_MAX];
	const char *name = route->destination.name;
	const size_t length = route->destination.name_length;
	const bool is_ipv4 = route->target.sin6_family == AF_INET;

	if (!name || route->is_local || !policy_denies_name(&session->policy, name, length, false))
		return false;
	const unsigned count = hosts_find(HOSTS_PATH, name, length, local);
	for (unsigned i = 0; i < count; i++) {
		if (is_ipv4 && local[i].family != AF_INET)
			continue;
		lookup_widen(&local[i], route->destination.address);
		route->destination.name = NULL;
		return true;
	}
	return false;
}

static void fill_target(struct route *route)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&route->target;

	if (route->target.sin6_family == AF_INET6)
		memcpy(&route->target.sin6_addr, route->destination.address, 16);
	else
		memcpy(&v4->sin_addr, route->destination.address + 12, 4);
	route->is_local = true;
}

/* What is direct, or the proxy: which a program may speak to by itself, unless keys must arrive,
 * which it would not send. */
static int decide_libc(const struct session *session, struct route *route)
{
	route->is_the_proxy =
		policy_is_a_proxy(&session->policy, &session->proxy, &route->destination);
	route->leaves = !policy_is_loopback(&session->policy, route->destination.address);
	return route->is_the_proxy && session->keys_must_arrive ? -EACCES : ROUTE_LIBC;
}

static int decide(struct session *session, int fd, struct route *route)
{
	const struct blob_rule *rule;

	if (policy_is_placeholder(&session->policy, route->destination.address)) {
		const int r = find_name(session, route);
		if (r < 0)
			return r;
	}
	const enum policy_verdict verdict =
		policy_decide(&session->policy, &route->destination, &rule);
	if (verdict == POLICY_PROXY && find_local(session, route)) {
		fill_target(route);
		return decide(session, fd, route);
	}
	/* However loopback is set, but not where a rule denies it. */
	if (is_the_proxy(session, &route->destination) && (verdict != POLICY_DENY || !rule))
		return decide_libc(session, route);
	switch (verdict) {
	case POLICY_PROXY:
		return ROUTE_PROXY;
	case POLICY_DIRECT:
		return decide_libc(session, route);
	default:
		return is_query(fd, &route->destination) ? ROUTE_NAMESERVER : -EACCES;
	}
}

/*
 * What kind of socket is to take the address: 1 a TCP stream, 0 another internet socket, -ENOTSOCK
 * none of ours. Who cannot say (a program's own filter may forbid the question) is not let through.
 */
static int is_stream(int fd)
{
	int value;
	socklen_t length = sizeof(value);

	switch (table_kind(fd)) {
	case TABLE_KIND_STREAM:
		return 1;
	case TABLE_KIND_DATAGRAM:
		return 0;
	case TABLE_KIND_UNKNOWN:
		break;
	}
	const int protocol = socket_option(fd, SO_PROTOCOL);

	if (protocol == IPPROTO_UDP)
		return 0;
	if (protocol == -EBADF || protocol == -ENOTSOCK)
		return -ENOTSOCK;
	/* A raw socket has a protocol's number too, but only a TCP (or MPTCP) stream this option.
	 */
	if (libc()->getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &length) == 0)
		return 1;
	if (protocol > 0)
		return 0;
	const int domain = socket_option(fd, SO_DOMAIN);
	return domain == AF_UNIX || domain == AF_NETLINK ? -ENOTSOCK : -EACCES;
}

int route_connect(struct session *session, int fd, const struct sockaddr *addr, socklen_t length,
		  struct route *route)
{
	memset(route, 0, offsetof(struct route, name));
	if ((session->passive && !session->direct) || !copy_address(addr, length, route))
		return ROUTE_LIBC;
	const int stream = is_stream(fd);
	if (stream == -ENOTSOCK)
		return ROUTE_LIBC;
	fill_destination(route);
	if (stream < 0 || session->error < 0)
		return -EACCES;
	route->destination.is_stream = stream;
	return session->direct ? decide_direct(session, route) : decide(session, fd, route);
}

int route_datagram(struct session *session, int fd, const struct sockaddr *addr, socklen_t length,
		   struct route *route)
{
	struct sockaddr_in unspecified;

	if (!route_is_readable(addr, length))
		return ROUTE_LIBC;
	/* A UDP socket takes an address without a family for an IPv4 one (ip(7) does not say so,
	 * the kernel does). */
	memset(&unspecified, 0xff, sizeof(unspecified));
	memcpy(&unspecified, addr, length < sizeof(unspecified) ? length : sizeof(unspecified));
	if (unspecified.sin_family == AF_UNSPEC && length >= sizeof(unspecified)) {
		unspecified.sin_family = AF_INET;
		addr = (const struct sockaddr *)&unspecified;
		length = sizeof(unspecified);
	}
	const int r = route_connect(session, fd, addr, length, route);
	/* On a stream the address does not count (send(2)): it goes where the connection goes. */
	return route->destination.is_stream ? ROUTE_LIBC : r;
}
