#include "world.h"

#include "proxy/options.h"
#include "proxy/server.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE 60 /* seconds; a failing test ends, a slow machine does not fail */

static GMainLoop *loop;
static GThread *thread;

static char *temporary(void)
{
	char *path = g_build_filename(g_get_tmp_dir(), "isosocks-world-XXXXXX", NULL);
	int fd = g_mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	return path;
}

void world_open(struct world *world, const char *options, ...)
{
	g_auto(GStrv) argv = NULL;
	GError *error = NULL;
	va_list args;

	va_start(args, options);
	g_autofree char *given = g_strdup_vprintf(options, args);
	va_end(args);
	world->log = temporary();
	g_autofree char *line = g_strdup_printf(
		"isosocks-proxy --listen 127.0.0.1:0 --log-json %s %s", world->log, given);
	cr_assert(g_shell_parse_argv(line, NULL, &argv, NULL));
	settings_init(&world->settings);
	cr_assert(options_parse(&argv, &world->settings, &error), "%s",
		  error ? error->message : "");
	world->server = server_new(&world->settings, &error);
	cr_assert_not_null(world->server, "%s", error ? error->message : "");
	world->port = server_port(world->server, 0);
}

static gpointer run(gpointer data)
{
	g_main_loop_run(data);
	return NULL;
}

void world_run(void)
{
	loop = g_main_loop_new(NULL, FALSE);
	thread = g_thread_new("proxy", run, loop);
}

static gboolean on_stop(gpointer data)
{
	g_main_loop_quit(data);
	return G_SOURCE_REMOVE;
}

/* From within the loop: a quit before it runs would be lost. */
void world_stop(void)
{
	g_idle_add(on_stop, loop);
	g_thread_join(thread);
	g_main_loop_unref(loop);
}

void world_close(struct world *world)
{
	server_free(world->server);
	settings_clear(&world->settings);
	g_unlink(world->log);
	g_free(world->log);
}

char *world_log(const struct world *world)
{
	char *text;

	cr_assert(g_file_get_contents(world->log, &text, NULL, NULL));
	return text;
}

static int new_socket(void)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_geq(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	return fd;
}

int world_connect(const struct world *world)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(world->port) };
	int fd = new_socket();

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

int world_listen(guint16 *ret_port)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t length = sizeof(at);
	int fd = new_socket();

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(fd, 128), 0);
	cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &length), 0);
	*ret_port = ntohs(at.sin_port);
	return fd;
}

int world_accept(int listener)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	int fd = accept(listener, NULL, NULL);

	cr_assert_geq(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

void world_send(int fd, const void *bytes, gsize length)
{
	if (length > 0)
		cr_assert_eq(send(fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

void world_expect(int fd, const void *bytes, gsize length)
{
	g_autofree guint8 *got = g_malloc0(length + 1);
	ssize_t n = length > 0 ? recv(fd, got, length, MSG_WAITALL) : 0;

	cr_assert_eq(n, (ssize_t)length, "%zd of %zu bytes came", n, length);
	for (gsize i = 0; i < length; i++)
		cr_assert_eq(got[i], ((const guint8 *)bytes)[i], "byte %zu is %02x", i, got[i]);
}

void world_expect_end(int fd, const void *bytes, gsize length)
{
	guint8 more;

	world_expect(fd, bytes, length);
	ssize_t n = recv(fd, &more, 1, 0);
	cr_assert_eq(n, 0, "instead of the end: %s", n > 0 ? "a byte" : g_strerror(errno));
}

void world_expect_reset(int fd)
{
	guint8 more;
	ssize_t n = recv(fd, &more, 1, 0);

	cr_assert(n < 0 && errno == ECONNRESET, "instead of a reset: %s",
		  n == 0  ? "the end"
		  : n > 0 ? "a byte"
			  : g_strerror(errno));
}
