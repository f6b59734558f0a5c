/*
 * lookup: names and addresses, looked up without a nameserver: in the hosts file, among the
 * placeholders, or by the proxy. The families of resolver calls (resolve, hostent, nameinfo, res,
 * nameserver) differ only in how they say it. Values on the stack; any thread.
 */
#ifndef HOOKS_LOOKUP_H
#define HOOKS_LOOKUP_H

#include "names/hostname.h"
#include "names/hosts.h"
#include "session/session.h"

/* May the call wait for the proxy? A datagram's answer may not. */
enum lookup_wait { LOOKUP_AT_ONCE, LOOKUP_MAY_WAIT };

/* How a name was answered. */
enum lookup_kind {
	LOOKUP_PLACEHOLDER, /* an address that stands for the name */
	LOOKUP_RESOLVED,    /* by the proxy */
};

/*
 * Whether the policy denies the name, at some port, or one beside it in the hosts file: that one is
 * put into ret and is to be looked up in its place, by lookup_name() alone, so that the connection
 * is decided by that name.
 */
bool lookup_find_denied(const struct session *session, const char *name, size_t length,
			char ret[HOSTNAME_MAX + 1]);

/* Whether the look-up (name: NULL for none in particular) is libc's: in a program that is let go,
 * but for what is denied. */
bool lookup_is_libcs(const struct session *session, const char *name);

/*
 * The address of a name that the hosts file does not have: an enum lookup_kind, or -errno, for
 * lookup_eai or lookup_h_errno. With an alias the name below it is the one below .onion.
 */
int lookup_name(struct session *session, const char *name, size_t length, enum lookup_wait wait,
		struct hosts_address *ret);

/*
 * The name of an address, from the placeholders, the hosts file, or the proxy: its length, or
 * -errno as above.
 */
int lookup_address(struct session *session, const struct hosts_address *address,
		   enum lookup_wait wait, char ret_name[256]);

/*
 * Whether a placeholder is told to who asks for IPv6 addresses alone, as a mapped one. Names have
 * IPv4 addresses: who asks for the families one by one would try both of a pair. Unless it was
 * asked for by name (AI_V4MAPPED), by the policy, or there is no other way to the proxy.
 */
bool lookup_gives_mapped(const struct session *session, bool is_asked_for);

/* An address in the one form that policy and placeholders know, IPv4 mapped; and back: IPv4 again
 * where it was mapped. */
void lookup_widen(const struct hosts_address *address, uint8_t ret[16]);
void lookup_narrow(struct hosts_address *address);

/* What a look-up that failed is called: EAI_…, and with EAI_SYSTEM errno is set; h_errno's value,
 * and with NETDB_INTERNAL errno is set. */
int lookup_eai(const struct session *session, int error);
int lookup_h_errno(const struct session *session, int error);

#endif
