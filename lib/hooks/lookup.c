#include "hooks/lookup.h"
#include "base/error.h"
#include "base/libc.h"
#include "hooks/connect.h"
#include "hooks/leash.h"
#include "tunnel/slots.h"

#include <arpa/inet.h>
#include <string.h>

bool lookup_is_literal(const char *text)
{
	struct in_addr address;
	return strchr(text, ':') || (inet_aton(text, &address) && !strpbrk(text, " \t\n\v\f\r"));
}

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

void lookup_widen(const struct hosts_address *address, uint8_t ret[16])
{
	if (address->family == AF_INET6) {
		memcpy(ret, address->bytes, 16);
		return;
	}
	memcpy(ret, mapped, sizeof(mapped));
	memcpy(ret + sizeof(mapped), address->bytes, 4);
}

void lookup_narrow(struct hosts_address *address)
{
	struct hosts_address narrow = { .family = AF_INET };

	if (address->family != AF_INET6 || memcmp(address->bytes, mapped, sizeof(mapped)) != 0)
		return;
	memcpy(narrow.bytes, address->bytes + 12, 4);
	*address = narrow;
}

/* ---- the proxy ---- */

static int run(struct session *session, int fd, struct tunnel *tunnel)
{
	struct tunnel_start start;

	tunnel_begin(tunnel, TUNNEL_OWN_SOCKET);
	int r = tunnel_start(tunnel, fd, &start);

	while (r == -EINTR || r == -EINPROGRESS) /* a resolver is not interrupted */
		r = tunnel_finish(tunnel, fd, TUNNEL_OWN_SOCKET, SO_SNDTIMEO);
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

static bool may_ask_proxy(const struct session *session, enum lookup_wait wait)
{
	return wait == LOOKUP_MAY_WAIT && session->policy.header->resolve == BLOB_RESOLVE_PROXY;
}

static bool is_ours(const struct session *session, const struct hosts_address *address)
{
	uint8_t wide[16];

	lookup_widen(address, wide);
	return policy_is_loopback(&session->policy, wide) ||
	       policy_is_placeholder(&session->policy, wide);
}

static int resolve_by_proxy(struct session *session, const char *name, size_t length,
			    struct hosts_address *ret)
{
	struct socks5_request request = { .command = SOCKS5_RESOLVE,
					  .target = { .type = SOCKS5_NAME,
						      .length = (uint8_t)length } };
	struct hosts_address address = { 0 };
	struct socks5_address bound;

	memcpy(request.target.bytes, name, length);
	const int r = ask_proxy(session, &request, &bound);
	if (r < 0)
		return r;
	if (bound.type == SOCKS5_NAME)
		return -EPROTO;
	address.family = bound.type == SOCKS5_IPV4 ? AF_INET : AF_INET6;
	memcpy(address.bytes, bound.bytes, bound.length);
	/* A remote name has no local address: connecting there would go past the proxy, or to the
	 * name that somebody else's placeholder stands for. */
	if (is_ours(session, &address))
		return -EHOSTUNREACH;
	*ret = address;
	return LOOKUP_RESOLVED;
}

static int find_name_by_proxy(struct session *session, const struct hosts_address *address,
			      char ret_name[256])
{
	const bool is_v4 = address->family == AF_INET;
	struct socks5_request request = { .command = SOCKS5_RESOLVE_PTR,
					  .target = { .type = is_v4 ? SOCKS5_IPV4 : SOCKS5_IPV6,
						      .length = is_v4 ? 4 : 16 } };
	struct socks5_address bound;

	memcpy(request.target.bytes, address->bytes, request.target.length);
	const int r = ask_proxy(session, &request, &bound);
	if (r < 0)
		return r;
	if (bound.type != SOCKS5_NAME || bound.length == 0 ||
	    memchr(bound.bytes, '\0', bound.length))
		return -EPROTO;
	memcpy(ret_name, bound.bytes, bound.length);
	ret_name[bound.length] = '\0';
	return bound.length;
}

/* ---- names ---- */

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool has_suffix(const char *name, size_t length, struct policy_text suffix)
{
	if (suffix.length == 0 || length <= suffix.length)
		return false;
	for (size_t i = 0; i < suffix.length; i++) {
		if (lower(name[length - suffix.length + i]) != lower(suffix.at[i]))
			return false;
	}
	return true;
}

static const char onion[] = ".onion";

/* RFC 7686 §2: such a name has no address, and who asks for one is told so. The connection needs
 * none. */
static bool is_onion(const char *name, size_t length)
{
	return has_suffix(name, length, (struct policy_text){ onion, sizeof(onion) - 1 });
}

/* The name that is meant: without a dot at its end, and below .onion for the alias. */
static int put_meant(const struct session *session, const char *name, size_t length,
		     char ret[SOCKS5_NAME_MAX + 1])
{
	const struct policy_text alias =
		policy_text(&session->policy, session->policy.header->alias);

	if (length > 0 && name[length - 1] == '.')
		length--;
	if (has_suffix(name, length, alias)) {
		length -= alias.length;
		if (length + sizeof(onion) - 1 > SOCKS5_NAME_MAX)
			return -ENXIO;
		memcpy(ret, name, length);
		memcpy(ret + length, onion, sizeof(onion));
		return (int)(length + sizeof(onion) - 1);
	}
	if (length == 0 || length > SOCKS5_NAME_MAX)
		return -ENXIO;
	memcpy(ret, name, length);
	ret[length] = '\0';
	return (int)length;
}

static int get_placeholder(struct session *session, const char *name, size_t length,
			   struct hosts_address *ret)
{
	uint32_t address;
	struct pool *pool = session_pool(session);
	const int r = pool ? pool_get_address(pool, name, length, &address) : -ENOMEM;

	if (r < 0)
		return -ENXIO; /* no hostname, or no room for it */
	address = htonl(address);
	*ret = (struct hosts_address){ .family = AF_INET };
	memcpy(ret->bytes, &address, sizeof(address));
	return LOOKUP_PLACEHOLDER;
}

int lookup_name(struct session *session, const char *name, size_t length, enum lookup_wait wait,
		struct hosts_address *ret)
{
	char meant[SOCKS5_NAME_MAX + 1];
	struct hosts_address placeholder;
	int r = -EOPNOTSUPP;

	if (session->error < 0)
		return session->error;
	const int meant_length = put_meant(session, name, length, meant);
	/* An address with a dot behind it is no name; sent as one the proxy would take it for an
	 * address. */
	if (meant_length < 0 || lookup_is_literal(meant))
		return -ENXIO;
	if (get_placeholder(session, meant, (size_t)meant_length, &placeholder) < 0)
		return -ENXIO; /* so the proxy is not asked either */
	if (may_ask_proxy(session, wait) && !is_onion(meant, (size_t)meant_length))
		r = resolve_by_proxy(session, meant, (size_t)meant_length, ret);
	if (r != -EOPNOTSUPP)
		return r;
	*ret = placeholder;
	return LOOKUP_PLACEHOLDER;
}

/* ---- addresses ---- */

static int find_placeholder(struct session *session, const struct hosts_address *address,
			    char ret_name[256])
{
	const struct pool *pool = session_pool(session);
	uint32_t number;

	memcpy(&number, address->bytes, sizeof(number));
	return pool && pool_find_name(pool, ntohl(number), ret_name) >= 0 ? (int)strlen(ret_name)
									  : -ENXIO;
}

static int find_local(const struct hosts_address *address, char ret_name[256])
{
	struct hosts_names names = { .at = ret_name, .size = 256 };

	if (!hosts_find_names(HOSTS_PATH, address, &names))
		return -ENXIO;
	/* The first name of the line; a line of many may not fit as a whole. */
	return memchr(ret_name, '\0', names.used) ? (int)strlen(ret_name) : -ENXIO;
}

int lookup_address(struct session *session, const struct hosts_address *asked,
		   enum lookup_wait wait, char ret_name[256])
{
	struct hosts_address address = *asked;
	uint8_t wide[16];

	lookup_narrow(&address);
	lookup_widen(&address, wide);
	if (session->error == 0 && policy_is_placeholder(&session->policy, wide))
		return find_placeholder(session, &address, ret_name);
	int r = find_local(&address, ret_name);
	if (r < 0 && session->error < 0)
		return session->error;
	/* Nobody else knows the machine's own addresses. */
	if (r < 0 && may_ask_proxy(session, wait) && !is_ours(session, &address))
		r = find_name_by_proxy(session, &address, ret_name);
	return r == -EOPNOTSUPP ? -ENXIO : r;
}

/* ---- what failed ---- */

int lookup_eai(const struct session *session, int error)
{
	if (session->error < 0 || error == -ENETDOWN) {
		errno = session->error < 0 ? -session->error : ENETDOWN;
		return EAI_SYSTEM;
	}
	switch (-error) {
	case EHOSTUNREACH:
	case ENXIO:
	case EADDRNOTAVAIL:
		return EAI_NONAME;
	case ECONNABORTED:
	case ETIMEDOUT:
	case ECONNRESET:
		return EAI_AGAIN;
	default:
		return EAI_FAIL;
	}
}

int lookup_h_errno(const struct session *session, int error)
{
	switch (lookup_eai(session, error)) {
	case EAI_NONAME:
		return HOST_NOT_FOUND;
	case EAI_AGAIN:
		return TRY_AGAIN;
	case EAI_SYSTEM:
		return NETDB_INTERNAL;
	default:
		return NO_RECOVERY;
	}
}
