/*
 * Each test is a process, so each reads its session anew, from variables of its own.
 */
#include "session/session.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- names ---- */

/* A memfd like the one that isosocks hands down, with these seals, named in the environment. */
static int hand_down_map(int seals)
{
	char text[64];
	struct stat status;
	const int fd = memfd_create("map", MFD_ALLOW_SEALING);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, (off_t)pool_map_size()), 0);
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
	cr_assert_eq(pool_open(&other, fd, 0x7f400000, 10), 0);
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
