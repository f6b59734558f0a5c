/*
 * isosocks-proxy as a server among clients that mean no good: they stall, flood, do not read; its
 * log is not read; it has hardly any descriptors. It goes on for everybody else, in bounded memory,
 * and ends when it is told to.
 */
#include "support/lab.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE 60 /* seconds; a failing test ends, a slow machine does not fail */

struct proxy {
	GPid pid;
	uint16_t port;
	int out; /* its standard output, behind the line with the port */
};

static uint16_t read_port(int fd)
{
	char text[16] = "";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		cr_assert_eq(read(fd, &text[i], 1), 1, "no port");
		if (text[i] == '\n')
			break;
	}
	return (uint16_t)atoi(text);
}

static void spawn(struct proxy *proxy, const char *limits, const char *options, int *ret_out)
{
	g_autofree char *program = lab_program("isosocks-proxy");
	g_autofree char *command = g_strdup_printf(
		"%s; exec %s --listen 127.0.0.1:0 --print-port %s", limits, program, options);
	char *argv[] = { "sh", "-c", command, NULL };

	cr_assert(g_spawn_async_with_pipes(NULL, argv, NULL,
					   G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL,
					   NULL, &proxy->pid, NULL, ret_out, NULL, NULL));
}

/* `limits`: what the shell does in front of it. */
static void proxy_open(struct proxy *proxy, const char *limits, const char *options)
{
	spawn(proxy, limits, options, &proxy->out);
	proxy->port = read_port(proxy->out);
}

static int proxy_wait(struct proxy *proxy)
{
	int status;

	cr_assert_eq(waitpid(proxy->pid, &status, 0), proxy->pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void proxy_close(struct proxy *proxy)
{
	kill(proxy->pid, SIGTERM);
	cr_assert_eq(proxy_wait(proxy), 0);
	close(proxy->out);
}

/* From one of a few addresses: the kernel takes long to find a free port among thousands. */
static void choose_source(int fd)
{
	static unsigned count;
	const struct sockaddr_in from = { .sin_family = AF_INET,
					  .sin_addr.s_addr =
						  htonl(INADDR_LOOPBACK + count++ % 16) };

	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
	cr_assert_eq(bind(fd, (const struct sockaddr *)&from, sizeof(from)), 0);
}

static int open_client(const struct proxy *proxy)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(proxy->port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0, "%s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	choose_source(fd);
	cr_assert_eq(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0, "%s",
		     strerror(errno));
	return fd;
}

static void say(int fd, const void *bytes, size_t length)
{
	cr_assert_eq(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length, "%s", strerror(errno));
}

static void hear(int fd, const char *bytes, size_t length)
{
	char got[64];

	cr_assert_eq(recv(fd, got, length, MSG_WAITALL), (ssize_t)length, "%s", strerror(errno));
	cr_assert_arr_eq(got, bytes, length);
}

/* A client like any other gets its answer: nobody listens on port 1. */
static void assert_serves(const struct proxy *proxy)
{
	int fd = open_client(proxy);

	say(fd, "\x05\x01\x00", 3);
	hear(fd, "\x05\x00", 2);
	say(fd, "\x05\x01\x00\x01\x7f\x00\x00\x01\x00\x01", 10);
	hear(fd, "\x05\x05\x00\x01\0\0\0\0\0\0", 10);
	close(fd);
}

/* ---- the log ---- */

Test(proxy, serves_everybody_while_nobody_reads_its_log)
{
	struct proxy proxy;

	lab_open();
	proxy_open(&proxy, ":", "--log-json -");
	for (int i = 0; i < 4000; i++) /* 12000 lines, 1 MB: more than the pipe and what is kept */
		assert_serves(&proxy);
	proxy_close(&proxy);
}

/* ---- the end ---- */

/* A stream of which nobody takes anything, so that a write to it never returns. */
static void fill(int fd)
{
	char bytes[4096] = "";
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, bytes, sizeof(bytes)) > 0)
		continue;
	while (write(fd, bytes, 1) > 0)
		continue;
	fcntl(fd, F_SETFL, flags);
}

/* What it waits for in the kernel, as pipe_write; "0" when for nothing, or when that is not told.
 */
static bool waits_in(const struct proxy *proxy, const char *where)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/wchan", proxy->pid);
	g_autofree char *text = NULL;

	return g_file_get_contents(path, &text, NULL, NULL) && strstr(text, where);
}

/* It is to write a port into a pipe that takes nothing, and does not get back to its loop. */
Test(proxy, ends_by_one_signal_whatever_it_waits_for)
{
	struct proxy proxy;
	int fds[2];

	lab_open();
	cr_assert_eq(pipe(fds), 0);
	fill(fds[1]);
	g_autofree char *limits = g_strdup_printf("exec >/proc/%d/fd/%d", getpid(), fds[1]);
	spawn(&proxy, limits, "", NULL);
	for (int tries = 0; !waits_in(&proxy, "pipe_w"); tries++) {
		if (tries == 5000)
			cr_skip_test("/proc/PID/wchan does not say what a process waits for");
		g_usleep(1000);
	}
	kill(proxy.pid, SIGTERM);
	cr_assert_eq(proxy_wait(&proxy), 0);
}

Test(proxy, ends_while_thousands_are_connected)
{
	struct proxy proxy;

	lab_open();
	proxy_open(&proxy, ":", "--log-json /dev/null");
	for (int i = 0; i < 500; i++)
		open_client(&proxy);
	proxy_close(&proxy);
}

/* ---- memory and descriptors ---- */

static long rss(const struct proxy *proxy)
{
	g_autofree char *path = g_strdup_printf("/proc/%d/status", proxy->pid);
	g_autofree char *text = NULL;

	cr_assert(g_file_get_contents(path, &text, NULL, NULL));
	return atol(strstr(text, "VmRSS:") + 6) * 1024;
}

/* The most that are possible, and no more than 20000 clients of both processes' descriptors. */
static unsigned raise_descriptors(void)
{
	struct rlimit limit = { .rlim_cur = 20200, .rlim_max = 20200 };

	if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
		cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	return MIN(20000u, (unsigned)limit.rlim_cur - 200);
}

static GByteArray *many_pairs(size_t length)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	GByteArray *out = g_byte_array_new();

	g_byte_array_append(out, (const guint8 *)"\x05\x01\x97\x01\xff\xff", 6);
	for (unsigned i = 0; out->len < length; i++) {
		const guint8 pair[6] = { 0, 2, (guint8)letters[i % 65], (guint8)letters[i / 65] };
		g_byte_array_append(out, pair, sizeof(pair));
	}
	return out;
}

static void assert_stalled_clients_are_cheap(const void *said, size_t length)
{
	struct proxy proxy;
	const unsigned count = raise_descriptors();

	proxy_open(&proxy, ":", "");
	const long before = rss(&proxy);
	for (unsigned i = 0; i < count; i++) {
		int fd = open_client(&proxy);
		say(fd, said, length);
	}
	assert_serves(&proxy);
	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer keeps what is freed, with room of its own around it");
	const long each = (rss(&proxy) - before) / count;
	cr_assert_leq(each, 4096, "%ld bytes for each of %u", each, count);
	proxy_close(&proxy);
}

Test(proxy, spends_4_kib_on_a_client_that_stops_in_its_greeting)
{
	char greeting[256] = "\x05\xff\x97";

	lab_open();
	assert_stalled_clients_are_cheap(greeting, sizeof(greeting));
}

Test(proxy, spends_4_kib_on_a_client_that_stops_in_its_pairs)
{
	g_autoptr(GByteArray) pairs = many_pairs(5000);

	lab_open();
	assert_stalled_clients_are_cheap(pairs->data, pairs->len);
}

Test(proxy, goes_on_with_hardly_any_descriptors)
{
	struct proxy proxy;

	lab_open();
	proxy_open(&proxy, "ulimit -n 100", "");
	for (int i = 0; i < 300; i++)
		open_client(&proxy);
	assert_serves(&proxy);
	proxy_close(&proxy);
}

/* ---- readers that do not read ---- */

static int listen_anywhere(uint16_t *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t length = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(fd, 128), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &length), 0);
	*ret_port = at.sin_port;
	return fd;
}

/* All that the kernel's buffers take, so that the proxy has more on its hands than it can pass on.
 */
static void flood(int fd)
{
	static char bytes[65536];

	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (int tries = 0; tries < 3;) {
		if (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
			tries = 0;
		else
			tries++, g_usleep(1000);
	}
}

Test(proxy, holds_nothing_for_a_client_that_does_not_read)
{
	const int count = 100;
	uint16_t port;
	struct proxy proxy;
	guint8 request[10] = "\x05\x01\x00\x01\x7f\x00\x00\x01";

	lab_open();
	int listener = listen_anywhere(&port);
	memcpy(request + 8, &port, 2);
	proxy_open(&proxy, ":", "");
	const long before = rss(&proxy);
	for (int i = 0; i < count; i++) {
		int fd = open_client(&proxy);
		say(fd, "\x05\x01\x00", 3);
		say(fd, request, sizeof(request));
		flood(accept(listener, NULL, NULL));
	}
	assert_serves(&proxy);
	const long each = (rss(&proxy) - before) / count;
	cr_assert_leq(each, 8192, "%ld bytes for each", each);
	proxy_close(&proxy);
}

/* ---- started by another one, as systemd does ---- */

static void start_with_listener(struct proxy *proxy, int listener, const char *pid)
{
	g_autofree char *program = lab_program("isosocks-proxy");
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	proxy->out = ends[0];
	proxy->pid = fork();
	if (proxy->pid != 0) {
		close(ends[1]);
		return;
	}
	g_autofree char *own = g_strdup_printf("%d", getpid());
	dup2(ends[1], STDOUT_FILENO);
	dup2(listener, 3); /* sd_listen_fds(3) */
	setenv("LISTEN_PID", pid ? pid : own, 1);
	setenv("LISTEN_FDS", "1", 1);
	execl(program, program, "--print-port", NULL);
	_exit(127);
}

Test(proxy, serves_on_a_socket_that_it_was_started_with)
{
	struct proxy proxy;
	uint16_t port;

	lab_open();
	int listener = listen_anywhere(&port);
	start_with_listener(&proxy, listener, NULL);
	proxy.port = read_port(proxy.out);
	cr_assert_eq(proxy.port, ntohs(port));
	close(listener);
	assert_serves(&proxy);
	proxy_close(&proxy);
}

/* Meant for another process, the number is nobody's: the default address it is. */
Test(proxy, leaves_a_socket_alone_that_was_meant_for_another_process)
{
	struct proxy proxy;
	uint16_t port;

	lab_open();
	int listener = listen_anywhere(&port);
	start_with_listener(&proxy, listener, "1");
	proxy.port = read_port(proxy.out);
	cr_assert_eq(proxy.port, 9050);
	proxy_close(&proxy);
}

/* As far as it goes without systemd as the first process: the units are what it takes for units. */
Test(proxy, has_units_that_systemd_accepts)
{
	lab_open();
	lab_need("systemd-analyze");
	g_autofree char *folder = g_build_filename(g_get_current_dir(), "config/systemd", NULL);
	g_autofree char *program = lab_program("isosocks-proxy");
	const struct lab_result result =
		lab_shell(LAB_ROOT,
			  "mkdir -p units && for unit in service socket; do "
			  "sed \"s,@BINDIR@/isosocks-proxy,%s,; s,@SYSCONFDIR@,/etc,\" "
			  "%s/isosocks-proxy.$unit >units/isosocks-proxy.$unit; done; "
			  "systemd-analyze verify --man=no units/isosocks-proxy.service "
			  "units/isosocks-proxy.socket",
			  program, folder);

	lab_assert_status(&result, 0);
	cr_assert_null(strstr(result.err, "isosocks-proxy"), "%s", result.err);
}

/* ---- a nameserver that does not answer ---- */

Test(proxy, waits_for_a_name_only_so_long)
{
	struct proxy proxy;
	const struct sockaddr_in at = { .sin_family = AF_INET,
					.sin_port = htons(53),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	lab_open();
	lab_cover_etc();
	lab_replace("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:30\n");
	int silent = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(silent, (const struct sockaddr *)&at, sizeof(at)), 0);
	proxy_open(&proxy, ":", "--hop-timeout 1");
	int fd = open_client(&proxy);
	say(fd, "\x05\x01\x00\x05\x01\x00\x03\x06t.test\x00\x50", 16);
	hear(fd, "\x05\x00\x05\x06\x00\x01\0\0\0\0\0\0", 12);
	assert_serves(&proxy);
	proxy_close(&proxy);
}

/* All that can be done without a copy is taken by those who do not read. */
Test(proxy, serves_others_while_many_do_not_read)
{
	const int count = 40;
	uint16_t port;
	struct proxy proxy;
	guint8 request[13] = "\x05\x01\x00\x05\x01\x00\x01\x7f\x00\x00\x01";
	static char bytes[65536];
	size_t left = 8 << 20;

	lab_open();
	int listener = listen_anywhere(&port);
	memcpy(request + 11, &port, 2);
	proxy_open(&proxy, ":", "");
	for (int i = 0; i < count; i++) {
		say(open_client(&proxy), request, sizeof(request));
		flood(accept(listener, NULL, NULL));
	}
	int fd = open_client(&proxy);
	say(fd, request, sizeof(request));
	int target = accept(listener, NULL, NULL);
	hear(fd, "\x05\x00\x05\x00\x00\x01", 6);
	recv(fd, bytes, 6, MSG_WAITALL); /* where it is bound */
	while (left > 0) {
		say(target, bytes, sizeof(bytes));
		cr_assert_eq(recv(fd, bytes, sizeof(bytes), MSG_WAITALL), sizeof(bytes));
		left -= sizeof(bytes);
	}
	proxy_close(&proxy);
}
