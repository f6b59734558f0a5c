/*
 * res: libresolv's calls, which libc exports under two names each. They build, send and read DNS
 * messages; what they would send is answered here. res_mkquery and the readers of messages send
 * nothing and are libc's.
 */
#include "hooks/answer.h"
#include "hooks/hook.h"

#include <string.h>

/* A resolver's own retry by TCP has no such bound as a datagram. */
static void give_room(struct dns_query *query)
{
	query->room = UINT16_MAX;
}

static int set_h_errno(res_state state, int value)
{
	if (state)
		state->res_h_errno = value;
	h_errno = value;
	return value == NETDB_SUCCESS ? 0 : -1;
}

/* ---- whose it is ---- */

static bool is_libcs(const char *name)
{
	return lookup_is_libcs(session_get(), name);
}

static bool is_libcs_packet(const unsigned char *packet, int length)
{
	const struct session *session = session_get();
	struct dns_query query;

	if (!session->direct || !packet || length < 0 ||
	    dns_parse(packet, (size_t)length, &query) < 0 || !query.is_hostname)
		return session->passive;
	return lookup_is_libcs(session, query.name);
}

/* ---- send ---- */

/* -1 and errno, or the bytes of the answer. */
static int send_query(const unsigned char *packet, int length, unsigned char *answer, int size)
{
	const int saved = errno;
	struct session *session = session_get();
	struct dns_query query;

	if (!packet || !answer || length < 0 || size < DNS_HEADER ||
	    dns_parse(packet, (size_t)length, &query) < 0)
		return hook_return(-EINVAL, saved);
	if (session->error < 0)
		return hook_return(session->error, saved);
	give_room(&query);
	const size_t r = answer_query(session, &query, LOOKUP_MAY_WAIT, answer, (size_t)size);
	return hook_return(r > 0 ? (int)r : -EMSGSIZE, saved);
}

HOOK int res_send(const unsigned char *packet, int length, unsigned char *answer, int size)
{
	if (is_libcs_packet(packet, length))
		return libc()->res_send(packet, length, answer, size);
	return send_query(packet, length, answer, size);
}

HOOK int res_nsend(res_state state, const unsigned char *packet, int length, unsigned char *answer,
		   int size)
{
	if (is_libcs_packet(packet, length))
		return libc()->res_nsend(state, packet, length, answer, size);
	return send_query(packet, length, answer, size);
}

/* ---- query ---- */

/* Nobody else sees the message, so its number says nothing. */
#define QUERY_ID 1

/* What an answer means to who asked by res_query: RFC 1035 §4.1.1, RCODE and ANCOUNT. */
static int h_errno_of(const unsigned char *answer)
{
	const unsigned rcode = answer[3] & 0xf;
	const unsigned records = (unsigned)answer[6] << 8 | answer[7];

	switch (rcode) {
	case DNS_NOERROR:
		return records > 0 ? NETDB_SUCCESS : NO_DATA;
	case DNS_NXDOMAIN:
		return HOST_NOT_FOUND;
	case DNS_SERVFAIL:
		return TRY_AGAIN;
	default:
		return NO_RECOVERY;
	}
}

static int query_name(res_state state, const char *name, int class, int type, unsigned char *answer,
		      int size)
{
	unsigned char packet[DNS_HEADER + DNS_QUESTION];
	const size_t length = name ? dns_ask(QUERY_ID, name, strlen(name), (uint16_t) class,
					     (uint16_t)type, packet, sizeof(packet))
				   : 0;

	if (length == 0)
		return set_h_errno(state, NO_RECOVERY);
	const int r = send_query(packet, (int)length, answer, size);
	if (r < 0)
		return set_h_errno(state, session_get()->error < 0 ? NETDB_INTERNAL : NO_RECOVERY);
	return set_h_errno(state, h_errno_of(answer)) < 0 ? -1 : r;
}

/* name.domain; false: too long to be one. */
static bool put_whole(const char *name, const char *domain, char ret[DNS_NAME + 2])
{
	const size_t length = strlen(name), below = strlen(domain);

	if (length + 1 + below >= DNS_NAME + 2)
		return false;
	memcpy(ret, name, length);
	ret[length] = '.';
	memcpy(ret + length + 1, domain, below + 1);
	return true;
}

static bool is_libcs_below(const char *name, const char *domain)
{
	char whole[DNS_NAME + 2];

	return name && domain && *name && *domain && put_whole(name, domain, whole)
		       ? is_libcs(whole)
		       : is_libcs(name && *name ? name : domain);
}

static int query_domain(res_state state, const char *name, const char *domain, int class, int type,
			unsigned char *answer, int size)
{
	char whole[DNS_NAME + 2];
	const size_t length = name ? strlen(name) : 0, below = domain ? strlen(domain) : 0;

	if (!name || !domain || length == 0 || below == 0)
		return query_name(state, length > 0 ? name : domain, class, type, answer, size);
	if (!put_whole(name, domain, whole))
		return set_h_errno(state, NO_RECOVERY);
	return query_name(state, whole, class, type, answer, size);
}

HOOK int res_query(const char *name, int class, int type, unsigned char *answer, int size)
{
	if (is_libcs(name))
		return libc()->res_query(name, class, type, answer, size);
	return query_name(NULL, name, class, type, answer, size);
}

HOOK int res_nquery(res_state state, const char *name, int class, int type, unsigned char *answer,
		    int size)
{
	if (is_libcs(name))
		return libc()->res_nquery(state, name, class, type, answer, size);
	return query_name(state, name, class, type, answer, size);
}

/* Every name is a whole one: what the search list would add is not the proxy's to guess. */
HOOK int res_search(const char *name, int class, int type, unsigned char *answer, int size)
{
	if (is_libcs(name))
		return libc()->res_search(name, class, type, answer, size);
	return query_name(NULL, name, class, type, answer, size);
}

HOOK int res_nsearch(res_state state, const char *name, int class, int type, unsigned char *answer,
		     int size)
{
	if (is_libcs(name))
		return libc()->res_nsearch(state, name, class, type, answer, size);
	return query_name(state, name, class, type, answer, size);
}

HOOK int res_querydomain(const char *name, const char *domain, int class, int type,
			 unsigned char *answer, int size)
{
	if (is_libcs_below(name, domain))
		return libc()->res_querydomain(name, domain, class, type, answer, size);
	return query_domain(NULL, name, domain, class, type, answer, size);
}

HOOK int res_nquerydomain(res_state state, const char *name, const char *domain, int class,
			  int type, unsigned char *answer, int size)
{
	if (is_libcs_below(name, domain))
		return libc()->res_nquerydomain(state, name, domain, class, type, answer, size);
	return query_domain(state, name, domain, class, type, answer, size);
}

/* ---- the older names ---- */

HOOK int __res_send(const unsigned char *packet, int length, unsigned char *answer, int size)
{
	return res_send(packet, length, answer, size);
}

HOOK int __res_nsend(res_state state, const unsigned char *packet, int length,
		     unsigned char *answer, int size)
{
	return res_nsend(state, packet, length, answer, size);
}

HOOK int __res_query(const char *name, int class, int type, unsigned char *answer, int size)
{
	return res_query(name, class, type, answer, size);
}

HOOK int __res_nquery(res_state state, const char *name, int class, int type, unsigned char *answer,
		      int size)
{
	return res_nquery(state, name, class, type, answer, size);
}

HOOK int __res_search(const char *name, int class, int type, unsigned char *answer, int size)
{
	return res_search(name, class, type, answer, size);
}

HOOK int __res_nsearch(res_state state, const char *name, int class, int type,
		       unsigned char *answer, int size)
{
	return res_nsearch(state, name, class, type, answer, size);
}

HOOK int __res_querydomain(const char *name, const char *domain, int class, int type,
			   unsigned char *answer, int size)
{
	return res_querydomain(name, domain, class, type, answer, size);
}

HOOK int __res_nquerydomain(res_state state, const char *name, const char *domain, int class,
			    int type, unsigned char *answer, int size)
{
	return res_nquerydomain(state, name, domain, class, type, answer, size);
}
