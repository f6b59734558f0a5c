#include "hooks/answered.h"
#include "names/hostname.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* As the policy knows addresses, IPv4 mapped. */
static void widen(const struct socks5_address *bound, uint8_t ret[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const size_t front = 16u - bound->length;

	memcpy(ret, mapped, front);
	memcpy(ret + front, bound->bytes, bound->length);
}

/*
 * A remote name has no local address: connecting there would go past the proxy, to what a direct
 * rule lets go, to the name that somebody else's placeholder stands for, or to the proxy itself.
 */
int answered_address(const struct policy *policy, const struct blob_proxy *proxy,
		     const struct socks5_address *bound, struct hosts_address *ret)
{
	uint8_t wide[16];

	if (bound->type == SOCKS5_NAME)
		return -EPROTO;
	widen(bound, wide);
	if (policy_may_be_direct(policy, wide) || policy_is_address_of(policy, proxy, wide))
		return -EHOSTUNREACH;
	*ret = (struct hosts_address){ .family = bound->type == SOCKS5_IPV4 ? AF_INET : AF_INET6 };
	memcpy(ret->bytes, bound->bytes, bound->length);
	return 0;
}

int answered_name(const struct socks5_address *bound, char ret_name[256])
{
	const char *name = (const char *)bound->bytes;
	size_t length = bound->length;

	if (bound->type != SOCKS5_NAME)
		return -EPROTO;
	if (length > 0 && name[length - 1] == '.')
		length--;
	if (!hostname_is_plain(name, length))
		return -EHOSTUNREACH;
	memcpy(ret_name, name, length);
	ret_name[length] = '\0';
	return (int)length;
}
