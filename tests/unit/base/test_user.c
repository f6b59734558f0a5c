#include "base/user.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool translate(const char *map, uint32_t number, uint32_t *ret)
{
	const int fd = memfd_create("map", 0);

	cr_assert_eq(write(fd, map, strlen(map)), (ssize_t)strlen(map));
	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	const bool found = user_translate(fd, number, ret);
	close(fd);
	return found;
}

Test(user, finds_a_number_in_a_map)
{
	static const struct {
		const char *map;
		uint32_t number;
		bool found;
		uint32_t outside;
	} rows[] = {
		{ "         0          0 4294967295\n", 1000, true, 1000 },
		{ "0 1000 1\n", 0, true, 1000 },
		{ "0 1000 1\n", 1, false, 0 },
		{ "0 1000 1\n1 100000 65536\n", 33, true, 100032 },
		{ "0 1000 1\n1 100000 65536\n", 65536, true, 165535 },
		{ "0 1000 1\n1 100000 65536\n", 65537, false, 0 },
		{ "", 0, false, 0 },
		{ "0 1000", 0, false, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t outside = 0;
		cr_expect_eq(translate(rows[i].map, rows[i].number, &outside), rows[i].found,
			     "row %zu", i);
		cr_expect_eq(outside, rows[i].outside, "row %zu: %u", i, outside);
	}
}

/* The kernel takes 340 lines. */
Test(user, reads_a_long_map_to_its_end)
{
	char map[340 * 24] = "";
	size_t length = 0;
	uint32_t outside;

	for (unsigned i = 0; i < 340; i++)
		length += (size_t)snprintf(map + length, sizeof(map) - length, "%u %u 1\n", i,
					   100000 + i);
	cr_assert(translate(map, 339, &outside));
	cr_assert_eq(outside, 100339);
	cr_assert_not(translate(map, 340, &outside));
}

/* ---- in namespaces ---- */

static void write_map(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(77);
	close(fd);
}

/* Makes the one user of a new namespace number 0 in it. */
static void enter(unsigned self)
{
	char map[32];

	if (unshare(CLONE_NEWUSER) < 0)
		_exit(77);
	snprintf(map, sizeof(map), "0 %u 1", self);
	write_map("/proc/self/setgroups", "deny");
	write_map("/proc/self/uid_map", map);
}

/* What user_find(0) is for this user, so many namespaces deep. */
static struct user find_within(unsigned self, unsigned depth)
{
	struct user found;
	int ends[2], status;

	cr_assert_eq(pipe(ends), 0);
	const pid_t child = fork();
	if (child == 0) {
		if (self != getuid() && setresuid(self, self, self) < 0)
			_exit(77);
		prctl(PR_SET_DUMPABLE, 1); /* else the map is root's */
		for (unsigned i = 0; i < depth; i++)
			enter(i == 0 ? self : 0);
		found = user_find(0);
		_exit(write(ends[1], &found, sizeof(found)) == sizeof(found) ? 0 : 1);
	}
	cr_assert_eq(waitpid(child, &status, 0), child);
	if (WEXITSTATUS(status) == 77)
		cr_skip_test("no user namespaces, or no second user");
	cr_assert_eq(status, 0);
	cr_assert_eq(read(ends[0], &found, sizeof(found)), (ssize_t)sizeof(found));
	close(ends[0]);
	close(ends[1]);
	return found;
}

static void need_the_machines_own(void)
{
	char map[64] = "";
	const int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);

	cr_assert_gt(read(fd, map, sizeof(map) - 1), 0);
	close(fd);
	if (!strstr(map, "4294967295"))
		cr_skip_test("this is a user namespace already");
}

Test(user, is_the_machines_in_its_own_namespace)
{
	need_the_machines_own();
	const struct user user = user_find(12345);

	cr_assert_eq(user.number, 12345);
	cr_assert_eq(user.space, 0);
}

Test(user, is_the_one_who_made_the_namespace)
{
	need_the_machines_own();
	for (unsigned self = 1000; self <= 1001; self++) {
		const struct user user = find_within(self, 1);
		cr_assert_eq(user.number, self);
		cr_assert_eq(user.space, 0);
	}
}

/* The number says nothing there; the namespace tells two users apart. */
Test(user, is_one_of_a_namespace_inside_another)
{
	need_the_machines_own();
	const struct user a = find_within(1000, 2), b = find_within(1001, 2);

	cr_assert_neq(a.space, 0);
	cr_assert_neq(b.space, 0);
}

/* A service's sandbox, say. */
Test(user, is_the_machines_root_in_a_namespace_of_its)
{
	need_the_machines_own();
	if (getuid() != 0)
		cr_skip_test("this is not root");
	const struct user user = find_within(0, 1);

	cr_assert_eq(user.number, 0);
	cr_assert_eq(user.space, 0);
}
