/*
 * nameinfo: the names of addresses. libc gives the numeric form and the service, which need no
 * nameserver; the name comes from us.
 */
#include "hooks/hook.h"
#include "hooks/lookup.h"

#include <netinet/in.h>
#include <string.h>

/* false: libc has refused it, or it is no internet address. */
static bool take_address(const struct sockaddr *addr, struct hosts_address *ret)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;

	*ret = (struct hosts_address){ .family = (uint8_t)addr->sa_family };
	if (addr->sa_family == AF_INET)
		memcpy(ret->bytes, &v4->sin_addr, 4);
	else if (addr->sa_family == AF_INET6)
		memcpy(ret->bytes, &v6->sin6_addr, 16);
	return addr->sa_family == AF_INET || addr->sa_family == AF_INET6;
}

/* NI_NOFQDN: a name of this machine's own domain loses it. */
static void cut_own_domain(char *name)
{
	char own[65];
	const size_t length = hosts_own_name(own);
	const char *domain = memchr(own, '.', length);
	char *dot = strchr(name, '.');

	if (domain && dot && strcasecmp(dot, domain) == 0)
		*dot = '\0';
}

static int put_text(const char *text, char *to, socklen_t size)
{
	const size_t length = strlen(text) + 1;

	if (length > size)
		return EAI_OVERFLOW;
	memcpy(to, text, length);
	return 0;
}

static int name_address(struct session *session, const struct sockaddr *addr, const char *numeric,
			char *host, socklen_t size, int flags)
{
	struct hosts_address address;
	char name[256];

	if (!take_address(addr, &address))
		return put_text(numeric, host, size);
	const int r = lookup_address(session, &address, LOOKUP_MAY_WAIT, name);

	if (r < 0 && (flags & NI_NAMEREQD))
		return lookup_eai(session, r);
	if (r < 0)
		return put_text(numeric, host, size);
	if (flags & NI_NOFQDN)
		cut_own_domain(name);
	return put_text(name, host, size);
}

HOOK int getnameinfo(const struct sockaddr *restrict addr, socklen_t length, char *restrict host,
		     socklen_t host_size, char *restrict service, socklen_t service_size, int flags)
{
	const int saved = errno;
	struct session *session = session_get();
	char numeric[NI_MAXHOST];

	if (session->passive || !host || host_size == 0 || (flags & NI_NUMERICHOST))
		return libc()->getnameinfo(addr, length, host, host_size, service, service_size,
					   flags);
	int r = libc()->getnameinfo(addr, length, numeric, sizeof(numeric), service, service_size,
				    (flags & ~NI_NAMEREQD) | NI_NUMERICHOST);
	if (r == 0)
		r = name_address(session, addr, numeric, host, host_size, flags);
	if (r != EAI_SYSTEM)
		errno = saved;
	return r;
}
