#include "hooks/successor.h"
#include "base/error.h"
#include "base/libc.h"
#include "base/pass.h"
#include "hooks/leash.h"
#include "hooks/listen.h"
#include "hooks/pending.h"
#include "tunnel/table.h"
#include "tunnel/watch.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/single_threaded.h>

/* Newer than some C library's headers; a kernel without one says so. */
#define UDP_OPTION_NO_CHECK6_TX 101
#define UDP_OPTION_NO_CHECK6_RX 102
#define UDP_OPTION_SEGMENT	103
#define UDP_OPTION_GRO		104
#define IP_OPTION_RECVERR_4884	26
#define IP_OPTION_PORT_RANGE	51
#define IPV6_OPTION_RECVERR	31
#define SO_OPTION_PREFER_BUSY	69
#define TCP_OPTION_TX_DELAY	37

/* ---- options ---- */

#define VALUE_MAX 32

struct value {
	union {
		char bytes[VALUE_MAX];
		int number;
	} is;
	socklen_t length;
};

/*
 * All that an application can set on a socket that is neither connected nor listening, and ask for.
 * Those that name a device, lead by another machine or join a group are not let through at all; the
 * leash itself is what is not to be taken over.
 */
static const struct {
	short level, name;
} options[] = {
	{ SOL_SOCKET, SO_REUSEADDR },
	{ SOL_SOCKET, SO_REUSEPORT },
	{ SOL_SOCKET, SO_DEBUG },
	{ SOL_SOCKET, SO_KEEPALIVE },
	{ SOL_SOCKET, SO_DONTROUTE },
	{ SOL_SOCKET, SO_BROADCAST },
	{ SOL_SOCKET, SO_LINGER },
	{ SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_RCVLOWAT },
	{ SOL_SOCKET, SO_RCVTIMEO },
	{ SOL_SOCKET, SO_SNDTIMEO },
	{ SOL_SOCKET, SO_PRIORITY },
	{ SOL_SOCKET, SO_MARK },
	{ SOL_SOCKET, SO_TIMESTAMP },
	{ SOL_SOCKET, SO_TIMESTAMPNS },
	{ SOL_SOCKET, SO_TIMESTAMPING },
	{ SOL_SOCKET, SO_RXQ_OVFL },
	{ SOL_SOCKET, SO_NO_CHECK },
	{ SOL_SOCKET, SO_BUSY_POLL },
	{ SOL_SOCKET, SO_OPTION_PREFER_BUSY },
	{ SOL_SOCKET, SO_MAX_PACING_RATE },
	{ SOL_SOCKET, SO_SELECT_ERR_QUEUE },
	{ SOL_SOCKET, SO_WIFI_STATUS },
	{ SOL_SOCKET, SO_PEEK_OFF },
	{ SOL_SOCKET, SO_ZEROCOPY },
	{ SOL_SOCKET, SO_TXTIME },
	{ IPPROTO_IPV6, IPV6_V6ONLY },
	{ IPPROTO_IPV6, IPV6_FREEBIND },
	{ IPPROTO_IPV6, IPV6_TRANSPARENT },
	{ IPPROTO_IPV6, IPV6_UNICAST_HOPS },
	{ IPPROTO_IPV6, IPV6_MULTICAST_HOPS },
	{ IPPROTO_IPV6, IPV6_MULTICAST_LOOP },
	{ IPPROTO_IPV6, IPV6_MULTICAST_ALL },
	{ IPPROTO_IPV6, IPV6_MTU_DISCOVER },
	{ IPPROTO_IPV6, IPV6_RECVERR },
	{ IPPROTO_IPV6, IPV6_OPTION_RECVERR },
	{ IPPROTO_IPV6, IPV6_RECVPKTINFO },
	{ IPPROTO_IPV6, IPV6_RECVHOPLIMIT },
	{ IPPROTO_IPV6, IPV6_RECVRTHDR },
	{ IPPROTO_IPV6, IPV6_RECVHOPOPTS },
	{ IPPROTO_IPV6, IPV6_RECVDSTOPTS },
	{ IPPROTO_IPV6, IPV6_RECVTCLASS },
	{ IPPROTO_IPV6, IPV6_RECVPATHMTU },
	{ IPPROTO_IPV6, IPV6_RECVORIGDSTADDR },
	{ IPPROTO_IPV6, IPV6_RECVFRAGSIZE },
	{ IPPROTO_IPV6, IPV6_TCLASS },
	{ IPPROTO_IPV6, IPV6_DONTFRAG },
	{ IPPROTO_IPV6, IPV6_AUTOFLOWLABEL },
	{ IPPROTO_IPV6, IPV6_ADDR_PREFERENCES },
	{ IPPROTO_IPV6, IPV6_MINHOPCOUNT },
	{ IPPROTO_IP, IP_FREEBIND },
	{ IPPROTO_IP, IP_TRANSPARENT },
	{ IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT },
	{ IPPROTO_IP, IP_OPTION_PORT_RANGE },
	{ IPPROTO_IP, IP_TOS },
	{ IPPROTO_IP, IP_TTL },
	{ IPPROTO_IP, IP_MINTTL },
	{ IPPROTO_IP, IP_RECVOPTS },
	{ IPPROTO_IP, IP_RECVTOS },
	{ IPPROTO_IP, IP_RECVTTL },
	{ IPPROTO_IP, IP_PKTINFO },
	{ IPPROTO_IP, IP_RECVORIGDSTADDR },
	{ IPPROTO_IP, IP_RECVFRAGSIZE },
	{ IPPROTO_IP, IP_CHECKSUM },
	{ IPPROTO_IP, IP_PASSSEC },
	{ IPPROTO_IP, IP_MTU_DISCOVER },
	{ IPPROTO_IP, IP_RECVERR },
	{ IPPROTO_IP, IP_OPTION_RECVERR_4884 },
	{ IPPROTO_IP, IP_MULTICAST_TTL },
	{ IPPROTO_IP, IP_MULTICAST_LOOP },
	{ IPPROTO_IP, IP_MULTICAST_ALL },
	{ IPPROTO_TCP, TCP_NODELAY },
	{ IPPROTO_TCP, TCP_MAXSEG },
	{ IPPROTO_TCP, TCP_CORK },
	{ IPPROTO_TCP, TCP_KEEPIDLE },
	{ IPPROTO_TCP, TCP_KEEPINTVL },
	{ IPPROTO_TCP, TCP_KEEPCNT },
	{ IPPROTO_TCP, TCP_SYNCNT },
	{ IPPROTO_TCP, TCP_LINGER2 },
	{ IPPROTO_TCP, TCP_DEFER_ACCEPT },
	{ IPPROTO_TCP, TCP_WINDOW_CLAMP },
	{ IPPROTO_TCP, TCP_QUICKACK },
	{ IPPROTO_TCP, TCP_CONGESTION },
	{ IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS },
	{ IPPROTO_TCP, TCP_USER_TIMEOUT },
	{ IPPROTO_TCP, TCP_TIMESTAMP },
	{ IPPROTO_TCP, TCP_NOTSENT_LOWAT },
	{ IPPROTO_TCP, TCP_SAVE_SYN },
	{ IPPROTO_TCP, TCP_FASTOPEN },
	{ IPPROTO_TCP, TCP_FASTOPEN_CONNECT },
	{ IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE },
	{ IPPROTO_TCP, TCP_INQ },
	{ IPPROTO_TCP, TCP_OPTION_TX_DELAY },
	{ IPPROTO_UDP, UDP_CORK },
	{ IPPROTO_UDP, UDP_ENCAP },
	{ IPPROTO_UDP, UDP_OPTION_NO_CHECK6_TX },
	{ IPPROTO_UDP, UDP_OPTION_NO_CHECK6_RX },
	{ IPPROTO_UDP, UDP_OPTION_SEGMENT },
	{ IPPROTO_UDP, UDP_OPTION_GRO },
};

static bool get(int fd, int level, int name, struct value *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->length = sizeof(ret->is);
	return libc()->getsockopt(fd, level, name, &ret->is, &ret->length) == 0;
}

static int get_number(int fd, int level, int name)
{
	struct value value;

	return get(fd, level, name, &value) ? value.is.number : error_last();
}

static void set_number(int fd, int name, int number)
{
	libc()->setsockopt(fd, SOL_SOCKET, name, &number, sizeof(number));
}

/* What is as it is on a new socket was never set, and setting some would change more than them. */
static void take_option(int from, int to, int level, int name)
{
	struct value old, new;

	if (get(from, level, name, &old) && get(to, level, name, &new) &&
	    memcmp(&old, &new, sizeof(old)) != 0)
		libc()->setsockopt(to, level, name, &old.is, old.length);
}

/* The kernel doubles what it is told (socket(7)). */
static void take_buffer(int from, int to, int name)
{
	const int old = get_number(from, SOL_SOCKET, name);

	if (old > 0 && old != get_number(to, SOL_SOCKET, name))
		set_number(to, name, old / 2);
}

static void take_options(int from, int to)
{
	const bool is_ipv6 = get_number(from, SOL_SOCKET, SO_DOMAIN) == AF_INET6;
	const int other =
		get_number(from, SOL_SOCKET, SO_TYPE) == SOCK_STREAM ? IPPROTO_UDP : IPPROTO_TCP;

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const int level = options[i].level;
		if (level != other && (is_ipv6 || level != IPPROTO_IPV6))
			take_option(from, to, level, options[i].name);
	}
	take_buffer(from, to, SO_SNDBUF);
	take_buffer(from, to, SO_RCVBUF);
}

/* A filter of received packets. -EACCES: an eBPF one, which nobody can ask for. */
static int take_filter(int from, int to)
{
	socklen_t count = 0;

	if (libc()->getsockopt(from, SOL_SOCKET, SO_GET_FILTER, NULL, &count) < 0)
		return error_last() == -EACCES ? -EACCES : 0;
	if (count == 0)
		return 0;
	const size_t size = count * sizeof(struct sock_filter);
	void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (room == MAP_FAILED)
		return -ENOBUFS;
	const struct sock_fprog program = { .len = (unsigned short)count, .filter = room };
	int r = error_or(libc()->getsockopt(from, SOL_SOCKET, SO_GET_FILTER, room, &count));
	if (r == 0)
		r = error_or(libc()->setsockopt(to, SOL_SOCKET, SO_ATTACH_FILTER, &program,
						sizeof(program)));
	munmap(room, size);
	if (r == 0)
		take_option(from, to, SOL_SOCKET, SO_LOCK_FILTER);
	return r;
}

/* ---- flags ---- */

static void take_flags(int from, int to)
{
	struct f_owner_ex owner;
	const int signal = libc()->fcntl(from, F_GETSIG);

	if (libc()->fcntl(from, F_GETOWN_EX, &owner) == 0 && owner.pid != 0)
		libc()->fcntl(to, F_SETOWN_EX, &owner);
	if (signal > 0)
		libc()->fcntl(to, F_SETSIG, signal);
	libc()->fcntl(to, F_SETFL, libc()->fcntl(from, F_GETFL));
}

/* ---- addresses ---- */

struct address {
	struct sockaddr_in6 at;
	socklen_t length;
};

static bool is_bound(const struct address *own)
{
	static const struct in6_addr any;

	if (own->at.sin6_port != 0)
		return true;
	if (own->at.sin6_family == AF_INET)
		return ((const struct sockaddr_in *)&own->at)->sin_addr.s_addr != 0;
	return memcmp(&own->at.sin6_addr, &any, sizeof(any)) != 0;
}

/* Two sockets have one address for a moment, which the kernel permits where both say so. */
static int share_address(int from, int to, const struct address *own)
{
	const int was = get_number(from, SOL_SOCKET, SO_REUSEADDR) > 0;

	set_number(from, SO_REUSEADDR, 1);
	set_number(to, SO_REUSEADDR, 1);
	const int r = error_or(libc()->bind(to, (const struct sockaddr *)&own->at, own->length));
	set_number(from, SO_REUSEADDR, was);
	set_number(to, SO_REUSEADDR, was);
	return r;
}

/* The address that was asked for, where the old one could not have it. */
static int take_address(int from, int to)
{
	struct address own = { .length = sizeof(own.at) };
	struct address asked = { .length = 0 };

	if (libc()->getsockname(from, (struct sockaddr *)&own.at, &own.length) < 0)
		return error_last();
	if (!is_bound(&own))
		return 0;
	if (listen_find_asked(table_cookie(from), &asked.at, &asked.length)) {
		asked.at.sin6_port = own.at.sin6_port;
		own = asked;
	}
	return share_address(from, to, &own);
}

/* A datagram socket may be connected where the leash lets it. */
static int take_peer(int from, int to)
{
	struct address peer = { .length = sizeof(peer.at) };

	if (libc()->getpeername(from, (struct sockaddr *)&peer.at, &peer.length) < 0)
		return 0;
	return error_or(libc()->connect(to, (const struct sockaddr *)&peer.at, peer.length));
}

/* ---- numbers ---- */

/* The epoll sets lose a registration when its socket goes, and keep it while another process has
 * the socket still. A child of vfork() has none of its own. */
static int replace_number(int number, int successor, uint64_t from, uint64_t to)
{
	const bool is_ours = pending_is_ours();
	const int flags = libc()->fcntl(number, F_GETFD);

	if (is_ours)
		watch_withdraw(number);
	const int r = error_or(libc()->dup3(successor, number, flags & FD_CLOEXEC ? O_CLOEXEC : 0));
	if (is_ours) {
		watch_return(number);
		table_follow(number, from, to);
	}
	return r < 0 ? r : 0;
}

static int replace(int fd, int successor)
{
	const uint64_t from = table_cookie(fd), to = table_cookie(successor);
	int other = -1;

	while ((other = table_next_duplicate(fd, from, other)) >= 0)
		replace_number(other, successor, from, to);
	return replace_number(fd, successor, from, to);
}

static _Atomic unsigned count;

unsigned successor_count(void)
{
	return atomic_load(&count);
}

/* Who waits on the old one would wait for ever. A child that has it receives nothing more by it,
 * either, which is why it is done for threads alone. */
static int replace_and_wake(int fd, int successor)
{
	const int old = __libc_single_threaded ? -1 : libc()->fcntl(fd, F_DUPFD_CLOEXEC, 0);
	const int r = replace(fd, successor);

	if (r == 0)
		atomic_fetch_add(&count, 1);
	if (r == 0 && old >= 0 && get_number(old, SOL_SOCKET, SO_TYPE) == SOCK_DGRAM)
		libc()->shutdown(old, SHUT_RD);
	if (old >= 0)
		libc()->close(old);
	return r;
}

/* ---- all of it ---- */

static int make_like(int fd)
{
	return error_or(pass_socket(get_number(fd, SOL_SOCKET, SO_DOMAIN),
				    get_number(fd, SOL_SOCKET, SO_TYPE) | SOCK_CLOEXEC,
				    get_number(fd, SOL_SOCKET, SO_PROTOCOL)));
}

int successor_put(int fd)
{
	int r;

	if (!leash_has(fd))
		return 0;
	const int successor = make_like(fd);
	if (successor < 0)
		return successor;
	take_options(fd, successor);
	r = take_filter(fd, successor);
	if (r == 0)
		r = take_address(fd, successor);
	if (r == 0)
		r = take_peer(fd, successor);
	if (r == 0) {
		take_flags(fd, successor);
		r = replace_and_wake(fd, successor);
	}
	libc()->close(successor);
	return r;
}
