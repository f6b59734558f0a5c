#include "guard.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IPV6_JOIN_ANYCAST
#define IPV6_JOIN_ANYCAST 27
#endif
#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW (1UL << 2) /* Linux 4.17 */
#endif

/* ---- machines: arch/x86/entry/syscalls, include/uapi/asm-generic/unistd.h ---- */

const struct guard_machine guard_x86_64 = {
	.architecture = AUDIT_ARCH_X86_64,
	.calls = { 41, 44, 46, 54, 307, 425, 438, 441 },
	.least_foreign = 0x40000000,
	.compat = { AUDIT_ARCH_I386, 102, { 359, 369, 370, 366, 345, 425, 438, 441 } },
};

const struct guard_machine guard_aarch64 = {
	.architecture = AUDIT_ARCH_AARCH64,
	.calls = { 198, 206, 211, 208, 269, 425, 438, 441 },
	.compat = { AUDIT_ARCH_ARM, 102, { 281, 290, 296, 294, 374, 425, 438, 441 } },
};

/* ---- putting a program together ---- */

/* Where jumps lead. A jump to NEXT goes on. */
enum label {
	NEXT,
	CALLS,
	COMPAT,
	SOCKET,
	LIBRARY,
	MANY,
	SEND,
	WAIT,
	OPTION,
	OPTION_DEVICE,
	OPTION_COOKIE,
	OPTION_IPV4,
	OPTION_IPV6,
	OPTION_GROUP,
	ALLOW,
	NO_ACCESS,
	NO_PERMISSION,
	NO_SUCH_CALL,
	LABELS
};

/* Until it is finished, jumps hold labels. */
struct builder {
	struct sock_filter *program;
	size_t count;
	size_t places[LABELS];
	uint32_t cookie[4];
};

static void put(struct builder *b, uint16_t code, uint32_t k, enum label yes, enum label no)
{
	b->program[b->count++] = (struct sock_filter){ code, (uint8_t)yes, (uint8_t)no, k };
}

static void here(struct builder *b, enum label label)
{
	b->places[label] = b->count;
}

static void load(struct builder *b, size_t offset)
{
	put(b, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, NEXT, NEXT);
}

/* The lower half of an argument: what the kernel takes for an int. Both machines have it first. */
static void load_argument(struct builder *b, unsigned number)
{
	load(b, offsetof(struct seccomp_data, args) + number * sizeof(uint64_t));
}

static void if_equal(struct builder *b, uint32_t value, enum label yes, enum label no)
{
	put(b, BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
}

static void if_least(struct builder *b, uint32_t value, enum label yes, enum label no)
{
	put(b, BPF_JMP | BPF_JGE | BPF_K, value, yes, no);
}

static void answer(struct builder *b, uint32_t action)
{
	put(b, BPF_RET | BPF_K, action, NEXT, NEXT);
}

static void require_half(struct builder *b, unsigned argument, unsigned half, enum label then,
			 enum label otherwise)
{
	load_argument(b, argument);
	if_equal(b, b->cookie[half * 2], NEXT, otherwise);
	load(b,
	     offsetof(struct seccomp_data, args) + argument * sizeof(uint64_t) + sizeof(uint32_t));
	if_equal(b, b->cookie[half * 2 + 1], then, otherwise);
}

/* One of two for every comparison: NEXT is the instruction behind it. */
static void finish(struct builder *b)
{
	for (size_t i = 0; i < b->count; i++) {
		struct sock_filter *at = &b->program[i];

		if (BPF_CLASS(at->code) != BPF_JMP)
			continue;
		at->jt = at->jt == NEXT ? 0 : (uint8_t)(b->places[at->jt] - i - 1);
		at->jf = at->jf == NEXT ? 0 : (uint8_t)(b->places[at->jf] - i - 1);
	}
}

/* ---- the filter ---- */

static void put_calls(struct builder *b, const struct guard_calls *calls)
{
	if_equal(b, calls->io_uring_setup, NO_SUCH_CALL, NEXT);
	if_equal(b, calls->sendmmsg, MANY, NEXT);
	if_equal(b, calls->pidfd_getfd, LIBRARY, NEXT);
	if_equal(b, calls->epoll_pwait2, WAIT, NEXT);
	if_equal(b, calls->socket, SOCKET, NEXT);
	if_equal(b, calls->sendto, SEND, NEXT);
	if_equal(b, calls->sendmsg, LIBRARY, NEXT);
	if_equal(b, calls->setsockopt, OPTION, ALLOW);
}

/*
 * Most calls end after a few comparisons: when a filter is installed the kernel tries every number
 * out once, to let pass without running it what is always allowed, and that takes as long as these
 * paths are. `socket` is the least number of all, on every machine; within sixteen behind it are
 * three more, and the others are far above.
 */
#define NEAR 16

static void put_native(struct builder *b, const struct guard_machine *machine)
{
	load(b, offsetof(struct seccomp_data, arch));
	if_equal(b, machine->architecture, NEXT, COMPAT);
	load(b, offsetof(struct seccomp_data, nr));
	if_least(b, machine->calls.socket, NEXT, ALLOW);
	if_least(b, machine->calls.socket + NEAR, NEXT, CALLS);
	if_least(b, machine->calls.sendmmsg, NEXT, ALLOW);
	if (machine->least_foreign)
		if_least(b, machine->least_foreign, NO_SUCH_CALL, NEXT);
	here(b, CALLS);
	put_calls(b, &machine->calls);
}

/*
 * 32-bit programs: socketcall() has its arguments in memory, which a filter cannot see. The load in
 * front is of something that the kernel cannot try out: programs for these are rare, and their four
 * hundred numbers would take half of the time.
 */
static void put_compat(struct builder *b, const struct guard_machine *machine)
{
	here(b, COMPAT);
	if_equal(b, machine->compat.architecture, NEXT, NO_ACCESS);
	load_argument(b, 0);
	load(b, offsetof(struct seccomp_data, nr));
	if_equal(b, machine->compat.socketcall, NO_ACCESS, NEXT);
	put_calls(b, &machine->compat.calls);
}

static void put_socket(struct builder *b)
{
	here(b, SOCKET);
	load_argument(b, 0);
	if_equal(b, AF_UNIX, ALLOW, NEXT);
	if_equal(b, AF_NETLINK, ALLOW, NEXT);
	/* sendmsg and pidfd_getfd use three arguments, too. Control data can name a device, other
	 * than the one that an IPv4 socket is bound to, and a filter cannot see it. */
	here(b, LIBRARY);
	require_half(b, 3, 0, NEXT, NO_ACCESS);
	require_half(b, 4, 1, ALLOW, NO_ACCESS);
	here(b, MANY); /* sendmmsg uses four */
	require_half(b, 4, 0, NEXT, NO_ACCESS);
	require_half(b, 5, 1, ALLOW, NO_ACCESS);
}

/*
 * sendto(2) uses all its arguments, so the library sends messages instead. What it has no address
 * for goes where the socket is connected. Shorter ones are none of the internet's, as those of
 * libc's own requests to the kernel by AF_NETLINK; longer ones the kernel refuses.
 */
static void put_send(struct builder *b)
{
	here(b, SEND);
	load_argument(b, 5);
	if_least(b, sizeof(struct sockaddr_in), NEXT, ALLOW);
	if_least(b, sizeof(struct sockaddr_storage) + 1, ALLOW, NEXT);
	load_argument(b, 4);
	if_equal(b, 0, NEXT, NO_ACCESS);
	load(b, offsetof(struct seccomp_data, args) + 4 * sizeof(uint64_t) + sizeof(uint32_t));
	if_equal(b, 0, ALLOW, NO_ACCESS);
}

/*
 * A program that waits by a call of its own would be woken by what the library hides from others.
 * Of this one it can be told that it is not there, as before Linux 5.11; the library's own has the
 * cookie in place of a size that the kernel does not look at.
 */
static void put_wait(struct builder *b)
{
	here(b, WAIT);
	require_half(b, 5, 0, ALLOW, NO_SUCH_CALL);
}

static void put_device_option(struct builder *b)
{
	here(b, OPTION_DEVICE);
	load_argument(b, 2);
	if_equal(b, SO_BINDTODEVICE, OPTION_COOKIE, NEXT);
	if_equal(b, SO_BINDTOIFINDEX, OPTION_COOKIE, ALLOW);
	here(b, OPTION_COOKIE);
	require_half(b, 5, 0, ALLOW, NO_PERMISSION);
}

static void put_group_options(struct builder *b)
{
	here(b, OPTION_IPV4);
	load_argument(b, 2);
	if_equal(b, IP_UNICAST_IF, OPTION_COOKIE, NEXT);
	if_equal(b, IP_MULTICAST_IF, OPTION_COOKIE, NEXT);
	if_equal(b, IP_ADD_MEMBERSHIP, NO_ACCESS, NEXT);
	if_equal(b, IP_ADD_SOURCE_MEMBERSHIP, NO_ACCESS, OPTION_GROUP);
	here(b, OPTION_IPV6);
	load_argument(b, 2);
	if_equal(b, IPV6_UNICAST_IF, OPTION_COOKIE, NEXT);
	if_equal(b, IPV6_MULTICAST_IF, OPTION_COOKIE, NEXT);
	if_equal(b, IPV6_JOIN_GROUP, NO_ACCESS, NEXT);
	if_equal(b, IPV6_JOIN_ANYCAST, NO_ACCESS, NEXT);
	here(b, OPTION_GROUP);
	if_equal(b, MCAST_JOIN_GROUP, NO_ACCESS, NEXT);
	if_equal(b, MCAST_JOIN_SOURCE_GROUP, NO_ACCESS, ALLOW);
}

/* Options that would undo the leash, or make the kernel announce a membership. */
static void put_option(struct builder *b)
{
	here(b, OPTION);
	load_argument(b, 1);
	if_equal(b, SOL_SOCKET, OPTION_DEVICE, NEXT);
	if_equal(b, IPPROTO_IP, OPTION_IPV4, NEXT);
	if_equal(b, IPPROTO_IPV6, OPTION_IPV6, ALLOW);
	put_group_options(b); /* jumps lead forwards only */
	put_device_option(b);
}

static void put_answers(struct builder *b)
{
	here(b, ALLOW);
	answer(b, SECCOMP_RET_ALLOW);
	here(b, NO_ACCESS);
	answer(b, SECCOMP_RET_ERRNO | EACCES);
	here(b, NO_PERMISSION);
	answer(b, SECCOMP_RET_ERRNO | EPERM);
	here(b, NO_SUCH_CALL);
	answer(b, SECCOMP_RET_ERRNO | ENOSYS);
}

size_t guard_program(const struct guard_machine *machine, const uint8_t cookie[GUARD_COOKIE],
		     struct sock_filter program[GUARD_PROGRAM_MAX])
{
	struct builder b = { .program = program };

	memcpy(b.cookie, cookie, sizeof(b.cookie));
	put_native(&b, machine);
	put_compat(&b, machine);
	put_socket(&b);
	put_send(&b);
	put_wait(&b);
	put_option(&b);
	put_answers(&b);
	finish(&b);
	return b.count;
}

/* ---- this machine ---- */

static const struct guard_machine *this_machine(void)
{
#if defined(__x86_64__) && !defined(__ILP32__)
	return &guard_x86_64;
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return &guard_aarch64;
#else
	return NULL;
#endif
}

/* Without the flag the kernel slows every program down that has a filter, against what this one is
 * not for. */
static int install(const struct sock_fprog *filter)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, filter) ==
	    0)
		return 0;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, filter) == 0 ? 0 : -errno;
}

int guard_install(const uint8_t cookie[GUARD_COOKIE])
{
	const struct guard_machine *machine = this_machine();
	struct sock_filter program[GUARD_PROGRAM_MAX];
	struct sock_fprog filter = { .filter = program };

	if (!machine)
		return -ENOSYS;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	filter.len = (unsigned short)guard_program(machine, cookie, program);
	return install(&filter);
}

int guard_try_leash(const uint8_t cookie[GUARD_COOKIE])
{
	uint64_t halves[2];

	memcpy(halves, cookie, sizeof(halves));
	const int fd = (int)syscall(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0, halves[0],
				    halves[1], 0);
	if (fd < 0)
		return 0; /* and nothing to put it on */
	const int r = syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof("lo"),
			      halves[0]) < 0
			      ? -errno
			      : 0;
	close(fd);
	return r;
}

/* A kind of socket that no kernel has: without a filter the answer is another. */
bool guard_refuses(const uint8_t *cookie)
{
	uint64_t halves[2] = { 0 };

	if (cookie)
		memcpy(halves, cookie, sizeof(halves));
	return syscall(SYS_socket, AF_INET, -1, 0, halves[0], halves[1], 0) < 0 && errno == EACCES;
}
