/*
 * resolve: names become placeholders, and libc never sees a name. Literals go to libc as they are;
 * local names and placeholders go to it as literals, so that what freeaddrinfo frees is always
 * libc's own.
 */
#include "hooks/hook.h"
#include "hooks/lookup.h"

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

/* An IPv4 socket cannot reach an IPv6 proxy, so names lead to IPv6 sockets there. */
static bool needs_ipv6(const struct session *session, const struct question *q)
{
	const struct in6_addr *proxy =
		(const struct in6_addr *)(const void *)session->proxy.address;
	return q->family == AF_UNSPEC && !IN6_IS_ADDR_V4MAPPED(proxy);
}

static int give_remote(struct session *session, struct question *q, const char *name,
		       struct addrinfo **ret_list)
{
	struct hosts_address address;
	struct answer answer = { 0 };
	const int r = lookup_name(session, name, strlen(name), LOOKUP_MAY_WAIT, &address);

	if (r < 0)
		return lookup_eai(session, r);
	if (r == LOOKUP_RESOLVED)
		return give(q, append(q, &address, should_map(q, &address, 1), &answer), &answer,
			    ret_list);
	if (q->family == AF_INET6 && !lookup_gives_mapped(session, q->flags & AI_V4MAPPED))
		return EAI_NODATA;
	if (needs_ipv6(session, q))
		q->family = AF_INET6;
	int error = append(q, &address, true, &answer);
	if (error == 0 && q->family == AF_UNSPEC && lookup_gives_mapped(session, false)) {
		q->family = AF_INET6;
		error = append(q, &address, true, &answer);
	}
	return give(q, error, &answer, ret_list);
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
	char denied[HOSTNAME_MAX + 1];

	if (hostname_is_literal(q->node) || (q->flags & AI_NUMERICHOST))
		return ask_libc(q, q->node, q->family, q->flags, ret_list);
	if (!is_ascii(q->node))
		return q->flags & AI_IDN ? EAI_IDN_ENCODE : EAI_NONAME;
	if (lookup_find_denied(session, q->node, q->length, denied))
		return give_remote(session, q, denied, ret_list);
	const unsigned count = hosts_find(HOSTS_PATH, q->node, q->length, local);

	if (count > 0)
		return give_local(q, local, count, ret_list);
	return give_remote(session, q, q->node, ret_list);
}

HOOK int getaddrinfo(const char *restrict node, const char *restrict service,
		     const struct addrinfo *restrict hints, struct addrinfo **restrict ret_list)
{
	const int saved = errno;
	struct session *session = session_get();

	if (!node || lookup_is_libcs(session, node))
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

static bool are_libcs(struct gaicb **list, int count)
{
	bool all = session_get()->passive;

	for (int i = 0; i < count && all; i++)
		all = !list[i] || lookup_is_libcs(session_get(), list[i]->ar_name);
	return all;
}

/*
 * Every answer is there at once, so none is ever in progress, and gai_suspend, gai_error and
 * gai_cancel, which are libc's, find them all done. Given no requests, libc notifies as it does of
 * requests that are done: by the signal, or in a thread that it makes.
 */
HOOK int getaddrinfo_a(int mode, struct gaicb **restrict list, int count,
		       struct sigevent *restrict notify)
{
	const bool is_bad = mode != GAI_WAIT && mode != GAI_NOWAIT;

	if (is_bad || are_libcs(list, count))
		return libc()->getaddrinfo_a(mode, list, count, notify);
	for (int i = 0; i < count; i++) {
		struct gaicb *request = list[i];
		if (request)
			request->__return = getaddrinfo(request->ar_name, request->ar_service,
							request->ar_request, &request->ar_result);
	}
	return libc()->getaddrinfo_a(mode, list, 0, notify);
}
