/* descriptors: sockets that come from others or go to them. */
#include "call.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

static int unix_address(const char *path, struct sockaddr_un *to)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	strncpy(to->sun_path, path, sizeof(to->sun_path) - 1);
	return fd;
}

union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static void give(int by, int fd)
{
	struct iovec text = { (void *)"x", 1 };
	union control control = { .header = { .cmsg_len = CMSG_LEN(sizeof(fd)),
					      .cmsg_level = SOL_SOCKET,
					      .cmsg_type = SCM_RIGHTS } };
	const struct msghdr message = { .msg_iov = &text,
					.msg_iovlen = 1,
					.msg_control = control.room,
					.msg_controllen = sizeof(control.room) };

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (sendmsg(by, &message, MSG_NOSIGNAL) < 0)
		err(1, "sendmsg");
}

/* By libc's function, or past it. */
static ssize_t receive(int by, struct msghdr *message, bool by_kernel)
{
	return by_kernel ? kernel(SYS_recvmsg, by, (long)message, 0, 0, 0, 0)
			 : recvmsg(by, message, 0);
}

static int take_by(int by, bool by_kernel)
{
	char byte;
	struct iovec text = { &byte, 1 };
	union control control = { .room = "" };
	struct msghdr message = { .msg_iov = &text,
				  .msg_iovlen = 1,
				  .msg_control = control.room,
				  .msg_controllen = sizeof(control.room) };
	int fd;

	const ssize_t n = receive(by, &message, by_kernel);
	const struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (!header || header->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(header), sizeof(fd));
	return fd;
}

static int take(int by)
{
	return take_by(by, false);
}

int descriptors_fresh(const char *kind)
{
	union address to;
	const bool stream = strcmp(kind, "tcp") == 0;
	const int fd = socket(AF_INET, (stream ? SOCK_STREAM | SOCK_NONBLOCK : SOCK_DGRAM), 0);

	if (strcmp(kind, "connected") == 0)
		connect(fd, &to.any, fill(&to, TARGET4, PORT));
	return fd;
}

/* Sends with whatever it is: a socket that is connected already, a stream, a datagram socket. */
static void use(int fd, const char *kind)
{
	union address to;
	const socklen_t length = fill(&to, TARGET4, PORT);

	if (strcmp(kind, "connected") == 0)
		tell(write(fd, "leak", 4));
	else if (strcmp(kind, "tcp") == 0)
		tell(connect(fd, &to.any, length));
	else
		tell(sendto(fd, "leak", 4, 0, &to.any, length));
}

/*
 * A helper outside, `helper PATH`: gives every visitor that asks with a letter a socket of that
 * kind, uses at once one that it is given, and runs errands.
 */
static void serve_visitor(int fd)
{
	static const char *const kinds[] = { "tcp", "udp", "connected" };
	struct errand errand;
	char kind;

	if (recv(fd, &kind, 1, MSG_PEEK) != 1)
		return;
	if (kind == 'T' || kind == 'U') {
		if (read(fd, &errand, sizeof(errand)) == sizeof(errand))
			listeners_come(&errand);
		(void)!write(fd, "d", 1);
		return;
	}
	if (kind == 'x') {
		const int got = take(fd);
		int type;
		socklen_t length = sizeof(type);

		getsockopt(got, SOL_SOCKET, SO_TYPE, &type, &length);
		use(got, type == SOCK_STREAM ? "tcp" : "udp");
		close(got);
		(void)!write(fd, "done", 4);
		return;
	}
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i][0] != kind)
			continue;
		const int given = descriptors_fresh(kinds[i]);
		give(fd, given);
		close(given);
	}
}

void descriptors_help(const char *path)
{
	struct sockaddr_un at;
	const int listener = unix_address(path, &at);

	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 8) < 0)
		err(1, "%s", path);
	chmod(path, 0777);
	puts("ready");
	fflush(stdout);
	for (;;) {
		const int fd = accept(listener, NULL, NULL);
		serve_visitor(fd);
		close(fd);
	}
}

int descriptors_visit(const char *path)
{
	struct sockaddr_un at;
	const int fd = unix_address(path, &at);

	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		err(1, "%s", path);
	return fd;
}

static void receive_and_use(const char *kind)
{
	const int by = descriptors_visit("helper");

	if (write(by, kind, 1) != 1)
		err(1, "helper");
	const int fd = take(by);
	if (fd < 0)
		tell(-1);
	else
		use(fd, kind);
}

static void fd_in_tcp(void)
{
	receive_and_use("tcp");
}

static void fd_in_udp(void)
{
	receive_and_use("udp");
}

static void fd_in_connected(void)
{
	receive_and_use("connected");
}

static int receive_by_kernel(const char *kind)
{
	const int by = descriptors_visit("helper");

	if (write(by, kind, 1) != 1)
		err(1, "helper");
	return take_by(by, true);
}

static void fd_in_udp_asm(void)
{
	tell_negative(kernel_sendto(receive_by_kernel("udp"), TARGET4));
}

static void fd_in_connected_asm(void)
{
	tell(write(receive_by_kernel("connected"), "leak", 4));
}

static void hand_out(const char *kind)
{
	char done[4];
	const int by = descriptors_visit("helper");
	const int fd = descriptors_fresh(kind);

	if (fd < 0) {
		tell(-1);
		return;
	}
	give(by, fd);
	tell(read(by, done, sizeof(done)));
}

static void fd_out_tcp(void)
{
	hand_out("tcp");
}

static void fd_out_udp(void)
{
	hand_out("udp");
}

static void inherited_udp(void)
{
	use(7, "udp");
}

static void inherited_tcp(void)
{
	use(7, "tcp");
}

const struct call descriptor_calls[] = {
	{ "fd-in-tcp", fd_in_tcp },
	{ "fd-in-udp", fd_in_udp },
	{ "fd-in-connected", fd_in_connected },
	{ "fd-in-udp-asm", fd_in_udp_asm },
	{ "fd-in-connected-asm", fd_in_connected_asm },
	{ "fd-out-tcp", fd_out_tcp },
	{ "fd-out-udp", fd_out_udp },
	{ "inherited-udp", inherited_udp },
	{ "inherited-tcp", inherited_tcp },
	{ NULL, NULL },
};
