#include "endpoint.h"

#include <string.h>

static gboolean parse_port(const char *text, int *ret_port)
{
	guint64 port;

	if (!g_ascii_string_to_unsigned(text, 10, 0, 65535, &port, NULL))
		return FALSE;
	*ret_port = (int)port;
	return TRUE;
}

static gboolean split_brackets(const char *text, char **ret_host, int *ret_port)
{
	const char *close = strchr(text, ']');
	int port = -1;

	if (!close || close == text + 1)
		return FALSE;
	if (close[1] == ':' ? !parse_port(close + 2, &port) : close[1] != '\0')
		return FALSE;
	*ret_host = g_strndup(text + 1, (gsize)(close - text - 1));
	*ret_port = port;
	return TRUE;
}

gboolean endpoint_split(const char *text, char **ret_host, int *ret_port)
{
	const char *colon = strchr(text, ':');
	int port = -1;

	if (*text == '[')
		return split_brackets(text, ret_host, ret_port);
	gboolean bare = !colon || strchr(colon + 1, ':') != NULL;
	if (*text == '\0' || colon == text)
		bare = g_hostname_is_ip_address(text);
	if (!bare && (!colon || !parse_port(colon + 1, &port)))
		return FALSE;
	*ret_host = bare ? g_strdup(text) : g_strndup(text, (gsize)(colon - text));
	*ret_port = port;
	return TRUE;
}

GSocketAddress *endpoint_parse(const char *option, const char *text, GError **error)
{
	g_autofree char *host = NULL;
	g_autoptr(GInetAddress) inet = NULL;
	int port = -1;

	if (endpoint_split(text, &host, &port) && port >= 0)
		inet = g_inet_address_new_from_string(host);
	if (inet)
		return g_inet_socket_address_new(inet, (guint16)port);
	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE,
		    "%s %s: should be ADDR:PORT with an address literal, as 127.0.0.1:9050 or "
		    "[::1]:9050",
		    option, text);
	return NULL;
}

char *endpoint_text(GSocketAddress *address)
{
	if (!address || !G_IS_INET_SOCKET_ADDRESS(address))
		return g_strdup("");
	return g_socket_connectable_to_string(G_SOCKET_CONNECTABLE(address));
}
