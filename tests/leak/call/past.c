/* past: ways that do not come by libc's exported functions, or that take the leash off first. */
#include "call.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
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
	{ NULL, NULL },
};
