/* past: ways that do not come by libc's exported functions, or that take the leash off first. */
#include "call.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
long kernel(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}
#elif defined(__aarch64__)
long kernel(long number, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
long kernel(long number, long a, long b, long c, long d, long e, long f)
{
	const long r = syscall(number, a, b, c, d, e, f);
	return r < 0 ? -errno : r;
}
#endif

#ifdef SYS_socket
#define KERNEL_SOCKET(family, type, protocol) kernel(SYS_socket, family, type, protocol, 0, 0, 0)
#endif

static long kernel_connect(long fd, const char *target)
{
	union address to;
	const socklen_t length = fill(&to, target, PORT);

	return kernel(SYS_connect, fd, (long)&to, length, 0, 0, 0);
}

long kernel_sendto(long fd, const char *target)
{
	union address to;
	const socklen_t length = fill(&to, target, PORT);

	return kernel(SYS_sendto, fd, (long)"leak", 4, 0, (long)&to, length);
}

static void tcp_asm(void)
{
	const long fd = KERNEL_SOCKET(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	tell_negative(fd < 0 ? fd : kernel_connect(fd, TARGET4));
}

static void tcp_asm6(void)
{
	const long fd = KERNEL_SOCKET(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	tell_negative(fd < 0 ? fd : kernel_connect(fd, TARGET6));
}

static void udp_asm(void)
{
	const long fd = KERNEL_SOCKET(AF_INET, SOCK_DGRAM, 0);
	tell_negative(fd < 0 ? fd : kernel_sendto(fd, TARGET4));
}

static void udp_asm6(void)
{
	const long fd = KERNEL_SOCKET(AF_INET6, SOCK_DGRAM, 0);
	tell_negative(fd < 0 ? fd : kernel_sendto(fd, TARGET6));
}

/* libc's socket, which the leash holds, and the kernel's connect. */
static void tcp_asm_connect(void)
{
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	tell_negative(kernel_connect(fd, TARGET4));
}

static void tcp_asm_connect6(void)
{
	const int fd = open_socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	tell_negative(kernel_connect(fd, TARGET6));
}

static void udp_asm_sendto(void)
{
	const int fd = open_socket(AF_INET, SOCK_DGRAM, 0);
	tell_negative(kernel_sendto(fd, TARGET4));
}

static void udp_asm_sendto6(void)
{
	const int fd = open_socket(AF_INET6, SOCK_DGRAM, 0);
	tell_negative(kernel_sendto(fd, TARGET6));
}

static void fast_open_asm(void)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	tell_negative(kernel(SYS_sendto, fd, (long)"leak", 4, MSG_FASTOPEN, (long)&to, length));
}

/* Off the leash again: by the empty name, by another device, by its number; then past the hooks. */
static void unleash(int name, const void *value, socklen_t length, bool by_kernel)
{
	const int fd = open_socket(AF_INET, SOCK_DGRAM, 0);

	if (by_kernel)
		kernel(SYS_setsockopt, fd, SOL_SOCKET, name, (long)value, length, 0);
	else
		setsockopt(fd, SOL_SOCKET, name, value, length);
	tell_negative(kernel_sendto(fd, TARGET4));
}

static void unleash_empty(void)
{
	unleash(SO_BINDTODEVICE, "", 0, false);
}

static void unleash_device(void)
{
	unleash(SO_BINDTODEVICE, DEVICE, sizeof(DEVICE), false);
}

static void unleash_index(void)
{
	const int index = (int)if_nametoindex(DEVICE);
	unleash(SO_BINDTOIFINDEX, &index, sizeof(index), false);
}

static void unleash_asm(void)
{
	unleash(SO_BINDTODEVICE, "", 0, true);
}

static void unleash_index_asm(void)
{
	const int none = 0;
	unleash(SO_BINDTOIFINDEX, &none, sizeof(none), true);
}

static void unicast_if(void)
{
	const int fd = open_socket(AF_INET, SOCK_DGRAM, 0);
	const uint32_t index = htonl(if_nametoindex(DEVICE));

	setsockopt(fd, IPPROTO_IP, IP_UNICAST_IF, &index, sizeof(index));
	tell_negative(kernel_sendto(fd, TARGET4));
}

/* ---- a device in IPv4's control data, whatever the socket is bound to ---- */

struct led {
	union address to;
	struct iovec text;
	union {
		struct cmsghdr first;
		char room[CMSG_SPACE(sizeof(struct in_pktinfo))];
	} control;
	struct mmsghdr message;
};

static void lead(struct led *led)
{
	const struct in_pktinfo info = { .ipi_ifindex = (int)if_nametoindex(DEVICE) };

	*led = (struct led){ .text = { (void *)"leak", 4 } };
	led->control.first = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(info)),
					       .cmsg_level = IPPROTO_IP,
					       .cmsg_type = IP_PKTINFO };
	memcpy(CMSG_DATA(&led->control.first), &info, sizeof(info));
	led->message.msg_hdr = (struct msghdr){
		.msg_name = &led->to,
		.msg_namelen = fill(&led->to, TARGET4, PORT),
		.msg_iov = &led->text,
		.msg_iovlen = 1,
		.msg_control = &led->control,
		.msg_controllen = sizeof(led->control),
	};
}

static void device_asm(void)
{
	struct led led;
	const int fd = open_socket(AF_INET, SOCK_DGRAM, 0);

	lead(&led);
	tell_negative(kernel(SYS_sendmsg, fd, (long)&led.message.msg_hdr, 0, 0, 0, 0));
}

static void device_asm_many(void)
{
	struct led led;
	const int fd = open_socket(AF_INET, SOCK_DGRAM, 0);

	lead(&led);
	tell_negative(kernel(SYS_sendmmsg, fd, (long)&led.message, 1, 0, 0, 0));
}

static void device_dlsym(void)
{
	ssize_t (*send_it)(int, const struct msghdr *, int) =
		dlsym(dlopen("libc.so.6", RTLD_NOW), "sendmsg");
	struct led led;
	const int fd = open_socket(AF_INET, SOCK_DGRAM, 0);

	lead(&led);
	tell(send_it(fd, &led.message.msg_hdr, 0));
}

static void device_dlmopen(void)
{
	ssize_t (*send_it)(int, const struct msghdr *, int) =
		dlsym(dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW), "sendmsg");
	struct led led;
	const int fd = open_socket(AF_INET, SOCK_DGRAM, 0);

	lead(&led);
	tell(send_it(fd, &led.message.msg_hdr, 0));
}

/* The device is written while the library looks: by a thread that takes turns with it. */
static void *flip(void *data)
{
	struct led *led = data;
	struct in_pktinfo *info = (struct in_pktinfo *)(void *)CMSG_DATA(&led->control.first);
	volatile int *index = &info->ipi_ifindex;
	const int device = *index;

	for (unsigned i = 0;; i++)
		*index = i % 2 ? device : 0;
	return NULL;
}

static void device_race(void)
{
	struct led led;
	pthread_t thread;
	const int fd = open_socket(AF_INET, SOCK_DGRAM, 0);
	ssize_t r = -1;

	/* On all processors: those of a test stay on one. */
	cpu_set_t all;
	memset(&all, 0xff, sizeof(all));
	sched_setaffinity(0, sizeof(all), &all);
	lead(&led);
	fill(&led.to, "127.0.0.1", PORT);
	sendmsg(fd, &led.message.msg_hdr, 0); /* as long as nobody disturbs it */
	pthread_create(&thread, NULL, flip, &led);
	for (unsigned i = 0; i < 4000; i++)
		r = sendmsg(fd, &led.message.msg_hdr, MSG_DONTWAIT);
	tell(r);
}

/* ---- a socket that the policy has let go to a printer, or has opened to guests ---- */

#define PRINTER_PORT 631

static int open_after(int type)
{
	union address to;
	const int fd = open_socket(AF_INET, type, 0);

	connect(fd, &to.any, fill(&to, PRINTER, PRINTER_PORT));
	return fd;
}

static void leave(int fd)
{
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };

	kernel(SYS_connect, fd, (long)&none, sizeof(none), 0, 0, 0);
}

static void udp_asm_after(void)
{
	tell_negative(kernel_sendto(open_after(SOCK_DGRAM), TARGET4));
}

static void udp_asm_connect_after(void)
{
	const int fd = open_after(SOCK_DGRAM);

	leave(fd);
	kernel_connect(fd, TARGET4);
	tell_negative(kernel(SYS_write, fd, (long)"leak", 4, 0, 0, 0));
}

static void tcp_asm_after(void)
{
	const int fd = open_after(SOCK_STREAM | SOCK_NONBLOCK);

	leave(fd);
	tell_negative(kernel_connect(fd, TARGET4));
}

/* connect(2) to no address, which leaves a datagram socket bound to no device. */
static void dissolved(const char *target, bool by_kernel, uint32_t scope)
{
	union address to;
	const int fd = open_socket(family_of(target), SOCK_DGRAM, 0);
	socklen_t length = fill(&to, family_of(target) == AF_INET ? "127.0.0.1" : "::1", PORT);
	static const struct sockaddr none = { .sa_family = AF_UNSPEC };

	connect(fd, &to.any, length);
	if (by_kernel)
		leave(fd);
	else
		connect(fd, &none, sizeof(none));
	length = fill(&to, target, PORT);
	if (scope)
		to.v6.sin6_scope_id = scope;
	kernel(SYS_sendto, fd, (long)"leak", 4, 0, (long)&to, length);
	kernel(SYS_connect, fd, (long)&to, length, 0, 0, 0);
	tell_negative(kernel(SYS_write, fd, (long)"leak", 4, 0, 0, 0));
}

static void udp_dissolved(void)
{
	dissolved(TARGET4, false, 0);
}

static void udp_dissolved6(void)
{
	dissolved(TARGET6, false, 0);
}

static void udp_dissolved_scope(void)
{
	dissolved("fe80::1", false, if_nametoindex(DEVICE));
}

static void udp_dissolved_asm(void)
{
	dissolved(TARGET4, true, 0);
}

static void udp_dissolved_asm6(void)
{
	dissolved(TARGET6, true, 0);
}

static void udp_dissolved_asm_group(void)
{
	dissolved(GROUP4, true, 0);
}

static void udp_dissolved_asm_group6(void)
{
	dissolved(GROUP6, true, 0);
}

static void udp_dissolved_asm_scope(void)
{
	dissolved("fe80::1", true, if_nametoindex(DEVICE));
}

static void udp_scope_asm(void)
{
	union address to;
	const socklen_t length = fill(&to, "fe80::1", PORT);
	const int fd = open_socket(AF_INET6, SOCK_DGRAM, 0);

	to.v6.sin6_scope_id = if_nametoindex(DEVICE);
	tell_negative(kernel(SYS_sendto, fd, (long)"leak", 4, 0, (long)&to, length));
}

static void listen_asm_after(void)
{
	const int fd = open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	listen(fd, 4);
	leave(fd);
	tell_negative(kernel_connect(fd, TARGET4));
}

/* By the hooks alone: another address, and this machine's by way of a device. */
static void udp_hook_after(void)
{
	union address to;
	const int fd = open_after(SOCK_DGRAM);

	tell(sendto(fd, "leak", 4, 0, &to.any, fill(&to, TARGET4, PORT)));
}

static void udp_home_after(void)
{
	struct led led;
	const uint32_t index = htonl(if_nametoindex(DEVICE));
	const int fd = open_after(SOCK_DGRAM);

	lead(&led);
	fill(&led.to, "127.0.0.1", PORT);
	tell(setsockopt(fd, IPPROTO_IP, IP_UNICAST_IF, &index, sizeof(index)));
	tell(sendto(fd, "leak", 4, 0, &led.to.any, sizeof(led.to.v4)));
	tell(sendmsg(fd, &led.message.msg_hdr, 0));
}

/* 32-bit calls from a 64-bit program; their pointers must be short. */
#if defined(__x86_64__)
static long short_kernel(long number, uint32_t a, uint32_t b, uint32_t c)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(number), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return r;
}

static void on_fault(int number)
{
	(void)number;
	_exit(MISSING);
}

static void udp_int80(void)
{
	enum { SOCKETCALL = 102, SOCKET = 1, SENDTO = 11 };
	struct short_memory {
		uint32_t words[6];
		union address to;
		char text[4];
	} *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
		     -1, 0);

	signal(SIGSEGV, on_fault);
	const socklen_t length = fill(&at->to, TARGET4, PORT);
	memcpy(at->words, (uint32_t[]){ AF_INET, SOCK_DGRAM, 0 }, 12);
	const long fd = (int)short_kernel(SOCKETCALL, SOCKET, (uint32_t)(uintptr_t)at->words, 0);
	const uint32_t sendto_words[] = {
		(uint32_t)fd, (uint32_t)(uintptr_t)at->text, 4, 0, (uint32_t)(uintptr_t)&at->to,
		length
	};
	memcpy(at->words, sendto_words, sizeof(sendto_words));
	tell_negative(
		fd < 0 ? fd
		       : (int)short_kernel(SOCKETCALL, SENDTO, (uint32_t)(uintptr_t)at->words, 0));
	if (fd == -ENOSYS)
		exit(MISSING);
}

static void udp_x32(void)
{
	const long fd = kernel(0x40000000 | SYS_socket, AF_INET, SOCK_DGRAM, 0, 0, 0, 0);

	tell_negative(fd < 0 ? fd : kernel_sendto(fd, TARGET4));
	if (fd == -ENOSYS)
		exit(MISSING);
}
#else
static void udp_int80(void)
{
	exit(MISSING);
}

static void udp_x32(void)
{
	exit(MISSING);
}
#endif

/* Another libc beside the program's, or the program's by a handle of its own. */
static void by_handle(void *handle, bool stream)
{
	int (*open_it)(int, int, int) = dlsym(handle, "socket");
	int (*connect_it)(int, const struct sockaddr *, socklen_t) = dlsym(handle, "connect");
	ssize_t (*send_it)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
		dlsym(handle, "sendto");
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);
	const int fd = open_it(AF_INET, stream ? SOCK_STREAM | SOCK_NONBLOCK : SOCK_DGRAM, 0);

	if (fd < 0)
		tell(-1); /* its errno may be another one: what counts is the frame */
	else if (stream)
		tell(connect_it(fd, &to.any, length));
	else
		tell(send_it(fd, "leak", 4, 0, &to.any, length));
}
#define OTHER_LIBC dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_NOW)
#define OWN_LIBC   dlopen("libc.so.6", RTLD_NOW)

/* A library that was loaded so that its own libraries go first. */
static void by_library(void *library, int is_stream)
{
	int (*leak)(int, const char *, unsigned) =
		library ? (int (*)(int, const char *, unsigned))dlsym(library, "leak") : NULL;

	tell_negative(leak ? -leak(is_stream, TARGET4, PORT) : -ENOSYS);
}

static void tcp_deepbind(void)
{
	by_library(dlopen("./deep.so", RTLD_NOW | RTLD_DEEPBIND), true);
}

static void udp_deepbind(void)
{
	by_library(dlopen("./deep.so", RTLD_NOW | RTLD_DEEPBIND), false);
}

static void tcp_deepbind_base(void)
{
	by_library(dlmopen(LM_ID_BASE, "./deep.so", RTLD_NOW | RTLD_DEEPBIND), true);
}

static void tcp_dlmopen(void)
{
	by_handle(OTHER_LIBC, true);
}

static void udp_dlmopen(void)
{
	by_handle(OTHER_LIBC, false);
}

static void tcp_dlsym(void)
{
	by_handle(OWN_LIBC, true);
}

static void udp_dlsym(void)
{
	by_handle(OWN_LIBC, false);
}

const struct call past_calls[] = {
	{ "udp-asm", udp_asm },
	{ "udp-asm6", udp_asm6 },
	{ "udp-asm-sendto", udp_asm_sendto },
	{ "udp-asm-sendto6", udp_asm_sendto6 },
	{ "udp-int80", udp_int80 },
	{ "udp-x32", udp_x32 },
	{ "udp-dlmopen", udp_dlmopen },
	{ "udp-dlsym", udp_dlsym },
	{ "tcp-asm", tcp_asm },
	{ "tcp-asm6", tcp_asm6 },
	{ "tcp-asm-connect", tcp_asm_connect },
	{ "tcp-asm-connect6", tcp_asm_connect6 },
	{ "tcp-deepbind", tcp_deepbind },
	{ "udp-deepbind", udp_deepbind },
	{ "tcp-deepbind-base", tcp_deepbind_base },
	{ "tcp-dlmopen", tcp_dlmopen },
	{ "tcp-dlsym", tcp_dlsym },
	{ "fastopen-asm", fast_open_asm },
	{ "unleash-empty", unleash_empty },
	{ "unleash-device", unleash_device },
	{ "unleash-index", unleash_index },
	{ "unleash-asm", unleash_asm },
	{ "unleash-index-asm", unleash_index_asm },
	{ "unicast-if", unicast_if },
	{ "device-asm", device_asm },
	{ "device-asm-many", device_asm_many },
	{ "device-dlsym", device_dlsym },
	{ "device-dlmopen", device_dlmopen },
	{ "device-race", device_race },
	{ "udp-dissolved", udp_dissolved },
	{ "udp-dissolved6", udp_dissolved6 },
	{ "udp-dissolved-scope", udp_dissolved_scope },
	{ "udp-dissolved-asm", udp_dissolved_asm },
	{ "udp-dissolved-asm6", udp_dissolved_asm6 },
	{ "udp-dissolved-asm-group", udp_dissolved_asm_group },
	{ "udp-dissolved-asm-group6", udp_dissolved_asm_group6 },
	{ "udp-dissolved-asm-scope", udp_dissolved_asm_scope },
	{ "udp-scope-asm", udp_scope_asm },
	{ "udp-asm-after", udp_asm_after },
	{ "udp-asm-connect-after", udp_asm_connect_after },
	{ "tcp-asm-after", tcp_asm_after },
	{ "udp-hook-after", udp_hook_after },
	{ "udp-home-after", udp_home_after },
	{ "listen-asm-after", listen_asm_after },
	{ NULL, NULL },
};
