#include "hooks/lookup.h"
#include "base/error.h"
#include "base/libc.h"
#include "hooks/answered.h"
#include "hooks/connect.h"
#include "hooks/leash.h"
#include "tunnel/slots.h"

#include <arpa/inet.h>
#include <string.h>

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

bool lookup_gives_mapped(const struct session *session, bool is_asked_for)
{
	const struct in6_addr *proxy =
		(const struct in6_addr *)(const void *)session->proxy.address;

	return is_asked_for || session->policy.header->family == BLOB_FAMILY_BOTH ||
	       !IN6_IS_ADDR_V4MAPPED(proxy);
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
	const int fd = r == 0 ? leash_socket_for_proxy(session, domain) : -1;

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

static int resolve_by_proxy(struct session *session, const char *name, size_t length,
			    struct hosts_address *ret)
{
	struct socks5_request request = { .command = SOCKS5_RESOLVE,
					  .target = { .type = SOCKS5_NAME,
						      .length = (uint8_t)length } };
	struct socks5_address bound;

	memcpy(request.target.bytes, name, length);
	int r = ask_proxy(session, &request, &bound);
	if (r == 0)
		r = answered_address(&session->policy, &session->proxy, &bound, ret);
	return r < 0 ? r : LOOKUP_RESOLVED;
}

static int find_name_by_proxy(struct session *session, const struct hosts_address *address,
			      char ret_name[256])
{
	const bool is_v4 = address->family == AF_INET;
	struct socks5_request request = { .command = SOCKS5_RESOLVE_PTR,
					  .target = { .type = is_v4 ? SOCKS5_IPV4 : SOCKS5_IPV6,
						      .length = is_v4 ? 4 : 16 } };
	struct hosts_address local[HOSTS_MAX];
	struct socks5_address bound;

	memcpy(request.target.bytes, address->bytes, request.target.length);
	int r = ask_proxy(session, &request, &bound);
	if (r == 0)
		r = answered_name(&bound, ret_name);
	/* Who asks for the address of that name next would be sent to this machine. */
	if (r > 0 && hosts_find(HOSTS_PATH, ret_name, (size_t)r, local) > 0)
		return -EHOSTUNREACH;
	return r;
}

/* ---- names ---- */

static int put_meant(const struct session *session, const char *name, size_t length,
		     char ret[HOSTNAME_MAX + 1])
{
	const struct policy_text alias =
		policy_text(&session->policy, session->policy.header->alias);

	return hostname_meant(name, length, alias.at, alias.length, ret);
}

/*
 * The denied name that stands on the same line of the hosts file as this one. Of a line too long to
 * be read nobody knows whether there is none.
 */
static bool has_denied_relative(const struct session *session, const char *name, size_t length,
				char ret[HOSTNAME_MAX + 1])
{
	struct hosts_address addresses[HOSTS_MAX];
	char text[2048];
	struct hosts_names names = { .at = text, .size = sizeof(text) };
	unsigned count;

	if (!hosts_find_entry(HOSTS_PATH, name, length, 0, addresses, &count, &names))
		return false;
	for (size_t i = 0; i < names.used && memchr(text + i, '\0', names.used - i);
	     i += strlen(text + i) + 1) {
		const int meant = put_meant(session, text + i, strlen(text + i), ret);
		if (meant > 0 && policy_denies_name(&session->policy, ret, (size_t)meant, false))
			return true;
	}
	return names.cut && put_meant(session, name, length, ret) > 0;
}

bool lookup_find_denied(const struct session *session, const char *name, size_t length,
			char ret[HOSTNAME_MAX + 1])
{
	if (session->error < 0 || !session->policy.header || !name)
		return false;
	const int meant = put_meant(session, name, length, ret);

	if (meant < 0)
		return false;
	return policy_denies_name(&session->policy, ret, (size_t)meant, session->direct) ||
	       (!session->direct && policy_has_denied_names(&session->policy) &&
		has_denied_relative(session, name, length, ret));
}

bool lookup_is_libcs(const struct session *session, const char *name)
{
	char denied[HOSTNAME_MAX + 1];

	return session->passive && !(session->direct && name &&
				     lookup_find_denied(session, name, strlen(name), denied));
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

/* The proxy is asked for no name that might then be let go, or that is denied. */
static bool may_ask_for(const struct session *session, const char *name, size_t length,
			enum lookup_wait wait)
{
	return may_ask_proxy(session, wait) && !hostname_is_onion(name, length) &&
	       !policy_denies_name(&session->policy, name, length, false) &&
	       !policy_lets_a_port_go(&session->policy);
}

int lookup_name(struct session *session, const char *name, size_t length, enum lookup_wait wait,
		struct hosts_address *ret)
{
	char meant[HOSTNAME_MAX + 1];
	struct hosts_address placeholder;
	int r = -EOPNOTSUPP;

	if (session->error < 0)
		return session->error;
	const int meant_length = put_meant(session, name, length, meant);
	if (meant_length < 0)
		return -ENXIO;
	if (get_placeholder(session, meant, (size_t)meant_length, &placeholder) < 0)
		return -ENXIO; /* so the proxy is not asked either */
	if (may_ask_for(session, meant, (size_t)meant_length, wait))
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
	/* Nobody else knows the machine's own addresses, and those about it. */
	if (r < 0 && may_ask_proxy(session, wait) &&
	    !policy_may_be_direct(&session->policy, wide) &&
	    !policy_denies_address(&session->policy, wide))
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
	case ENODATA:
		return EAI_NODATA;
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
	case EAI_NODATA:
		return NO_DATA;
	case EAI_AGAIN:
		return TRY_AGAIN;
	case EAI_SYSTEM:
		return NETDB_INTERNAL;
	default:
		return NO_RECOVERY;
	}
}
