#include "hop.h"

#include "endpoint.h"

#include <gio/gunixsocketaddress.h>
#include <string.h>

#define CREDENTIAL_MAX 255

static const char *const names[] = { "socks5", "socks4a", "http" };

void hop_free(struct hop *hop)
{
	if (!hop)
		return;
	g_clear_object(&hop->address);
	g_free(hop->login);
	g_free(hop->text);
	g_free(hop);
}

static gboolean fail(GError **error, const char *option, const char *text, const char *right)
{
	const char *at = strrchr(text, '@'); /* what stands before it is not repeated */

	g_set_error(error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s %s%s: %s", option,
		    at ? "..." : "", at ? at : text, right);
	return FALSE;
}

static gboolean parse_kind(const char **text, struct hop *hop)
{
	const char *end = strstr(*text, "://");

	hop->kind = HOP_SOCKS5;
	if (!end)
		return TRUE;
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
		if (strlen(names[i]) == (gsize)(end - *text) &&
		    strncmp(*text, names[i], (gsize)(end - *text)) == 0) {
			hop->kind = (enum hop_kind)i;
			*text = end + 3;
			return TRUE;
		}
	}
	return FALSE;
}

static gboolean put_part(const char *from, gsize length, guint8 bytes[static CREDENTIAL_MAX],
			 guint8 *ret_length)
{
	g_autoptr(GBytes) part = g_uri_unescape_bytes(from, (gssize)length, NULL, NULL);
	gsize size;

	if (!part)
		return FALSE;
	const void *data = g_bytes_get_data(part, &size);
	if (size > CREDENTIAL_MAX)
		return FALSE;
	if (size > 0)
		memcpy(bytes, data, size);
	*ret_length = (guint8)size;
	return TRUE;
}

/* USER:PASS@ or, as SOCKS4 has no password, USER@. */
static gboolean parse_login(const char **text, struct hop *hop)
{
	const char *at = strrchr(*text, '@');
	const char *colon = at ? memchr(*text, ':', (gsize)(at - *text)) : NULL;
	const char *end = colon ? colon : at;

	if (!at)
		return TRUE;
	if (!colon != (hop->kind == HOP_SOCKS4A))
		return FALSE;
	hop->login = g_new0(struct credentials, 1);
	if (!put_part(*text, (gsize)(end - *text), hop->login->user, &hop->login->user_length))
		return FALSE;
	if (colon && !put_part(colon + 1, (gsize)(at - colon - 1), hop->login->password,
			       &hop->login->password_length))
		return FALSE;
	*text = at + 1;
	return hop->login->user_length > 0;
}

static gboolean parse_place(const char *text, struct hop *hop)
{
	g_autofree char *host = NULL;
	g_autoptr(GInetAddress) inet = NULL;
	int port;

	if (!endpoint_split(text, &host, &port) || port <= 0 || strlen(host) > ADDRESS_NAME_MAX)
		return FALSE;
	inet = g_inet_address_new_from_string(host);
	if (inet) {
		address_set_inet(&hop->place, inet, (guint16)port);
		hop->address = g_inet_socket_address_new(inet, (guint16)port);
	} else {
		address_set_name(&hop->place, host, (guint16)port);
	}
	hop->text = g_strdup_printf("%s://%s", names[hop->kind], text);
	return TRUE;
}

static gboolean parse_unix(const char *path, struct hop *hop)
{
	if (*path != '/' || strlen(path) > 107) /* unix(7) */
		return FALSE;
	hop->address = g_unix_socket_address_new(path);
	hop->text = g_strdup_printf("unix:%s", path);
	return TRUE;
}

static gboolean parse(const char *option, const char *text, struct hop *hop, GError **error)
{
	const char *at = text;

	if (g_str_has_prefix(text, "unix:"))
		return parse_unix(text + 5, hop) ||
		       fail(error, option, text, "should be unix: and a path that begins with /");
	if (!parse_kind(&at, hop))
		return fail(error, option, text,
			    "should begin with socks5://, socks4a:// or http://");
	if (!parse_login(&at, hop))
		return fail(error, option, text,
			    "should be USER:PASS@ADDR:PORT, for socks4a USER@ADDR:PORT");
	if (!parse_place(at, hop))
		return fail(error, option, text,
			    "should be ADDR:PORT with an address literal, as 127.0.0.1:9050 or "
			    "[::1]:9050");
	return TRUE;
}

struct hop *hop_parse(const char *option, const char *text, GError **error)
{
	struct hop *hop = g_new0(struct hop, 1);

	if (parse(option, text, hop, error))
		return hop;
	hop_free(hop);
	return NULL;
}
