#include "hooks/leash.h"
#include "base/cold.h"
#include "base/error.h"
#include "base/libc.h"
#include "base/log.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>

#define LOOPBACK_DEVICE "lo"
#define LOOPBACK_INDEX	1 /* in every network namespace */

/* The halves of the cookie, as the filter compares them; 0 where there is none. */
static uint64_t cookie_half(const struct session *session, unsigned half)
{
	uint64_t value = 0;

	if (session->policy.header)
		memcpy(&value, session->policy.header->cookie + half * sizeof(value),
		       sizeof(value));
	return value;
}

bool leash_is_wanted(const struct session *session)
{
	return !session->passive && session->error == 0 && session->is_leashed;
}

int leash_set_option(const struct session *session, int fd, int name, const void *value,
		     socklen_t length)
{
	return error_or(libc()->syscall(SYS_setsockopt, fd, SOL_SOCKET, name, value, length,
					cookie_half(session, 0)));
}

int leash_put(const struct session *session, int fd)
{
	return leash_set_option(session, fd, SO_BINDTODEVICE, LOOPBACK_DEVICE,
				sizeof(LOOPBACK_DEVICE));
}

bool leash_has(int fd)
{
	int index = 0;
	socklen_t length = sizeof(index);

	return libc()->getsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &index, &length) == 0 &&
	       index == LOOPBACK_INDEX;
}

/* Said once: it is so for every socket. */
COLD static void warn_of_no_leash(void)
{
	static _Atomic bool warned;
	struct log_line line;

	if (!log_wants(LOG_WARNING) || atomic_exchange(&warned, true))
		return;
	log_begin(&line, LOG_WARNING);
	bytes_put_text(&line.text, "this kernel does not let sockets be bound to the loopback "
				   "device (Linux 5.7 does): what the library does not see is "
				   "held back by the guard alone");
	log_end(&line);
}

int leash_open(const struct session *session, int domain, int type, int protocol)
{
	return error_or(libc()->syscall(SYS_socket, domain, type, protocol, cookie_half(session, 0),
					cookie_half(session, 1)));
}

int leash_socket(const struct session *session, int domain, int type, int protocol)
{
	const int fd = leash_open(session, domain, type, protocol);

	if (fd >= 0 && (domain == AF_INET || domain == AF_INET6) && leash_is_wanted(session) &&
	    leash_put(session, fd) < 0)
		warn_of_no_leash();
	return fd;
}
