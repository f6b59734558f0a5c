/*
 * file: a file at a path that somebody named, which this process writes to: the log, the record of
 * failures. Another user can bring none of its own under that path: nothing is followed but links
 * of root's and of this user's, and only what is this user's alone is opened. Nothing waits, and
 * no signal is raised. No state; any thread and any signal handler.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Makes an absolute path one that leads through no symbolic link and no `..`, in place; what its
 * last name is, is not looked at. 0; -ELOOP where a link is of another user's than root and this
 * one; -ENAMETOOLONG; -errno of what could not be looked at.
 */
int file_settle(char path[PATH_MAX]);

/*
 * Opens what a settled path names, or makes it with mode 0600 where flags have O_CREAT. flags are
 * open(2)'s; O_NOFOLLOW, O_CLOEXEC, O_NOCTTY and O_NONBLOCK come by themselves. It must be a
 * regular file of this user with one name; with streams also a FIFO or a terminal of this user,
 * /dev/tty or /dev/null. The descriptor, or -errno:
 *   -ELOOP   a symbolic link
 *   -EPERM   another user's
 *   -EMLINK  it has another name as well
 *   -EINVAL  something else than such a file
 */
int file_open(const char *path, int flags, bool streams);

/*
 * As write(2), or pwrite(2) where `at` is not negative, but neither SIGPIPE nor SIGXFSZ comes of
 * it, nor SIGTTOU to one in the background. The number of bytes, or -errno.
 */
ssize_t file_write(int fd, const void *from, size_t length, off_t at);

#endif
