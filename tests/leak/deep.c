/*
 * deep: a library that sends a packet by itself. Loaded with RTLD_DEEPBIND it would find libc's
 * functions before those of a preloaded library.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* 0 or errno. */
int leak(int is_stream, const char *target, unsigned port);

int leak(int is_stream, const char *target, unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((in_port_t)port) };
	const int fd = socket(AF_INET, (is_stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, target, &to.sin_addr);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
	    send(fd, "leak", 4, 0) < 0)
		return errno;
	return 0;
}
