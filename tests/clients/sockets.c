/*
 * sockets WHAT [ARGUMENTS]: calls on sockets, a line of `call=0` or `call=ERRNO` for each:
 *
 * socket|syscall|asm DOMAIN TYPE PROTOCOL: by libc, by syscall(2), by the instruction itself;
 * leash: the device that each kind of socket is bound to, 1 is loopback;
 * device NAME, index NUMBER: SO_BINDTODEVICE, SO_BINDTOIFINDEX, and what it is bound to then;
 * unleash: SO_BINDTOIFINDEX 0 by the instruction itself;
 * joins: every option that joins a group;
 * bind ADDRESS [HOST PORT]: a stream, and its name before and after a connect;
 * listen ADDRESS: a stream (- none), and the device it is bound to then; listen-past: the same with
 * a socket made past the library;
 * datagrams ADDRESS: every way to send one there;
 * pass KIND [ADDRESS PORT]: a socket made past the library, handed to the process itself;
 * take KIND: the same, taken by pidfd_getfd;
 * hostile: bad arguments of every kind;
 * unix PATH: connects to it;
 * uring, int80: io_uring_setup, a 32-bit socket().
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef IPV6_JOIN_ANYCAST
#define IPV6_JOIN_ANYCAST 27
#endif

static const char *name_of(int error)
{
	return error ? strerrorname_np(error) : "0";
}

static long report(const char *call, long r)
{
	printf("%s=%s\n", call, name_of(r < 0 ? errno : 0));
	fflush(stdout);
	return r;
}

static int device_of(int fd)
{
	int index = -1;
	socklen_t length = sizeof(index);

	getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, &length);
	return index;
}

static socklen_t fill(struct sockaddr_storage *to, const char *address, unsigned port)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((in_port_t)port);
		return sizeof(*v4);
	}
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) != 1)
		errx(2, "%s: not an address", address);
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons((in_port_t)port);
	return sizeof(*v6);
}

static void print_name(const char *what, int fd)
{
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);
	char text[INET6_ADDRSTRLEN] = "?";

	if (getsockname(fd, (struct sockaddr *)&name, &length) < 0) {
		printf("%s=%s\n", what, name_of(errno));
		return;
	}
	if (name.ss_family == AF_INET)
		inet_ntop(AF_INET, &((struct sockaddr_in *)&name)->sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &((struct sockaddr_in6 *)&name)->sin6_addr, text, sizeof(text));
	printf("%s=%s %s %u\n", what, text,
	       ((struct sockaddr_in *)&name)->sin_port ? "port" : "none", length);
}

/* ---- past the library ---- */

static long call_asm5(long number, long a, long b, long c, long d, long e)
{
#if defined(__x86_64__)
	register long fourth __asm__("r10") = d;
	register long fifth __asm__("r8") = e;
	register long sixth __asm__("r9") = 0;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth), "r"(sixth)
			 : "rcx", "r11", "memory");
	if (r < 0) {
		errno = (int)-r;
		return -1;
	}
	return r;
#else
	(void)number, (void)a, (void)b, (void)c, (void)d, (void)e;
	errno = ENOSYS;
	return -1;
#endif
}

static long call_asm(long number, long a, long b, long c)
{
	return call_asm5(number, a, b, c, 0, 0);
}

static long call_int80(long number, long a, long b, long c)
{
#if defined(__x86_64__)
	long r;
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(number), "b"(a), "c"(b), "d"(c)
			 : "r8", "r9", "r10", "r11", "memory");
	if ((int)r < 0) {
		errno = -(int)r;
		return -1;
	}
	return r;
#else
	(void)number, (void)a, (void)b, (void)c;
	errno = ENOSYS;
	return -1;
#endif
}

static int real_socket(int domain, int type)
{
	int (*made)(int, int, int) =
		(int (*)(int, int, int))dlsym(dlopen("libc.so.6", RTLD_LAZY), "socket");
	const int fd = made(domain, type, 0);

	if (fd < 0)
		err(1, "socket, past the library");
	return fd;
}

/* ---- what there is ---- */

static void show_leash(void)
{
	static const struct {
		const char *name;
		int domain, type, protocol;
	} rows[] = {
		{ "tcp4", AF_INET, SOCK_STREAM, 0 },
		{ "tcp6", AF_INET6, SOCK_STREAM, 0 },
		{ "udp4", AF_INET, SOCK_DGRAM, 0 },
		{ "udp6", AF_INET6, SOCK_DGRAM, IPPROTO_UDP },
		{ "mptcp", AF_INET, SOCK_STREAM, IPPROTO_MPTCP },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		printf("%s=%d\n", rows[i].name,
		       device_of(socket(rows[i].domain, rows[i].type, rows[i].protocol)));
}

static void try_joins(void)
{
	static const struct {
		const char *name;
		int domain, level, option;
	} rows[] = {
		{ "IP_ADD_MEMBERSHIP", AF_INET, IPPROTO_IP, IP_ADD_MEMBERSHIP },
		{ "IP_ADD_SOURCE_MEMBERSHIP", AF_INET, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP },
		{ "MCAST_JOIN_GROUP", AF_INET, IPPROTO_IP, MCAST_JOIN_GROUP },
		{ "MCAST_JOIN_SOURCE_GROUP", AF_INET, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP },
		{ "IPV6_JOIN_GROUP", AF_INET6, IPPROTO_IPV6, IPV6_JOIN_GROUP },
		{ "IPV6_JOIN_ANYCAST", AF_INET6, IPPROTO_IPV6, IPV6_JOIN_ANYCAST },
		{ "MCAST_JOIN_GROUP6", AF_INET6, IPPROTO_IPV6, MCAST_JOIN_GROUP },
		{ "MCAST_JOIN_SOURCE_GROUP6", AF_INET6, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP },
	};
	static const struct group_source_req any; /* the largest of their arguments */

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		report(rows[i].name, setsockopt(socket(rows[i].domain, SOCK_DGRAM, 0),
						rows[i].level, rows[i].option, &any, sizeof(any)));
}

static void set_device(const char *name)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	report("setsockopt",
	       setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name)));
	printf("device=%d\n", device_of(fd));
}

static void set_index(int index)
{
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	report("setsockopt", setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, sizeof(index)));
	printf("device=%d\n", device_of(fd));
}

static void unleash(void)
{
	static const int none;
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	report("setsockopt", call_asm5(SYS_setsockopt, fd, SOL_SOCKET, SO_BINDTOIFINDEX,
				       (long)&none, sizeof(none)));
	printf("device=%d\n", device_of(fd));
}

static void try_bind(char **arguments)
{
	struct sockaddr_storage address, to;
	socklen_t length = fill(&address, arguments[0], 0);
	const int fd = socket(address.ss_family, SOCK_STREAM, 0);

	report("bind", bind(fd, (struct sockaddr *)&address, length));
	print_name("bound", fd);
	if (!arguments[1])
		return;
	length = fill(&to, arguments[1], (unsigned)atoi(arguments[2]));
	report("connect", connect(fd, (struct sockaddr *)&to, length));
	print_name("connected", fd);
}

static void try_listen(const char *text, int fd)
{
	struct sockaddr_storage address;

	if (strcmp(text, "-") != 0) {
		const socklen_t length = fill(&address, text, 0);
		fd = fd >= 0 ? fd : socket(address.ss_family, SOCK_STREAM, 0);
		report("bind", bind(fd, (struct sockaddr *)&address, length));
	}
	report("listen", listen(fd, 5));
	printf("device=%d\n", device_of(fd));
}

static void try_datagrams(const char *text)
{
	struct sockaddr_storage to;
	socklen_t length = fill(&to, text, 9);
	const struct sockaddr *addr = (struct sockaddr *)&to;
	char x = 'x';
	struct iovec byte = { &x, 1 };
	struct mmsghdr many[2] = { { .msg_hdr = { &to, length, &byte, 1, NULL, 0, 0 } },
				   { .msg_hdr = { &to, length, &byte, 1, NULL, 0, 0 } } };
	const int fd = socket(to.ss_family, SOCK_DGRAM, 0);

	report("sendto", sendto(fd, "x", 1, 0, addr, length));
	report("sendmsg", sendmsg(fd, &many[0].msg_hdr, 0));
	report("sendmmsg", sendmmsg(fd, many, 2, 0));
	report("syscall", syscall(SYS_sendto, fd, "x", 1, 0, addr, length));
	many[0].msg_hdr.msg_namelen = 4000; /* cut by the kernel, not refused */
	many[0].msg_hdr.msg_name = memcpy(calloc(1, 4000), &to, sizeof(to));
	report("long", sendmsg(fd, &many[0].msg_hdr, 0));
	if (to.ss_family == AF_INET) {
		to.ss_family = AF_UNSPEC;
		report("unspecified", sendto(fd, "x", 1, 0, addr, length));
		to.ss_family = AF_INET;
	}
	report("connect", connect(fd, addr, length));
	report("write", write(fd, "x", 1));
}

/* ---- descriptors handed over ---- */

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(2 * sizeof(int))];
};

static void hand_over(int pair[2], const int fds[2], struct msghdr *message, union control *control)
{
	message->msg_control = control;
	message->msg_controllen = sizeof(control->room);
	control->header = (struct cmsghdr){ CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&control->header), fds, 2 * sizeof(int));
	if (sendmsg(pair[0], message, 0) < 0)
		err(1, "sendmsg");
	message->msg_controllen = sizeof(control->room);
}

static int count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 100; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int make_for(const char *kind, char **target)
{
	struct sockaddr_storage to;
	socklen_t length = 0;
	int fd;

	if (strcmp(kind, "unix") == 0)
		return socket(AF_UNIX, SOCK_STREAM, 0);
	if (strcmp(kind, "own") == 0)
		return socket(AF_INET, SOCK_STREAM, 0);
	fd = real_socket(AF_INET, strcmp(kind, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM);
	if (*target) {
		int (*connected)(int, const struct sockaddr *, socklen_t) =
			(int (*)(int, const struct sockaddr *, socklen_t))dlsym(
				dlopen("libc.so.6", RTLD_LAZY), "connect");
		length = fill(&to, target[0], (unsigned)atoi(target[1]));
		if (connected(fd, (struct sockaddr *)&to, length) < 0)
			err(1, "connect, past the library");
	}
	return fd;
}

static void pass(const char *kind, char **target)
{
	const int fds[2] = { make_for(kind, target), open("/dev/null", O_RDONLY) };
	char byte = 'x';
	struct iovec piece = { &byte, 1 };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };
	struct mmsghdr many = { 0 };
	union control control;
	int pair[2];

	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	hand_over(pair, fds, &message, &control);
	int before = count_descriptors();
	report("recvmsg", recvmsg(pair[1], &message, 0));
	printf("descriptors=%d\n", count_descriptors() - before);
	hand_over(pair, fds, &message, &control);
	before = count_descriptors();
	many.msg_hdr = message;
	report("recvmmsg", recvmmsg(pair[1], &many, 1, 0, NULL));
	printf("descriptors=%d truncated=%d\n", count_descriptors() - before,
	       many.msg_hdr.msg_flags & MSG_CTRUNC ? 1 : 0);
}

static void take(const char *kind, char **target)
{
	const int fd = make_for(kind, target);
	const long self = syscall(SYS_pidfd_open, getpid(), 0);

	report("syscall", syscall(SYS_pidfd_getfd, self, fd, 0) < 0 ? -1 : 0);
	/* An older libc has none; the library has. */
	int (*by_name)(int, int, unsigned) =
		(int (*)(int, int, unsigned))dlsym(RTLD_DEFAULT, "pidfd_getfd");
	report("pidfd_getfd", by_name((int)self, fd, 0) < 0 ? -1 : 0);
}

/* ---- bad arguments ---- */

static int tcp, udp;

/* Each call with an address, told by number. */
static void with_address(const char *what, const void *addr, socklen_t length)
{
	char text[64];
	struct msghdr message = { .msg_name = (void *)addr, .msg_namelen = length };
	const int fds[] = { tcp, udp, -1, 0 };

	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++) {
		const struct {
			const char *name;
			long r;
			int error;
		} done[] = {
			{ "bind", bind(fds[i], addr, length), errno },
			{ "sendto", sendto(fds[i], "x", 1, 0, addr, length), errno },
			{ "sendmsg", sendmsg(fds[i], &message, 0), errno },
			{ "connect", connect(fds[i], addr, length), errno },
		};
		for (size_t j = 0; j < sizeof(done) / sizeof(*done); j++) {
			snprintf(text, sizeof(text), "%s %s %zu", what, done[j].name, i);
			errno = done[j].error;
			report(text, done[j].r);
		}
	}
}

static void hostile(void)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sockaddr_in loopback = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char *edge = pages + 4096;
	socklen_t length;

	/* A page that cannot be touched behind one that can. */
	mprotect(edge, 4096, PROT_NONE);
	signal(SIGPIPE, SIG_IGN);
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	with_address("NULL", NULL, 16);
	with_address("low", (void *)1, 16);
	with_address("high", (void *)-16, 16);
	with_address("hole", edge, 16);
	memcpy(edge - 8, &loopback, 8);
	with_address("cut", edge - 8, 16);
	with_address("none", &loopback, 0);
	with_address("one", &loopback, 1);
	with_address("short", &loopback, 8);
	with_address("negative", &loopback, (socklen_t)-1);
	with_address("huge", memcpy(pages, &loopback, sizeof(loopback)), 4000);

	report("sendmsg low", sendmsg(udp, (void *)1, 0));
	report("sendmsg hole", sendmsg(udp, (void *)edge, 0));
	report("sendmmsg hole", sendmmsg(udp, (void *)edge, 2, 0));
	report("sendmmsg NULL", sendmmsg(udp, NULL, 2, 0));
	report("recvmsg hole", recvmsg(udp, (void *)edge, MSG_DONTWAIT));
	report("recvmmsg hole", recvmmsg(udp, (void *)edge, 1, MSG_DONTWAIT, NULL));
	struct msghdr message = { .msg_iov = (void *)edge, .msg_iovlen = 1 };
	report("iovec hole", sendmsg(udp, &message, 0));
	message.msg_iovlen = 1u << 20;
	report("iovec many", sendmsg(udp, &message, 0));
	report("readv many", readv(tcp, (void *)edge, 1 << 20));

	report("getsockname NULL", getsockname(tcp, NULL, NULL));
	report("getsockname hole", getsockname(tcp, (void *)edge, (void *)edge));
	length = 16;
	report("getsockname address", getsockname(tcp, (void *)edge, &length));
	report("getpeername NULL", getpeername(tcp, NULL, NULL));
	report("getpeername hole", getpeername(tcp, (void *)edge, (void *)edge));
	report("getsockopt NULL", getsockopt(tcp, SOL_SOCKET, SO_ERROR, NULL, NULL));
	report("getsockopt hole", getsockopt(tcp, SOL_SOCKET, SO_ERROR, edge, (void *)(edge + 64)));
	report("device NULL", setsockopt(tcp, SOL_SOCKET, SO_BINDTODEVICE, NULL, 4));
	report("device hole", setsockopt(tcp, SOL_SOCKET, SO_BINDTODEVICE, edge, 4));
	report("device negative",
	       setsockopt(tcp, SOL_SOCKET, SO_BINDTODEVICE, "lo", (socklen_t)-1));
	report("device closed", setsockopt(-1, SOL_SOCKET, SO_BINDTODEVICE, "lo", 2));
	report("index short", setsockopt(tcp, SOL_SOCKET, SO_BINDTOIFINDEX, "lo", 2));
	report("index hole", setsockopt(tcp, SOL_SOCKET, SO_BINDTOIFINDEX, edge, 4));
	report("join closed", setsockopt(-1, IPPROTO_IP, IP_ADD_MEMBERSHIP, edge, 4));
	report("accept closed", accept(-1, NULL, NULL));
	report("accept file", accept(0, (void *)edge, (void *)edge));
	report("accept idle", accept(tcp, NULL, NULL));
	report("listen closed", listen(-1, 1));
	report("listen datagrams", listen(udp, 1));
	report("socket negative", socket(-1, SOCK_STREAM, 0));
	report("socket beyond", socket(9999, SOCK_STREAM, 0));
	report("socket unspecified", socket(AF_UNSPEC, SOCK_STREAM, 0));
	report("socket type", socket(AF_INET, 15, 0));
	report("socket no type", socket(AF_INET, -1, 0));
	report("socket protocol", socket(AF_INET, SOCK_STREAM, -1));
	report("socket mismatch", socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	report("socket mismatch", socket(AF_INET, SOCK_DGRAM, IPPROTO_TCP));
	report("socketpair", socketpair(AF_INET, SOCK_STREAM, 0, (void *)edge));
}

/* A number that one kind of socket had, and then another. */
static void change_kinds(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80) }, at = { 0 };
	socklen_t length = sizeof(at);

	inet_pton(AF_INET, address, &to.sin_addr);
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	report("datagrams over a stream", connect(dup2(udp, tcp), (void *)&to, sizeof(to)));
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	report("a stream over datagrams", connect(dup2(tcp, udp), (void *)&to, sizeof(to)));

	const int listener = socket(AF_INET, SOCK_STREAM, 0);
	listen(listener, 1);
	getsockname(listener, (void *)&at, &length);
	tcp = socket(AF_INET, SOCK_STREAM, 0);
	connect(tcp, (void *)&at, length);
	close(socket(AF_INET, SOCK_DGRAM, 0)); /* its number is the next one's */
	const int guest = accept(listener, NULL, NULL);
	report("to a guest", sendto(guest, "x", 1, 0, (void *)&to, sizeof(to)) != 1);
}

/* Waiting with arguments that cannot be read, while a socket is on its way to an address. */
static void wait_badly(const char *address)
{
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), set = epoll_create1(0);
	struct pollfd ready = { .fd = fd, .events = POLLIN };
	struct timespec none = { 0 };
	void *edge = pages + 4096;
	volatile nfds_t many = 1u << 30;

	mprotect(edge, 4096, PROT_NONE);
	inet_pton(AF_INET, address, &to.sin_addr);
	report("connect", connect(fd, (void *)&to, sizeof(to)));
	report("poll", poll(edge, 1, 0));
	report("poll cut", poll((void *)((char *)edge - sizeof(ready)), 2, 0));
	report("poll many", poll(&ready, many, 0));
	report("ppoll", ppoll(edge, 1, &none, NULL));
	for (unsigned i = 0; i < 3; i++) {
		void *sets[3] = { NULL, NULL, NULL };
		sets[i] = edge;
		report("select", select(fd + 1, sets[0], sets[1], sets[2], NULL));
		report("pselect", pselect(fd + 1, sets[0], sets[1], sets[2], &none, NULL));
	}
	report("epoll_ctl", epoll_ctl(set, EPOLL_CTL_ADD, fd, edge));
}

static void connect_unix(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
	report("connect",
	       connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof(to)));
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long number[3] = { 0 };

	for (int i = 0; i < 3 && i + 2 < argc; i++)
		number[i] = strtol(argv[i + 2], NULL, 0);
	const int domain = (int)number[0], type = (int)number[1], protocol = (int)number[2];

	if (strcmp(what, "socket") == 0)
		report(what, socket(domain, type, protocol));
	else if (strcmp(what, "syscall") == 0)
		report(what, syscall(SYS_socket, domain, type, protocol));
	else if (strcmp(what, "asm") == 0)
		report(what, call_asm(SYS_socket, domain, type, protocol));
	else if (strcmp(what, "int80") == 0)
		report(what, call_int80(359, AF_INET, SOCK_STREAM, 0));
	else if (strcmp(what, "uring") == 0)
		report(what, call_asm(425, 4, (long)calloc(1, 4096), 0));
	else if (strcmp(what, "unleash") == 0)
		unleash();
	else if (strcmp(what, "leash") == 0)
		show_leash();
	else if (strcmp(what, "device") == 0)
		set_device(argv[2]);
	else if (strcmp(what, "index") == 0)
		set_index(domain);
	else if (strcmp(what, "joins") == 0)
		try_joins();
	else if (strcmp(what, "bind") == 0)
		try_bind(argv + 2);
	else if (strcmp(what, "listen") == 0)
		try_listen(argv[2],
			   strcmp(argv[2], "-") == 0 ? socket(AF_INET, SOCK_STREAM, 0) : -1);
	else if (strcmp(what, "listen-past") == 0)
		try_listen(argv[2], real_socket(AF_INET, SOCK_STREAM));
	else if (strcmp(what, "datagrams") == 0)
		try_datagrams(argv[2]);
	else if (strcmp(what, "pass") == 0)
		pass(argv[2], argv + 3);
	else if (strcmp(what, "take") == 0)
		take(argv[2], argv + 3);
	else if (strcmp(what, "kinds") == 0)
		change_kinds(argv[2]);
	else if (strcmp(what, "waits") == 0)
		wait_badly(argv[2]);
	else if (strcmp(what, "unix") == 0)
		connect_unix(argv[2]);
	else if (strcmp(what, "hostile") == 0)
		hostile();
	else
		errx(2, "usage: sockets WHAT [ARGUMENTS]");
	return 0;
}
