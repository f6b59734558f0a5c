#include "address.h"

#include <errno.h>
#include <string.h>

/*
 * RFC 1928 §4 and §5, the part that requests and replies share:
 *   +------+----------+------+
 *   | ATYP |   ADDR   | PORT |   ADDR: 4 octets, or 16, or a length octet and as many of a name
 *   +------+----------+------+
 *   |  1   | Variable |  2   |
 *   +------+----------+------+
 */
int address_parse(const guint8 *in, gsize length, struct address *ret)
{
	if (length < 1)
		return 0;
	gsize head = 1;
	gsize size;
	switch (in[0]) {
	case ADDRESS_IPV4:
		size = 4;
		break;
	case ADDRESS_IPV6:
		size = 16;
		break;
	case ADDRESS_NAME:
		if (length < 2)
			return 0;
		head = 2;
		size = in[1];
		break;
	default:
		return -EAFNOSUPPORT;
	}
	if (length < head + size + 2)
		return 0;
	ret->type = in[0];
	ret->length = (guint8)size;
	memcpy(ret->bytes, in + head, size);
	ret->port = (guint16)(in[head + size] << 8 | in[head + size + 1]);
	return (int)(head + size + 2);
}

void address_append(const struct address *address, GByteArray *out)
{
	const guint8 head[2] = { address->type, address->length };
	const guint8 port[2] = { address->port >> 8, address->port & 0xff };

	g_byte_array_append(out, head, address->type == ADDRESS_NAME ? 2 : 1);
	g_byte_array_append(out, address->bytes, address->length);
	g_byte_array_append(out, port, sizeof(port));
}

void address_set_inet(struct address *address, GInetAddress *inet, guint16 port)
{
	gboolean v4 = g_inet_address_get_family(inet) == G_SOCKET_FAMILY_IPV4;

	address->type = v4 ? ADDRESS_IPV4 : ADDRESS_IPV6;
	address->length = (guint8)g_inet_address_get_native_size(inet);
	memcpy(address->bytes, g_inet_address_to_bytes(inet), address->length);
	address->port = port;
}

void address_set_name(struct address *address, const char *name, guint16 port)
{
	address->type = ADDRESS_NAME;
	address->length = (guint8)MIN(strlen(name), ADDRESS_NAME_MAX);
	memcpy(address->bytes, name, address->length);
	address->port = port;
}

void address_set_socket(struct address *address, GSocketAddress *from)
{
	if (from && G_IS_INET_SOCKET_ADDRESS(from)) {
		GInetSocketAddress *inet = G_INET_SOCKET_ADDRESS(from);
		address_set_inet(address, g_inet_socket_address_get_address(inet),
				 g_inet_socket_address_get_port(inet));
		return;
	}
	*address = (struct address){ .type = ADDRESS_IPV4, .length = 4 };
}

char *address_host(const struct address *address, gsize *ret_length)
{
	char *text;

	if (address->type == ADDRESS_NAME) {
		*ret_length = address->length;
		return g_strndup((const char *)address->bytes, address->length);
	}
	g_autoptr(GInetAddress) inet = address_inet(address);
	text = inet ? g_inet_address_to_string(inet) : g_strdup("");
	*ret_length = strlen(text);
	return text;
}

/* "[::1]" is what some clients make of a literal they were given in a URL. */
static GInetAddress *inet_from_name(const struct address *address)
{
	g_autofree char *name = g_strndup((const char *)address->bytes, address->length);
	gsize length = strlen(name);

	if (length != address->length)
		return NULL;
	if (length > 2 && name[0] == '[' && name[length - 1] == ']') {
		name[length - 1] = '\0';
		return g_inet_address_new_from_string(name + 1);
	}
	return g_inet_address_new_from_string(name);
}

GInetAddress *address_inet(const struct address *address)
{
	switch (address->type) {
	case ADDRESS_IPV4:
		return g_inet_address_new_from_bytes(address->bytes, G_SOCKET_FAMILY_IPV4);
	case ADDRESS_IPV6:
		return g_inet_address_new_from_bytes(address->bytes, G_SOCKET_FAMILY_IPV6);
	case ADDRESS_NAME:
		return inet_from_name(address);
	default:
		return NULL;
	}
}

gboolean address_is_impossible(const struct address *address)
{
	return address->type == ADDRESS_NAME &&
	       (address->length == 0 || memchr(address->bytes, 0, address->length));
}
