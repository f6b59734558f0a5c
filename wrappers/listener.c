#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MILLISECONDS 100 /* the kernel refuses on loopback at once */

/* The errno of a connect; a listener whose queue is full lets it wait, and is there. */
static int finish(int fd)
{
	struct pollfd connected = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t length = sizeof(error);

	if (poll(&connected, 1, MILLISECONDS) == 1)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	return error;
}

static int ask(int domain, const void *address, socklen_t length, const uint8_t cookie[16])
{
	uint64_t half[2];
	int error = 0;

	memcpy(half, cookie, sizeof(half));
	const int fd = (int)syscall(SYS_socket, domain, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				    0, half[0], half[1]);
	if (fd < 0)
		return errno;
	if (connect(fd, address, length) < 0)
		error = errno == EINPROGRESS ? finish(fd) : errno;
	close(fd);
	return error;
}

bool listener_is_missing(const struct url *proxy, const uint8_t cookie[16])
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(proxy->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(proxy->port) };

	memcpy(&v4.sin_addr, proxy->address + 12, sizeof(v4.sin_addr));
	memcpy(&v6.sin6_addr, proxy->address, sizeof(v6.sin6_addr));
	if (IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr))
		return ask(AF_INET6, &v6, sizeof(v6), cookie) == ECONNREFUSED;
	return IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && proxy->address[12] == 127 &&
	       ask(AF_INET, &v4, sizeof(v4), cookie) == ECONNREFUSED;
}
