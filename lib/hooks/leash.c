#include "hooks/leash.h"
#include "base/cold.h"
#include "base/error.h"
#include "base/libc.h"
#include "base/log.h"
#include "base/pass.h"

#include <netinet/in.h>

#define LOOPBACK_DEVICE "lo"
#define LOOPBACK_INDEX	1   /* in every network namespace */
#define SOCK_TYPE	0xf /* in socket(2)'s second argument, beside the flags */

bool leash_is_wanted(const struct session *session)
{
	return !session->passive && session->error == 0;
}

int leash_put(int fd)
{
	return error_or(pass_set_device(fd, SOL_SOCKET, SO_BINDTODEVICE, LOOPBACK_DEVICE,
					sizeof(LOOPBACK_DEVICE)));
}

/*
 * A second one for datagrams, which stays where connect(2) to no address takes the first one off
 * (__udp_disconnect() in net/ipv4/udp.c): the devices that a socket that is bound to none sends by.
 * It has to be put on before the first.
 */
static void put_second(int fd, int domain)
{
	static const int index = LOOPBACK_INDEX;
	const uint32_t in_order = htonl(LOOPBACK_INDEX);
	const struct ip_mreqn group = { .imr_ifindex = LOOPBACK_INDEX };

	pass_set_device(fd, IPPROTO_IP, IP_UNICAST_IF, &in_order, sizeof(in_order));
	pass_set_device(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof(group));
	if (domain != AF_INET6)
		return;
	pass_set_device(fd, IPPROTO_IPV6, IPV6_UNICAST_IF, &in_order, sizeof(in_order));
	pass_set_device(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index));
}

int leash_disconnect(int fd, const struct sockaddr *addr, socklen_t length)
{
	const bool was_on = leash_has(fd);
	const int r = error_or(libc()->connect(fd, addr, length));

	if (was_on && !leash_has(fd))
		leash_put(fd);
	return r;
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

int leash_socket_for_proxy(const struct session *session, int domain)
{
	const int type = SOCK_STREAM | SOCK_CLOEXEC;

	return session->proxy_is_elsewhere ? error_or(pass_socket(domain, type, 0))
					   : leash_socket(session, domain, type, 0);
}

int leash_socket(const struct session *session, int domain, int type, int protocol)
{
	const int fd = error_or(pass_socket(domain, type, protocol));

	if (fd < 0 || (domain != AF_INET && domain != AF_INET6) || !leash_is_wanted(session))
		return fd;
	if ((type & SOCK_TYPE) == SOCK_DGRAM)
		put_second(fd, domain);
	if (leash_put(fd) < 0)
		warn_of_no_leash();
	return fd;
}
