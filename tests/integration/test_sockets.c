/*
 * Which sockets a program may have and what it may do with them: the policy of every call, the
 * leash, listeners, descriptors from others, bad arguments.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* A second device with 10.9.0.1, and behind it nobody. */
static void open_lab(void)
{
	lab_open();
	const struct lab_result result = lab_shell(
		LAB_ROOT, "ip link add near type veth peer name beyond && "
			  "ip addr add 10.9.0.1/24 dev near && ip link set near up && "
			  "ip link set beyond up && ip -6 addr add fd09::1/64 dev near nodad");
	lab_assert_status(&result, 0);
	lab_proxy(NULL);
}

static struct lab_result run(enum lab_user user, const char *options, const char *arguments)
{
	g_autofree char *program = lab_program("sockets");
	const struct lab_result result = lab_run(user, options, "%s %s", program, arguments);

	lab_assert_status(&result, 0);
	return result;
}

static void assert_prints(enum lab_user user, const char *options, const char *arguments,
			  const char *expected)
{
	const struct lab_result result = run(user, options, arguments);

	cr_assert_str_eq(result.out, expected, "sockets %s: wanted\n%sgot\n%s%s", arguments,
			 expected, result.out, result.err);
}

/* ---- socket ---- */

static const struct {
	int domain, type, protocol;
	const char *expected;
} kinds[] = {
	{ AF_INET, SOCK_STREAM, 0, "0" },
	{ AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP, "0" },
	{ AF_INET6, SOCK_STREAM, 0, "0" },
	{ AF_INET, SOCK_STREAM, IPPROTO_MPTCP, "0" },
	{ AF_INET, SOCK_DGRAM, 0, "0" },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_UDP, "0" },
	{ AF_UNIX, SOCK_STREAM, 0, "0" },
	{ AF_NETLINK, SOCK_RAW, 0, "0" },
	{ AF_INET, SOCK_RAW, IPPROTO_ICMP, "EACCES" },
	{ AF_INET, SOCK_RAW, IPPROTO_RAW, "EACCES" },
	{ AF_INET6, SOCK_RAW, IPPROTO_ICMPV6, "EACCES" },
	{ AF_INET, SOCK_DGRAM, IPPROTO_ICMP, "EACCES" },
	{ AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, "EACCES" },
	{ AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, "EACCES" },
	{ AF_INET, SOCK_STREAM, IPPROTO_SCTP, "EACCES" },
	{ AF_INET, SOCK_SEQPACKET, 0, "EACCES" },
	{ AF_INET, SOCK_STREAM, 256 /* SMC */, "EACCES" },
	{ AF_INET, SOCK_PACKET, 0, "EACCES" },
	{ AF_PACKET, SOCK_RAW, 0x0300, "EACCES" },
	{ AF_PACKET, SOCK_DGRAM, 0x0300, "EACCES" },
	{ AF_VSOCK, SOCK_STREAM, 0, "EACCES" },
	{ AF_BLUETOOTH, SOCK_RAW, 0, "EACCES" },
	{ AF_CAN, SOCK_RAW, 1, "EACCES" },
	{ AF_TIPC, SOCK_STREAM, 0, "EACCES" },
	{ AF_SMC, SOCK_STREAM, 0, "EACCES" },
	{ AF_XDP, SOCK_RAW, 0, "EACCES" },
	{ AF_ALG, SOCK_SEQPACKET, 0, "EACCES" },
};

static void assert_kinds(enum lab_user user, const char *way)
{
	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		g_autofree char *arguments = g_strdup_printf("%s %d %d %d", way, kinds[i].domain,
							     kinds[i].type, kinds[i].protocol);
		g_autofree char *expected = g_strdup_printf("%s=%s\n", way, kinds[i].expected);
		assert_prints(user, NULL, arguments, expected);
	}
}

Test(sockets, only_tcp_udp_unix_and_netlink_are_made)
{
	open_lab();
	assert_kinds(LAB_NOBODY, "socket");
	assert_kinds(LAB_ROOT, "socket");
}

Test(sockets, a_number_is_of_the_kind_that_it_has_now)
{
	open_lab();
	for (int user = 0; user < LAB_USERS; user++)
		assert_prints((enum lab_user)user, NULL, "kinds 203.0.113.5",
			      "datagrams over a stream=EACCES\n"
			      "a stream over datagrams=ENETUNREACH\n"
			      "to a guest=0\n");
}

Test(sockets, syscall_makes_what_socket_makes)
{
	open_lab();
	assert_kinds(LAB_ROOT, "syscall");
}

/* ---- the leash ---- */

Test(sockets, every_internet_socket_is_on_the_leash)
{
	open_lab();
	for (int user = 0; user < LAB_USERS; user++)
		assert_prints((enum lab_user)user, NULL, "leash",
			      "tcp4=1\ntcp6=1\nudp4=1\nudp6=1\nmptcp=1\n");
}

/* What leaves the machine is off it when it leaves. */
Test(sockets, every_policy_has_the_leash)
{
	open_lab();
	for (int user = 0; user < LAB_USERS; user++)
		assert_prints((enum lab_user)user, "-x 10.9.0.2", "leash",
			      "tcp4=1\ntcp6=1\nudp4=1\nudp6=1\nmptcp=1\n");
}

Test(sockets, the_leash_is_not_undone)
{
	open_lab();
	for (int user = 0; user < LAB_USERS; user++) {
		const enum lab_user who = (enum lab_user)user;
		assert_prints(who, NULL, "device near", "setsockopt=EPERM\ndevice=1\n");
		assert_prints(who, NULL, "device lo", "setsockopt=0\ndevice=1\n");
		assert_prints(who, NULL, "device ''", "setsockopt=0\ndevice=1\n");
		assert_prints(who, NULL, "index 2", "setsockopt=EPERM\ndevice=1\n");
		assert_prints(who, NULL, "index 0", "setsockopt=0\ndevice=1\n");
		assert_prints(who, NULL, "index 1", "setsockopt=0\ndevice=1\n");
		assert_prints(who, NULL, "index -1", "setsockopt=EINVAL\ndevice=1\n");
	}
}

/* Another one would lead what is for this machine out of it. */
Test(sockets, no_policy_gives_another_device)
{
	open_lab();
	const struct lab_result result = run(LAB_ROOT, "-x 10.9.0.2", "device near");
	lab_assert_out(&result, "setsockopt=EPERM\n");
}

Test(sockets, no_group_is_joined)
{
	open_lab();
	for (int user = 0; user < LAB_USERS; user++)
		assert_prints((enum lab_user)user, NULL, "joins",
			      "IP_ADD_MEMBERSHIP=EACCES\nIP_ADD_SOURCE_MEMBERSHIP=EACCES\n"
			      "MCAST_JOIN_GROUP=EACCES\nMCAST_JOIN_SOURCE_GROUP=EACCES\n"
			      "IPV6_JOIN_GROUP=EACCES\nIPV6_JOIN_ANYCAST=EACCES\n"
			      "MCAST_JOIN_GROUP6=EACCES\nMCAST_JOIN_SOURCE_GROUP6=EACCES\n");
}

/* ---- bind ---- */

static void assert_bound(enum lab_user user, const char *address, const char *name,
			 const char *target)
{
	g_autofree char *arguments = g_strdup_printf("bind %s %s 80", address, target);
	g_autofree char *expected =
		g_strdup_printf("bind=0\nbound=%s\nconnect=0\nconnected=%s\n", name, name);
	g_autofree char *host = g_strdup_printf("\"host\":\"%s\"", target);

	lab_forget();
	assert_prints(user, NULL, arguments, expected);
	g_autofree char *request = lab_only_request();
	lab_assert_has(request, host);
}

Test(sockets, a_bound_stream_connects_and_keeps_its_name)
{
	open_lab();
	const unsigned port = lab_serve("the target");
	g_autofree char *map = g_strdup_printf(
		"--map 203.0.113.9=127.0.0.1:%u --map 2001:db8::9=127.0.0.1:%u", port, port);
	lab_proxy(map);
	for (int user = 0; user < LAB_USERS; user++) {
		assert_bound((enum lab_user)user, "10.9.0.1", "10.9.0.1 port 16", "203.0.113.9");
		assert_bound((enum lab_user)user, "fd09::1", "fd09::1 port 28", "2001:db8::9");
	}
}

Test(sockets, an_address_of_another_machine_is_not_bound)
{
	open_lab();
	assert_prints(LAB_NOBODY, NULL, "bind 10.9.0.7",
		      "bind=EADDRNOTAVAIL\nbound=0.0.0.0 none 16\n");
	assert_prints(LAB_NOBODY, NULL, "bind 0.0.0.0", "bind=0\nbound=0.0.0.0 port 16\n");
	assert_prints(LAB_NOBODY, NULL, "bind 127.0.0.9", "bind=0\nbound=127.0.0.9 port 16\n");
}

/* ---- listen ---- */

Test(sockets, listeners_are_on_the_leash)
{
	open_lab();
	for (int user = 0; user < LAB_USERS; user++) {
		const enum lab_user who = (enum lab_user)user;
		assert_prints(who, NULL, "listen -", "listen=0\ndevice=1\n");
		assert_prints(who, NULL, "listen 0.0.0.0", "bind=0\nlisten=0\ndevice=1\n");
		assert_prints(who, NULL, "listen 10.9.0.1", "bind=0\nlisten=0\ndevice=1\n");
		assert_prints(who, NULL, "listen ::", "bind=0\nlisten=0\ndevice=1\n");
	}
}

Test(sockets, listeners_are_on_the_leash_whatever_the_policy)
{
	open_lab();
	for (int user = 0; user < LAB_USERS; user++) {
		const enum lab_user who = (enum lab_user)user;
		assert_prints(who, "-x 10.9.0.2", "listen 0.0.0.0", "bind=0\nlisten=0\ndevice=1\n");
		assert_prints(who, "-x 10.9.0.2", "listen 10.9.0.1",
			      "bind=0\nlisten=0\ndevice=1\n");
		assert_prints(who, "-x 10.9.0.2", "listen 127.0.0.1",
			      "bind=0\nlisten=0\ndevice=1\n");
	}
}

/* ---- datagrams ---- */

Test(sockets, no_datagram_goes_elsewhere)
{
	open_lab();
	for (int user = 0; user < LAB_USERS; user++) {
		assert_prints((enum lab_user)user, NULL, "datagrams 10.9.0.2",
			      "sendto=EACCES\nsendmsg=EACCES\nsendmmsg=EACCES\nsyscall=EACCES\n"
			      "long=EACCES\nunspecified=EACCES\nconnect=EACCES\n"
			      "write=EDESTADDRREQ\n");
		assert_prints((enum lab_user)user, "-x 10.9.0.3", "datagrams fd09::2",
			      "sendto=EACCES\nsendmsg=EACCES\nsendmmsg=EACCES\nsyscall=EACCES\n"
			      "long=EACCES\nconnect=EACCES\nwrite=EDESTADDRREQ\n");
	}
}

/* ---- bad arguments ---- */

/* What it says without isosocks is what it says with it. */
Test(sockets, bad_arguments_are_refused_as_by_the_kernel)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer reads what it is given");
	open_lab();
	for (int user = 0; user < LAB_USERS; user++) {
		g_autofree char *program = lab_program("sockets");
		const struct lab_result bare =
			lab_shell((enum lab_user)user, "%s hostile", program);
		lab_assert_status(&bare, 0);
		cr_assert_gt(strlen(bare.out), 2000u);
		assert_prints((enum lab_user)user, NULL, "hostile", bare.out);
	}
}

/* ---- local services ---- */

/* One of the sockets is on its way, so the hooks look at what they are given themselves. */
Test(sockets, waits_with_bad_arguments_are_refused_as_by_the_kernel)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer reads what it is given");
	lab_open();
	lab_proxy("--fault 203.0.113.5=silent:request");
	for (int user = 0; user < LAB_USERS; user++)
		assert_prints((enum lab_user)user, NULL, "waits 203.0.113.5",
			      "connect=EINPROGRESS\npoll=EFAULT\npoll cut=EFAULT\n"
			      "poll many=EINVAL\nppoll=EFAULT\n"
			      "select=EFAULT\npselect=EFAULT\nselect=EFAULT\npselect=EFAULT\n"
			      "select=EFAULT\npselect=EFAULT\nepoll_ctl=EFAULT\n");
}

Test(sockets, services_that_ask_for_names_are_not_there)
{
	static const char *const doors[] = { "/run/nscd/socket", "/var/run/nscd/socket",
					     "/run/avahi-daemon/socket",
					     "/run/systemd/resolve/io.systemd.Resolve" };

	open_lab();
	for (size_t i = 0; i < G_N_ELEMENTS(doors); i++) {
		g_autofree char *arguments = g_strconcat("unix ", doors[i], NULL);
		assert_prints(LAB_NOBODY, NULL, arguments, "connect=ECONNREFUSED\n");
	}
	assert_prints(LAB_NOBODY, NULL, "unix /run/isosocks-test/none", "connect=ENOENT\n");
}
