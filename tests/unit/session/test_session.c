/*
 * Each test is a process, so each reads its session anew, from variables of its own.
 */
#include "names/layout.h"
#include "session/session.h"
#include "base/libc.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* As in a program for which somebody asked for the library. */
static void ask_for_library(void)
{
	setenv("LD_PRELOAD", "libisosocks.so", 1);
}

TestSuite(session, .init = ask_for_library);

/* ---- names ---- */

/* A memfd like the one that isosocks hands down, with these seals, named in the environment. */
static int hand_down_map(int seals)
{
	char text[64];
	struct stat status;
	const int fd = memfd_create("map", MFD_ALLOW_SEALING);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, (off_t)pool_map_size(LAYOUT_ENTRIES)), 0);
	cr_assert_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	cr_assert_eq(fstat(fd, &status), 0);
	snprintf(text, sizeof(text), "%d:%llu", fd, (unsigned long long)status.st_ino);
	setenv("ISOSOCKS_NAMES", text, 1);
	return fd;
}

/* Whether a name that the session learns stands in the memory behind fd. */
static bool shares_names(int fd)
{
	struct pool other;
	uint32_t address;
	char name[256];

	cr_assert_eq(pool_get_address(session_pool(session_get()), "a.example", 9, &address), 0);
	cr_assert_eq(pool_open(&other, fd, 0x7f400000, 10, LAYOUT_ENTRIES), 0);
	return pool_find_name(&other, address, name) == 9;
}

Test(session, takes_the_map_that_was_handed_down)
{
	const int fd = hand_down_map(F_SEAL_SHRINK | F_SEAL_GROW);

	cr_assert(shares_names(fd));
}

Test(session, keeps_off_a_map_that_another_could_shrink)
{
	const int fd = hand_down_map(F_SEAL_GROW);

	cr_assert_not(shares_names(fd));
}

Test(session, makes_its_own_map_at_the_first_need)
{
	struct session *session = session_get();

	cr_assert_null(session->pool.map);
	cr_assert_not_null(session_pool(session));
	cr_assert_not_null(session->pool.map);
}

#define THREADS 8

static pthread_barrier_t barrier;

static void *ask(void *ret_address)
{
	pthread_barrier_wait(&barrier);
	struct pool *pool = session_pool(session_get());
	cr_assert_eq(pool_get_address(pool, "a.example", 9, ret_address), 0);
	return NULL;
}

Test(session, gives_all_threads_one_map)
{
	pthread_t threads[THREADS];
	uint32_t addresses[THREADS];

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, ask, &addresses[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
		cr_assert_eq(addresses[i], addresses[0]);
	}
}

/* ---- while it is read ---- */

static struct libc table;
static bool was_blocked;
static int reached[2], go_on[2];

/* How the session blocks all signals while it reads, and the end of that. */
static long block(long number, va_list arguments, bool *ret_is_end)
{
	const int how = va_arg(arguments, int);
	const void *set = va_arg(arguments, const void *);
	void *old = va_arg(arguments, void *);

	cr_assert_eq(number, SYS_rt_sigprocmask);
	*ret_is_end = how == SIG_SETMASK;
	return syscall(number, how, set, old, va_arg(arguments, size_t));
}

static long look_at_signals(long number, ...)
{
	sigset_t mask;
	bool is_end;
	va_list arguments;

	sigprocmask(SIG_BLOCK, NULL, &mask);
	va_start(arguments, number);
	const long r = block(number, arguments, &is_end);
	va_end(arguments);
	if (is_end)
		was_blocked = sigismember(&mask, SIGUSR1) == 1;
	return r;
}

static long stop_at_the_end(long number, ...)
{
	char byte = 0;
	bool is_end;
	va_list arguments;

	va_start(arguments, number);
	const long r = block(number, arguments, &is_end);
	va_end(arguments);
	if (is_end) {
		cr_assert_eq(write(reached[1], &byte, 1), 1);
		cr_assert_eq(read(go_on[0], &byte, 1), 1);
	}
	return r;
}

static void replace_syscall(long (*with)(long, ...))
{
	table = *libc();
	table.syscall = with;
	libc_install(&table);
}

/* A handler that asked for the session would wait for the thread it interrupts. */
Test(session, takes_no_signal_while_it_is_read)
{
	sigset_t mask;

	hand_down_map(F_SEAL_SHRINK);
	replace_syscall(look_at_signals);
	session_get();
	cr_assert(was_blocked);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	cr_assert_eq(sigismember(&mask, SIGUSR1), 0);
}

static void *read_session(void *unused)
{
	session_get();
	return unused;
}

/* One that waited for its parent's thread would end in the test's own time limit. */
Test(session, is_read_anew_by_a_child_forked_meanwhile, .timeout = 60)
{
	pthread_t thread;
	char byte = 0;
	int status;

	setenv("ISOSOCKS_KEY_A", "1", 1);
	hand_down_map(F_SEAL_SHRINK);
	cr_assert_eq(pipe(reached), 0);
	cr_assert_eq(pipe(go_on), 0);
	replace_syscall(stop_at_the_end);
	cr_assert_eq(pthread_create(&thread, NULL, read_session, NULL), 0);
	cr_assert_eq(read(reached[0], &byte, 1), 1);
	const pid_t child = fork();
	cr_assert_geq(child, 0);
	if (child == 0) {
		libc_install(NULL);
		_exit(session_get()->error == 0 && session_get()->keys_must_arrive ? 0 : 1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
	cr_assert_eq(write(go_on[1], &byte, 1), 1);
	cr_assert_eq(pthread_join(thread, NULL), 0);
	cr_assert_eq(session_get()->error, 0);
}
