#include "socks5/wire.h"

#include <errno.h>

void socks5_put_greeting(struct bytes_writer *w, const uint8_t *methods, unsigned count)
{
	bytes_put_u8(w, SOCKS5_VERSION);
	bytes_put_u8(w, (uint8_t)count);
	bytes_put(w, methods, count);
}

void socks5_put_password(struct bytes_writer *w, const void *username, size_t username_length,
			 const void *password, size_t password_length)
{
	bytes_put_u8(w, SOCKS5_AUTH_VERSION);
	bytes_put_u8(w, (uint8_t)username_length);
	bytes_put(w, username, username_length);
	bytes_put_u8(w, (uint8_t)password_length);
	bytes_put(w, password, password_length);
}

void socks5_put_extended_head(struct bytes_writer *w, uint16_t pairs)
{
	bytes_put_u8(w, SOCKS5_AUTH_VERSION);
	bytes_put_u16(w, pairs);
}

void socks5_put_request(struct bytes_writer *w, uint8_t command,
			const struct socks5_address *target)
{
	bytes_put_u8(w, SOCKS5_VERSION);
	bytes_put_u8(w, command);
	bytes_put_u8(w, 0);
	bytes_put_u8(w, target->type);
	if (target->type == SOCKS5_NAME)
		bytes_put_u8(w, target->length);
	bytes_put(w, target->bytes, target->length);
	bytes_put_u16(w, target->port);
}

int socks5_reply_length(const uint8_t *reply, size_t have)
{
	if (have < 5)
		return SOCKS5_REPLY_MIN;
	switch (reply[3]) {
	case SOCKS5_IPV4:
		return 4 + 4 + 2;
	case SOCKS5_NAME:
		return 4 + 1 + reply[4] + 2;
	case SOCKS5_IPV6:
		return 4 + 16 + 2;
	default:
		return -EPROTO;
	}
}
