/*
 * libc: the table of libc's own functions, one row each. A REPLACED row is a function this library
 * exports in libc's place; a CALLED row is one it only calls, and will not re-enter itself through.
 * Inside the library the real function is always `libc()->connect(...)`. The table fills itself at
 * the first use, from any thread, and is read-only afterwards.
 *
 * To add a hook: a row here, a plain function in its family's file in lib/hooks, a client in
 * tests/clients.
 */
#ifndef BASE_LIBC_H
#define BASE_LIBC_H

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#define LIBC_FUNCTIONS(REPLACED, CALLED)                                                           \
	REPLACED(connect)                                                                          \
	REPLACED(getaddrinfo)                                                                      \
	REPLACED(getpeername)                                                                      \
	REPLACED(sendmmsg)                                                                         \
	REPLACED(sendmsg)                                                                          \
	REPLACED(sendto)                                                                           \
	CALLED(close)                                                                              \
	CALLED(fcntl)                                                                              \
	CALLED(getsockopt)                                                                         \
	CALLED(poll)                                                                               \
	CALLED(read)                                                                               \
	CALLED(recv)                                                                               \
	CALLED(setsockopt)                                                                         \
	CALLED(socket)

#define LIBC_SLOT(name) __typeof__(name) *name;
struct libc {
	LIBC_FUNCTIONS(LIBC_SLOT, LIBC_SLOT)
};
#undef LIBC_SLOT

extern const struct libc *_Atomic libc_table;

/* Fills the table, and returns it. Idempotent; may be re-entered by what it calls. */
const struct libc *libc_load(void);

/* A table of the test's own in place of libc's; NULL puts libc's back. Not for use while other
 * threads call. */
void libc_install(const struct libc *table);

static inline const struct libc *libc(void)
{
	const struct libc *table = atomic_load_explicit(&libc_table, memory_order_acquire);
	return table ? table : libc_load();
}

#endif
