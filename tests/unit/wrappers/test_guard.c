/*
 * The filter's instructions, run here as the kernel runs them, for both machines; and by the
 * kernel, in a child.
 */
#include "guard.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS(x) (sizeof(x) / sizeof((x)[0]))

static const uint8_t cookie[GUARD_COOKIE] = { 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18,
					      0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28 };
#define LOW  0x1817161514131211ull
#define HIGH 0x2827262524232221ull

/* ---- the kernel's rules for a filter (Documentation/networking/filter.rst) ---- */

static uint32_t run(const struct sock_filter *program, size_t count,
		    const struct seccomp_data *data)
{
	uint32_t accumulator = 0;

	for (size_t i = 0; i < count; i++) {
		const struct sock_filter *at = &program[i];
		switch (at->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			cr_assert(at->k % 4 == 0 && at->k + 4 <= sizeof(*data));
			memcpy(&accumulator, (const char *)data + at->k, 4);
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			i += accumulator == at->k ? at->jt : at->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			i += accumulator >= at->k ? at->jt : at->jf;
			break;
		case BPF_RET | BPF_K:
			return at->k;
		default:
			cr_assert_fail("instruction %zu has code %x", i, at->code);
		}
	}
	cr_assert_fail("the filter ends without an answer");
	return 0;
}

static const struct guard_machine *const machines[] = { &guard_x86_64, &guard_aarch64 };

static uint32_t ask(const struct guard_machine *machine, const struct seccomp_data *data)
{
	struct sock_filter program[GUARD_PROGRAM_MAX];
	const size_t count = guard_program(machine, cookie, program);

	cr_assert_leq(count, (size_t)GUARD_PROGRAM_MAX);
	return run(program, count, data);
}

enum { NO_ACCESS = SECCOMP_RET_ERRNO | EACCES, NO_PERMISSION = SECCOMP_RET_ERRNO | EPERM };
#define ALLOWED SECCOMP_RET_ALLOW
#define MISSING (SECCOMP_RET_ERRNO | ENOSYS)

enum call { SOCKET, SETSOCKOPT, SENDTO, SENDMSG, SENDMMSG, PIDFD_GETFD };

static const struct {
	enum call call;
	uint64_t args[6];
	uint32_t native, compat;
} rows[] = {
	{ SOCKET, { AF_UNIX, SOCK_STREAM }, ALLOWED, ALLOWED },
	{ SOCKET, { AF_NETLINK, SOCK_RAW }, ALLOWED, ALLOWED },
	{ SOCKET, { AF_INET, SOCK_STREAM }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { AF_INET6, SOCK_DGRAM }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { AF_PACKET, SOCK_RAW }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { AF_VSOCK, SOCK_STREAM }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { AF_UNSPEC, SOCK_STREAM }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { AF_SMC, SOCK_STREAM }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { AF_XDP, SOCK_RAW }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { 9999 }, NO_ACCESS, NO_ACCESS },
	/* the kernel takes the lower half of a family */
	{ SOCKET, { 0xffffffff00000001, SOCK_STREAM }, ALLOWED, ALLOWED },
	{ SOCKET, { 0x100000002, SOCK_STREAM }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { AF_INET, SOCK_STREAM, 0, LOW, HIGH }, ALLOWED, ALLOWED },
	{ SOCKET, { AF_PACKET, SOCK_STREAM, 0, LOW, HIGH }, ALLOWED, ALLOWED },
	/* each quarter of the cookie counts */
	{ SOCKET, { AF_INET, SOCK_STREAM, 0, LOW ^ 1, HIGH }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { AF_INET, SOCK_STREAM, 0, LOW ^ 1ull << 63, HIGH }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { AF_INET, SOCK_STREAM, 0, LOW, HIGH ^ 1 }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { AF_INET, SOCK_STREAM, 0, LOW, HIGH ^ 1ull << 63 }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { AF_INET, SOCK_STREAM, 0, HIGH, LOW }, NO_ACCESS, NO_ACCESS },
	{ SOCKET, { AF_INET, SOCK_STREAM, LOW, HIGH }, NO_ACCESS, NO_ACCESS },

	{ SETSOCKOPT, { 3, SOL_SOCKET, SO_BINDTODEVICE, 0, 0, 0 }, NO_PERMISSION, NO_PERMISSION },
	{ SETSOCKOPT, { 3, SOL_SOCKET, SO_BINDTOIFINDEX, 0, 4, 0 }, NO_PERMISSION, NO_PERMISSION },
	{ SETSOCKOPT,
	  { 3, SOL_SOCKET, SO_BINDTODEVICE, 0, 0, HIGH },
	  NO_PERMISSION,
	  NO_PERMISSION },
	{ SETSOCKOPT, { 3, SOL_SOCKET, SO_BINDTODEVICE, 0, 3, LOW }, ALLOWED, ALLOWED },
	{ SETSOCKOPT, { 3, SOL_SOCKET, SO_BINDTOIFINDEX, 0, 4, LOW }, ALLOWED, ALLOWED },
	{ SETSOCKOPT,
	  { 3, SOL_SOCKET, SO_BINDTODEVICE, 0, 3, LOW ^ 1 },
	  NO_PERMISSION,
	  NO_PERMISSION },
	{ SETSOCKOPT,
	  { 3, SOL_SOCKET, SO_BINDTODEVICE, 0, 3, LOW ^ 1ull << 40 },
	  NO_PERMISSION,
	  NO_PERMISSION },
	{ SETSOCKOPT, { 3, SOL_SOCKET, SO_REUSEADDR, 0, 4 }, ALLOWED, ALLOWED },
	{ SETSOCKOPT, { 3, IPPROTO_TCP, 25, 0, 4 }, ALLOWED, ALLOWED },
	{ SETSOCKOPT, { 3, IPPROTO_IP, IP_TOS, 0, 4 }, ALLOWED, ALLOWED },
	{ SETSOCKOPT, { 3, IPPROTO_IP, IP_ADD_MEMBERSHIP }, NO_ACCESS, NO_ACCESS },
	{ SETSOCKOPT, { 3, IPPROTO_IP, IP_ADD_SOURCE_MEMBERSHIP }, NO_ACCESS, NO_ACCESS },
	{ SETSOCKOPT, { 3, IPPROTO_IP, MCAST_JOIN_GROUP }, NO_ACCESS, NO_ACCESS },
	{ SETSOCKOPT, { 3, IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP }, NO_ACCESS, NO_ACCESS },
	{ SETSOCKOPT, { 3, IPPROTO_IP, MCAST_JOIN_GROUP, 0, 0, LOW }, NO_ACCESS, NO_ACCESS },
	{ SETSOCKOPT, { 3, IPPROTO_IP, IP_DROP_MEMBERSHIP }, ALLOWED, ALLOWED },
	{ SETSOCKOPT, { 3, IPPROTO_IPV6, IPV6_JOIN_GROUP }, NO_ACCESS, NO_ACCESS },
	{ SETSOCKOPT, { 3, IPPROTO_IPV6, 27 /* IPV6_JOIN_ANYCAST */ }, NO_ACCESS, NO_ACCESS },
	{ SETSOCKOPT, { 3, IPPROTO_IPV6, MCAST_JOIN_GROUP }, NO_ACCESS, NO_ACCESS },
	{ SETSOCKOPT, { 3, IPPROTO_IPV6, MCAST_JOIN_SOURCE_GROUP }, NO_ACCESS, NO_ACCESS },
	{ SETSOCKOPT, { 3, IPPROTO_IPV6, IPV6_V6ONLY, 0, 4 }, ALLOWED, ALLOWED },
	{ SETSOCKOPT, { 3, 0x100000001, SO_BINDTODEVICE }, NO_PERMISSION, NO_PERMISSION },

	{ SETSOCKOPT, { 3, IPPROTO_IP, IP_UNICAST_IF, 0, 4 }, NO_PERMISSION, NO_PERMISSION },
	{ SETSOCKOPT, { 3, IPPROTO_IP, IP_MULTICAST_IF, 0, 4 }, NO_PERMISSION, NO_PERMISSION },
	{ SETSOCKOPT, { 3, IPPROTO_IPV6, IPV6_UNICAST_IF, 0, 4 }, NO_PERMISSION, NO_PERMISSION },
	{ SETSOCKOPT, { 3, IPPROTO_IPV6, IPV6_MULTICAST_IF, 0, 4 }, NO_PERMISSION, NO_PERMISSION },
	{ SETSOCKOPT, { 3, IPPROTO_IP, IP_UNICAST_IF, 0, 4, LOW }, ALLOWED, ALLOWED },
	{ SETSOCKOPT, { 3, IPPROTO_IPV6, IPV6_MULTICAST_IF, 0, 4, LOW }, ALLOWED, ALLOWED },

	{ SENDTO, { 3, 0, 4, 0, 0, 0 }, ALLOWED, ALLOWED },
	{ SENDTO, { 3, 0, 4, 0, 4096, 12 }, ALLOWED, ALLOWED },
	{ SENDTO, { 3, 0, 4, 0, 4096, 15 }, ALLOWED, ALLOWED },
	{ SENDTO, { 3, 0, 4, 0, 4096, 16 }, NO_ACCESS, NO_ACCESS },
	{ SENDTO, { 3, 0, 4, 0, 4096, 28 }, NO_ACCESS, NO_ACCESS },
	{ SENDTO, { 3, 0, 4, 0, 1ull << 40, 16 }, NO_ACCESS, NO_ACCESS },
	{ SENDTO, { 3, 0, 4, 0, 4096, 0x10000001c }, NO_ACCESS, NO_ACCESS },
	{ SENDTO, { 3, 0, 4, 0, 4096, 128 }, NO_ACCESS, NO_ACCESS },
	{ SENDTO, { 3, 0, 4, 0, 4096, 129 }, ALLOWED, ALLOWED },
	{ SENDTO, { 3, 0, 4, 0, 4096, ~0ull }, ALLOWED, ALLOWED },
	{ SENDTO, { 3, 0, 4, 0, 0, 16 }, ALLOWED, ALLOWED },
	{ SENDMSG, { 3, 0, 0 }, NO_ACCESS, NO_ACCESS },
	{ SENDMSG, { 3, 0, 0, LOW, HIGH }, ALLOWED, ALLOWED },
	{ SENDMSG, { 3, 0, 0, LOW, HIGH ^ 1 }, NO_ACCESS, NO_ACCESS },
	{ SENDMSG, { 3, 0, 0, LOW ^ 1ull << 40, HIGH }, NO_ACCESS, NO_ACCESS },
	{ SENDMSG, { 3, LOW, HIGH }, NO_ACCESS, NO_ACCESS },
	{ SENDMMSG, { 3, 0, 0, 0 }, NO_ACCESS, NO_ACCESS },
	{ SENDMMSG, { 3, 0, 0, LOW, HIGH }, NO_ACCESS, NO_ACCESS },
	{ SENDMMSG, { 3, 0, 0, 0, LOW, HIGH }, ALLOWED, ALLOWED },
	{ SENDMMSG, { 3, 0, 0, 0, LOW, HIGH ^ 1 }, NO_ACCESS, NO_ACCESS },
	{ PIDFD_GETFD, { 3, 4, 0 }, NO_ACCESS, NO_ACCESS },
	{ PIDFD_GETFD, { 3, 4, 0, LOW, HIGH }, ALLOWED, ALLOWED },
	{ PIDFD_GETFD, { 3, 4, 0, HIGH, LOW }, NO_ACCESS, NO_ACCESS },
};

static int number_of(const struct guard_machine *machine, enum call call, bool compat)
{
	const struct guard_calls *calls = compat ? &machine->compat.calls : &machine->calls;
	const uint32_t numbers[] = {
		[SOCKET] = calls->socket,     [SETSOCKOPT] = calls->setsockopt,
		[SENDTO] = calls->sendto,     [SENDMSG] = calls->sendmsg,
		[SENDMMSG] = calls->sendmmsg, [PIDFD_GETFD] = calls->pidfd_getfd,
	};
	return (int)numbers[call];
}

Test(guard_filter, answers_every_row_on_every_machine)
{
	for (size_t m = 0; m < ROWS(machines); m++)
		for (size_t i = 0; i < ROWS(rows); i++)
			for (int compat = 0; compat < 2; compat++) {
				struct seccomp_data data = {
					.nr = number_of(machines[m], rows[i].call, compat),
					.arch = compat ? machines[m]->compat.architecture
						       : machines[m]->architecture,
				};
				memcpy(data.args, rows[i].args, sizeof(data.args));
				const uint32_t expected = compat ? rows[i].compat : rows[i].native;
				cr_assert_eq(ask(machines[m], &data), expected,
					     "machine %zu, row %zu%s: %x instead of %x", m, i,
					     compat ? ", 32 bits" : "", ask(machines[m], &data),
					     expected);
			}
}

static uint32_t expected_without_arguments(const struct guard_calls *calls, uint32_t number)
{
	if (number == calls->io_uring_setup || number == calls->epoll_pwait2)
		return MISSING;
	return number == calls->socket || number == calls->sendmsg || number == calls->sendmmsg ||
			       number == calls->pidfd_getfd
		       ? NO_ACCESS
		       : ALLOWED;
}

Test(guard_filter, other_calls_pass)
{
	for (size_t m = 0; m < ROWS(machines); m++)
		for (int nr = 0; nr < 600; nr++) {
			const struct seccomp_data data = { .nr = nr,
							   .arch = machines[m]->architecture };
			cr_assert_eq(ask(machines[m], &data),
				     expected_without_arguments(&machines[m]->calls, (uint32_t)nr),
				     "%d", nr);
		}
}

/* The one that the library makes has the cookie where nobody looks at a mask's size. */
Test(guard_filter, a_wait_of_the_programs_own_is_not_there)
{
	static const struct {
		uint64_t size;
		uint32_t expected;
	} sizes[] = { { 8, MISSING },
		      { 0, MISSING },
		      { LOW, ALLOWED },
		      { LOW ^ 1, MISSING },
		      { LOW ^ 1ull << 63, MISSING },
		      { HIGH, MISSING } };

	for (size_t m = 0; m < ROWS(machines); m++)
		for (size_t i = 0; i < ROWS(sizes); i++) {
			const struct seccomp_data data = {
				.nr = (int)machines[m]->calls.epoll_pwait2,
				.arch = machines[m]->architecture,
				.args = { 3, 4096, 1, 0, 0, sizes[i].size },
			};
			cr_assert_eq(ask(machines[m], &data), sizes[i].expected, "size %zu", i);
		}
}

Test(guard_filter, calls_of_32_bit_programs_that_it_cannot_see_into_fail)
{
	for (size_t m = 0; m < ROWS(machines); m++) {
		struct seccomp_data data = { .nr = 102, .arch = machines[m]->compat.architecture };
		cr_assert_eq(ask(machines[m], &data), NO_ACCESS);
		data.nr = 425;
		cr_assert_eq(ask(machines[m], &data), MISSING);
		data.nr = 4;
		cr_assert_eq(ask(machines[m], &data), ALLOWED);
	}
}

Test(guard_filter, foreign_machines_fail)
{
	const uint32_t foreign[] = { AUDIT_ARCH_MIPS, AUDIT_ARCH_PPC64LE, AUDIT_ARCH_RISCV64, 0 };

	for (size_t m = 0; m < ROWS(machines); m++)
		for (size_t i = 0; i < ROWS(foreign); i++) {
			const struct seccomp_data data = { .nr = 1, .arch = foreign[i] };
			cr_assert_eq(ask(machines[m], &data), NO_ACCESS);
		}
}

Test(guard_filter, the_x32_abi_is_not_there)
{
	struct seccomp_data data = { .arch = AUDIT_ARCH_X86_64, .nr = 0x40000000 + 41 };

	cr_assert_eq(ask(&guard_x86_64, &data), MISSING);
	data.nr = 0x40000000;
	cr_assert_eq(ask(&guard_x86_64, &data), MISSING);
}

/* The numbers that this machine's headers have. */
Test(guard_filter, knows_this_machines_calls)
{
#if defined(__x86_64__)
	const struct guard_machine *machine = &guard_x86_64;
#elif defined(__aarch64__)
	const struct guard_machine *machine = &guard_aarch64;
#endif
	const struct guard_calls here = { SYS_socket,	   SYS_sendto,	    SYS_sendmsg,
					  SYS_setsockopt,  SYS_sendmmsg,    SYS_io_uring_setup,
					  SYS_pidfd_getfd, SYS_epoll_pwait2 };

	cr_assert_arr_eq(&machine->calls, &here, sizeof(here));
}

/* ---- the kernel's word ---- */

static long call(long number, const uint64_t args[6])
{
	const long r = syscall(number, args[0], args[1], args[2], args[3], args[4], args[5]);
	return r < 0 ? errno : 0;
}

static long expected_of(uint32_t action)
{
	return action == ALLOWED ? -1 : (long)(action & 0xffff);
}

/* In a child, because it stays. 0: every row was answered as it should be; otherwise its number. */
static int run_under_filter(void)
{
	if (guard_install(cookie) != 0)
		return 1;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const long number = number_of(machines[0], rows[i].call, false);
		const long wanted = expected_of(rows[i].native);
		const long got = call(number, rows[i].args);
		if (wanted >= 0 ? got != wanted : got == EACCES || got == ENOSYS)
			return (int)i + 2;
	}
	return 0;
}

#if defined(__x86_64__)
Test(guard_filter, the_kernel_answers_as_the_rows_say)
{
	const pid_t child = fork();
	int status;

	if (child == 0)
		_exit(run_under_filter());
	waitpid(child, &status, 0);
	cr_assert(WIFEXITED(status));
	cr_assert_eq(WEXITSTATUS(status), 0, "row %d", WEXITSTATUS(status) - 2);
}

static int see_refusals(void)
{
	static const uint8_t other[GUARD_COOKIE] = { 1 };

	if (guard_refuses(NULL) || guard_refuses(cookie))
		return 1;
	if (guard_install(cookie) != 0)
		return 2;
	return guard_refuses(NULL) && guard_refuses(other) && !guard_refuses(cookie) ? 0 : 3;
}

Test(guard_filter, sees_whose_filter_is_in_force)
{
	const pid_t child = fork();
	int status;

	if (child == 0)
		_exit(see_refusals());
	waitpid(child, &status, 0);
	cr_assert_eq(status, 0);
}
#endif
