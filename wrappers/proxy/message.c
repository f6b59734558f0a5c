#include "message.h"

#include <errno.h>
#include <string.h>

/*
 * RFC 1928 §3:
 *   +----+----------+----------+
 *   |VER | NMETHODS | METHODS  |
 *   +----+----------+----------+
 *   | 1  |    1     | 0 to 255 |
 *   +----+----------+----------+
 */
int greeting_parse(const guint8 *in, gsize length, struct greeting *ret)
{
	if (length < 1)
		return 0;
	if (in[0] != MESSAGE_VERSION)
		return -EPROTO;
	if (length < 2 || length < 2 + (gsize)in[1])
		return 0;
	ret->count = in[1];
	memcpy(ret->methods, in + 2, ret->count);
	return 2 + ret->count;
}

/*
 * RFC 1929 §2:
 *   +----+------+----------+------+----------+
 *   |VER | ULEN |  UNAME   | PLEN |  PASSWD  |
 *   +----+------+----------+------+----------+
 *   | 1  |  1   | 0 to 255 |  1   | 0 to 255 |
 *   +----+------+----------+------+----------+
 * The RFC has 1 to 255; empty ones are taken, as Tor does, because curl sends an empty password.
 */
int credentials_parse(const guint8 *in, gsize length, struct credentials *ret)
{
	if (length < 1)
		return 0;
	if (in[0] != MESSAGE_AUTH_VERSION)
		return -EPROTO;
	if (length < 2 || length < 2 + (gsize)in[1] + 1)
		return 0;
	const guint8 *password = in + 2 + in[1];
	gsize total = 2 + (gsize)in[1] + 1 + password[0];
	if (length < total)
		return 0;
	ret->user_length = in[1];
	memcpy(ret->user, in + 2, ret->user_length);
	ret->password_length = password[0];
	memcpy(ret->password, password + 1, ret->password_length);
	return (int)total;
}

/*
 * RFC 1928 §4:
 *   +----+-----+-------+------+----------+----------+
 *   |VER | CMD |  RSV  | ATYP | DST.ADDR | DST.PORT |
 *   +----+-----+-------+------+----------+----------+
 *   | 1  |  1  | X'00' |  1   | Variable |    2     |
 *   +----+-----+-------+------+----------+----------+
 */
int request_parse(const guint8 *in, gsize length, struct request *ret)
{
	struct address target;

	if ((length > 0 && in[0] != MESSAGE_VERSION) || (length > 2 && in[2] != 0))
		return -EPROTO;
	if (length < 4)
		return 0;
	int used = address_parse(in + 3, length - 3, &target);
	if (used <= 0)
		return used;
	if (address_is_impossible(&target))
		return -EPROTO;
	ret->command = in[1];
	ret->target = target;
	return 3 + used;
}

guint8 greeting_choose(const struct greeting *greeting, const guint8 *methods, gsize count)
{
	for (gsize i = 0; i < count; i++) {
		if (memchr(greeting->methods, methods[i], greeting->count))
			return methods[i];
	}
	return METHOD_REFUSED;
}

static gboolean bytes_equal(const guint8 *bytes, gsize length, const char *text)
{
	return length == strlen(text) && memcmp(bytes, text, length) == 0;
}

gboolean credentials_equal(const struct credentials *credentials, const char *user,
			   const char *password)
{
	return bytes_equal(credentials->user, credentials->user_length, user) &&
	       bytes_equal(credentials->password, credentials->password_length, password);
}

/*
 * RFC 1928 §6:
 *   +----+-----+-------+------+----------+----------+
 *   |VER | REP |  RSV  | ATYP | BND.ADDR | BND.PORT |
 *   +----+-----+-------+------+----------+----------+
 */
void reply_append(GByteArray *out, guint8 code, const struct address *bound)
{
	static const struct address nowhere = { .type = ADDRESS_IPV4, .length = 4 };
	const guint8 head[3] = { MESSAGE_VERSION, code, 0 };

	g_byte_array_append(out, head, sizeof(head));
	address_append(bound ? bound : &nowhere, out);
}
