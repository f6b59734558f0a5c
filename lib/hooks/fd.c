/*
 * fd: duplicates share the tunnel of their original, and the number of an epoll set.
 */
#include "hooks/hook.h"
#include "hooks/pending.h"
#include "tunnel/watch.h"

#include <stdarg.h>

/* What is a socket of ours, or has a target. */
static bool is_of_interest(int fd)
{
	const struct table_entry *entry = table_find(fd);

	return entry && (table_kind(fd) != TABLE_KIND_UNKNOWN ||
			 atomic_load_explicit(&entry->cookie, memory_order_relaxed));
}

static int duplicated(int fd, int duplicate)
{
	const int saved = errno;

	if (duplicate < 0 || duplicate == fd)
		return duplicate;
	if ((is_of_interest(fd) || table_kind(duplicate) != TABLE_KIND_UNKNOWN) &&
	    pending_is_ours())
		table_put_duplicate(fd, duplicate);
	if (table_set(fd) != table_set(duplicate) && pending_is_ours())
		watch_put_duplicate(fd, duplicate);
	errno = saved;
	return duplicate;
}

static bool is_known(int fd)
{
	return table_may_be_pending(fd) || watch_has_any(fd) || table_set(fd) != 0;
}

/* A descriptor that is duplicated over is closed. */
static void replaced(int fd, int duplicate)
{
	const int saved = errno;

	if (fd != duplicate && is_known(duplicate))
		pending_let_go(duplicate);
	errno = saved;
}

HOOK int dup(int fd)
{
	return duplicated(fd, libc()->dup(fd));
}

HOOK int dup2(int fd, int duplicate)
{
	replaced(fd, duplicate);
	return duplicated(fd, libc()->dup2(fd, duplicate));
}

HOOK int dup3(int fd, int duplicate, int flags)
{
	replaced(fd, duplicate);
	return duplicated(fd, libc()->dup3(fd, duplicate, flags));
}

/* Every command takes at most one argument of a register's size; an absent one is read and ignored,
 * as libc does it. */
HOOK int fcntl(int fd, int command, ...)
{
	va_list arguments;

	va_start(arguments, command);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	const int r = libc()->fcntl(fd, command, argument);
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? duplicated(fd, r) : r;
}

HOOK int fcntl64(int fd, int command, ...)
{
	va_list arguments;

	va_start(arguments, command);
	void *argument = va_arg(arguments, void *);
	va_end(arguments);
	const int r = libc()->fcntl64(fd, command, argument);
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? duplicated(fd, r) : r;
}

HOOK int close(int fd)
{
	if (is_known(fd)) {
		const int saved = errno;
		pending_let_go(fd);
		errno = saved;
	}
	return libc()->close(fd);
}
