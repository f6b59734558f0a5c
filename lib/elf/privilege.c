#include "elf/privilege.h"

#include "base/error.h"

#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

bool privilege_changes_ids(const struct stat *file, uid_t uid, gid_t gid)
{
	/* Without the group's execute bit S_ISGID means something else (mandatory locks). */
	const bool sets_gid = (file->st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP);

	return ((file->st_mode & S_ISUID) && file->st_uid != uid) ||
	       (sets_gid && file->st_gid != gid);
}

/* Where the kernel honours neither set-id bits nor file capabilities. */
static bool is_kept_off(int fd)
{
	struct statvfs system;

	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
	       (fstatvfs(fd, &system) == 0 && (system.f_flag & ST_NOSUID));
}

/* What a process of these ids gains. Root's capabilities do not grow. */
static enum privilege gained_by(uid_t uid, gid_t gid, int fd, const struct stat *file)
{
	ERROR_PROTECT;
	enum privilege gained = PRIVILEGE_NONE;

	if (privilege_changes_ids(file, uid, gid))
		gained = PRIVILEGE_IDS;
	else if (uid != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
		gained = PRIVILEGE_CAPABILITIES;
	return gained != PRIVILEGE_NONE && is_kept_off(fd) ? PRIVILEGE_NONE : gained;
}

enum privilege privilege_gained(int fd, const struct stat *file)
{
	return gained_by(getuid(), getgid(), fd, file);
}

enum privilege privilege_others_gain(int fd, const struct stat *file)
{
	return gained_by((uid_t)-1, (gid_t)-1, fd, file);
}
