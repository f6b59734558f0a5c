/*
 * guard: what the kernel refuses to a program and its children whatever way they ask for it: a
 * seccomp filter, which nobody can take off again. It knows the library by a cookie that stands in
 * arguments no system call uses; everybody else gets no internet socket, sends nothing to an
 * address or with control data, and takes no descriptor of another process. One thread.
 */
#ifndef WRAPPERS_GUARD_H
#define WRAPPERS_GUARD_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GUARD_COOKIE	  16
#define GUARD_PROGRAM_MAX 144

/* The system calls of a kind of machine, and of the 32-bit programs that it runs as well. */
struct guard_machine {
	uint32_t architecture; /* AUDIT_ARCH_… */
	struct guard_calls {
		uint32_t socket, sendto, sendmsg, setsockopt, sendmmsg, io_uring_setup, pidfd_getfd,
			epoll_pwait2;
	} calls;
	uint32_t least_foreign; /* numbers from here on are another ABI's (x32); 0: none are */
	struct {
		uint32_t architecture;
		uint32_t socketcall;
		struct guard_calls calls;
	} compat;
};

extern const struct guard_machine guard_x86_64, guard_aarch64;

/* The filter for a machine; returns the number of its instructions. */
size_t guard_program(const struct guard_machine *machine, const uint8_t cookie[GUARD_COOKIE],
		     struct sock_filter program[GUARD_PROGRAM_MAX]);

/*
 * Gives up what exec could gain (no_new_privs) and installs the filter of this machine. 0; -ENOSYS:
 * there is none for this machine; or what the kernel said.
 */
int guard_install(const uint8_t cookie[GUARD_COOKIE]);

/*
 * Whether this process may bind a socket to the loopback device, as the library does with each: 0
 * or -errno. The cookie is that of the filter in force; zeros where there is none.
 */
int guard_try_leash(const uint8_t cookie[GUARD_COOKIE]);

/* Whether a filter is in force that refuses this cookie; NULL: no cookie at all. */
bool guard_refuses(const uint8_t *cookie);

#endif
