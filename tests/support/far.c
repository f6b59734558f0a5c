#include "support/far.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK_TYPE   0x88b5 /* an ethertype for experiments (IEEE 802) */
#define MARK_WAIT   20000  /* milliseconds; only a broken cable takes that long */
#define FRAME_MAX   2048
#define MARK_GROUP4 0xefff4d00 /* 239.255.77.N */

static struct {
	int near_namespace, far_namespace;
	int listener; /* at the far end */
	int marker;   /* at the near one */
	unsigned index;
	uint32_t marks;
	in_addr_t except_address;
	in_port_t except_port;
} far;

/* ---- the cable ---- */

static void run_here(const char *script)
{
	const struct lab_result result = lab_shell(LAB_ROOT, "set -e\n%s", script);

	lab_assert_status(&result, 0);
}

static void enter(int namespace)
{
	cr_assert_eq(setns(namespace, CLONE_NEWNET), 0, "setns: %s", strerror(errno));
}

static int open_namespace(void)
{
	const int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0);
	return fd;
}

/*
 * Neither end asks who the other is or says who it is itself: every frame is somebody's doing.
 * Reports of groups are sent once; those of version 2 of MLD would come again, at some later time.
 */
static const char quiet[] = "for i in all default; do"
			    " echo 0 >/proc/sys/net/ipv6/conf/$i/accept_dad;"
			    " echo 0 >/proc/sys/net/ipv6/conf/$i/dad_transmits;"
			    " echo 0 >/proc/sys/net/ipv6/conf/$i/router_solicitations;"
			    " echo 1 >/proc/sys/net/ipv6/conf/$i/force_mld_version; done\n"
			    "echo 1 >/proc/sys/net/ipv4/igmp_qrv\n";

static const char near_script[] =
	"echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range\n"
	"ip address add 198.51.100.2/24 broadcast 198.51.100.255 dev near\n"
	"ip address add 2001:db8::2/64 dev near nodad\n"
	"ip link set near address 02:00:00:00:00:02 up\n"
	"ip neighbour add 198.51.100.1 lladdr 02:00:00:00:00:01 dev near nud permanent\n"
	"ip neighbour add 2001:db8::1 lladdr 02:00:00:00:00:01 dev near nud permanent\n"
	"ip neighbour add fe80::1 lladdr 02:00:00:00:00:01 dev near nud permanent\n"
	"ip route add default via 198.51.100.1 dev near\n"
	"ip route add default via 2001:db8::1 dev near\n";

/* It owns every address, and refuses as fast as it is asked. */
static const char far_script[] =
	"echo 0 >/proc/sys/net/ipv4/icmp_ratelimit\n"
	"echo 0 >/proc/sys/net/ipv6/icmp/ratelimit\n"
	"ip link set lo up\n"
	"ip link set far address 02:00:00:00:00:01 up\n"
	"ip address add 198.51.100.1/24 dev far\n"
	"ip address add 2001:db8::1/64 dev far nodad\n"
	"ip neighbour add 198.51.100.2 lladdr 02:00:00:00:00:02 dev far nud permanent\n"
	"ip neighbour add 2001:db8::2 lladdr 02:00:00:00:00:02 dev far nud permanent\n"
	"ip route add local 0.0.0.0/0 dev lo table main\n"
	"ip -6 route add local ::/0 dev lo table main\n";

static void lay_cable(void)
{
	g_autofree char *cable = g_strdup_printf("ip link add near type veth peer name far netns "
						 "/proc/%d/fd/%d\n",
						 (int)getpid(), far.far_namespace);

	run_here(quiet);
	run_here(cable);
	enter(far.far_namespace);
	run_here(quiet);
	run_here(far_script);
	enter(far.near_namespace);
	run_here(near_script);
}

/* The resolver of the lab asks the far end, and soon gives up. */
static void mount_file(const char *name, const char *text)
{
	g_autofree char *own = lab_path(name);
	g_autofree char *system = g_build_filename("/etc", name, NULL);

	cr_assert(g_file_set_contents(own, text, -1, NULL));
	chmod(own, 0644);
	cr_assert_eq(mount(own, system, NULL, MS_BIND, NULL), 0, "%s: %s", system, strerror(errno));
}

static int open_packets(const char *interface)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));

	at.sll_ifindex = (int)if_nametoindex(interface);
	cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0, "%s: %s", interface,
		  strerror(errno));
	return fd;
}

/* What the kernel queues is in order only for one processor, and a mark must come last. */
static void stay_on_one_processor(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
}

void far_open(void)
{
	lab_need_root();
	lab_need("ip");
	stay_on_one_processor();
	far.near_namespace = open_namespace();
	cr_assert_eq(unshare(CLONE_NEWNET), 0);
	far.far_namespace = open_namespace();
	enter(far.near_namespace);
	lay_cable();
	mount_file("resolv.conf", "nameserver 203.0.113.53\noptions timeout:1 attempts:1\n");
	mount_file("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"
				    "networks: files dns\nservices: files\nprotocols: files\n");
	enter(far.far_namespace);
	far.listener = open_packets("far");
	/* For thousands at once, of which none may be lost. */
	const int room = 1 << 26;
	setsockopt(far.listener, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	enter(far.near_namespace);
	far.marker = open_packets("near");
	shutdown(far.marker, SHUT_RD);
	far.index = if_nametoindex("near");
	far_count(FAR_GROUP_REPORT);
}

char *far_start(const char *const *argv)
{
	enter(far.far_namespace);
	char *line = lab_start(argv);
	enter(far.near_namespace);
	return line;
}

/* ---- what a frame is ---- */

struct frame {
	size_t length;
	uint8_t bytes[FRAME_MAX];
};

static const void *part(const struct frame *frame, size_t offset, size_t length)
{
	return offset + length <= frame->length ? frame->bytes + offset : NULL;
}

/* ff15::4d:N */
static const uint8_t mark_group6[16] = { 0xff, 0x15, [13] = 0x4d };

/* The groups that an interface reports because of its own addresses, and those of our marks. */
static bool is_own_group6(const uint8_t group[16])
{
	static const uint8_t solicited[13] = { 0xff, 2, [11] = 1, [12] = 0xff };

	return memcmp(group, solicited, sizeof(solicited)) == 0 ||
	       memcmp(group, mark_group6, sizeof(mark_group6) - 1) == 0 ||
	       (group[0] == 0xff && group[1] <= 2 && group[15] <= 2);
}

/* RFC 2710 §3: type, code, checksum, delay, reserved, group. */
static bool is_own_report6(const struct frame *frame, size_t at)
{
	const uint8_t *report = part(frame, at, 8 + sizeof(struct in6_addr));

	return report && is_own_group6(report + 8);
}

/* RFC 3376 §4.2: head of 8 bytes, then records: type, aux length, sources, group, sources. */
static bool is_own_report4(const struct frame *frame, size_t at)
{
	const uint8_t *head = part(frame, at, 8);
	unsigned records = head && head[0] == 0x22 ? (unsigned)(head[6] << 8 | head[7]) : 0;
	const uint32_t group4 = htonl(MARK_GROUP4);

	if (records == 0)
		return false;
	for (at += 8; records > 0; records--) {
		const uint8_t *record = part(frame, at, 8);
		if (!record || memcmp(record + 4, &group4, 3) != 0)
			return false;
		at += 8 + 4 * (size_t)(record[2] << 8 | record[3]) + 4 * (size_t)record[1];
	}
	return true;
}

/* The same in an aligned place: a frame's headers are at odd multiples of two. */
static bool copy_part(const struct frame *frame, size_t offset, void *to, size_t length)
{
	const void *from = part(frame, offset, length);

	if (from)
		memcpy(to, from, length);
	return from != NULL;
}

static bool is_reset(const struct frame *frame, size_t at)
{
	struct tcphdr head;
	return copy_part(frame, at, &head, sizeof(head)) && head.rst;
}

void far_except(const char *address, unsigned port)
{
	far.except_address = address ? inet_addr(address) : 0;
	far.except_port = htons((uint16_t)port);
}

/* UDP and TCP have the ports in the same place. */
static bool is_excepted(const struct frame *frame, const struct iphdr *head, size_t at)
{
	struct udphdr ports;

	return head->daddr == far.except_address &&
	       (head->protocol == IPPROTO_TCP || head->protocol == IPPROTO_UDP) &&
	       copy_part(frame, at, &ports, sizeof(ports)) && ports.dest == far.except_port;
}

static bool is_own_frame4(const struct frame *frame)
{
	struct iphdr head;

	if (!copy_part(frame, ETH_HLEN, &head, sizeof(head)))
		return false;
	const size_t at = ETH_HLEN + 4 * (size_t)head.ihl;
	const uint8_t *type = part(frame, at, 1);
	if (!type)
		return false;
	if (is_excepted(frame, &head, at))
		return true;
	switch (head.protocol) {
	case IPPROTO_TCP:
		return is_reset(frame, at);
	case IPPROTO_ICMP:
		return *type == ICMP_DEST_UNREACH;
	case IPPROTO_IGMP:
		return is_own_report4(frame, at);
	default:
		return false;
	}
}

static bool is_own_frame6(const struct frame *frame)
{
	struct ip6_hdr head = { .ip6_nxt = IPPROTO_NONE };
	size_t at = ETH_HLEN + sizeof(head);

	copy_part(frame, ETH_HLEN, &head, sizeof(head));
	uint8_t next = head.ip6_nxt;
	const uint8_t *type = part(frame, at, 8);

	/* A report has a hop-by-hop header with a router alert before it. */
	if (next == IPPROTO_HOPOPTS && type) {
		next = type[0];
		at += 8 + 8 * (size_t)type[1];
		type = part(frame, at, 1);
	}
	if (next == IPPROTO_TCP)
		return is_reset(frame, at);
	if (next != IPPROTO_ICMPV6 || !type)
		return false;
	if (*type == MLD_LISTENER_REPORT || *type == MLD_LISTENER_REDUCTION)
		return is_own_report6(frame, at);
	return *type == ICMP6_DST_UNREACH || *type == ND_ROUTER_SOLICIT;
}

static bool is_own_frame(const struct frame *frame)
{
	const struct ether_header *head = part(frame, 0, sizeof(*head));

	switch (head ? ntohs(head->ether_type) : 0) {
	case ETHERTYPE_IP:
		return is_own_frame4(frame);
	case ETHERTYPE_IPV6:
		return is_own_frame6(frame);
	default:
		return false;
	}
}

/* ---- marks ---- */

/* The last frame of a count: its number, or a report that names our group. */
struct mark {
	uint8_t frame[60];
	struct ip_mreqn group4;
	struct ipv6_mreq group6;
	bool ipv4, ipv6, plain; /* still to come */
	int socket4, socket6;
};

static void send_frame_mark(struct mark *mark)
{
	const struct sockaddr_ll to = { .sll_family = AF_PACKET,
					.sll_ifindex = (int)far.index,
					.sll_halen = ETH_ALEN,
					.sll_addr = { 2, 0, 0, 0, 0, 1 } };
	const uint16_t type = htons(MARK_TYPE);

	far.marks++;
	memcpy(mark->frame, to.sll_addr, ETH_ALEN);
	memcpy(mark->frame + 2 * ETH_ALEN, &type, sizeof(type));
	memcpy(mark->frame + ETH_HLEN, &far.marks, sizeof(far.marks));
	mark->plain = true;
	cr_assert_gt(sendto(far.marker, mark->frame, sizeof(mark->frame), 0,
			    (const struct sockaddr *)&to, sizeof(to)),
		     0);
}

static void send_group_marks(struct mark *mark)
{
	const uint8_t number = (uint8_t)++far.marks;

	mark->socket4 = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	mark->socket6 = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	mark->group4.imr_ifindex = (int)far.index;
	mark->group4.imr_multiaddr.s_addr = htonl(MARK_GROUP4 | number);
	mark->group6.ipv6mr_interface = far.index;
	memcpy(&mark->group6.ipv6mr_multiaddr, mark_group6, sizeof(mark_group6));
	mark->group6.ipv6mr_multiaddr.s6_addr[15] = number;
	mark->ipv4 = setsockopt(mark->socket4, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mark->group4,
				sizeof(mark->group4)) == 0;
	mark->ipv6 = setsockopt(mark->socket6, IPPROTO_IPV6, IPV6_JOIN_GROUP, &mark->group6,
				sizeof(mark->group6)) == 0;
	cr_assert(mark->ipv4 && mark->ipv6, "a group cannot be joined: %s", strerror(errno));
}

static void check_off(struct mark *mark, const struct frame *frame)
{
	const struct in_addr *group4 = &mark->group4.imr_multiaddr;
	const struct in6_addr *group6 = &mark->group6.ipv6mr_multiaddr;

	if (mark->plain && frame->length >= sizeof(mark->frame) &&
	    memcmp(frame->bytes + 2 * ETH_ALEN, mark->frame + 2 * ETH_ALEN, 6) == 0)
		mark->plain = false;
	/* A report about other groups as well is still a report about ours. */
	if (mark->ipv4 && memmem(frame->bytes, frame->length, group4, sizeof(*group4)))
		mark->ipv4 = false;
	if (mark->ipv6 && memmem(frame->bytes, frame->length, group6, sizeof(*group6)))
		mark->ipv6 = false;
}

static bool is_mark(const struct frame *frame)
{
	const struct ether_header *head = part(frame, 0, sizeof(*head));
	return head && ntohs(head->ether_type) == MARK_TYPE;
}

/* The next frame from the near end. */
static void take_frame(struct frame *frame)
{
	struct sockaddr_ll from;
	socklen_t length = sizeof(from);
	struct pollfd poller = { .fd = far.listener, .events = POLLIN };

	do {
		cr_assert_eq(poll(&poller, 1, MARK_WAIT), 1, "the mark did not arrive");
		const ssize_t n = recvfrom(far.listener, frame->bytes, sizeof(frame->bytes), 0,
					   (struct sockaddr *)&from, &length);
		cr_assert_gt(n, 0);
		frame->length = (size_t)n;
	} while (from.sll_pkttype == PACKET_OUTGOING);
}

unsigned far_count(enum far_mark kind)
{
	struct mark mark = { .socket4 = -1, .socket6 = -1 };
	unsigned count = 0;
	struct frame frame;

	if (kind == FAR_GROUP_REPORT)
		send_group_marks(&mark);
	else
		send_frame_mark(&mark);
	while (mark.plain || mark.ipv4 || mark.ipv6) {
		take_frame(&frame);
		check_off(&mark, &frame);
		if (!is_mark(&frame) && !is_own_frame(&frame))
			count++;
	}
	if (mark.socket4 >= 0)
		close(mark.socket4);
	if (mark.socket6 >= 0)
		close(mark.socket6);
	return count;
}
