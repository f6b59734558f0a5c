/* datagrams: UDP by every function that sends. */
#include "call.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static struct iovec payload = { (void *)"leak", 4 };

struct msghdr message_to(union address *to, socklen_t length)
{
	return (struct msghdr){
		.msg_name = to, .msg_namelen = length, .msg_iov = &payload, .msg_iovlen = 1
	};
}

int datagram_to(const char *target, union address *to, socklen_t *length)
{
	*length = fill(to, target, PORT);
	return open_socket(family_of(target), SOCK_DGRAM, 0);
}

void send_datagram(const char *target)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to(target, &to, &length);

	tell(sendto(fd, "leak", 4, 0, &to.any, length));
}

static void udp_sendto(void)
{
	send_datagram(TARGET4);
}

static void udp_sendto6(void)
{
	send_datagram(TARGET6);
}

static void udp_sendto_mapped(void)
{
	send_datagram(MAPPED);
}

static void udp_multicast(void)
{
	send_datagram(GROUP4);
}

static void udp_multicast6(void)
{
	send_datagram(GROUP6);
}

static void udp_sendmsg(void)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to(TARGET4, &to, &length);
	const struct msghdr message = message_to(&to, length);

	tell(sendmsg(fd, &message, 0));
}

static void udp_sendmmsg(void)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to(TARGET4, &to, &length);
	struct mmsghdr messages[2] = { { .msg_hdr = message_to(&to, length) },
				       { .msg_hdr = message_to(&to, length) } };

	tell(sendmmsg(fd, messages, 2, 0));
}

/* An IPv4 socket takes an address without a family for one of its own. */
static void udp_sendto_unspec(void)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to(TARGET4, &to, &length);

	to.any.sa_family = AF_UNSPEC;
	tell(sendto(fd, "leak", 4, 0, &to.any, length));
}

static void udp_connect_write(void)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to(TARGET4, &to, &length);
	const int r = connect(fd, &to.any, length);

	tell(r < 0 ? r : write(fd, "leak", 4));
}

static void udp_connect_unspec(void)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to(TARGET4, &to, &length);

	fill(&to, "127.0.0.1", PORT);
	connect(fd, &to.any, sizeof(to.v4));
	connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC }, sizeof(struct sockaddr));
	fill(&to, TARGET4, PORT);
	const int r = connect(fd, &to.any, length);
	tell(r < 0 ? r : send(fd, "leak", 4, 0));
}

static void udp_connect_writev6(void)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to(TARGET6, &to, &length);
	const int r = connect(fd, &to.any, length);

	tell(r < 0 ? r : writev(fd, &payload, 1));
}

static void udp_bind_sendto(void)
{
	union address to, from;
	socklen_t length;
	const int fd = datagram_to(TARGET4, &to, &length);
	const int r = bind(fd, &from.any, fill(&from, NEAR4, 0));

	tell(r < 0 ? r : sendto(fd, "leak", 4, 0, &to.any, length));
}

static void udp_broadcast(void)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to("198.51.100.255", &to, &length);
	const int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
	tell(sendto(fd, "leak", 4, 0, &to.any, length));
}

static void udp_syscall(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const long fd = syscall(SYS_socket, AF_INET, SOCK_DGRAM, 0);

	tell(fd < 0 ? fd : syscall(SYS_sendto, fd, "leak", 4, 0, &to, length));
}

static void udp_syscall_sendmsg(void)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to(TARGET4, &to, &length);
	const struct msghdr message = message_to(&to, length);

	tell(syscall(SYS_sendmsg, fd, &message, 0));
}

/* The interface in a control message overrides routing, though not a device the socket is bound to.
 */
static void udp_pktinfo(void)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to(TARGET4, &to, &length);
	char room[CMSG_SPACE(sizeof(struct in_pktinfo))] = "";
	struct msghdr message = message_to(&to, length);

	message.msg_control = room;
	message.msg_controllen = sizeof(room);
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);
	const struct in_pktinfo info = { .ipi_ifindex = (int)if_nametoindex(DEVICE) };
	control->cmsg_level = IPPROTO_IP;
	control->cmsg_type = IP_PKTINFO;
	control->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(control), &info, sizeof(info));
	tell(sendmsg(fd, &message, 0));
}

/* ---- to this machine, by way of a device or of another machine ---- */

static void send_home(const char *home, int level, int type, const void *data, size_t size)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to(home, &to, &length);
	char room[CMSG_SPACE(64)] = "";
	struct msghdr message = message_to(&to, length);

	message.msg_control = room;
	message.msg_controllen = CMSG_SPACE(size);
	struct cmsghdr *control = CMSG_FIRSTHDR(&message);
	control->cmsg_level = level;
	control->cmsg_type = type;
	control->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(control), data, size);
	tell(sendmsg(fd, &message, 0));
	/* The same of a socket that is connected there. */
	tell(connect(fd, &to.any, length));
	message.msg_name = NULL;
	message.msg_namelen = 0;
	tell(sendmsg(fd, &message, 0));
}

static void udp_home_device(void)
{
	const struct in_pktinfo info = { .ipi_ifindex = (int)if_nametoindex(DEVICE) };
	send_home("127.0.0.1", IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static void udp_home_device6(void)
{
	const struct in6_pktinfo info = { .ipi6_ifindex = if_nametoindex(DEVICE) };
	send_home("::1", IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

static void udp_home_route(void)
{
	union address stop;
	uint8_t option[8] = { 131, 7, 4 };

	fill(&stop, TARGET4, PORT);
	memcpy(option + 3, &stop.v4.sin_addr, 4);
	send_home("127.0.0.1", IPPROTO_IP, IP_RETOPTS, option, sizeof(option));
}

/* A device that all datagrams of a socket go by. */
static void udp_home_sticky6(void)
{
	const struct in6_pktinfo info = { .ipi6_ifindex = if_nametoindex(DEVICE) };
	union address to;
	socklen_t length;
	const int fd = datagram_to("::1", &to, &length);

	tell(setsockopt(fd, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info)));
	tell(sendto(fd, "leak", 4, 0, &to.any, length));
}

static void udp_home_unicast(void)
{
	const uint32_t index = htonl(if_nametoindex(DEVICE));
	union address to;
	socklen_t length;
	const int fd = datagram_to("127.0.0.1", &to, &length);

	tell(setsockopt(fd, IPPROTO_IP, IP_UNICAST_IF, &index, sizeof(index)));
	tell(sendto(fd, "leak", 4, 0, &to.any, length));
}

static void udp_scope(void)
{
	union address to;
	socklen_t length;
	const int fd = datagram_to("fe80::1", &to, &length);

	to.v6.sin6_scope_id = if_nametoindex(DEVICE);
	tell(sendto(fd, "leak", 4, 0, &to.any, length));
}

static void udp_lite(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const int fd = open_socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE);

	tell(sendto(fd, "leak", 4, 0, &to.any, length));
}

const struct call datagram_calls[] = {
	{ "udp-sendto", udp_sendto },
	{ "udp-sendto6", udp_sendto6 },
	{ "udp-sendto-mapped", udp_sendto_mapped },
	{ "udp-sendmsg", udp_sendmsg },
	{ "udp-sendmmsg", udp_sendmmsg },
	{ "udp-sendto-unspec", udp_sendto_unspec },
	{ "udp-connect-write", udp_connect_write },
	{ "udp-connect-writev6", udp_connect_writev6 },
	{ "udp-connect-unspec", udp_connect_unspec },
	{ "udp-bind-sendto", udp_bind_sendto },
	{ "udp-broadcast", udp_broadcast },
	{ "udp-multicast", udp_multicast },
	{ "udp-multicast6", udp_multicast6 },
	{ "udp-syscall", udp_syscall },
	{ "udp-syscall-sendmsg", udp_syscall_sendmsg },
	{ "udp-pktinfo", udp_pktinfo },
	{ "udp-home-device", udp_home_device },
	{ "udp-home-device6", udp_home_device6 },
	{ "udp-home-route", udp_home_route },
	{ "udp-home-sticky6", udp_home_sticky6 },
	{ "udp-home-unicast", udp_home_unicast },
	{ "udp-scope", udp_scope },
	{ "udp-lite", udp_lite },
	{ NULL, NULL },
};
