/*
 * plain udp|tcp|name: what call.c's simplest ways are, in C that every libc has: built statically,
 * for 32 bits and for musl, and copied with the set-user-ID bit.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static long try_socket(int type)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(4242) };
	const int fd = socket(AF_INET, type, 0);

	inet_pton(AF_INET, "203.0.113.7", &to.sin_addr);
	if (fd < 0)
		return -1;
	if (type == SOCK_DGRAM)
		return sendto(fd, "leak", 4, 0, (struct sockaddr *)&to, sizeof(to));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static long try_name(void)
{
	struct addrinfo *found;
	return getaddrinfo("leak.example.test", "80", NULL, &found) == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "udp";
	long r;

	if (strcmp(way, "name") == 0)
		r = try_name();
	else
		r = try_socket(strcmp(way, "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM);
	printf("plain %s: %s\n", way, r < 0 ? strerror(errno) : "done");
	return 0;
}
