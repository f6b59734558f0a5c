#include "hooks/answer.h"
#include "base/error.h"
#include "dns/reverse.h"

#include <string.h>
#include <sys/socket.h>

/* What an answer is made of. */
struct found {
	struct hosts_address addresses[HOSTS_MAX];
	char name[256];
	struct dns_record records[HOSTS_MAX];
	unsigned count;
};

static bool asks_for(const struct dns_query *query, enum dns_type type)
{
	return query->type == type || query->type == DNS_ANY;
}

static void add(struct found *found, enum dns_type type, const void *data, size_t length)
{
	found->records[found->count++] = (struct dns_record){ .type = (uint16_t)type,
							      .length = (uint16_t)length,
							      .data = data };
}

static void add_addresses(struct found *found, const struct dns_query *query, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const struct hosts_address *address = &found->addresses[i];
		if (address->family == AF_INET && asks_for(query, DNS_A))
			add(found, DNS_A, address->bytes, 4);
		else if (address->family == AF_INET6 && asks_for(query, DNS_AAAA))
			add(found, DNS_AAAA, address->bytes, 16);
	}
}

static enum dns_rcode rcode_of(int error)
{
	switch (-error) {
	case EHOSTUNREACH:
	case ENXIO:
	case EADDRNOTAVAIL:
		return DNS_NXDOMAIN;
	default:
		return DNS_SERVFAIL;
	}
}

static enum dns_rcode find_address(struct session *session, const struct dns_query *query,
				   enum lookup_wait wait, struct found *found)
{
	const bool wants_one = asks_for(query, DNS_A) || asks_for(query, DNS_AAAA);
	char denied[HOSTNAME_MAX + 1];
	const char *name = query->name;
	size_t length = query->name_length;
	unsigned count = 0;

	if (lookup_find_denied(session, name, length, denied)) {
		name = denied;
		length = strlen(denied);
	} else {
		count = hosts_find(HOSTS_PATH, name, length, found->addresses);
	}
	if (count == 0) {
		const int r = lookup_name(session, name, length, wants_one ? wait : LOOKUP_AT_ONCE,
					  found->addresses);
		if (r < 0)
			return rcode_of(r);
		count = 1;
	}
	add_addresses(found, query, count);
	return DNS_NOERROR;
}

static enum dns_rcode find_name(struct session *session, const struct dns_query *query,
				enum lookup_wait wait, const struct hosts_address *address,
				struct found *found)
{
	if (!asks_for(query, DNS_PTR))
		return DNS_NOERROR;
	const int length = lookup_address(session, address, wait, found->name);
	if (length < 0)
		return rcode_of(length);
	add(found, DNS_PTR, found->name, (size_t)length);
	return DNS_NOERROR;
}

static enum dns_rcode find(struct session *session, const struct dns_query *query,
			   enum lookup_wait wait, struct found *found)
{
	struct hosts_address address = { 0 };

	if (query->rcode != DNS_NOERROR)
		return query->rcode;
	if (query->class != DNS_INTERNET && query->class != DNS_ANY_CLASS)
		return DNS_REFUSED;
	if (!query->is_hostname)
		return DNS_NXDOMAIN;
	if (query->name_length == 0)
		return DNS_NOERROR;
	const size_t length = dns_reverse(query->name, query->name_length, address.bytes);
	if (length == 0)
		return find_address(session, query, wait, found);
	address.family = length == 4 ? AF_INET : AF_INET6;
	return find_name(session, query, wait, &address, found);
}

size_t answer_query(struct session *session, const struct dns_query *query, enum lookup_wait wait,
		    void *to, size_t size)
{
	struct found found;

	found.count = 0;
	const enum dns_rcode rcode = find(session, query, wait, &found);
	return dns_answer(query, rcode, found.records, found.count, to, size);
}
