#include "stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

static gssize receive(int fd, void *bytes, gsize length, int flags)
{
	ssize_t n;

	do
		n = recv(fd, bytes, length, MSG_DONTWAIT | flags);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

gssize stream_receive(int fd, void *bytes, gsize length)
{
	return receive(fd, bytes, length, 0);
}

gssize stream_peek(int fd, void *bytes, gsize length)
{
	return receive(fd, bytes, length, MSG_PEEK);
}

/* tcp(7): with MSG_TRUNC bytes are thrown away rather than copied. */
void stream_discard(int fd, gsize length)
{
	while (length > 0) {
		gssize n = receive(fd, NULL, length, MSG_TRUNC);
		if (n <= 0)
			return;
		length -= (gsize)n;
	}
}

gssize stream_send(int fd, const void *bytes, gsize length)
{
	ssize_t n;

	do
		n = send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int connect_to(int fd, GSocketAddress *to, gboolean *ret_pending)
{
	struct sockaddr_storage native;
	gssize length = g_socket_address_get_native_size(to);

	if (!g_socket_address_to_native(to, &native, sizeof(native), NULL))
		return -EAFNOSUPPORT;
	int r = connect(fd, (struct sockaddr *)&native, (socklen_t)length);
	*ret_pending = r != 0 && (errno == EINPROGRESS || errno == EINTR);
	return r == 0 || *ret_pending ? 0 : -errno;
}

int stream_connect(GSocketAddress *to, gboolean *ret_pending)
{
	int fd = socket(g_socket_address_get_family(to), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			0);

	if (fd < 0)
		return -errno;
	stream_tune(fd);
	int r = connect_to(fd, to, ret_pending);
	if (r < 0)
		close(fd);
	return r < 0 ? r : fd;
}

void stream_tune(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &(int){ 1 }, sizeof(int));
}

void stream_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void stream_reset(int *fd)
{
	const struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	if (*fd >= 0)
		setsockopt(*fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	stream_close(fd);
}
