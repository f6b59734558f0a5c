#include "probe.h"

#include "keys/keys.h"
#include "socks5/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What stands in place of keys: that it arrives is all that counts. */
#define PASSWORD "ISOLATION=isosocksctl"

/* ---- a socket and a deadline ---- */

static int64_t now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static int await(int fd, short events, int64_t deadline)
{
	struct pollfd poller = { .fd = fd, .events = events };
	int64_t left = deadline - now();
	int r;

	do
		r = poll(&poller, 1, left > 0 ? (int)left : 0);
	while (r < 0 && errno == EINTR && (left = deadline - now()) > 0);
	if (r < 0)
		return -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

static socklen_t fill_address(const struct url *proxy, struct sockaddr_storage *address)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;

	memset(address, 0, sizeof(*address));
	if (IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)proxy->address)) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(proxy->port);
		memcpy(&v4->sin_addr, proxy->address + 12, 4);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(proxy->port);
	memcpy(&v6->sin6_addr, proxy->address, 16);
	return sizeof(*v6);
}

static int await_connection(int fd, int64_t deadline)
{
	socklen_t length = sizeof(int);
	int error = 0;
	int r = await(fd, POLLOUT, deadline);

	if (r < 0)
		return r;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	return -error;
}

/* A connected descriptor or -errno. */
static int open_connection(const struct url *proxy, int64_t deadline)
{
	struct sockaddr_storage address;
	const socklen_t length = fill_address(proxy, &address);
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, length) < 0)
		r = errno == EINPROGRESS ? await_connection(fd, deadline) : -errno;
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

/* ---- one handshake ---- */

static int send_output(int fd, struct socks5_client *client)
{
	const struct iovec *pieces;
	struct msghdr message = { 0 };
	ssize_t n;

	message.msg_iovlen = socks5_client_peek_output(client, &pieces);
	message.msg_iov = (struct iovec *)pieces;
	n = sendmsg(fd, &message, MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	socks5_client_commit_output(client, (size_t)n);
	return 0;
}

static int receive_input(int fd, struct socks5_client *client)
{
	uint8_t *window;
	const size_t size = socks5_client_lend_input(client, &window);
	const ssize_t n = recv(fd, window, size, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		socks5_client_end_input(client);
	else
		socks5_client_commit_input(client, (size_t)n);
	return 0;
}

static int step(int fd, struct socks5_client *client, int64_t deadline)
{
	const bool sends = socks5_client_want(client) & SOCKS5_WANT_SEND;
	int r = await(fd, sends ? POLLOUT : POLLIN, deadline);

	if (r < 0)
		return r;
	return sends ? send_output(fd, client) : receive_input(fd, client);
}

static int shake_hands(int fd, struct socks5_client *client, int64_t deadline)
{
	int r = 0;

	while (r == 0 && socks5_client_want(client) != SOCKS5_WANT_NOTHING)
		r = step(fd, client, deadline);
	return r;
}

/* ---- one method ---- */

/* Once the method was chosen a proxy is one, whatever becomes of the rest. */
static int judge(const struct socks5_client *client, int r, enum probe_verdict *ret_verdict,
		 bool *ret_resolves)
{
	const bool chosen = socks5_client_method(client) != SOCKS5_NO_ACCEPTABLE;
	uint8_t code = 0;
	const enum socks5_stage stage = socks5_client_stage(client, &code);

	*ret_resolves = r == 0 && socks5_client_is_done(client) && !socks5_client_error(client);
	*ret_verdict = PROBE_REFUSED;
	if (!chosen && stage != SOCKS5_STAGE_METHOD && stage != SOCKS5_STAGE_END)
		return r < 0 ? r : -EPROTO;
	/* A Tor that refuses a username breaks the protocol instead of saying so. */
	if (stage == SOCKS5_STAGE_AUTHENTICATION || (chosen && stage == SOCKS5_STAGE_PROTOCOL))
		*ret_verdict = PROBE_UNAUTHENTICATED;
	else if (chosen)
		*ret_verdict = PROBE_TAKEN;
	return 0;
}

static void fill_offer(const struct url *proxy, uint8_t method, struct keys *keys, uint8_t vlen[2],
		       struct iovec parts[KEYS_PARTS], struct socks5_offer *offer)
{
	*offer = (struct socks5_offer){ .methods = { method }, .count = 1 };
	offer->username = KEYS_USERNAME;
	offer->username_length = sizeof(KEYS_USERNAME) - 1;
	offer->password = PASSWORD;
	offer->password_length = sizeof(PASSWORD) - 1;
	if (proxy->has_credentials) {
		keys_set_credentials(keys, proxy->username, proxy->username_length, proxy->password,
				     proxy->password_length);
		offer->username = proxy->username;
		offer->username_length = proxy->username_length;
		offer->password = proxy->password;
		offer->password_length = proxy->password_length;
	}
	offer->pieces = (uint8_t)keys_message(keys, &(struct keys_now){ 0 }, vlen, parts);
	offer->pair_count = keys->count;
	offer->pairs = parts;
}

static int ask(const struct url *proxy, uint8_t method, int milliseconds,
	       enum probe_verdict *ret_verdict, bool *ret_resolves)
{
	static const struct socks5_request request = {
		.command = SOCKS5_RESOLVE,
		.target = { .type = SOCKS5_IPV4, .length = 4, .bytes = { 127, 0, 0, 1 } },
	};
	const int64_t deadline = now() + milliseconds;
	struct socks5_client client;
	struct socks5_offer offer;
	struct iovec parts[KEYS_PARTS];
	struct keys keys = { 0 };
	uint8_t vlen[2];
	const int fd = open_connection(proxy, deadline);

	if (fd < 0)
		return fd;
	fill_offer(proxy, method, &keys, vlen, parts, &offer);
	socks5_client_init(&client, &offer, &request);
	int r = shake_hands(fd, &client, deadline);
	close(fd);
	return judge(&client, r, ret_verdict, ret_resolves);
}

/* ---- the proxy ---- */

int probe_proxy(const struct url *proxy, int milliseconds, struct probe *ret_probe)
{
	struct probe probe = { 0 };
	const struct {
		uint8_t method;
		enum probe_verdict *verdict;
	} rows[] = { { SOCKS5_NO_AUTHENTICATION, &probe.none },
		     { SOCKS5_PASSWORD, &probe.password },
		     { SOCKS5_EXTENDED, &probe.extended } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool resolves = false;
		int r = ask(proxy, rows[i].method, milliseconds, rows[i].verdict, &resolves);

		if (r < 0)
			return r;
		probe.resolves = probe.resolves || resolves;
	}
	*ret_probe = probe;
	return 0;
}

const char *probe_explain(enum probe_verdict verdict)
{
	switch (verdict) {
	case PROBE_TAKEN:
		return "taken";
	case PROBE_UNAUTHENTICATED:
		return "taken, but what is authenticated with is refused";
	case PROBE_REFUSED:
		break;
	}
	return "refused";
}
