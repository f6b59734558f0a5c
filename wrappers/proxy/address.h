/*
 * address: where a SOCKS5 message points: an IPv4 or IPv6 address or a name, and a port, and its
 * forms on the wire, as text and as GIO's objects. A plain value that its holder owns; one thread.
 */
#ifndef PROXY_ADDRESS_H
#define PROXY_ADDRESS_H

#include <gio/gio.h>

#define ADDRESS_NAME_MAX 255 /* RFC 1928 §5: one octet of length */

enum address_type {
	ADDRESS_IPV4 = 0x01, /* RFC 1928 §4 */
	ADDRESS_NAME = 0x03,
	ADDRESS_IPV6 = 0x04,
};

struct address {
	guint8 type; /* ATYP as it came */
	guint8 length;
	guint8 bytes[ADDRESS_NAME_MAX];
	guint16 port;
};

/*
 * Reads ATYP, ADDR and PORT. Returns the bytes used, 0 when more are needed, -EAFNOSUPPORT for an
 * ATYP that RFC 1928 does not have.
 */
int address_parse(const guint8 *in, gsize length, struct address *ret);

void address_append(const struct address *address, GByteArray *out);

void address_set_inet(struct address *address, GInetAddress *inet, guint16 port);
void address_set_name(struct address *address, const char *name, guint16 port);

/* From a socket's own name; anything but IPv4 and IPv6 becomes 0.0.0.0:0. */
void address_set_socket(struct address *address, GSocketAddress *from);

/* The host alone. A name may hold any byte, NUL too: `ret_length` counts. Freed with g_free. */
char *address_host(const struct address *address, gsize *ret_length);

/* The numeric address, also of a name that spells one; NULL when it must be looked up. */
GInetAddress *address_inet(const struct address *address);

/* True for a name that no resolver can have: empty, or with a NUL inside. */
gboolean address_is_impossible(const struct address *address);

#endif
