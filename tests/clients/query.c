/*
 * query [OPTIONS] NAME...: DNS queries by hand, through a datagram socket, and what came back, a
 * line each:
 *
 *   peer=ADDRESS PORT | peer=ENOTCONN
 *   from=ADDRESS PORT rcode=N answers=N [placeholder | ADDRESS]
 *   query=ERRNO                          what the connect or the send said instead
 *
 * -s how it is sent: sendto sendmsg sendmmsg, or connected: send write writev csendto csendmsg
 * csendmmsg (the default is sendto). -r how it is received: recvfrom recvmsg recvmmsg recv read.
 * -w what waits for it: poll select epoll (edge-triggered) none. -a SERVER (203.0.113.53; given
 * again: asked in turn), -6 an AF_INET6 socket, -b ADDRESS binds first, -d goes on with a
 * duplicate, -c ADDRESS PORT is connected to in the end, -t TYPE, -x HEX a whole packet in place of
 * the query, -n a socket that does not block, -u dissolves the connection in the end.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static struct {
	const char *send, *receive, *wait, *servers[8], *bind, *packet, *last;
	unsigned server_count;
	int port, type;
	bool ipv6, duplicate, nonblocking, dissolve;
} options = { .send = "sendto", .receive = "recvfrom", .wait = "poll", .port = 53, .type = 1 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t fill(union address *to, const char *text, int port)
{
	memset(to, 0, sizeof(*to));
	if (inet_pton(AF_INET6, text, &to->v6.sin6_addr) == 1) {
		to->v6.sin6_family = AF_INET6;
		to->v6.sin6_port = htons((uint16_t)port);
		return sizeof(to->v6);
	}
	if (inet_pton(AF_INET, text, &to->v4.sin_addr) != 1)
		errx(2, "%s: no address", text);
	to->v4.sin_family = AF_INET;
	to->v4.sin_port = htons((uint16_t)port);
	return sizeof(to->v4);
}

static void print_address(const char *what, const union address *at)
{
	char text[INET6_ADDRSTRLEN] = "none";

	if (at->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &at->v4.sin_addr, text, sizeof(text));
	if (at->any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &at->v6.sin6_addr, text, sizeof(text));
	printf("%s=%s %u", what, text, ntohs(at->v4.sin_port));
}

/* ---- messages ---- */

static size_t from_hexadecimal(unsigned char *to)
{
	const size_t length = strlen(options.packet) / 2;

	for (size_t i = 0; i < length; i++) {
		unsigned byte;
		if (sscanf(options.packet + 2 * i, "%2x", &byte) != 1)
			errx(2, "-x takes hexadecimal");
		to[i] = (unsigned char)byte;
	}
	return length;
}

static size_t make_query(unsigned id, const char *name, unsigned char packet[1500])
{
	unsigned char *at = packet + 12;

	if (options.packet)
		return from_hexadecimal(packet);
	memcpy(packet, "\0\0\1\0\0\1\0\0\0\0\0\0", 12);
	packet[0] = (unsigned char)(id >> 8);
	packet[1] = (unsigned char)id;
	while (*name) {
		const size_t label = strcspn(name, ".");
		*at++ = (unsigned char)label;
		memcpy(at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	memcpy(at, "\0\0\0\0\1", 5);
	at[2] = (unsigned char)options.type;
	return (size_t)(at + 5 - packet);
}

static void print_answer(const unsigned char *packet, ssize_t length, unsigned id)
{
	uint32_t address;
	char text[INET_ADDRSTRLEN];

	if (length < 12 || (packet[0] << 8 | packet[1]) != (int)id || !(packet[2] & 0x80)) {
		printf(" no answer (%zd bytes)\n", length);
		return;
	}
	printf(" rcode=%d answers=%d", packet[3] & 0xf, packet[7]);
	if (packet[7] > 0 && options.type == 1) {
		memcpy(&address, packet + length - 4, 4);
		const bool is_ours = ntohl(address) >> 22 == (127u << 24 | 64u << 16) >> 22;
		printf(" %s",
		       is_ours ? "placeholder" : inet_ntop(AF_INET, &address, text, sizeof(text)));
	}
	puts("");
}

/* ---- sending and receiving ---- */

static bool is_connected(void)
{
	return strcmp(options.send, "sendto") != 0 && strcmp(options.send, "sendmsg") != 0 &&
	       strcmp(options.send, "sendmmsg") != 0;
}

static ssize_t send_query(int fd, void *packet, size_t length, union address *to,
			  socklen_t to_length)
{
	const char *call = options.send + (is_connected() && options.send[0] == 'c');
	struct iovec pieces[2] = { { packet, length / 2 },
				   { (char *)packet + length / 2, length - length / 2 } };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = pieces, .msg_iovlen = 2 } };

	if (!is_connected()) {
		message.msg_hdr.msg_name = to;
		message.msg_hdr.msg_namelen = to_length;
	} else {
		to = NULL;
		to_length = 0;
	}
	if (strcmp(call, "send") == 0)
		return send(fd, packet, length, 0);
	if (strcmp(call, "write") == 0)
		return write(fd, packet, length);
	if (strcmp(call, "writev") == 0)
		return writev(fd, pieces, 2);
	if (strcmp(call, "sendto") == 0)
		return sendto(fd, packet, length, 0, to ? &to->any : NULL, to_length);
	if (strcmp(call, "sendmsg") == 0)
		return sendmsg(fd, &message.msg_hdr, 0);
	if (strcmp(call, "sendmmsg") != 0)
		errx(2, "%s: no such call", options.send);
	const int r = sendmmsg(fd, &message, 1, 0);
	return r < 0 ? r : (ssize_t)message.msg_len;
}

static ssize_t receive(int fd, void *packet, size_t size, union address *from)
{
	struct iovec piece = { packet, size };
	struct mmsghdr message = { .msg_hdr = { .msg_name = from,
						.msg_namelen = sizeof(*from),
						.msg_iov = &piece,
						.msg_iovlen = 1 } };
	socklen_t length = sizeof(*from);

	memset(from, 0, sizeof(*from));
	if (strcmp(options.receive, "recvfrom") == 0)
		return recvfrom(fd, packet, size, 0, &from->any, &length);
	if (strcmp(options.receive, "recvmsg") == 0)
		return recvmsg(fd, &message.msg_hdr, 0);
	if (strcmp(options.receive, "recv") == 0)
		return recv(fd, packet, size, 0);
	if (strcmp(options.receive, "read") == 0)
		return read(fd, packet, size);
	if (strcmp(options.receive, "recvmmsg") != 0)
		errx(2, "%s: no such call", options.receive);
	const int r = recvmmsg(fd, &message, 1, MSG_WAITFORONE, NULL);
	return r < 0 ? r : (ssize_t)message.msg_len;
}

static int set = -1; /* of epoll, made before the first query */

static void watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.fd = fd };

	set = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

/* Whether there is something to read, within a time that only a failure needs. */
static bool is_answered(int fd)
{
	struct pollfd question = { .fd = fd, .events = POLLIN };
	struct timeval limit = { .tv_sec = 5 };
	struct epoll_event event;
	fd_set fds;

	if (strcmp(options.wait, "poll") == 0)
		return poll(&question, 1, 5000) == 1 && question.revents == POLLIN;
	if (strcmp(options.wait, "epoll") == 0)
		return epoll_wait(set, &event, 1, 5000) == 1 && event.data.fd == fd;
	if (strcmp(options.wait, "none") == 0)
		return true;
	FD_ZERO(&fds);
	FD_SET(fd, &fds);
	return select(fd + 1, &fds, NULL, NULL, &limit) == 1;
}

/* ---- the program ---- */

static void fail(int fd)
{
	printf("query=%s\n", strerrorname_np(errno));
	close(fd);
	exit(0);
}

static void print_peer(int fd)
{
	union address peer = { 0 };
	socklen_t length = sizeof(peer);

	if (getpeername(fd, &peer.any, &length) < 0)
		printf("peer=%s", strerrorname_np(errno));
	else
		print_address("peer", &peer);
	puts("");
}

static void ask(int fd, unsigned id, const char *name)
{
	const char *server = options.servers[id % options.server_count];
	unsigned char packet[1500];
	union address to, from;
	const socklen_t length = fill(&to, server, options.port);
	const size_t size = make_query(id, name, packet);
	const ssize_t sent = send_query(fd, packet, size, &to, length);

	if (sent < 0)
		fail(fd);
	if ((size_t)sent != size)
		errx(1, "%zd bytes of %zu sent", sent, size);
	if (!is_answered(fd)) {
		puts("silence");
		return;
	}
	const ssize_t r = receive(fd, packet, sizeof(packet), &from);
	if (r < 0)
		fail(fd);
	print_address("from", &from);
	print_answer(packet, r, options.packet ? (unsigned)(packet[0] << 8 | packet[1]) : id);
}

static void read_options(int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "s:r:w:a:6b:dc:t:x:nu")) != -1) {
		switch (c) {
		case 's':
			options.send = optarg;
			break;
		case 'r':
			options.receive = optarg;
			break;
		case 'w':
			options.wait = optarg;
			break;
		case 'a':
			options.servers[options.server_count++ % 8] = optarg;
			break;
		case '6':
			options.ipv6 = true;
			break;
		case 'b':
			options.bind = optarg;
			break;
		case 'd':
			options.duplicate = true;
			break;
		case 'c':
			options.last = optarg;
			break;
		case 't':
			options.type = atoi(optarg);
			break;
		case 'x':
			options.packet = optarg;
			break;
		case 'n':
			options.nonblocking = true;
			break;
		case 'u':
			options.dissolve = true;
			break;
		default:
			exit(2);
		}
	}
	if (options.server_count == 0)
		options.servers[options.server_count++] = "203.0.113.53";
}

static int open_socket(void)
{
	const int fd = socket(options.ipv6 ? AF_INET6 : AF_INET,
			      SOCK_DGRAM | (options.nonblocking ? SOCK_NONBLOCK : 0), 0);
	union address at;

	if (fd < 0)
		err(1, "socket");
	if (options.bind && bind(fd, &at.any, fill(&at, options.bind, 0)) < 0)
		err(1, "bind");
	if (is_connected() && connect(fd, &at.any, fill(&at, options.servers[0], options.port)) < 0)
		fail(fd);
	return fd;
}

int main(int argc, char **argv)
{
	union address at;

	read_options(argc, argv);
	int fd = open_socket();
	if (options.duplicate) {
		const int other = dup(fd);
		close(fd);
		fd = other;
	}
	if (strcmp(options.wait, "epoll") == 0)
		watch(fd);
	print_peer(fd);
	for (int i = optind; i < argc; i++)
		ask(fd, (unsigned)(0x100 + i - optind), argv[i]);
	if (options.dissolve) {
		at.any = (struct sockaddr){ .sa_family = AF_UNSPEC };
		printf("dissolved=%s\n",
		       connect(fd, &at.any, sizeof(at.any)) < 0 ? strerrorname_np(errno) : "0");
		print_peer(fd);
	}
	if (options.last) {
		printf("connect=%s\n", connect(fd, &at.any, fill(&at, options.last, 4242)) < 0
					       ? strerrorname_np(errno)
					       : "0");
		print_peer(fd);
	}
	close(fd);
	return 0;
}
