#include "census.h"

#include "site.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A user whom nothing else on the machine is. */
#define USER 4123456789u

static struct census count(uint32_t user)
{
	SITE_SCOPE_AUTO scope = { .min_uid = UINT32_MAX,
				  .users = g_array_new(FALSE, FALSE, sizeof(uint32_t)) };
	struct census census;

	g_array_append_val(scope.users, user);
	census_take(&scope, &census);
	return census;
}

/* A process of USER's, which has a file of this name mapped. */
static pid_t start(const char *library)
{
	int ready[2];
	char byte;

	cr_assert_eq(pipe(ready), 0);
	const pid_t child = fork();
	if (child == 0) {
		g_autofree char *folder = g_dir_make_tmp("census-XXXXXX", NULL);
		g_autofree char *file = g_build_filename(folder, library, NULL);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		g_file_set_contents(file, "x", 1, NULL);
		FILE *mapped = fopen(file, "r");
		mmap(NULL, 1, PROT_READ, MAP_PRIVATE, fileno(mapped), 0);
		unlink(file);
		rmdir(folder);
		if (setresuid(USER, USER, USER) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		pause();
		_exit(0);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return child;
}

static void end(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

Test(census, counts_the_processes_without_the_library)
{
	if (geteuid() != 0 || setegid(65534) < 0 || setegid(0) < 0)
		cr_skip_test("this needs root: there is no other user here");
	cr_assert_eq(count(USER).concerned, 0);
	const pid_t without = start("libother.so"), with = start("libisosocks.so");
	const struct census census = count(USER);

	end(without);
	end(with);
	cr_assert_eq(census.concerned, 2);
	cr_assert_eq(census.past, 1);
	cr_assert_eq(census.unknown, 0);
}

Test(census, counts_setuid_programs_once)
{
	const struct census census = count(USER);
	g_autofree char *out = NULL;
	char *argv[] = {
		"sh", "-c",
		"find -L /bin /sbin /usr/bin /usr/sbin /usr/local/bin /usr/local/sbin "
		"/usr/libexec -maxdepth 1 -type f -perm -4000 -printf '%D:%i\\n' 2>/dev/null | "
		"sort -u | wc -l",
		NULL
	};

	cr_assert(g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, NULL, NULL,
			       NULL));
	cr_assert_eq(census.setuid, (guint)atoi(out), "%u, not %s", census.setuid, out);
}
