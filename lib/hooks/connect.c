#include "hooks/connect.h"
#include "base/cold.h"
#include "base/literal.h"
#include "base/log.h"
#include "hooks/doors.h"
#include "hooks/failure.h"
#include "hooks/hook.h"
#include "hooks/leash.h"
#include "hooks/nameserver.h"
#include "hooks/option.h"
#include "hooks/pending.h"
#include "hooks/successor.h"
#include "keys/keys.h"
#include "session/self.h"
#include "tunnel/slots.h"
#include "tunnel/table.h"

#include <string.h>

/* What a plan points at, in the tunnel's own room. */
struct scratch {
	struct iovec pairs[KEYS_PARTS];
	uint8_t vlen[3];
	char user[KEYS_USER_MAX];
	char varying[KEYS_VARYING_MAX];
	char password[KEYS_PASSWORD_MAX];
};
_Static_assert(sizeof(struct scratch) <= TUNNEL_SCRATCH,
	       "a tunnel has room for what its plan points at");
_Static_assert(KEYS_PARTS <= SOCKS5_PIECES_MAX, "a client has room for the pieces of a message");

/* ---- the plan ---- */

static bool is_mapped(const uint8_t address[16])
{
	return IN6_IS_ADDR_V4MAPPED((const struct in6_addr *)(const void *)address);
}

static void set_address(struct socks5_address *to, const uint8_t address[16])
{
	const bool mapped = is_mapped(address);

	to->type = mapped ? SOCKS5_IPV4 : SOCKS5_IPV6;
	to->length = mapped ? 4 : 16;
	memcpy(to->bytes, mapped ? address + 12 : address, to->length);
}

/* The proxy's address in the form the socket takes. An AF_INET socket cannot reach an IPv6 proxy.
 */
static int fill_proxy(const struct blob_proxy *proxy, int domain, struct tunnel_plan *plan)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&plan->proxy;

	memset(&plan->proxy, 0, sizeof(plan->proxy));
	if (domain == AF_INET6) {
		plan->proxy.sin6_family = AF_INET6;
		plan->proxy.sin6_port = htons(proxy->port);
		memcpy(&plan->proxy.sin6_addr, proxy->address, 16);
		plan->proxy_length = sizeof(plan->proxy);
		return 0;
	}
	if (!is_mapped(proxy->address))
		return -EAFNOSUPPORT;
	v4->sin_family = AF_INET;
	v4->sin_port = htons(proxy->port);
	memcpy(&v4->sin_addr, proxy->address + 12, 4);
	plan->proxy_length = sizeof(*v4);
	return 0;
}

#define LITERAL_TEXT (sizeof("[]") + INET6_ADDRSTRLEN)

/* An address as inet_ntop writes it, IPv6 in brackets. */
static size_t literal_text(bool is_ipv4, const uint8_t *address, char text[LITERAL_TEXT])
{
	struct bytes_writer w = bytes_writer(text, LITERAL_TEXT);

	if (is_ipv4) {
		literal_put_ipv4(&w, address);
	} else {
		bytes_put_u8(&w, '[');
		literal_put_ipv6(&w, address);
		bytes_put_u8(&w, ']');
	}
	return bytes_length(&w);
}

/* The host as it stands in `dest=`: a name as it is. */
static size_t host_text(const struct socks5_address *target, char text[SOCKS5_NAME_MAX + 1])
{
	if (target->type != SOCKS5_NAME)
		return literal_text(target->type == SOCKS5_IPV4, target->bytes, text);
	memcpy(text, target->bytes, target->length);
	return target->length;
}

/* What ISOLATION has for this connect; -EACCES where it cannot be told from that of others. */
static int fill_now(const struct session *session, const struct socks5_address *target,
		    struct scratch *scratch, struct keys_now *ret)
{
	const bool by_process = session->by & KEYS_BY_PROCESS;
	const bool by_destination = session->by & KEYS_BY_DESTINATION;
	uint8_t process[KEYS_PROCESS_SIZE];
	char host[SOCKS5_NAME_MAX + 1];
	size_t host_length = 0;

	*ret = (struct keys_now){ .user = scratch->user, .varying = scratch->varying };
	if (session->keys.user > 0)
		ret->user_length = self_put_user(session, scratch->user);
	if (session->keys.varying == 0)
		return 0;
	if (by_process && self_process(process) < 0)
		return -EACCES;
	if (by_destination)
		host_length = host_text(target, host);
	ret->varying_length =
		keys_put_varying(scratch->varying, by_process ? process : NULL,
				 by_destination ? host : NULL, host_length, target->port);
	return 0;
}

/*
 * The password of proposal 351, which takes more time to write than all else in a plan. Where no
 * part of it varies it is written once, into the session's room for a real one, which is free then;
 * by the first who comes here, and until he is done others write their own.
 */
static void fill_password(struct session *session, struct scratch *scratch,
			  const struct keys_now *keys_now, struct socks5_offer *offer)
{
	const bool varies = keys_now->varying_length > 0 || keys_now->user_length > 0;
	enum { UNWRITTEN, BEGUN, WRITTEN };
	static _Atomic int state LIBC_WITH_DATA = UNWRITTEN;
	int now = varies ? BEGUN : atomic_load_explicit(&state, memory_order_acquire);
	const bool first = now == UNWRITTEN && atomic_compare_exchange_strong(&state, &now, BEGUN);

	offer->password = first || now == WRITTEN ? session->password : scratch->password;
	if (now != WRITTEN)
		offer->password_length =
			(uint8_t)keys_password(&session->keys, keys_now, (char *)offer->password);
	else
		offer->password_length = session->password_length;
	if (first) {
		session->password_length = offer->password_length;
		atomic_store_explicit(&state, WRITTEN, memory_order_release);
	}
}

static int fill_offer(struct session *session, struct tunnel *tunnel)
{
	struct scratch *scratch = (struct scratch *)(void *)tunnel->scratch;
	struct tunnel_plan *plan = &tunnel->plan;
	struct socks5_offer *offer = &plan->offer;
	struct keys_now now;

	if (fill_now(session, &plan->request.target, scratch, &now) < 0)
		return -EACCES;
	offer->pairs = scratch->pairs;
	offer->pieces = (uint8_t)keys_message(&session->keys, &now, scratch->vlen, scratch->pairs);
	offer->pair_count = session->keys.count;
	if (session->has_credentials) {
		offer->username = session->username;
		offer->username_length = session->username_length;
		offer->password = session->password;
		offer->password_length = session->password_length;
		return 0;
	}
	offer->username = KEYS_USERNAME;
	offer->username_length = sizeof(KEYS_USERNAME) - 1;
	fill_password(session, scratch, &now, offer);
	return 0;
}

/* The proxy as the processes of a session know it: one word, never 0. */
static uint64_t note_key(const struct session *session)
{
	uint8_t facts[18];

	memcpy(facts, session->proxy.address, 16);
	memcpy(facts + 16, &session->proxy.port, 2);
	return policy_checksum(facts, sizeof(facts)) | 1;
}

/* A note is a method and this, so that 0x00 can be noted too. */
#define NOTED 0x100

static uint8_t known_method(struct session *session)
{
	const struct pool *pool = session_pool(session);
	const int note = pool ? pool_find_note(pool, note_key(session)) : -ENOMEM;
	return note > 0 ? (uint8_t)(note & 0xff) : SOCKS5_NO_ACCEPTABLE;
}

/* text: room for an address, which must stay; a name is lent. */
static void put_host(struct log_connection *connection, const struct socks5_address *target,
		     char text[LITERAL_TEXT])
{
	const bool is_name = target->type == SOCKS5_NAME;
	const bool in_brackets = target->type == SOCKS5_IPV6;
	const size_t length =
		is_name ? target->length : literal_text(!in_brackets, target->bytes, text);

	connection->host = is_name ? (const char *)target->bytes : text + in_brackets;
	connection->host_length = length - 2u * in_brackets;
	connection->port = target->port;
}

/* A proxy that never answers would leave no other trace before the timeout. */
COLD static void log_beginning(const struct session *session, const struct socks5_request *request)
{
	const struct blob_proxy *proxy = &session->proxy;
	const bool is_ipv4 = is_mapped(proxy->address);
	struct log_connection connection = { .what = "asking the proxy " };
	char host[LITERAL_TEXT], sentence[LITERAL_TEXT + sizeof(":65535")];
	struct bytes_writer text = bytes_writer(sentence, sizeof(sentence));

	put_host(&connection, &request->target, host);
	text.at += literal_text(is_ipv4, proxy->address + (is_ipv4 ? 12 : 0), sentence);
	bytes_put_u8(&text, ':');
	bytes_put_decimal(&text, proxy->port);
	bytes_put_u8(&text, '\0');
	connection.sentence = sentence;
	log_connection(LOG_DEBUG, &connection);
}

int connect_plan(struct session *session, int domain, const struct socks5_request *request,
		 struct tunnel *tunnel)
{
	const struct blob_header *header = session->policy.header;
	struct tunnel_plan *plan = &tunnel->plan;

	memset(plan, 0, offsetof(struct tunnel_plan, request));
	memset(&plan->offer, 0, sizeof(plan->offer));
	plan->request = *request;
	plan->offer.count = (uint8_t)policy_methods(&session->policy, session->keys_must_arrive,
						    session->has_credentials, plan->offer.methods);
	if (plan->offer.count == 0)
		return -EPROTONOSUPPORT;
	plan->known = known_method(session);
	plan->pipeline = header->pipeline; /* the two enumerations are one */
	plan->retry = header->retry;
	plan->keys_must_arrive = session->keys_must_arrive;
	plan->has_credentials = session->has_credentials;
	plan->was_v6only = false;
	plan->has_low_mark = false;
	plan->timeout = header->timeout;
	int r = fill_offer(session, tunnel);
	if (r == 0)
		r = fill_proxy(&session->proxy, domain, plan);
	if (r == 0 && log_wants(LOG_DEBUG))
		log_beginning(session, request);
	return r;
}

COLD static void log_outcome(const struct tunnel *tunnel, int error)
{
	uint8_t code;
	const enum socks5_stage stage = socks5_client_stage(&tunnel->client, &code);
	const uint8_t method = socks5_client_method(&tunnel->client);
	const bool has_method = method != SOCKS5_NO_ACCEPTABLE || stage == SOCKS5_STAGE_METHOD;
	struct log_connection connection = {
		.what = error == 0		      ? "connected"
			: stage == SOCKS5_STAGE_REPLY ? "refused by the proxy: "
						      : "failed: ",
		.sentence = error < 0 ? failure_text(tunnel, error) : "",
		.error = -error,
		.method = has_method ? &method : NULL,
		.reply = stage == SOCKS5_STAGE_REPLY ? &code : NULL,
		.status = stage == SOCKS5_STAGE_AUTHENTICATION ? &code : NULL,
	};
	char host[LITERAL_TEXT];

	put_host(&connection, &tunnel->plan.request.target, host);
	log_connection(LOG_DEBUG, &connection);
}

COLD static void warn_of_fall_back(void)
{
	struct log_line line;

	log_begin(&line, LOG_WARNING);
	bytes_put_text(&line.text, "the proxy refused the isolation keys; connected without them");
	log_end(&line);
}

void connect_learn(struct session *session, const struct tunnel *tunnel, int error)
{
	struct pool *pool = session_pool(session);

	/* A fall-back is not what the proxy takes: the next connect tries to bring the keys again.
	 */
	if (pool && error == 0 && !tunnel->fell_back &&
	    tunnel->plan.known != socks5_client_method(&tunnel->client))
		pool_note(pool, note_key(session), NOTED | socks5_client_method(&tunnel->client));
	if (tunnel->fell_back && log_wants(LOG_WARNING))
		warn_of_fall_back();
	if (error < 0)
		failure_of_tunnel(session, tunnel, error);
	if (log_wants(LOG_DEBUG))
		log_outcome(tunnel, error);
}

/* ---- connect(2) ---- */

static void fill_request(const struct route *route, struct socks5_request *request)
{
	const struct policy_target *to = &route->destination;
	struct socks5_address *target = &request->target;

	request->command = SOCKS5_CONNECT;
	target->port = to->port;
	if (to->name) {
		target->type = SOCKS5_NAME;
		target->length = (uint8_t)to->name_length;
		memcpy(target->bytes, to->name, to->name_length);
	} else {
		set_address(target, to->address);
	}
}

/*
 * An IPv6-only socket reaches an IPv4 proxy by a mapped address, once it is allowed to. One that is
 * bound to an IPv6 address cannot.
 */
static int allow_mapped(int fd, struct tunnel_plan *plan)
{
	const int off = 0;
	socklen_t length = sizeof(int);
	int only = 0;

	if (plan->proxy.sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&plan->proxy.sin6_addr))
		return 0;
	libc()->getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &length);
	if (!only)
		return 0;
	if (libc()->setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
		return -EADDRNOTAVAIL;
	plan->was_v6only = true;
	return 0;
}

/*
 * What the kernel says to a connect() on a socket that is connected. It is not told an address: on
 * a socket that is not, that would be a way past the proxy. One of another family is none, and has
 * EAFNOSUPPORT for an answer there.
 */
static int ask_kernel(int fd)
{
	int domain = AF_INET;
	socklen_t length = sizeof(domain);

	libc()->getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length);
	const struct sockaddr_in6 none = { .sin6_family = domain == AF_INET6 ? AF_INET : AF_INET6 };
	return error_or(libc()->connect(fd, (const struct sockaddr *)&none, sizeof(none)));
}

static void dissolve(int fd)
{
	pending_cancel(fd);
	table_end(fd, table_cookie(fd), false);
}

static bool is_under_way(int r)
{
	return r == -EINTR || r == -EINPROGRESS;
}

/*
 * What connect(2) tells at once is told: nothing of a failure stays behind. Another thread may have
 * ended it, or have been told its failure; the kernel says the same to the one it was not told to.
 */
static int tell(const struct pending *pending, int r)
{
	if (r == 0 && !table_knows(pending->fd, pending->cookie))
		return -ECONNABORTED;
	if (r < 0 && r != -EBADF && !is_under_way(r)) {
		pending_collect(pending);
		tunnel_disconnect(pending->fd);
	}
	return r;
}

static int start(struct pending *pending, const struct sockaddr *target)
{
	struct tunnel_start start;
	int r = pending_begin(pending, target);

	if (r < 0)
		return r;
	r = pending_start(pending, &start);
	if (!start.started) {
		pending_abandon(pending, r);
		return r;
	}
	if (r == -EINPROGRESS && start.waits)
		r = pending_finish(pending);
	return tell(pending, r);
}

static int open_tunnel(struct session *session, struct pending *pending, const struct route *route)
{
	pending->tunnel = slots_take();
	if (!pending->tunnel)
		return -ENOBUFS;
	struct socks5_request *request = &pending->tunnel->plan.request;
	fill_request(route, request);
	int r = connect_plan(session, route->target.sin6_family, request, pending->tunnel);
	if (r == 0)
		r = allow_mapped(pending->fd, &pending->tunnel->plan);
	if (r < 0) {
		slots_give(pending->tunnel, 0);
		failure_of_policy(session, &route->destination, r);
		return r;
	}
	pending->tunnel->plan.has_low_mark = option_may_have_low_mark(pending->fd);
	return start(pending, (const struct sockaddr *)&route->target);
}

/* A second connect() on a socket under way, or on one whose failure was not told yet. */
static int connect_again(const struct pending *pending)
{
	int r = pending_step(pending);

	if (r == -EINPROGRESS && (libc()->fcntl(pending->fd, F_GETFL) & O_NONBLOCK))
		return -EALREADY;
	if (r == -EINPROGRESS)
		r = pending_finish(pending);
	else if (r == 0)
		return ask_kernel(pending->fd);
	return tell(pending, r);
}

static int connect_by_proxy(struct session *session, int fd, const struct route *route)
{
	struct pending pending = { .fd = fd, .cookie = table_cookie(fd) };

	pending.tunnel = table_find_tunnel(fd, pending.cookie);
	if (pending.tunnel)
		return connect_again(&pending);
	/* Connected already: the kernel says so, first with 0 where the first connect() did not
	 * wait. */
	if (table_knows(fd, pending.cookie)) {
		const int r = ask_kernel(fd);
		if (r != -EAFNOSUPPORT)
			return r;
		table_end(fd, pending.cookie, false); /* it was dissolved by a duplicate */
	}
	if (session->proxy_is_elsewhere) {
		const int r = successor_put(fd);
		if (r < 0)
			return r;
		pending.cookie = table_cookie(fd);
	}
	return open_tunnel(session, &pending, route);
}

COLD static void warn_of_own_socks(int verdict)
{
	struct log_line line;

	if (!log_wants(LOG_WARNING))
		return;
	log_begin(&line, LOG_WARNING);
	bytes_put_text(&line.text,
		       verdict < 0
			       ? "the program speaks to the proxy by itself, where our keys, "
				 "which must arrive, do not go along: EACCES"
			       : "the program speaks to the proxy by itself: our keys do not go "
				 "along");
	log_end(&line);
}

HOOK int connect(int fd, const struct sockaddr *addr, socklen_t length)
{
	const int saved = errno;
	struct session *session = session_get();
	struct sockaddr_storage own;
	struct route route;

	addr = route_copy(addr, length, &own);
	int verdict = doors_check(session, addr, length);

	if (verdict < 0)
		return hook_return(verdict, saved);
	verdict = route_connect(session, fd, addr, length, &route);
	if (route.is_the_proxy)
		warn_of_own_socks(verdict);
	if (verdict < 0) {
		failure_of_policy(session, &route.destination, verdict);
		return hook_return(verdict, saved);
	}
	if (verdict == ROUTE_PROXY)
		return hook_return(connect_by_proxy(session, fd, &route), saved);
	if (verdict == ROUTE_NAMESERVER)
		return hook_return(nameserver_connect(fd, &route), saved);
	nameserver_leave(fd);
	/* AF_UNSPEC dissolves a connection; another address on a socket under way is EALREADY, as
	 * ever. */
	if (route_is_readable(addr, length) && addr->sa_family == AF_UNSPEC) {
		dissolve(fd);
		return hook_return(leash_disconnect(fd, addr, length), saved);
	}
	if (route.leaves) {
		const int r = successor_put(fd);
		if (r < 0)
			return hook_return(r, saved);
	}
	if (route.is_local)
		addr = (const struct sockaddr *)&route.target;
	return hook_return(error_or(libc()->connect(fd, addr, length)), saved);
}
