/* protocols: what is neither plain UDP nor plain TCP. */
#include "call.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <string.h>

static uint16_t checksum(const void *from, size_t length)
{
	const uint16_t *word = from;
	uint32_t sum = 0;

	for (; length > 1; length -= 2)
		sum += *word++;
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void send_echo(int type)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, 0);
	const int fd = open_socket(AF_INET, type, IPPROTO_ICMP);
	struct icmphdr echo = { .type = ICMP_ECHO };

	echo.checksum = checksum(&echo, sizeof(echo));
	tell(sendto(fd, &echo, sizeof(echo), 0, &to.any, length));
}

static void icmp(void)
{
	send_echo(SOCK_DGRAM);
}

static void raw_icmp(void)
{
	send_echo(SOCK_RAW);
}

static void send_echo6(int type)
{
	union address to;
	const socklen_t length = fill(&to, TARGET6, 0);
	const int fd = open_socket(AF_INET6, type, IPPROTO_ICMPV6);
	const struct icmp6_hdr echo = { .icmp6_type = ICMP6_ECHO_REQUEST };

	tell(sendto(fd, &echo, sizeof(echo), 0, &to.any, length));
}

static void icmp6(void)
{
	send_echo6(SOCK_DGRAM);
}

static void raw_icmp6(void)
{
	send_echo6(SOCK_RAW);
}

/* The program writes the IP header itself. */
static void raw_header(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, 0);
	const int fd = open_socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	struct iphdr header = { .version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP };

	header.tot_len = htons(sizeof(header));
	header.daddr = to.v4.sin_addr.s_addr;
	inet_pton(AF_INET, NEAR4, &header.saddr);
	tell(sendto(fd, &header, sizeof(header), 0, &to.any, length));
}

static void raw_udp(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, 0);
	const int fd = open_socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
	const struct udphdr header = { .dest = htons(PORT), .len = htons(sizeof(header)) };

	tell(sendto(fd, &header, sizeof(header), 0, &to.any, length));
}

static struct sockaddr_ll link_address(void)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };

	to.sll_ifindex = (int)if_nametoindex(DEVICE);
	to.sll_halen = ETH_ALEN;
	memset(to.sll_addr, 0xff, ETH_ALEN);
	return to;
}

static void packet_raw(void)
{
	const struct sockaddr_ll to = link_address();
	const int fd = open_socket(AF_PACKET, SOCK_RAW, htons(ETH_P_IP));
	uint8_t frame[60] = { 255, 255, 255, 255, 255, 255, [12] = 8 };

	tell(sendto(fd, frame, sizeof(frame), 0, (const struct sockaddr *)&to, sizeof(to)));
}

static void packet_dgram(void)
{
	const struct sockaddr_ll to = link_address();
	const int fd = open_socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));

	tell(sendto(fd, "leak", 4, 0, (const struct sockaddr *)&to, sizeof(to)));
}

static void start_stream(int protocol)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, protocol);

	tell(connect(fd, &to.any, length));
}

static void sctp(void)
{
	start_stream(IPPROTO_SCTP);
}

static void mptcp(void)
{
	start_stream(IPPROTO_MPTCP);
}

const struct call protocol_calls[] = {
	{ "icmp", icmp },
	{ "icmp6", icmp6 },
	{ "raw-icmp", raw_icmp },
	{ "raw-icmp6", raw_icmp6 },
	{ "raw-header", raw_header },
	{ "raw-udp", raw_udp },
	{ "packet-raw", packet_raw },
	{ "packet-dgram", packet_dgram },
	{ "sctp", sctp },
	{ "mptcp", mptcp },
	{ NULL, NULL },
};
