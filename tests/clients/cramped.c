/*
 * cramped WHAT NUMBER: calls where there is hardly any room for them.
 *
 * signal PORT: a connect() that is refused, one that is direct and one by the proxy, in a handler
 * on a signal stack of 8 KiB with a guard page below it; thread 0: posix_spawn, and vfork with
 * execve, with thousands of variables that lack ours, in a thread with the smallest stack there is,
 * a guard page below it; children NUMBER: so many children of vfork() that execute with such an
 * environment; prints how many pages and mappings there are more than after the first few.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIGNAL_STACK 8192
#define VARIABLES    3900
#define WARM	     20 /* children before the first look */

static unsigned port;
static char *variables[VARIABLES + 1];
static char *const arguments[] = { (char *)"true", NULL };
static const char *results[3];

/* Memory with a page in front of it that nothing may touch. */
static void *guarded(size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory =
		mmap(NULL, page + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) < 0)
		err(1, "mmap");
	return memory + page;
}

/* ---- signal ---- */

static const char *connect_to(const char *address)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((in_port_t)port) };
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	inet_pton(AF_INET, address, &to.sin_addr);
	const int r = connect(fd, (const struct sockaddr *)&to, sizeof(to));
	const int error = errno;
	close(fd);
	return r < 0 ? strerrorname_np(error) : "0";
}

static void handle(int number)
{
	(void)number;
	results[0] = connect_to("127.127.127.127");
	results[1] = connect_to("127.0.0.1");
	results[2] = connect_to("203.0.113.10");
}

static void try_signal(void)
{
	const stack_t stack = { .ss_sp = guarded(SIGNAL_STACK), .ss_size = SIGNAL_STACK };
	const struct sigaction action = { .sa_handler = handle, .sa_flags = SA_ONSTACK };

	if (sigaltstack(&stack, NULL) < 0 || sigaction(SIGUSR1, &action, NULL) < 0)
		err(1, "sigaltstack");
	raise(SIGUSR1);
	printf("unknown=%s direct=%s proxied=%s\n", results[0], results[1], results[2]);
}

/* ---- programs ---- */

static void fill_variables(void)
{
	for (int i = 0; i < VARIABLES; i++)
		if (asprintf(&variables[i], "VARIABLE_%d=1", i) < 0)
			err(1, "asprintf");
}

static int wait_for(pid_t child)
{
	int status;

	return waitpid(child, &status, 0) == child ? status : -1;
}

static int spawn(void)
{
	pid_t child;
	const int r = posix_spawn(&child, "/bin/true", NULL, NULL, arguments, variables);

	return r ? r : wait_for(child);
}

static int execute(void)
{
	const pid_t child = vfork();

	if (child == 0) {
		execve("/bin/true", arguments, variables);
		_exit(errno);
	}
	return wait_for(child);
}

static void *run(void *ignored)
{
	(void)ignored;
	printf("posix_spawn=%d\n", spawn());
	printf("execve=%d\n", execute());
	return NULL;
}

static void try_thread(void)
{
	const size_t size = (size_t)PTHREAD_STACK_MIN;
	pthread_attr_t attributes;
	pthread_t thread;

	setvbuf(stdout, NULL, _IONBF, 0);
	pthread_attr_init(&attributes);
	if (pthread_attr_setstack(&attributes, guarded(size), size) != 0 ||
	    pthread_create(&thread, &attributes, run, NULL) != 0)
		errx(1, "pthread_create");
	pthread_join(thread, NULL);
}

/* ---- children ---- */

static long count_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages;

	if (!file || fscanf(file, "%ld", &pages) != 1)
		err(1, "/proc/self/statm");
	fclose(file);
	return pages;
}

static long count_mappings(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	long lines = 0;

	if (!file)
		err(1, "/proc/self/maps");
	for (int c; (c = fgetc(file)) != EOF;)
		lines += c == '\n';
	fclose(file);
	return lines;
}

static void try_children(int number)
{
	long pages = 0, mappings = 0;
	int failed = 0;

	for (int i = 0; i < number; i++) {
		if (i == WARM) {
			pages = count_pages();
			mappings = count_mappings();
		}
		failed += execute() != 0;
	}
	printf("failed=%d pages=%ld mappings=%ld\n", failed, count_pages() - pages,
	       count_mappings() - mappings);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "cramped WHAT NUMBER");
	port = (unsigned)atoi(argv[2]);
	fill_variables();
	if (strcmp(argv[1], "signal") == 0)
		try_signal();
	else if (strcmp(argv[1], "thread") == 0)
		try_thread();
	else
		try_children((int)port);
	return 0;
}
