/*
 * libc: the table of libc's own functions, one row each. A REPLACED row is a function this library
 * exports in libc's place; a CALLED row is one it only calls, and will not re-enter itself through.
 * An OLDER row is exported as well, under a name that libc keeps for programs linked long ago:
 * dlsym(3) does not find it, and would allocate memory to say so, in a program whose malloc is just
 * starting. Inside the library the real function is always `libc()->connect(...)`. The table fills
 * itself at the first use, from any thread, and is read-only afterwards.
 *
 * To add a hook: a row here, a plain function in its family's file in lib/hooks, a client in
 * tests/clients.
 */
#ifndef BASE_LIBC_H
#define BASE_LIBC_H

#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* What fortified programs call instead; libc exports them and declares them nowhere (debug/ in its
 * sources). */
int __poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
int __ppoll_chk(struct pollfd *fds, nfds_t count, const struct timespec *timeout,
		const sigset_t *mask, size_t size);
ssize_t __read_chk(int fd, void *buffer, size_t length, size_t size);
ssize_t __recv_chk(int fd, void *buffer, size_t length, size_t size, int flags);
ssize_t __recvfrom_chk(int fd, void *buffer, size_t length, size_t size, int flags,
		       struct sockaddr *addr, socklen_t *addr_length);

/* The names that programs of before glibc 2.34 ask by; resolv.h has the newer ones only. */
int __res_query(const char *name, int class, int type, unsigned char *answer, int size);
int __res_search(const char *name, int class, int type, unsigned char *answer, int size);
int __res_querydomain(const char *name, const char *domain, int class, int type,
		      unsigned char *answer, int size);
int __res_send(const unsigned char *query, int length, unsigned char *answer, int size);
int __res_nquery(res_state state, const char *name, int class, int type, unsigned char *answer,
		 int size);
int __res_nsearch(res_state state, const char *name, int class, int type, unsigned char *answer,
		  int size);
int __res_nquerydomain(res_state state, const char *name, const char *domain, int class, int type,
		       unsigned char *answer, int size);
int __res_nsend(res_state state, const unsigned char *query, int length, unsigned char *answer,
		int size);

/* As in <sys/pidfd.h>, of glibc 2.36 on. */
int pidfd_getfd(int process, int fd, unsigned flags);

/* As in <stdio.h>, which has no place here: FILE is this. */
struct _IO_FILE *popen(const char *command, const char *mode);

/*
 * A small variable that every process writes: beside the initialised data, whose page is written
 * anyway, and not among large arrays that hardly anybody touches. 4 KiB a process are at stake.
 */
#define LIBC_WITH_DATA __attribute__((section(".data")))

#define LIBC_FUNCTIONS(REPLACED, CALLED, OLDER)                                                    \
	REPLACED(__poll_chk)                                                                       \
	REPLACED(__ppoll_chk)                                                                      \
	REPLACED(__read_chk)                                                                       \
	REPLACED(__recv_chk)                                                                       \
	REPLACED(__recvfrom_chk)                                                                   \
	OLDER(__res_nquery)                                                                        \
	OLDER(__res_nquerydomain)                                                                  \
	OLDER(__res_nsearch)                                                                       \
	OLDER(__res_nsend)                                                                         \
	OLDER(__res_query)                                                                         \
	OLDER(__res_querydomain)                                                                   \
	OLDER(__res_search)                                                                        \
	OLDER(__res_send)                                                                          \
	REPLACED(accept)                                                                           \
	REPLACED(accept4)                                                                          \
	REPLACED(bind)                                                                             \
	REPLACED(close)                                                                            \
	REPLACED(connect)                                                                          \
	REPLACED(dlmopen)                                                                          \
	REPLACED(dlopen)                                                                           \
	REPLACED(dup)                                                                              \
	REPLACED(dup2)                                                                             \
	REPLACED(dup3)                                                                             \
	REPLACED(endhostent)                                                                       \
	REPLACED(epoll_ctl)                                                                        \
	REPLACED(epoll_pwait)                                                                      \
	REPLACED(epoll_pwait2)                                                                     \
	REPLACED(epoll_wait)                                                                       \
	REPLACED(execl)                                                                            \
	REPLACED(execle)                                                                           \
	REPLACED(execlp)                                                                           \
	REPLACED(execv)                                                                            \
	REPLACED(execve)                                                                           \
	REPLACED(execveat)                                                                         \
	REPLACED(execvp)                                                                           \
	REPLACED(execvpe)                                                                          \
	REPLACED(fcntl)                                                                            \
	REPLACED(fcntl64)                                                                          \
	REPLACED(fexecve)                                                                          \
	REPLACED(getaddrinfo)                                                                      \
	REPLACED(getaddrinfo_a)                                                                    \
	REPLACED(gethostbyaddr)                                                                    \
	REPLACED(gethostbyaddr_r)                                                                  \
	REPLACED(gethostbyname)                                                                    \
	REPLACED(gethostbyname2)                                                                   \
	REPLACED(gethostbyname2_r)                                                                 \
	REPLACED(gethostbyname_r)                                                                  \
	REPLACED(gethostent)                                                                       \
	REPLACED(gethostent_r)                                                                     \
	REPLACED(gethostid)                                                                        \
	REPLACED(getnameinfo)                                                                      \
	REPLACED(getnetbyaddr)                                                                     \
	REPLACED(getnetbyaddr_r)                                                                   \
	REPLACED(getnetbyname)                                                                     \
	REPLACED(getnetbyname_r)                                                                   \
	REPLACED(getpeername)                                                                      \
	REPLACED(getsockname)                                                                      \
	REPLACED(getsockopt)                                                                       \
	REPLACED(ioctl)                                                                            \
	REPLACED(listen)                                                                           \
	REPLACED(pidfd_getfd)                                                                      \
	REPLACED(poll)                                                                             \
	REPLACED(popen)                                                                            \
	REPLACED(posix_spawn)                                                                      \
	REPLACED(posix_spawn_file_actions_adddup2)                                                 \
	REPLACED(posix_spawn_file_actions_destroy)                                                 \
	REPLACED(posix_spawn_file_actions_init)                                                    \
	REPLACED(posix_spawnp)                                                                     \
	REPLACED(ppoll)                                                                            \
	REPLACED(prctl)                                                                            \
	REPLACED(preadv2)                                                                          \
	REPLACED(preadv64v2)                                                                       \
	REPLACED(pselect)                                                                          \
	REPLACED(pwritev2)                                                                         \
	REPLACED(pwritev64v2)                                                                      \
	REPLACED(read)                                                                             \
	REPLACED(readv)                                                                            \
	REPLACED(recv)                                                                             \
	REPLACED(recvfrom)                                                                         \
	REPLACED(recvmmsg)                                                                         \
	REPLACED(recvmsg)                                                                          \
	REPLACED(res_nquery)                                                                       \
	REPLACED(res_nquerydomain)                                                                 \
	REPLACED(res_nsearch)                                                                      \
	REPLACED(res_nsend)                                                                        \
	REPLACED(res_query)                                                                        \
	REPLACED(res_querydomain)                                                                  \
	REPLACED(res_search)                                                                       \
	REPLACED(res_send)                                                                         \
	REPLACED(select)                                                                           \
	REPLACED(send)                                                                             \
	REPLACED(sendfile)                                                                         \
	REPLACED(sendfile64)                                                                       \
	REPLACED(sendmmsg)                                                                         \
	REPLACED(sendmsg)                                                                          \
	REPLACED(sendto)                                                                           \
	REPLACED(sethostent)                                                                       \
	REPLACED(setresuid)                                                                        \
	REPLACED(setreuid)                                                                         \
	REPLACED(setsockopt)                                                                       \
	REPLACED(setuid)                                                                           \
	REPLACED(shutdown)                                                                         \
	REPLACED(socket)                                                                           \
	REPLACED(splice)                                                                           \
	REPLACED(syscall)                                                                          \
	REPLACED(system)                                                                           \
	REPLACED(write)                                                                            \
	REPLACED(writev)

#define LIBC_SLOT(name) __typeof__(name) *name;
#define LIBC_NO_SLOT(name)
struct libc {
	LIBC_FUNCTIONS(LIBC_SLOT, LIBC_SLOT, LIBC_NO_SLOT)
};
#undef LIBC_SLOT
#undef LIBC_NO_SLOT

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
