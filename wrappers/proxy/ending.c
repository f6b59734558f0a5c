#include "ending.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define GRACE 1 /* seconds */

static int asked[2]; /* a pipe, so that the loop wakes up */

/* Only what signal-safety(7) allows. */
static void on_signal(int number)
{
	static volatile sig_atomic_t seen;
	int saved = errno;

	if (number == SIGALRM || seen)
		_exit(EXIT_SUCCESS);
	seen = 1;
	alarm(GRACE);
	if (write(asked[1], "", 1) < 0)
		_exit(EXIT_SUCCESS);
	errno = saved;
}

static gboolean on_asked(gint fd, GIOCondition condition, gpointer data)
{
	(void)fd;
	(void)condition;
	g_main_loop_quit(data);
	return G_SOURCE_REMOVE;
}

static void catch (int number)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, number);
	sigaction(number, &action, NULL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

void ending_watch(GMainLoop *loop)
{
	if (!g_unix_open_pipe(asked, FD_CLOEXEC, NULL))
		return; /* the signals' own action ends it then */
	g_unix_fd_add_full(G_PRIORITY_HIGH, asked[0], G_IO_IN, on_asked, loop, NULL);
	catch (SIGALRM);
	catch (SIGTERM);
	catch (SIGINT);
}
