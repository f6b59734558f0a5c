/*
 * sequences SEED COUNT PORT: random sequences of socket calls, each made on two sockets in turn:
 * one that connects to loopback directly, and one that the library takes to the same end through
 * the proxy. What the kernel says of the first is what must be said of the second: results, errno,
 * readiness, bytes. PORT is that of a server that greets and sends back what it gets (serve.c);
 * behind the proxy it is 203.0.113.8, 203.0.113.9 is refused there, and 203.0.113.10 never
 * answered, as port 1 and a listener that is full are here. The sockets are IPv4, or IPv6 for
 * 2001:db8::8 and so on, or IPv6 for the IPv4 addresses in their mapped form.
 *
 * Addresses are not compared: those of the proxied socket are the target's and the proxy's. Nor is
 * what takes time: behind a call that the other end answers both are waited for. What is known to
 * differ (doc/design.md, "Where it shows") is left out.
 *
 *   sequences=COUNT calls=COUNT connected=COUNT refused=COUNT pending=COUNT
 *
 * Ends with 1 at the first difference, and shows the sequence up to it: `sequences SEED 1 PORT`
 * with the seed that it names makes it again.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum end { CONNECTED, REFUSED, PENDING, ENDS };

enum form { IPV4, IPV6, MAPPED, FORMS };

static const char *const direct_at[FORMS] = { "127.0.0.1", "::1", "::ffff:127.0.0.1" };
static const char *const proxied_at[FORMS][ENDS] = {
	{ "203.0.113.8", "203.0.113.9", "203.0.113.10" },
	{ "2001:db8::8", "2001:db8::9", "2001:db8::10" },
	{ "::ffff:203.0.113.8", "::ffff:203.0.113.9", "::ffff:203.0.113.10" },
};

/* One of the two. */
struct side {
	int fd;
	int copy; /* a duplicate, -1: none */
	int set;
	struct sockaddr_storage to;
	socklen_t to_length;
	unsigned expected; /* bytes that have to come */
};

/* What a call has to be compared by. */
struct outcome {
	long result;
	int error;
	long more; /* events, a flag, a sum of bytes */
};

/* One call with all that is random in it, so that both sides make the same one. */
struct call {
	unsigned which;
	uint32_t a, b;
	bool by_copy;
};

static uint32_t state;
static uint16_t ports[ENDS];
static unsigned calls, ends[ENDS];
static char trace[16384];
static size_t traced;
static bool is_nonblocking, is_connected, has_shut; /* the socket, in the sequence so far */
static enum end end;
static enum form form;

static uint32_t draw(uint32_t below)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % below;
}

__attribute__((format(printf, 1, 2))) static void note(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	const int r = vsnprintf(trace + traced, sizeof(trace) - traced, format, arguments);
	va_end(arguments);
	if (r > 0 && traced + (size_t)r < sizeof(trace))
		traced += (size_t)r;
}

static struct outcome of(long result, long more)
{
	return (struct outcome){ result, result < 0 ? errno : 0, more };
}

static int used(const struct side *s, const struct call *c)
{
	return c->by_copy && s->copy >= 0 ? s->copy : s->fd;
}

/* ---- waiting for the other end ---- */

#define PATIENCE 10000 /* naps */

static void nap(void)
{
	nanosleep(&(struct timespec){ 0, 200000 }, NULL);
}

static bool has_peer(const struct side *s)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	return getpeername(s->fd, (struct sockaddr *)&peer, &length) == 0;
}

/* Until all that the server has to say is here, and its end where that must come. */
static void settle(struct side *s)
{
	for (unsigned naps = 0; naps < PATIENCE && is_connected; naps++) {
		struct pollfd end_of_it = { .fd = s->fd };
		int here = 0;
		ioctl(s->fd, FIONREAD, &here);
		poll(&end_of_it, 1, 0);
		if ((unsigned)here >= s->expected &&
		    (!has_shut || (end_of_it.revents & POLLHUP && !has_peer(s))))
			return;
		nap();
	}
}

/* ---- calls ---- */

static const struct {
	int level, name;
} options[] = {
	{ SOL_SOCKET, SO_KEEPALIVE },  { SOL_SOCKET, SO_REUSEADDR },
	{ IPPROTO_TCP, TCP_NODELAY },  { SOL_SOCKET, SO_OOBINLINE },
	{ SOL_SOCKET, SO_TYPE },       { SOL_SOCKET, SO_DOMAIN },
	{ SOL_SOCKET, SO_ACCEPTCONN }, { SOL_SOCKET, SO_PROTOCOL },
	{ SOL_SOCKET, SO_PRIORITY },   { IPPROTO_TCP, TCP_DEFER_ACCEPT },
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static struct outcome call_setsockopt(struct side *s, const struct call *c)
{
	const int value = (int)(c->b % 2);
	const unsigned i = c->a % 4;

	return of(setsockopt(used(s, c), options[i].level, options[i].name, &value, sizeof(value)),
		  0);
}

static struct outcome call_getsockopt(struct side *s, const struct call *c)
{
	int value = 0;
	socklen_t length = sizeof(value);
	const unsigned i = c->a % OPTIONS;
	const int r = getsockopt(used(s, c), options[i].level, options[i].name, &value, &length);

	return of(r, value);
}

static struct outcome call_so_error(struct side *s, const struct call *c)
{
	int value = 0;
	socklen_t length = sizeof(value);
	const int r = getsockopt(used(s, c), SOL_SOCKET, SO_ERROR, &value, &length);

	return of(r, value);
}

/* One that is bound to an IPv6 address does not reach a proxy on an IPv4 one. */
static struct outcome call_bind(struct side *s, const struct call *c)
{
	const struct sockaddr_in v4 = { .sin_family = AF_INET,
					.sin_addr.s_addr = htonl(c->a % 2 ? INADDR_LOOPBACK : 0) };
	const struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	return of(form == IPV4 ? bind(used(s, c), (const struct sockaddr *)&v4, sizeof(v4))
			       : bind(used(s, c), (const struct sockaddr *)&v6, sizeof(v6)),
		  0);
}

static struct outcome call_fcntl(struct side *s, const struct call *c)
{
	if (c->a % 2) {
		is_nonblocking = c->b % 2;
		fcntl(used(s, c), F_SETFL, is_nonblocking ? O_NONBLOCK : 0);
	}
	return of(fcntl(used(s, c), F_GETFL), 0);
}

static struct outcome call_ioctl(struct side *s, const struct call *c)
{
	int value = (int)(c->b % 2);

	if (c->a % 2) {
		is_nonblocking = value;
		return of(ioctl(used(s, c), FIONBIO, &value), 0);
	}
	value = -1;
	const int r = ioctl(used(s, c), FIONREAD, &value);
	return of(r, value);
}

static struct outcome call_connect(struct side *s, const struct call *c)
{
	return of(connect(used(s, c), (struct sockaddr *)&s->to, s->to_length), 0);
}

static struct outcome call_getpeername(struct side *s, const struct call *c)
{
	struct sockaddr_in6 peer = { 0 };
	socklen_t length = sizeof(peer);
	const int r = getpeername(used(s, c), (struct sockaddr *)&peer, &length);

	return of(r, r < 0 ? 0 : (long)(peer.sin6_family * 1000 + length));
}

static struct outcome call_getsockname(struct side *s, const struct call *c)
{
	struct sockaddr_in6 own = { 0 };
	socklen_t length = sizeof(own);
	const int r = getsockname(used(s, c), (struct sockaddr *)&own, &length);

	/* The port is where that of a struct sockaddr_in is. */
	return of(r, own.sin6_family * 1000 + length + (own.sin6_port ? 10000000 : 0));
}

static const short asked[] = { POLLIN, POLLOUT, POLLRDHUP, POLLPRI, POLLRDNORM, POLLWRNORM };
#define ASKED (sizeof(asked) / sizeof(asked[0]))

static short random_events(uint32_t bits)
{
	short events = 0;

	for (unsigned i = 0; i < ASKED; i++)
		events |= bits >> i & 1 ? asked[i] : 0;
	return events;
}

static struct outcome call_poll(struct side *s, const struct call *c)
{
	struct pollfd two[2] = { { .fd = used(s, c), .events = random_events(c->a) },
				 { .fd = s->fd, .events = random_events(c->b) } };
	const nfds_t count = 1 + c->a / 64 % 2;
	const int r = c->a / 128 % 2 ? ppoll(two, count, &(struct timespec){ 0 }, NULL)
				     : poll(two, count, 0);

	return of(r, two[0].revents * 65536 + (c->a / 64 % 2 ? two[1].revents : 0));
}

static struct outcome call_select(struct side *s, const struct call *c)
{
	struct timeval none = { 0, 0 };
	const int fd = used(s, c);
	fd_set sets[3];
	long more = 0;

	for (unsigned i = 0; i < 3; i++) {
		FD_ZERO(&sets[i]);
		if (c->a >> i & 1)
			FD_SET(fd, &sets[i]);
	}
	fd_set *writable = c->b % 2 ? &sets[1] : NULL;
	const int r = c->b / 2 % 2 ? pselect(fd + 1, &sets[0], writable, &sets[2],
					     &(struct timespec){ 0 }, NULL)
				   : select(fd + 1, &sets[0], writable, &sets[2], &none);
	for (unsigned i = 0; i < 3; i++)
		more |= (i != 1 || c->b % 2) && FD_ISSET(fd, &sets[i]) ? 1 << i : 0;
	return of(r, more);
}

static struct outcome call_epoll_ctl(struct side *s, const struct call *c)
{
	static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_ADD, EPOLL_CTL_DEL };
	struct epoll_event event = { .data.u64 = c->b };

	event.events = (uint32_t)random_events(c->b);
	event.events |= c->b / 64 % 3 == 0 ? EPOLLET : 0;
	event.events |= is_connected && c->b / 256 % 5 == 0 ? EPOLLONESHOT : 0;
	return of(epoll_ctl(s->set, ops[c->a % 4], s->fd, &event), 0);
}

static struct outcome call_epoll_wait(struct side *s, const struct call *c)
{
	struct epoll_event event = { 0 };
	const int r = c->a % 3 == 0 ? epoll_wait(s->set, &event, 1, 0)
		      : c->a % 3 == 1
			      ? epoll_pwait(s->set, &event, 1, 0, NULL)
			      : epoll_pwait2(s->set, &event, 1, &(struct timespec){ 0 }, NULL);

	return of(r, r == 1 ? (long)event.events * 1024 + (long)event.data.u64 % 1024 : 0);
}

/* As many messages as parts. */
static ssize_t send_messages(int fd, const struct iovec parts[2])
{
	struct mmsghdr messages[2] = {
		{ .msg_hdr = { .msg_iov = (struct iovec *)&parts[0], .msg_iovlen = 1 } },
		{ .msg_hdr = { .msg_iov = (struct iovec *)&parts[1], .msg_iovlen = 1 } },
	};
	const int r = sendmmsg(fd, messages, 2, MSG_NOSIGNAL | MSG_DONTWAIT);

	return r < 0 ? r : (ssize_t)messages[0].msg_len + (r == 2 ? messages[1].msg_len : 0u);
}

static ssize_t send_file(int fd, const char *bytes, size_t length)
{
	static int file = -1;
	off_t at = 0;

	if (file < 0)
		file = memfd_create("bytes", MFD_CLOEXEC);
	if (pwrite(file, bytes, length, 0) != (ssize_t)length)
		err(1, "pwrite");
	return sendfile(fd, file, &at, length);
}

static struct outcome call_send(struct side *s, const struct call *c)
{
	const char bytes[64] = "the bytes of this call, which the server sends back as they are";
	const size_t length = 1 + c->b % sizeof(bytes);
	const struct iovec parts[2] = { { (void *)bytes, length / 2 },
					{ (void *)(bytes + length / 2), length - length / 2 } };
	const struct msghdr message = { .msg_iov = (struct iovec *)parts, .msg_iovlen = 2 };
	const int fd = used(s, c);
	ssize_t r;

	switch (c->a % 6) {
	case 0:
		r = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case 1:
		r = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case 2:
		r = is_nonblocking ? write(fd, bytes, length)
				   : send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
		break;
	case 3:
		r = send_messages(fd, parts);
		break;
	case 4:
		r = is_nonblocking ? send_file(fd, bytes, length) : send_messages(fd, parts);
		break;
	default:
		r = is_nonblocking
			    ? writev(fd, parts, 2)
			    : sendto(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0);
	}
	const struct outcome outcome = of(r, 0);
	if (r > 0)
		s->expected += (unsigned)r;
	return outcome;
}

/* Two, each with room for half. */
static ssize_t receive_messages(int fd, char *bytes, size_t length, int flags)
{
	struct iovec halves[2] = { { bytes, length / 2 + 1 } };
	struct mmsghdr messages[2] = { { .msg_hdr = { .msg_iov = &halves[0], .msg_iovlen = 1 } },
				       { .msg_hdr = { .msg_iov = &halves[1], .msg_iovlen = 1 } } };

	/* What was only looked at is there for the second as well. */
	halves[1] = (struct iovec){ bytes + halves[0].iov_len, length - length / 2 };
	const int r = recvmmsg(fd, messages, flags & MSG_PEEK ? 1 : 2, flags, NULL);
	return r < 0 ? r : (ssize_t)messages[0].msg_len + (r == 2 ? messages[1].msg_len : 0u);
}

static struct outcome call_receive(struct side *s, const struct call *c)
{
	char bytes[72] = { 0 };
	const size_t length = 1 + c->b % 64;
	struct iovec part = { bytes, length };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	const int fd = used(s, c), flags = MSG_DONTWAIT | (c->a / 4 % 4 == 0 ? MSG_PEEK : 0);
	bool takes = !(flags & MSG_PEEK);
	ssize_t r;

	switch (c->a % 6) {
	case 0:
		r = recv(fd, bytes, length, flags);
		break;
	case 1:
		r = recvmsg(fd, &message, flags);
		break;
	case 2:
		r = recvfrom(fd, bytes, length, flags, NULL, NULL);
		break;
	case 3:
		r = receive_messages(fd, bytes, length, flags);
		break;
	case 4:
		takes |= is_nonblocking;
		r = is_nonblocking ? readv(fd, &part, 1) : recvmsg(fd, &message, flags);
		break;
	default:
		takes |= is_nonblocking;
		r = is_nonblocking ? read(fd, bytes, length) : recv(fd, bytes, length, flags);
	}
	struct outcome outcome = of(r, 0);
	for (ssize_t i = 0; i < r; i++)
		outcome.more = outcome.more * 31 + bytes[i];
	if (r > 0 && takes)
		s->expected -= (unsigned)r;
	return outcome;
}

static struct outcome call_shutdown(struct side *s, const struct call *c)
{
	return of(shutdown(used(s, c), (int)(c->a % 4)), 0);
}

static struct outcome call_dup(struct side *s, const struct call *c)
{
	const struct outcome outcome = of(0, 0);

	if (s->copy >= 0) {
		/* What is closed while it is on its way and in a set is known to differ. */
		const bool is_first = c->a % 2 || end == PENDING;
		const int gone = is_first ? s->copy : s->fd;
		s->fd = is_first ? s->fd : s->copy;
		close(gone);
		s->copy = -1;
	} else if (c->a % 4 == 0) {
		s->copy = memfd_create("taken", MFD_CLOEXEC);
		dup3(s->fd, s->copy, O_CLOEXEC);
	} else {
		s->copy = c->a % 2 ? dup(s->fd) : fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
	}
	return outcome;
}

static struct outcome call_disconnect(struct side *s, const struct call *c)
{
	const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	return of(connect(used(s, c), &nowhere, sizeof(nowhere)), 0);
}

static struct outcome call_accept(struct side *s, const struct call *c)
{
	return of(accept4(used(s, c), NULL, NULL, c->a % 2 ? SOCK_CLOEXEC : 0), 0);
}

enum which { CONNECT, SHUTDOWN, DISCONNECT };

static const struct {
	const char *name;
	struct outcome (*make)(struct side *s, const struct call *c);
	unsigned weight;
} kinds[] = {
	[CONNECT] = { "connect", call_connect, 4 },
	[SHUTDOWN] = { "shutdown", call_shutdown, 1 },
	[DISCONNECT] = { "disconnect", call_disconnect, 1 },
	{ "bind", call_bind, 1 },
	{ "setsockopt", call_setsockopt, 2 },
	{ "getsockopt", call_getsockopt, 2 },
	{ "so_error", call_so_error, 2 },
	{ "fcntl", call_fcntl, 2 },
	{ "ioctl", call_ioctl, 2 },
	{ "getpeername", call_getpeername, 2 },
	{ "getsockname", call_getsockname, 1 },
	{ "poll", call_poll, 4 },
	{ "select", call_select, 3 },
	{ "epoll_ctl", call_epoll_ctl, 3 },
	{ "epoll_wait", call_epoll_wait, 4 },
	{ "send", call_send, 4 },
	{ "receive", call_receive, 4 },
	{ "dup", call_dup, 2 },
	{ "accept", call_accept, 1 },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- both sides ---- */

static struct call draw_call(void)
{
	struct call c = { 0 };
	unsigned sum = 0;

	for (unsigned i = 0; i < KINDS; i++)
		sum += kinds[i].weight;
	uint32_t at = draw(sum);
	while (at >= kinds[c.which].weight)
		at -= kinds[c.which++].weight;
	c.a = draw(1u << 16);
	c.b = draw(1u << 16);
	c.by_copy = draw(4) == 0;
	return c;
}

/* How the end of a non-blocking connect is waited for, and what it looks like. */
static struct outcome wait_for_end(struct side *s, const struct call *c)
{
	struct pollfd one = { .fd = s->fd, .events = POLLOUT };
	struct epoll_event event = { .events = EPOLLOUT | (c->b % 2 ? EPOLLET : 0) };
	fd_set writable;
	int r;

	switch (c->a % 3) {
	case 0:
		r = poll(&one, 1, PATIENCE);
		return of(r, one.revents & ~POLLIN);
	case 1:
		FD_ZERO(&writable);
		FD_SET(s->fd, &writable);
		r = select(s->fd + 1, NULL, &writable, NULL, &(struct timeval){ 10, 0 });
		return of(r, 0);
	default:
		r = epoll_create1(EPOLL_CLOEXEC);
		epoll_ctl(r, EPOLL_CTL_ADD, s->fd, &event);
		const int count = epoll_wait(r, &event, 1, PATIENCE);
		close(r);
		return of(count, event.events);
	}
}

static bool are_same(const struct outcome *a, const struct outcome *b)
{
	return a->result == b->result && a->error == b->error && a->more == b->more;
}

static bool compare(const char *name, const struct call *c, const struct outcome both[2])
{
	note("  %s %u %u%s: %ld %s %lx\n", name, c->a, c->b, c->by_copy ? " by the copy" : "",
	     both[0].result, both[0].error ? strerrorname_np(both[0].error) : "", both[0].more);
	if (are_same(&both[0], &both[1]))
		return true;
	note("  through the proxy: %ld %s %lx\n", both[1].result,
	     both[1].error ? strerrorname_np(both[1].error) : "", both[1].more);
	return false;
}

/* What is known to differ. */
static bool is_left_out(const struct side *s, const struct call *c)
{
	if (c->which == SHUTDOWN)
		return !is_connected && c->a % 4 < 3;
	return c->which == CONNECT && s->copy >= 0 && !is_connected;
}

static bool make(struct side sides[2], const struct call *c)
{
	struct outcome both[2];

	for (int i = 0; i < 2; i++)
		both[i] = kinds[c->which].make(&sides[i], c);
	calls++;
	if (!compare(kinds[c->which].name, c, both))
		return false;
	const bool begins =
		c->which == CONNECT && both[0].result < 0 && both[0].error == EINPROGRESS;
	if (begins && end != PENDING) {
		for (int i = 0; i < 2; i++)
			both[i] = wait_for_end(&sides[i], c);
		if (!compare("and its end", c, both))
			return false;
	}
	if (c->which == CONNECT && end == CONNECTED && (both[0].result == 0 || begins) &&
	    !is_connected) {
		is_connected = true;
		for (int i = 0; i < 2; i++)
			sides[i].expected = sizeof("this is it\n") - 1;
	}
	if (c->which == SHUTDOWN && both[0].result == 0 && c->a % 4 != SHUT_RD)
		has_shut = true;
	if (c->which == DISCONNECT) {
		const struct call so_error = { 0 };
		for (int i = 0; i < 2; i++)
			call_so_error(&sides[i], &so_error);
		for (int i = 0; i < 2; i++)
			epoll_ctl(sides[i].set, EPOLL_CTL_DEL, sides[i].fd, NULL);
		is_connected = has_shut = false;
	}
	for (int i = 0; i < 2; i++)
		settle(&sides[i]);
	return true;
}

static void open_side(struct side *s, const char *address, uint16_t port)
{
	const int family = form == IPV4 ? AF_INET : AF_INET6;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&s->to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&s->to;

	*s = (struct side){ .copy = -1, .to.ss_family = (sa_family_t)family };
	s->to_length = form == IPV4 ? sizeof(*v4) : sizeof(*v6);
	v4->sin_port = htons(port); /* where that of IPv6 is */
	inet_pton(family, address, form == IPV4 ? (void *)&v4->sin_addr : (void *)&v6->sin6_addr);
	s->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	s->set = epoll_create1(EPOLL_CLOEXEC);
	if (s->fd < 0 || s->set < 0)
		err(1, "socket");
}

static void close_side(struct side *s)
{
	close(s->fd);
	close(s->set);
	if (s->copy >= 0)
		close(s->copy);
}

static bool run(uint32_t seed)
{
	struct side sides[2];
	bool same = true;

	state = seed * 2654435761u + 1;
	draw(1);
	traced = 0;
	end = (enum end)draw(ENDS);
	form = (enum form)draw(FORMS);
	ends[end]++;
	is_nonblocking = is_connected = has_shut = false;
	open_side(&sides[0], direct_at[form], ports[end]);
	open_side(&sides[1], proxied_at[form][end], 80);
	if (end == PENDING || draw(2)) {
		is_nonblocking = true;
		for (int i = 0; i < 2; i++)
			fcntl(sides[i].fd, F_SETFL, O_NONBLOCK);
	}
	note("seed %u, %s, %s\n", seed, proxied_at[form][end],
	     end == CONNECTED ? "connected"
	     : end == REFUSED ? "refused"
			      : "never answered");
	for (unsigned length = 4 + draw(28); length > 0 && same; length--) {
		struct call c = draw_call();
		/* A blocking connect that is never answered is for another test. */
		if (end == PENDING && (c.which == CONNECT || c.which == DISCONNECT) &&
		    !is_nonblocking)
			continue;
		if (is_left_out(&sides[0], &c))
			continue;
		same = make(sides, &c);
	}
	close_side(&sides[0]);
	close_side(&sides[1]);
	return same;
}

/* A listener of both families that has taken all it can, so that a connection to it stays on its
 * way. */
static uint16_t open_full_listener(void)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6 };
	socklen_t length = sizeof(at);
	const int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(listener, 0) < 0 ||
	    getsockname(listener, (struct sockaddr *)&at, &length) < 0)
		err(1, "listen");
	for (int i = 0; i < 2; i++) {
		const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		struct pollfd one = { .fd = fd, .events = POLLOUT };
		connect(fd, (struct sockaddr *)&at, sizeof(at));
		poll(&one, 1, i == 0 ? 1000 : 0);
	}
	return ntohs(at.sin6_port);
}

/* What hangs is shown like what differs. */
static void on_alarm(int signal)
{
	(void)signal;
	if (write(STDERR_FILENO, trace, traced) < 0 ||
	    write(STDERR_FILENO, "  and hangs\n", 12) < 0)
		_exit(2);
	_exit(1);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		errx(2, "usage: sequences SEED COUNT PORT");
	const uint32_t first = (uint32_t)strtoul(argv[1], NULL, 10);
	const unsigned count = (unsigned)atoi(argv[2]);

	ports[CONNECTED] = (uint16_t)atoi(argv[3]);
	ports[REFUSED] = 1;
	ports[PENDING] = open_full_listener();
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_alarm }, NULL);
	for (unsigned i = 0; i < count; i++) {
		alarm(30);
		if (!run(first + i)) {
			fprintf(stderr, "%s", trace);
			return 1;
		}
	}
	printf("sequences=%u calls=%u connected=%u refused=%u pending=%u\n", count, calls,
	       ends[CONNECTED], ends[REFUSED], ends[PENDING]);
	return 0;
}
