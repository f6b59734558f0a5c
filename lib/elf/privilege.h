/*
 * privilege: whether executing a file gives its process privileges that its parent has not. The
 * dynamic linker ignores LD_PRELOAD then (AT_SECURE), and the library does nothing. Any thread.
 */
#ifndef ELF_PRIVILEGE_H
#define ELF_PRIVILEGE_H

#include <stdbool.h>
#include <sys/stat.h>

enum privilege {
	PRIVILEGE_NONE,
	PRIVILEGE_IDS,		/* setuid or setgid, to another */
	PRIVILEGE_CAPABILITIES, /* of the file */
};

/* Whether running a file of this owner and mode changes the ids. */
bool privilege_changes_ids(const struct stat *file, uid_t uid, gid_t gid);

/* What this process would gain by executing the file, whose status this is. */
enum privilege privilege_gained(int fd, const struct stat *file);

/* What some other process than this would gain by it, as root gains nothing by most files. */
enum privilege privilege_others_gain(int fd, const struct stat *file);

#endif
