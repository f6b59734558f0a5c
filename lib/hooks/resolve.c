/*
 * resolve: names become placeholders, and libc never sees a name. Literals go to libc as they are;
 * local names and placeholders go to it as literals, so that what freeaddrinfo frees is always
 * libc's own.
 */
#include "base/log.h"
#include "hooks/connect.h"
#include "hooks/hook.h"
#include "hooks/leash.h"
#include "names/hosts.h"
#include "tunnel/slots.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* What one call asks for. */
struct question {
	const char *node;
	size_t length;
	const char *service;
	const struct addrinfo *hints; /* NULL: none */
	int family;
	int flags;
};

struct answer {
	struct addrinfo *first;
	struct addrinfo *last;
};

/* ---- literals ---- */

static bool is_literal(const char *node)
{
	struct in_addr address;
	return strchr(node, ':') || (inet_aton(node, &address) && !strpbrk(node, " \t\n\v\f\r"));
}

/*
 * libc with a host that needs no look-up. AI_ADDRCONFIG would hide families this machine has no
 * route for; behind a proxy each has one.
 */
static int ask_libc(const struct question *q, const char *literal, int family, int flags,
		    struct addrinfo **ret_list)
{
	struct addrinfo hints = { .ai_family = family,
				  .ai_flags = (flags & ~AI_ADDRCONFIG) | AI_NUMERICHOST };

	if (q->hints) {
		hints.ai_socktype = q->hints->ai_socktype;
		hints.ai_protocol = q->hints->ai_protocol;
	}
	return libc()->getaddrinfo(literal, q->service, &hints, ret_list);
}

/* ---- addresses that we know ---- */

/* Writes the address as a literal of the family asked for, and names that family. false: it has
 * none. */
static bool put_literal(const struct question *q, const struct hosts_address *address, bool map,
			char text[INET6_ADDRSTRLEN], int *ret_family)
{
	static const char mapped[] = "::ffff:";

	*ret_family = q->family == AF_UNSPEC ? address->family : q->family;
	if (address->family == AF_INET6) {
		inet_ntop(AF_INET6, address->bytes, text, INET6_ADDRSTRLEN);
		return q->family != AF_INET;
	}
	if (q->family != AF_INET6) {
		inet_ntop(AF_INET, address->bytes, text, INET6_ADDRSTRLEN);
		return true;
	}
	memcpy(text, mapped, sizeof(mapped));
	inet_ntop(AF_INET, address->bytes, text + sizeof(mapped) - 1, INET_ADDRSTRLEN);
	return map;
}

static int append(const struct question *q, const struct hosts_address *address, bool map,
		  struct answer *answer)
{
	char literal[INET6_ADDRSTRLEN + sizeof("::ffff:")];
	struct addrinfo *list;
	int family;

	if (!put_literal(q, address, map, literal, &family))
		return 0;
	const int r = ask_libc(q, literal, family, q->flags & ~AI_CANONNAME, &list);
	if (r != 0)
		return r;
	if (answer->last)
		answer->last->ai_next = list;
	else
		answer->first = list;
	while (list->ai_next)
		list = list->ai_next;
	answer->last = list;
	return 0;
}

static int give(const struct question *q, int r, const struct answer *answer,
		struct addrinfo **ret_list)
{
	if (r == 0 && !answer->first)
		return EAI_NONAME;
	if (r == 0 && (q->flags & AI_CANONNAME)) {
		answer->first->ai_canonname = strdup(q->node);
		r = answer->first->ai_canonname ? 0 : EAI_MEMORY;
	}
	if (r == 0)
		*ret_list = answer->first;
	else if (answer->first)
		freeaddrinfo(answer->first);
	return r;
}

/* AI_V4MAPPED gives mapped addresses to a name that has no other, AI_ALL besides to every name
 * (getaddrinfo(3)). */
static bool should_map(const struct question *q, const struct hosts_address *addresses,
		       unsigned count)
{
	bool has_ipv6 = false;

	for (unsigned i = 0; i < count; i++)
		has_ipv6 |= addresses[i].family == AF_INET6;
	return (q->flags & AI_V4MAPPED) && (!has_ipv6 || (q->flags & AI_ALL));
}

static int give_local(const struct question *q, const struct hosts_address *addresses,
		      unsigned count, struct addrinfo **ret_list)
{
	const bool map = should_map(q, addresses, count);
	struct answer answer = { 0 };
	int r = 0;

	for (unsigned i = 0; i < count && r == 0; i++)
		r = append(q, &addresses[i], map, &answer);
	return give(q, r, &answer, ret_list);
}

/* ---- names ---- */

static int resolver_error(int error)
{
	switch (-error) {
	case EHOSTUNREACH:
	case ENXIO:
	case EADDRNOTAVAIL:
		return EAI_NONAME;
	case ECONNABORTED:
	case ETIMEDOUT:
	case ECONNRESET:
		return EAI_AGAIN;
	case ENETDOWN:
		errno = ENETDOWN;
		return EAI_SYSTEM;
	default:
		return EAI_FAIL;
	}
}

static int run(struct session *session, int fd, struct tunnel *tunnel)
{
	struct tunnel_start start;

	tunnel_begin(tunnel, TUNNEL_OWN_SOCKET);
	int r = tunnel_start(tunnel, fd, &start);

	while (r == -EINTR || r == -EINPROGRESS) /* a resolver is not interrupted */
		r = tunnel_finish(tunnel, fd, TUNNEL_OWN_SOCKET);
	connect_learn(session, tunnel, r);
	return r;
}

/* Asks the proxy, on a connection of our own. 0 and the answer, or -errno. */
static int ask_proxy(struct session *session, const struct socks5_request *request,
		     struct socks5_address *ret)
{
	const struct in6_addr *proxy =
		(const struct in6_addr *)(const void *)session->proxy.address;
	const int domain = IN6_IS_ADDR_V4MAPPED(proxy) ? AF_INET : AF_INET6;
	struct tunnel *tunnel = slots_take();
	int r = tunnel ? connect_plan(session, domain, request, tunnel) : -ENOBUFS;
	const int fd = r == 0 ? leash_socket(session, domain, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;

	if (r == 0)
		r = fd < 0 ? fd : run(session, fd, tunnel);
	if (r == 0)
		socks5_client_bound(&tunnel->client, ret);
	if (fd >= 0)
		libc()->close(fd);
	if (tunnel)
		slots_give(tunnel, atomic_load(&tunnel->cookie));
	return r;
}

/*
 * A remote name has no local address: connecting there would go past the proxy, or to the name that
 * somebody else's placeholder stands for.
 */
static bool is_local(const struct session *session, const struct socks5_address *bound)
{
	uint8_t address[16] = { [10] = 0xff, [11] = 0xff };

	if (bound->type == SOCKS5_IPV6)
		memcpy(address, bound->bytes, 16);
	else
		memcpy(address + 12, bound->bytes, 4);
	return policy_is_loopback(&session->policy, address) ||
	       policy_is_placeholder(&session->policy, address);
}

static int resolve_by_proxy(struct session *session, const struct question *q,
			    struct hosts_address *ret)
{
	struct socks5_request request = { .command = SOCKS5_RESOLVE,
					  .target = { .type = SOCKS5_NAME,
						      .length = (uint8_t)q->length } };
	struct socks5_address bound;

	memcpy(request.target.bytes, q->node, q->length);
	const int r = ask_proxy(session, &request, &bound);
	if (r < 0)
		return r;
	if (bound.type == SOCKS5_NAME)
		return -EPROTO;
	if (is_local(session, &bound))
		return -EHOSTUNREACH;
	ret->family = bound.type == SOCKS5_IPV4 ? AF_INET : AF_INET6;
	memcpy(ret->bytes, bound.bytes, bound.length);
	return 0;
}

static int get_placeholder(struct session *session, const struct question *q,
			   struct hosts_address *ret)
{
	uint32_t address;
	struct pool *pool = session_pool(session);
	const int r = pool ? pool_get_address(pool, q->node, q->length, &address) : -ENOMEM;

	if (r < 0)
		return r;
	address = htonl(address);
	ret->family = AF_INET;
	memcpy(ret->bytes, &address, sizeof(address));
	return 0;
}

/* An IPv4 socket cannot reach an IPv6 proxy, so names lead to IPv6 sockets there. */
static bool needs_ipv6(const struct session *session, const struct question *q)
{
	const struct in6_addr *proxy =
		(const struct in6_addr *)(const void *)session->proxy.address;
	return q->family == AF_UNSPEC && !IN6_IS_ADDR_V4MAPPED(proxy);
}

static int give_remote(struct session *session, struct question *q, struct addrinfo **ret_list)
{
	struct hosts_address address;
	struct answer answer = { 0 };
	int r = -EOPNOTSUPP;

	if (get_placeholder(session, q, &address) < 0)
		return EAI_NONAME; /* no hostname at all, so the proxy is not asked either */
	if (session->policy.header->resolve == BLOB_RESOLVE_PROXY)
		r = resolve_by_proxy(session, q, &address);
	if (r == 0)
		return give(q, append(q, &address, should_map(q, &address, 1), &answer), &answer,
			    ret_list);
	if (r != -EOPNOTSUPP)
		return resolver_error(r);
	if (needs_ipv6(session, q))
		q->family = AF_INET6;
	return give(q, append(q, &address, true, &answer), &answer, ret_list);
}

static bool is_ascii(const char *text)
{
	while (*text && !(*text & 0x80))
		text++;
	return *text == '\0';
}

static int resolve(struct session *session, struct question *q, struct addrinfo **ret_list)
{
	struct hosts_address local[HOSTS_MAX];

	if (is_literal(q->node) || (q->flags & AI_NUMERICHOST))
		return ask_libc(q, q->node, q->family, q->flags, ret_list);
	if (!is_ascii(q->node))
		return q->flags & AI_IDN ? EAI_IDN_ENCODE : EAI_NONAME;
	const unsigned count = hosts_find(HOSTS_PATH, q->node, q->length, local);

	if (count > 0)
		return give_local(q, local, count, ret_list);
	if (session->error < 0) {
		errno = -session->error;
		return EAI_SYSTEM;
	}
	if (q->length == 0 || q->length > SOCKS5_NAME_MAX)
		return EAI_NONAME;
	return give_remote(session, q, ret_list);
}

HOOK int getaddrinfo(const char *restrict node, const char *restrict service,
		     const struct addrinfo *restrict hints, struct addrinfo **restrict ret_list)
{
	const int saved = errno;
	struct session *session = session_get();

	if (!node || session->passive)
		return libc()->getaddrinfo(node, service, hints, ret_list);
	struct question question = {
		.node = node,
		.length = strlen(node),
		.service = service,
		.hints = hints,
		.family = hints ? hints->ai_family : AF_UNSPEC,
		.flags = hints ? hints->ai_flags : AI_V4MAPPED,
	};
	const int r = resolve(session, &question, ret_list);

	if (r != EAI_SYSTEM)
		errno = saved;
	return r;
}
