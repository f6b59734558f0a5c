/* groups: a kernel that joins a multicast group says so to the network. */
#include "call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void tell_join(int fd, int r)
{
	tell(r);
	/* The kernel leaves the group when the socket is closed. */
	close(fd);
}

static void join4(void)
{
	const int fd = open_socket(AF_INET, SOCK_DGRAM, 0);
	const struct ip_mreqn group = { .imr_multiaddr.s_addr = inet_addr(GROUP4),
					.imr_ifindex = (int)if_nametoindex(DEVICE) };

	tell_join(fd, setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof(group)));
}

static void join4_asm(void)
{
	const int fd = open_socket(AF_INET, SOCK_DGRAM, 0);
	const struct ip_mreqn group = { .imr_multiaddr.s_addr = inet_addr(GROUP4),
					.imr_ifindex = (int)if_nametoindex(DEVICE) };

	tell_negative(kernel(SYS_setsockopt, fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, (long)&group,
			     sizeof(group), 0));
}

static void join4_source(void)
{
	const int fd = open_socket(AF_INET, SOCK_DGRAM, 0);
	const struct ip_mreq_source group = { .imr_multiaddr.s_addr = inet_addr(GROUP4),
					      .imr_interface.s_addr = inet_addr(NEAR4),
					      .imr_sourceaddr.s_addr = inet_addr(TARGET4) };

	tell_join(fd, setsockopt(fd, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP, &group, sizeof(group)));
}

static void join6(void)
{
	const int fd = open_socket(AF_INET6, SOCK_DGRAM, 0);
	struct ipv6_mreq group = { .ipv6mr_interface = if_nametoindex(DEVICE) };

	inet_pton(AF_INET6, GROUP6, &group.ipv6mr_multiaddr);
	tell_join(fd, setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &group, sizeof(group)));
}

static void join_group(const char *text, int level)
{
	struct group_req group = { .gr_interface = if_nametoindex(DEVICE) };
	union address to;
	const socklen_t length = fill(&to, text, 0);
	const int fd = open_socket(family_of(text), SOCK_DGRAM, 0);

	memcpy(&group.gr_group, &to, length);
	tell_join(fd, setsockopt(fd, level, MCAST_JOIN_GROUP, &group, sizeof(group)));
}

static void join_group4(void)
{
	join_group(GROUP4, IPPROTO_IP);
}

static void join_group6(void)
{
	join_group(GROUP6, IPPROTO_IPV6);
}

static void join_source_group(const char *text, const char *source, int level)
{
	struct group_source_req group = { .gsr_interface = if_nametoindex(DEVICE) };
	union address to, from;
	const socklen_t length = fill(&to, text, 0);
	const int fd = open_socket(family_of(text), SOCK_DGRAM, 0);

	memcpy(&group.gsr_group, &to, length);
	memcpy(&group.gsr_source, &from, fill(&from, source, 0));
	tell_join(fd, setsockopt(fd, level, MCAST_JOIN_SOURCE_GROUP, &group, sizeof(group)));
}

static void join_source_group4(void)
{
	join_source_group(GROUP4, TARGET4, IPPROTO_IP);
}

static void join_source_group6(void)
{
	join_source_group(GROUP6, TARGET6, IPPROTO_IPV6);
}

const struct call group_calls[] = {
	{ "join4", join4 },
	{ "join4-asm", join4_asm },
	{ "join4-source", join4_source },
	{ "join6", join6 },
	{ "join-group4", join_group4 },
	{ "join-group6", join_group6 },
	{ "join-source-group4", join_source_group4 },
	{ "join-source-group6", join_source_group6 },
	{ NULL, NULL },
};
