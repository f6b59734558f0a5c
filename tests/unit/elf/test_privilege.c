#include "elf/privilege.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

Test(privilege, knows_when_the_kernel_ignores_ld_preload)
{
	const struct stat plain = { .st_mode = S_IFREG | 0755, .st_uid = 0, .st_gid = 0 };
	const struct stat suid = { .st_mode = S_IFREG | S_ISUID | 0755, .st_uid = 0 };
	const struct stat sgid = { .st_mode = S_IFREG | S_ISGID | 0755, .st_gid = 43 };
	const struct stat lock = { .st_mode = S_IFREG | S_ISGID | 0745, .st_gid = 43 };

	cr_assert_not(privilege_changes_ids(&plain, 1000, 1000));
	cr_assert(privilege_changes_ids(&suid, 1000, 1000));
	cr_assert_not(privilege_changes_ids(&suid, 0, 0));
	cr_assert(privilege_changes_ids(&sgid, 0, 0));
	cr_assert_not(privilege_changes_ids(&sgid, 1000, 43));
	cr_assert_not(privilege_changes_ids(&lock, 1000, 1000));
}

/* A file that only its mode tells from others; root is the one who may make it. */
static enum privilege gained(uid_t owner)
{
	char path[] = "/tmp/isosocks-privilege-XXXXXX";
	const int fd = mkstemp(path);
	struct stat file;

	cr_assert_geq(fd, 0);
	unlink(path);
	if (fchown(fd, owner, getgid()) < 0)
		cr_skip_test("only root may give a file away");
	cr_assert_eq(fchmod(fd, 04755), 0);
	cr_assert_eq(fstat(fd, &file), 0);
	return privilege_gained(fd, &file);
}

Test(privilege, is_gained_by_anothers_setuid_file_alone)
{
	cr_assert_eq(gained(getuid()), PRIVILEGE_NONE);
	cr_assert_eq(gained(65534), PRIVILEGE_IDS);
}

Test(privilege, is_not_gained_where_the_process_has_renounced_it)
{
	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	cr_assert_eq(gained(65534), PRIVILEGE_NONE);
}
