/*
 * depth PORT: how many bytes of stack each call takes, a line for each: `connect-refused=1024`.
 * PORT is that of a server on 127.0.0.1. Each call runs on a stack of its own that was painted
 * before; what is no longer as it was painted afterwards was used. Linked with -z now, so that no
 * call pays for the dynamic linker's work.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define STACK	(512 * 1024)
#define PAINT	0xa5
#define MANY	4000		  /* variables */
#define UNKNOWN "127.127.127.127" /* a placeholder that nobody was given */

static uint8_t *stack;
static ucontext_t before, inside;
static void (*function)(void);

static void enter(void)
{
	function();
}

static size_t measure(void (*call)(void))
{
	size_t unused = 0;

	memset(stack, PAINT, STACK);
	function = call;
	getcontext(&inside);
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = STACK;
	inside.uc_link = &before;
	makecontext(&inside, enter, 0);
	swapcontext(&before, &inside);
	while (unused < STACK && stack[unused] == PAINT)
		unused++;
	return STACK - unused;
}

/* ---- what the calls need ---- */

static int fd, other, set, pair[2];
static struct sockaddr_in server, unknown, outside;
static char bytes[64];
static char **many;

static int stream(int flags)
{
	return socket(AF_INET, SOCK_STREAM | flags, 0);
}

static void prepare(const char *port)
{
	server = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	unknown = outside = server;
	inet_pton(AF_INET, "127.0.0.1", &server.sin_addr);
	inet_pton(AF_INET, UNKNOWN, &unknown.sin_addr);
	inet_pton(AF_INET, "203.0.113.10", &outside.sin_addr);
	many = calloc(MANY + 1, sizeof(*many));
	for (int i = 0; i < MANY; i++)
		if (asprintf(&many[i], "VARIABLE_%d=1", i) < 0)
			err(1, "asprintf");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || write(pair[1], bytes, 8) != 8)
		err(1, "socketpair");
	set = epoll_create1(0);
	fd = stream(0);
	other = socket(AF_INET, SOCK_DGRAM, 0);
}

/* ---- calls ---- */

static void nothing(void)
{
}

static void do_socket(void)
{
	close(stream(0));
}

static void do_connect(const struct sockaddr_in *to, int flags)
{
	const int own = stream(flags);

	connect(own, (const struct sockaddr *)to, sizeof(*to));
	close(own);
}

static void do_connect_refused(void)
{
	do_connect(&unknown, 0);
}

static void do_connect_direct(void)
{
	do_connect(&server, 0);
}

static void do_connect_proxied(void)
{
	do_connect(&outside, 0);
}

static void do_connect_again(void)
{
	do_connect(&outside, SOCK_NONBLOCK);
}

static void do_wait(void)
{
	struct pollfd one = { stream(SOCK_NONBLOCK), POLLOUT, 0 };
	struct epoll_event event = { .events = EPOLLOUT };
	struct timeval time = { 0, 1 };
	fd_set writable;

	connect(one.fd, (const struct sockaddr *)&outside, sizeof(outside));
	epoll_ctl(set, EPOLL_CTL_ADD, one.fd, &event);
	FD_ZERO(&writable);
	FD_SET(one.fd, &writable);
	select(one.fd + 1, NULL, &writable, NULL, &time);
	epoll_wait(set, &event, 1, 1);
	poll(&one, 1, 10);
	getsockopt(one.fd, SOL_SOCKET, SO_ERROR, bytes, &(socklen_t){ 4 });
	close(one.fd);
}

static void do_options(void)
{
	const int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3);
	getsockopt(fd, SOL_SOCKET, SO_TYPE, bytes, &(socklen_t){ 4 });
	ioctl(fd, FIONREAD, bytes);
}

static void do_names(void)
{
	struct sockaddr_storage name;

	getsockname(fd, (struct sockaddr *)&name, &(socklen_t){ sizeof(name) });
	getpeername(fd, (struct sockaddr *)&name, &(socklen_t){ sizeof(name) });
}

static void do_serve(void)
{
	const struct sockaddr_in any = { .sin_family = AF_INET };
	const int own = stream(SOCK_NONBLOCK);

	bind(own, (const struct sockaddr *)&any, sizeof(any));
	listen(own, 1);
	accept(own, NULL, NULL);
	accept4(own, NULL, NULL, 0);
	shutdown(own, SHUT_RDWR);
	close(own);
}

static void do_descriptors(void)
{
	const int own = dup(fd);

	dup2(pair[0], own);
	dup3(pair[0], own, 0);
	close(own);
	close(fcntl(fd, F_DUPFD, 20));
}

static void do_streams(void)
{
	struct iovec piece = { bytes, 1 };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

	send(pair[0], bytes, 1, 0);
	write(pair[0], bytes, 1);
	writev(pair[0], &piece, 1);
	sendmsg(pair[0], &message, 0);
	recv(pair[0], bytes, 1, 0);
	read(pair[0], bytes, 1);
	readv(pair[0], &piece, 1);
	recvmsg(pair[0], &message, 0);
}

static void do_datagrams(void)
{
	struct iovec piece = { bytes, 1 };
	struct mmsghdr message = { .msg_hdr = { .msg_name = &outside,
						.msg_namelen = sizeof(outside),
						.msg_iov = &piece,
						.msg_iovlen = 1 } };

	sendto(other, bytes, 1, MSG_DONTWAIT, (struct sockaddr *)&outside, sizeof(outside));
	sendmsg(other, &message.msg_hdr, MSG_DONTWAIT);
	sendmmsg(other, &message, 1, MSG_DONTWAIT);
	recvfrom(other, bytes, 1, MSG_DONTWAIT, NULL, NULL);
	recvmsg(other, &message.msg_hdr, MSG_DONTWAIT);
	recvmmsg(other, &message, 1, MSG_DONTWAIT, NULL);
}

/* Some send, some answer themselves. */
static void do_nameserver(void)
{
	static const uint8_t query[] = "\x12\x34\1\0\0\1\0\0\0\0\0\0\3www\4test\0\0\1\0\1";
	struct sockaddr_in to = outside;
	const int own = socket(AF_INET, SOCK_DGRAM, 0);

	to.sin_port = htons(53);
	sendto(own, query, sizeof(query) - 1, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	recvfrom(own, bytes, sizeof(bytes), MSG_DONTWAIT, NULL, NULL);
	close(own);
}

static void do_calls(void)
{
	syscall(SYS_getpid);
	syscall(SYS_socket, -1, 0, 0);
	prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
}

/* ---- programs ---- */

static char *const arguments[] = { (char *)"true", NULL };
static char *const none[] = { NULL };

static void do_execve_failing(void)
{
	execve("/nonexistent", arguments, environ);
}

static void leave(pid_t child, int r)
{
	if (child > 0 && waitpid(child, NULL, 0) != child)
		err(1, "waitpid");
	if (child == 0)
		_exit(r);
}

static void execute(char *const environment[])
{
	const pid_t child = vfork();

	leave(child, child == 0 ? execve("/bin/true", arguments, environment) : 0);
}

static void do_execve(void)
{
	execute(environ);
}

static void do_execve_cleared(void)
{
	execute(none);
}

static void do_execve_script(void)
{
	char script[] = "/tmp/isosocks-depth-XXXXXX";
	const int file = mkostemp(script, O_CLOEXEC);

	if (file < 0 || write(file, "#!/bin/sh\n", 10) != 10 || fchmod(file, 0700) < 0)
		err(1, "%s", script);
	close(file);
	const pid_t child = vfork();
	leave(child, child == 0 ? execve(script, arguments, none) : 0);
	unlink(script);
}

static void do_execve_many(void)
{
	execute(many);
}

static void do_execvpe_many(void)
{
	const pid_t child = vfork();

	leave(child, child == 0 ? execvpe("true", arguments, many) : 0);
}

static void spawn(char *const environment[])
{
	pid_t child;

	if (posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environment) == 0)
		leave(child, 0);
}

static void do_spawn(void)
{
	spawn(environ);
}

static void do_spawn_cleared(void)
{
	spawn(none);
}

static void do_spawn_many(void)
{
	spawn(many);
}

static void do_spawnp_many(void)
{
	pid_t child;

	if (posix_spawnp(&child, "true", NULL, NULL, arguments, many) == 0)
		leave(child, 0);
}

static void do_system(void)
{
	if (system("exit 0") != 0)
		warnx("system");
}

static void do_popen(void)
{
	FILE *stream_of = popen("exit 0", "r");

	if (stream_of)
		pclose(stream_of);
}

/* ---- names ---- */

static void do_getaddrinfo(void)
{
	struct addrinfo *found;

	if (getaddrinfo("www.test", "80", NULL, &found) == 0)
		freeaddrinfo(found);
}

static void do_gethostbyname(void)
{
	gethostbyname("www.test");
}

static void do_getnameinfo(void)
{
	char host[100];

	getnameinfo((struct sockaddr *)&unknown, sizeof(unknown), host, sizeof(host), NULL, 0, 0);
}

static void do_res_query(void)
{
	static unsigned char answer[512];

	res_query("www.test", 1, 1, answer, sizeof(answer));
}

static const struct {
	const char *name;
	void (*call)(void);
} rows[] = {
	{ "nothing", nothing },
	{ "socket", do_socket },
	{ "connect-refused", do_connect_refused },
	{ "connect-direct", do_connect_direct },
	{ "connect-proxied", do_connect_proxied },
	{ "connect-nonblocking", do_connect_again },
	{ "wait", do_wait },
	{ "options", do_options },
	{ "names", do_names },
	{ "serve", do_serve },
	{ "descriptors", do_descriptors },
	{ "streams", do_streams },
	{ "datagrams", do_datagrams },
	{ "datagrams-nameserver", do_nameserver },
	{ "calls", do_calls },
	{ "execve-failing", do_execve_failing },
	{ "execve", do_execve },
	{ "execve-cleared", do_execve_cleared },
	{ "execve-many", do_execve_many },
	{ "execve-script", do_execve_script },
	{ "execvpe-many", do_execvpe_many },
	{ "posix_spawn", do_spawn },
	{ "posix_spawn-cleared", do_spawn_cleared },
	{ "posix_spawn-many", do_spawn_many },
	{ "posix_spawnp-many", do_spawnp_many },
	{ "system", do_system },
	{ "popen", do_popen },
	{ "getaddrinfo", do_getaddrinfo },
	{ "gethostbyname", do_gethostbyname },
	{ "getnameinfo", do_getnameinfo },
	{ "res_query", do_res_query },
};

int main(int argc, char **argv)
{
	if (argc != 2)
		errx(2, "depth PORT");
	prepare(argv[1]);
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack == MAP_FAILED)
		err(1, "mmap");
	puts("");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		printf("%s=%zu\n", rows[i].name, measure(rows[i].call));
		fflush(stdout);
	}
	return 0;
}
