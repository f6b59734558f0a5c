/*
 * option: setsockopt(2). Options that would undo the leash, or make the kernel itself speak to the
 * network, are answered here.
 */
#include "hooks/option.h"
#include "base/memory.h"
#include "base/pass.h"
#include "hooks/hook.h"
#include "hooks/leash.h"
#include "hooks/pending.h"

#include <netinet/in.h>
#include <string.h>

#define DEVICE_NAME_MAX 15 /* IFNAMSIZ less the NUL */
#define LOOPBACK_INDEX	1  /* in every network namespace */

#ifndef IPV6_2292PKTOPTIONS
#define IPV6_2292PKTOPTIONS 6
#endif
#ifndef IPV6_JOIN_ANYCAST
#define IPV6_JOIN_ANYCAST 27
#endif

/* The kernel announces a membership by IGMP or MLD, on the device that it finds, leash or not. */
static bool is_join(int level, int name)
{
	if (level == IPPROTO_IP)
		return name == IP_ADD_MEMBERSHIP || name == IP_ADD_SOURCE_MEMBERSHIP ||
		       name == MCAST_JOIN_GROUP || name == MCAST_JOIN_SOURCE_GROUP;
	if (level == IPPROTO_IPV6)
		return name == IPV6_JOIN_GROUP || name == IPV6_JOIN_ANYCAST ||
		       name == MCAST_JOIN_GROUP || name == MCAST_JOIN_SOURCE_GROUP;
	return false;
}

/* Another machine that everything goes by: what is sent to this one would be seen there (RFC 791
 * §3.1, RFC 8754). Taking it away again is harmless. */
static bool is_way(int level, int name, const void *value, socklen_t length)
{
	if (!value || length == 0)
		return false;
	return (level == IPPROTO_IP && name == IP_OPTIONS) ||
	       (level == IPPROTO_IPV6 && (name == IPV6_RTHDR || name == IPV6_2292PKTOPTIONS));
}

static bool names_device(int level, int name)
{
	return level == SOL_SOCKET && (name == SO_BINDTODEVICE || name == SO_BINDTOIFINDEX);
}

/* The devices that datagrams go by where the socket is bound to none. */
static bool names_way_out(int level, int name)
{
	if (level == IPPROTO_IP)
		return name == IP_UNICAST_IF || name == IP_MULTICAST_IF;
	return level == IPPROTO_IPV6 &&
	       (name == IPV6_UNICAST_IF || name == IPV6_MULTICAST_IF || name == IPV6_PKTINFO);
}

static bool is_socket(int fd)
{
	int domain;
	socklen_t length = sizeof(domain);

	return libc()->getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0;
}

static int check_device(const char *name, size_t length)
{
	if (length == 0 || *name == '\0' ||
	    (strnlen(name, length) == 2 && memcmp(name, "lo", 2) == 0))
		return 0;
	return -EPERM;
}

static int check_index(int index)
{
	if (index < 0)
		return -EINVAL;
	return index <= LOOPBACK_INDEX ? 0 : -EPERM; /* 0: none */
}

/*
 * What the kernel says to an unprivileged process whose socket is bound already: -EPERM. The
 * loopback device, and none at all, are what it may ask for: nothing changes. Programs that cannot
 * have a device go on with the address (curl --interface).
 */
static int set_device(int fd, int name, const void *value, socklen_t length)
{
	char device[DEVICE_NAME_MAX];
	size_t size = name == SO_BINDTOIFINDEX ? sizeof(int) : sizeof(device);
	int index;

	if (!is_socket(fd))
		return error_last();
	if ((int)length < 0 || (name == SO_BINDTOIFINDEX && length < sizeof(int)))
		return -EINVAL;
	if (length < size)
		size = length;
	if (!memory_is_readable(value, size))
		return -EFAULT;
	if (name == SO_BINDTODEVICE) {
		memcpy(device, value, size);
		return check_device(device, size);
	}
	memcpy(&index, value, sizeof(index));
	return check_index(index);
}

/* Whether a number among what is set is that of a device, the loopback device aside. */
static bool names_other(int level, int name, const void *value, socklen_t length)
{
	struct in6_pktinfo info = { 0 };
	uint32_t index = 0;

	if (level == IPPROTO_IPV6 && name == IPV6_PKTINFO) {
		if (length >= sizeof(info) && memory_is_readable(value, sizeof(info)))
			memcpy(&info, value, sizeof(info));
		return info.ipi6_ifindex > LOOPBACK_INDEX;
	}
	if (length >= sizeof(index) && memory_is_readable(value, sizeof(index)))
		memcpy(&index, value, sizeof(index));
	return ntohl(index) > LOOPBACK_INDEX;
}

/*
 * A socket on the leash keeps its own (hooks/leash.c); groups are not reached from there anyway.
 * One that is off it has no device that every datagram goes by either: what is for this machine
 * would leave it. That is what the kernel says of a socket that is bound to another device.
 */
static int set_way_out(int fd, int level, int name, const void *value, socklen_t length)
{
	const bool is_for_groups =
		name == (level == IPPROTO_IP ? IP_MULTICAST_IF : IPV6_MULTICAST_IF);

	if (!is_socket(fd))
		return error_last();
	if (!is_for_groups && names_other(level, name, value, length))
		return -EINVAL;
	if (level == IPPROTO_IPV6 && name == IPV6_PKTINFO)
		return error_or(libc()->setsockopt(fd, level, name, value, length));
	return leash_has(fd) ? 0 : error_or(pass_set_device(fd, level, name, value, length));
}

/* ---- how much must be there to be read ---- */

static _Atomic bool low_marks LIBC_WITH_DATA;

bool option_may_have_low_mark(int fd)
{
	return atomic_load_explicit(&low_marks, memory_order_relaxed) ||
	       table_kind(fd) != TABLE_KIND_STREAM;
}

static int set_low_mark(int fd, const void *value, socklen_t length)
{
	struct pending p;
	int r = -ESTALE;

	atomic_store_explicit(&low_marks, true, memory_order_relaxed);
	if (pending_find(fd, &p))
		r = tunnel_put_low_mark(p.tunnel, fd, p.cookie, value, length);
	return r == -ESTALE
		       ? error_or(libc()->setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, value, length))
		       : r;
}

HOOK int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	const int saved = errno;
	const struct session *session;

	if (level == SOL_SOCKET && name == SO_RCVLOWAT)
		return hook_return(set_low_mark(fd, value, length), saved);
	const bool is_device = names_device(level, name);
	const bool is_way_out = names_way_out(level, name);
	if (!is_device && !is_way_out && !is_join(level, name) &&
	    !is_way(level, name, value, length))
		return libc()->setsockopt(fd, level, name, value, length);
	session = session_get();
	if (session->passive)
		return pass_set_device(fd, level, name, value, length);
	if (is_device)
		return hook_return(set_device(fd, name, value, length), saved);
	if (is_way_out)
		return hook_return(set_way_out(fd, level, name, value, length), saved);
	return hook_return(is_socket(fd) ? -EACCES : error_last(), saved);
}
