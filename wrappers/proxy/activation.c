#include "activation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST 64

static guint64 read_number(const char *name, guint64 most)
{
	const char *text = getenv(name);
	guint64 number = 0;

	if (text)
		g_ascii_string_to_unsigned(text, 10, 0, most, &number, NULL);
	return number;
}

guint activation_take(void)
{
	guint count = (guint)read_number("LISTEN_FDS", MOST);

	if (read_number("LISTEN_PID", G_MAXINT) != (guint64)getpid())
		count = 0;
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	for (guint i = 0; i < count; i++)
		fcntl(ACTIVATION_FIRST + (int)i, F_SETFD, FD_CLOEXEC);
	return count;
}

GSocket *activation_open(guint index, GError **error)
{
	int fd = ACTIVATION_FIRST + (int)index;
	int listens = 0;
	socklen_t length = sizeof(listens);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0 && listens)
		return g_socket_new_from_fd(fd, error);
	g_set_error(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
		    "LISTEN_FDS: descriptor %d is no socket that listens", fd);
	return NULL;
}
