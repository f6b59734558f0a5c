/*
 * A tunnel over a libc of the test's own, which writes and reads as little at a time as it likes,
 * and fails when told to.
 */
#include "tunnel/tunnel.h"
#include "base/libc.h"
#include "tunnel/slots.h"
#include "tunnel/table.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define FD     7
#define COOKIE 4711

/* The kernel, as the test wants it. */
static struct {
	int connect_error;
	size_t send_most, recv_most;
	unsigned stutter; /* every second call to send or recv fails with these errors in turn */
	unsigned calls;
	int send_error;
	size_t send_room; /* bytes taken in all, then EAGAIN; 0: any */
	struct {
		const char *bytes;
		size_t length;
	} script[3]; /* what the proxy says on each connection */
	size_t in_at;
	size_t gate, gate_opens; /* no input from there on before so many bytes were sent */
	bool hang_up;		 /* behind the input */
	uint8_t out[2048];
	size_t out_length;
	unsigned connects, disconnects;
} kernel;

static bool stutters(void)
{
	static const int errors[] = { EAGAIN, EINTR };

	if (!kernel.stutter || ++kernel.calls % 2 == 0)
		return false;
	errno = errors[kernel.calls / 2 % 2];
	return true;
}

static int fake_connect(int fd, const struct sockaddr *addr, socklen_t length)
{
	cr_assert_eq(fd, FD);
	(void)length;
	if (addr->sa_family == AF_UNSPEC) {
		kernel.disconnects++;
		return 0;
	}
	kernel.connects++;
	kernel.in_at = 0;
	errno = kernel.connect_error;
	return kernel.connect_error ? -1 : 0;
}

static ssize_t fake_sendmsg(int fd, const struct msghdr *message, int flags)
{
	size_t sent = 0;

	cr_assert_eq(fd, FD);
	cr_assert(flags & MSG_DONTWAIT);
	cr_assert(flags & MSG_NOSIGNAL);
	if (stutters())
		return -1;
	if (kernel.send_error) {
		errno = kernel.send_error;
		return -1;
	}
	size_t most = kernel.send_most;
	if (kernel.send_room && kernel.send_room - kernel.out_length < most)
		most = kernel.send_room - kernel.out_length;
	if (most == 0) {
		errno = EAGAIN;
		return -1;
	}
	for (size_t i = 0; i < message->msg_iovlen && sent < most; i++) {
		size_t take = message->msg_iov[i].iov_len;
		if (take > most - sent)
			take = most - sent;
		cr_assert(kernel.out_length + take <= sizeof(kernel.out));
		memcpy(kernel.out + kernel.out_length, message->msg_iov[i].iov_base, take);
		kernel.out_length += take;
		sent += take;
	}
	return (ssize_t)sent;
}

/* Messages go out by syscall(2), which can say more than libc's function. */
static long fake_syscall(long number, ...)
{
	long a[6];
	va_list arguments;

	va_start(arguments, number);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	if (number == SYS_sendmsg)
		return fake_sendmsg((int)a[0], (const struct msghdr *)a[1], (int)a[2]);
	return syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static ssize_t fake_recv(int fd, void *to, size_t size, int flags)
{
	cr_assert_eq(fd, FD);
	cr_assert(flags & MSG_DONTWAIT);
	if (stutters())
		return -1;
	const unsigned connection = kernel.connects - 1;
	size_t take = kernel.script[connection].length - kernel.in_at;
	if (kernel.out_length < kernel.gate_opens && kernel.in_at + take > kernel.gate)
		take = kernel.gate - kernel.in_at;
	if (take == 0 && kernel.hang_up)
		return 0;
	if (take == 0) {
		errno = EAGAIN;
		return -1;
	}
	if (take > size)
		take = size;
	if (take > kernel.recv_most)
		take = kernel.recv_most;
	memcpy(to, kernel.script[connection].bytes + kernel.in_at, take);
	kernel.in_at += take;
	return (ssize_t)take;
}

static int fake_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	(void)fd, (void)level, (void)name;
	memset(value, 0, *length);
	return 0;
}

static int fake_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	(void)fd, (void)level, (void)name, (void)value, (void)length;
	return 0;
}

/* The socket blocks. */
static int fake_fcntl(int fd, int command, ...)
{
	cr_assert(fd == FD && command == F_GETFL);
	return O_RDWR;
}

static struct libc fake;
static struct tunnel *tunnel;

static void set_up(void)
{
	fake = *libc_load();
	fake.connect = fake_connect;
	fake.syscall = fake_syscall;
	fake.recv = fake_recv;
	fake.getsockopt = fake_getsockopt;
	fake.setsockopt = fake_setsockopt;
	fake.fcntl = fake_fcntl;
	libc_install(&fake);
	memset(&kernel, 0, sizeof(kernel));
	kernel.send_most = kernel.recv_most = SIZE_MAX;
	tunnel = slots_take();
	struct tunnel_plan *plan = &tunnel->plan;
	plan->proxy.sin6_family = AF_INET6;
	plan->timeout = 180;
	plan->known = SOCKS5_NO_ACCEPTABLE;
	plan->offer = (struct socks5_offer){ .methods = { 0x97, 0x02, 0x00 },
					     .count = 3,
					     .username = "<torS0X>0",
					     .username_length = 9,
					     .password = "a=b",
					     .password_length = 3 };
	plan->request = (struct socks5_request){
		.command = SOCKS5_CONNECT,
		.target = { .type = SOCKS5_IPV4, .length = 4, .port = 80 }
	};
}

TestSuite(tunnel, .init = set_up);

static void proxy_says(unsigned connection, const char *bytes, size_t length)
{
	kernel.script[connection].bytes = bytes;
	kernel.script[connection].length = length;
}
#define PROXY_SAYS(text)      proxy_says(0, text, sizeof(text) - 1)
#define THEN_PROXY_SAYS(text) proxy_says(1, text, sizeof(text) - 1)

static int start(void)
{
	struct tunnel_start start;

	tunnel_begin(tunnel, COOKIE);
	return tunnel_start(tunnel, FD, &start);
}

/* Steps as a readiness loop would, a bounded number of times. */
static int run(void)
{
	const int started = start();
	int r = -EINPROGRESS;

	if (started != -EINPROGRESS)
		return started;
	for (unsigned i = 0; i < 500 && r == -EINPROGRESS; i++) {
		cr_assert(tunnel_events(tunnel) & (POLLIN | POLLOUT));
		r = tunnel_step(tunnel, FD, COOKIE);
	}
	return r;
}

#define SUCCESS	 "\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"
#define GREETING "\x05\x03\x97\x02\x00"
#define REQUEST	 "\x05\x01\x00\x01\x00\x00\x00\x00\x00\x50"
#define PASSWORD                                                                                   \
	"\x01\x09<torS0X>0\x03"                                                                    \
	"a=b"
#define EXTENDED "\x01\x00\x00"

static void assert_sent(const char *bytes, size_t length)
{
	cr_assert_eq(kernel.out_length, length, "sent %zu bytes", kernel.out_length);
	cr_assert_arr_eq(kernel.out, bytes, length);
}
#define ASSERT_SENT(text) assert_sent(text, sizeof(text) - 1)

Test(tunnel, stands_after_the_handshake)
{
	PROXY_SAYS("\x05\x97\x01\x00\x00\x00" SUCCESS);
	cr_assert_eq(run(), 0);
	cr_assert_eq(tunnel_step(tunnel, FD, COOKIE), 0, "it repeats its answer");
	ASSERT_SENT(GREETING EXTENDED REQUEST);
}

Test(tunnel, survives_short_writes_and_reads_interruptions_and_waits)
{
	kernel.send_most = kernel.recv_most = 1;
	kernel.stutter = 1;
	kernel.connect_error = EINPROGRESS;
	kernel.gate = 4;
	kernel.gate_opens = sizeof(GREETING PASSWORD REQUEST) - 1;
	PROXY_SAYS("\x05\x02\x01\x00" SUCCESS);
	cr_assert_eq(run(), 0);
	ASSERT_SENT(GREETING PASSWORD REQUEST);
}

Test(tunnel, sends_everything_at_once_when_the_method_is_known)
{
	tunnel->plan.known = SOCKS5_EXTENDED;
	start();
	cr_assert_eq(tunnel_step(tunnel, FD, COOKIE), -EINPROGRESS);
	ASSERT_SENT("\x05\x01\x97" EXTENDED REQUEST);
	cr_assert_eq(tunnel_events(tunnel), POLLIN);
}

Test(tunnel, does_not_offer_a_known_method_that_the_plan_forbids)
{
	tunnel->plan.known = SOCKS5_NO_AUTHENTICATION;
	tunnel->plan.offer.count = 2;
	start();
	tunnel_step(tunnel, FD, COOKIE);
	ASSERT_SENT("\x05\x02\x97\x02");
}

Test(tunnel, negotiates_in_full_when_a_known_method_is_refused)
{
	tunnel->plan.known = SOCKS5_EXTENDED;
	PROXY_SAYS("\x05\xff");
	THEN_PROXY_SAYS("\x05\x00" SUCCESS);
	cr_assert_eq(run(), 0);
	ASSERT_SENT("\x05\x01\x97" EXTENDED REQUEST GREETING REQUEST);
	cr_assert_eq(kernel.connects, 2u);
	cr_assert_eq(kernel.disconnects, 1u);
}

Test(tunnel, goes_bare_when_best_effort_keys_are_refused)
{
	kernel.gate = 2;
	kernel.gate_opens = sizeof(GREETING PASSWORD) - 1;
	PROXY_SAYS("\x05\x02\x01\x01");
	THEN_PROXY_SAYS("\x05\x00" SUCCESS);
	cr_assert_eq(run(), 0);
	ASSERT_SENT(GREETING PASSWORD "\x05\x01\x00" REQUEST);
	cr_assert(tunnel->fell_back);
}

Test(tunnel, never_goes_bare_when_keys_must_arrive)
{
	tunnel->plan.keys_must_arrive = true;
	tunnel->plan.offer.count = 2;
	PROXY_SAYS("\x05\x02\x01\x01");
	THEN_PROXY_SAYS("\x05\x00" SUCCESS);
	cr_assert_eq(run(), -EPERM);
	cr_assert_eq(kernel.connects, 1u);
}

Test(tunnel, never_goes_bare_with_real_credentials)
{
	tunnel->plan.has_credentials = true;
	PROXY_SAYS("\x05\x02\x01\x01");
	THEN_PROXY_SAYS("\x05\x00" SUCCESS);
	cr_assert_eq(run(), -EPERM);
}

Test(tunnel, never_goes_bare_after_a_malformed_answer)
{
	PROXY_SAYS("\x05\x02\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00");
	cr_assert_eq(run(), -EPROTO);
	cr_assert_eq(kernel.connects, 1u);
}

Test(tunnel, retries_after_a_temporary_failure_and_then_says_so)
{
	tunnel->plan.retry = 1;
	PROXY_SAYS("\x05\x97\x01\x00\x00\x00\x05\xf0");
	THEN_PROXY_SAYS("\x05\x97\x01\x00\x00\x00\x05\xf0");
	cr_assert_eq(run(), -ECONNRESET);
	cr_assert_eq(kernel.connects, 2u);
}

Test(tunnel, says_what_the_proxy_said_before_it_hung_up_on_our_bytes)
{
	start();
	cr_assert_eq(tunnel_step(tunnel, FD, COOKIE), -EINPROGRESS);
	/* It takes keys, refuses them before it was asked, and resets the connection. */
	PROXY_SAYS("\x05\x97\x01\x02");
	kernel.hang_up = true;
	kernel.recv_most = 2;
	kernel.send_error = EPIPE;
	cr_assert_eq(tunnel_step(tunnel, FD, COOKIE), -EINVAL);
}

static const struct {
	int error;
	int expected;
} refusals[] = {
	{ ECONNREFUSED, -ENETDOWN },
	{ ENETUNREACH, -ENETDOWN },
	{ EHOSTUNREACH, -ENETDOWN },
	{ EACCES, -ENETDOWN },
	{ EISCONN, -EISCONN },
	{ EALREADY, -EALREADY },
	{ EADDRNOTAVAIL, -EADDRNOTAVAIL },
	{ EADDRINUSE, -EADDRINUSE },
	{ EBADF, -EBADF },
};

Test(tunnel, says_enetdown_when_the_proxy_is_not_there_and_passes_on_the_sockets_own_faults)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		kernel.connect_error = refusals[i].error;
		cr_assert_eq(start(), refusals[i].expected, "errno %d", refusals[i].error);
	}
}

Test(tunnel, says_enetdown_when_the_proxy_refuses_later)
{
	kernel.connect_error = EINPROGRESS;
	kernel.send_error = EAGAIN;
	cr_assert_eq(start(), -EINPROGRESS);
	cr_assert_eq(tunnel_events(tunnel), POLLOUT);
	kernel.send_error = ECONNREFUSED;
	cr_assert_eq(tunnel_step(tunnel, FD, COOKIE), -ENETDOWN);
	cr_assert_eq(tunnel_step(tunnel, FD, COOKIE), -ENETDOWN, "it repeats its answer");
}

Test(tunnel, does_not_take_a_yes_to_what_it_has_not_asked)
{
	PROXY_SAYS("\x05\x00" SUCCESS);
	kernel.send_room = sizeof(GREETING) - 1 + 3;
	cr_assert_eq(start(), -EINPROGRESS);
	cr_assert_eq(tunnel_step(tunnel, FD, COOKIE), -EPROTO);
}

Test(tunnel, ends_at_its_deadline)
{
	tunnel->plan.timeout = 0;
	start();
	cr_assert_eq(tunnel_step(tunnel, FD, COOKIE), -ETIMEDOUT);
}

Test(slots, gives_each_taker_its_own_and_takes_them_back)
{
	struct tunnel *taken[200];

	for (unsigned i = 0; i < 200; i++) {
		taken[i] = slots_take();
		cr_assert_not_null(taken[i]);
		for (unsigned j = 0; j < i; j++)
			cr_assert_neq(taken[i], taken[j]);
	}
	slots_give(taken[77], 0);
	cr_assert_eq(slots_take(), taken[77]);
	slots_give(NULL, 0);
}

Test(slots, are_shared_with_a_forked_child)
{
	struct tunnel *ours = slots_take();
	int status;

	if (fork() == 0) {
		struct tunnel *theirs = slots_take();
		ours->retries = 42;
		_exit(theirs == ours);
	}
	wait(&status);
	cr_assert_eq(status, 0, "the child took the parent's tunnel");
	cr_assert_eq(ours->retries, 42);
}

static const struct sockaddr_in v4_target = { .sin_family = AF_INET, .sin_port = 0x5000 };
static const struct sockaddr_in6 v6_target = { .sin6_family = AF_INET6, .sin6_port = 0x5000 };

Test(table, knows_a_socket_by_its_cookie)
{
	struct sockaddr_in6 found;
	struct tunnel *some = slots_take();
	socklen_t length;

	cr_assert_eq(table_put(5, 77, some, (const struct sockaddr *)&v4_target), 0);
	cr_assert_eq(table_find_tunnel(5, 77), some);
	cr_assert_null(table_find_tunnel(5, 78), "another socket with the same number");
	cr_assert_null(table_find_tunnel(6, 77));
	cr_assert_eq(table_find_target(5, 77, &found, &length), 0);
	cr_assert_eq(length, sizeof(v4_target));
	cr_assert_arr_eq(&found, &v4_target, sizeof(v4_target));
	table_end(5, 77, true);
	cr_assert_null(table_find_tunnel(5, 77));
	cr_assert_eq(table_find_target(5, 77, &found, &length), 0);
	table_end(5, 77, false);
	cr_assert_eq(table_find_target(5, 77, &found, &length), -ENOENT);
}

Test(table, finds_the_target_of_a_duplicate)
{
	struct sockaddr_in6 found;
	socklen_t length;

	table_put(3000, 99, NULL, (const struct sockaddr *)&v6_target);
	cr_assert_eq(table_find_target(12, 99, &found, &length), 0);
	cr_assert_eq(length, sizeof(v6_target));
}

Test(table, takes_any_descriptor_the_kernel_gives_and_refuses_the_rest)
{
	cr_assert_eq(table_put(1048575, 5, NULL, (const struct sockaddr *)&v4_target), 0);
	cr_assert_eq(table_put(-1, 5, NULL, (const struct sockaddr *)&v4_target), -ENOBUFS);
	cr_assert_eq(table_put(INT32_MAX, 5, NULL, (const struct sockaddr *)&v4_target), -ENOBUFS);
	cr_assert_null(table_find_tunnel(INT32_MAX, 5));
}
