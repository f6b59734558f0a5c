/*
 * fuzz_resolve: any bytes as a proxy's answers to RESOLVE and RESOLVE_PTR, and what of them reaches
 * a program: no address that it would be let go to past the proxy, and no name but a host name. The
 * first byte of the input chooses command and method, the rest is what the proxy says. A second
 * reader knows the policy by heart.
 */
#include "hooks/answered.h"
#include "policy/blob.h"
#include "socks5/client.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		__builtin_trap();
}

/* ---- the policy: pool 127.64.0.0/10, direct 10.9.9.0/24 and [2001:db8::/32]:8080 ---- */

static struct {
	struct blob_header header;
	struct blob_proxy proxy;
	struct blob_rule rules[2];
} blob = {
	.header = { .pool = { 127, 64 },
		    .pool_prefix = 10,
		    .proxies = { .offset = offsetof(__typeof__(blob), proxy), .count = 1 },
		    .rules = { .offset = offsetof(__typeof__(blob), rules), .count = 2 } },
	.proxy = { .address = { [10] = 0xff, 0xff, 192, 0, 2, 1 }, .port = 1080 },
	.rules = { { .address = { [10] = 0xff, 0xff, 10, 9, 9 },
		     .prefix = 120,
		     .action = BLOB_ACTION_DIRECT },
		   { .address = { 0x20, 0x01, 0x0d, 0xb8 },
		     .prefix = 32,
		     .action = BLOB_ACTION_DIRECT,
		     .port = 8080 } },
};

static const struct policy policy = { .header = &blob.header };

/* ---- the second reader ---- */

static bool is_direct4(const uint8_t *a)
{
	return a[0] == 127 || (a[0] | a[1] | a[2] | a[3]) == 0 ||
	       (a[0] == 10 && a[1] == 9 && a[2] == 9) ||
	       (a[0] == 192 && a[1] == 0 && a[2] == 2 && a[3] == 1);
}

static bool is_direct6(const uint8_t *a)
{
	unsigned front = 0;

	for (int i = 0; i < 10; i++)
		front |= a[i];
	if (front == 0 && a[10] == 0xff && a[11] == 0xff)
		return is_direct4(a + 12);
	if (front == 0 && (a[10] | a[11] | a[12] | a[13] | a[14]) == 0 && a[15] <= 1)
		return true;
	return a[0] == 0x20 && a[1] == 0x01 && a[2] == 0x0d && a[3] == 0xb8;
}

static void check_address(const struct socks5_address *bound)
{
	struct hosts_address address;
	const bool direct = bound->type == SOCKS5_IPV4	 ? is_direct4(bound->bytes)
			    : bound->type == SOCKS5_IPV6 ? is_direct6(bound->bytes)
							 : true;
	const int r = answered_address(&policy, &blob.proxy, bound, &address);

	require((r == 0) == !direct);
	require(r == 0 || r == (bound->type == SOCKS5_NAME ? -EPROTO : -EHOSTUNREACH));
	if (r == 0) {
		require(address.family == (bound->type == SOCKS5_IPV4 ? AF_INET : AF_INET6));
		require(memcmp(address.bytes, bound->bytes, bound->length) == 0);
	}
}

static void check_name(const struct socks5_address *bound)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_.";
	char name[256];
	const int r = answered_name(bound, name);
	size_t label = 0;

	require(r > 0 || r == (bound->type == SOCKS5_NAME ? -EHOSTUNREACH : -EPROTO));
	if (r < 0)
		return;
	require(r <= 253 && strlen(name) == (size_t)r && strspn(name, good) == (size_t)r);
	require(memcmp(name, bound->bytes, (size_t)r) == 0 && bound->length - r <= 1);
	for (const char *at = name; *at; at++) {
		label = *at == '.' ? 0 : label + 1;
		require(label <= 63 && (label > 0 || (at > name && at[-1] != '.' && at[1])));
		require(*at != '-' || (label > 1 && at[1] && at[1] != '.'));
	}
	require(strspn(strrchr(name, '.') ? strrchr(name, '.') + 1 : name, "0123456789") !=
		strlen(strrchr(name, '.') ? strrchr(name, '.') + 1 : name));
}

/* ---- one question ---- */

static void take(struct socks5_client *client, const uint8_t *data, size_t size)
{
	const struct iovec *pieces;
	uint8_t *window;

	while (socks5_client_want(client) != SOCKS5_WANT_NOTHING) {
		const unsigned count = socks5_client_peek_output(client, &pieces);
		for (unsigned i = 0; i < count; i++)
			socks5_client_commit_output(client, pieces[i].iov_len);
		size_t room = socks5_client_lend_input(client, &window);
		if (room > size)
			room = size;
		if (room == 0) {
			socks5_client_end_input(client);
			return;
		}
		memcpy(window, data, room);
		socks5_client_commit_input(client, room);
		data += room;
		size -= room;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t methods[] = { 0x00, 0x02, 0x97 };
	struct socks5_offer offer = { .count = 1, .username = "u", .username_length = 1 };
	struct socks5_request request = { .target = { .type = SOCKS5_NAME, .length = 1 } };
	struct socks5_client client;
	struct socks5_address bound;

	if (size < 1)
		return 0;
	offer.methods[0] = methods[(data[0] >> 1) % 3];
	offer.password = offer.username;
	offer.password_length = 1;
	request.command = data[0] & 1 ? SOCKS5_RESOLVE_PTR : SOCKS5_RESOLVE;
	request.target.bytes[0] = 'a';
	socks5_client_init(&client, &offer, &request);
	take(&client, data + 1, size - 1);
	if (!socks5_client_is_done(&client))
		return 0;
	socks5_client_bound(&client, &bound);
	/* Whatever was asked: the answer has the form that the proxy gave it. */
	check_address(&bound);
	check_name(&bound);
	return 0;
}
