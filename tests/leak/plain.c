/*
 * plain udp|tcp|name|given-udp|given-tcp|given-device: what call.c's simplest ways are, in C that
 * every libc has: built statically, for 32 bits and for musl, and copied with the set-user-ID bit.
 * `given` is a socket that it has inherited as number 7; by its device IPv4's control data says
 * where a datagram leaves.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static struct sockaddr_in target(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(4242) };

	inet_pton(AF_INET, "203.0.113.7", &to.sin_addr);
	return to;
}

static long try_socket(int fd, int type)
{
	struct sockaddr_in to = target();

	if (fd < 0)
		return -1;
	if (type == SOCK_DGRAM)
		return sendto(fd, "leak", 4, 0, (struct sockaddr *)&to, sizeof(to));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return connect(fd, (struct sockaddr *)&to, sizeof(to));
}

static long try_device(int fd)
{
	struct sockaddr_in to = target();
	struct in_pktinfo info = { .ipi_ifindex = (int)if_nametoindex("near") };
	union {
		struct cmsghdr first;
		char room[CMSG_SPACE(sizeof(info))];
	} control = { { 0 } };
	struct iovec text = { (void *)"leak", 4 };
	struct msghdr message = { .msg_name = &to, .msg_namelen = sizeof(to) };

	message.msg_iov = &text;
	message.msg_iovlen = 1;
	message.msg_control = &control;
	message.msg_controllen = sizeof(control);
	control.first.cmsg_len = CMSG_LEN(sizeof(info));
	control.first.cmsg_level = IPPROTO_IP;
	control.first.cmsg_type = IP_PKTINFO;
	memcpy(CMSG_DATA(&control.first), &info, sizeof(info));
	return sendmsg(fd, &message, 0);
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
	else if (strcmp(way, "given-device") == 0)
		r = try_device(7);
	else if (strcmp(way, "given-udp") == 0)
		r = try_socket(7, SOCK_DGRAM);
	else if (strcmp(way, "given-tcp") == 0)
		r = try_socket(7, SOCK_STREAM);
	else if (strcmp(way, "tcp") == 0)
		r = try_socket(socket(AF_INET, SOCK_STREAM, 0), SOCK_STREAM);
	else
		r = try_socket(socket(AF_INET, SOCK_DGRAM, 0), SOCK_DGRAM);
	printf("plain %s: %s\n", way, r < 0 ? strerror(errno) : "done");
	return 0;
}
