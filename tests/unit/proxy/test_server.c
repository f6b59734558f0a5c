#include "proxy/server.h"

#include "world.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PLAIN "\x05\x01\x00"

static void assert_log_has(const struct world *world, const char *text)
{
	g_autofree char *log = world_log(world);
	cr_assert_not_null(strstr(log, text), "%s in\n%s", text, log);
}

/* The end, by whatever way: bytes of ours that were not read make it a reset. */
static void expect_gone(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	cr_assert(n == 0 || (n < 0 && errno == ECONNRESET), "%s",
		  n > 0 ? "a byte" : strerror(errno));
	close(fd);
}

static void greet(int fd)
{
	world_send(fd, PLAIN, 3);
	world_expect(fd, "\x05\x00", 2);
}

/* Whatever a client has said until then, and however it goes on saying it. */
Test(proxy_server, ends_a_handshake_that_takes_too_long)
{
	static const char *const said[] = { "", "\x05", PLAIN, PLAIN "\x05\x01", "\x05\x01\x97" };
	static const size_t lengths[] = { 0, 1, 3, 5, 3 };
	struct world world;
	int fds[G_N_ELEMENTS(said)];

	world_open(&world, "--handshake-timeout 1");
	world_run();
	for (gsize i = 0; i < G_N_ELEMENTS(said); i++) {
		fds[i] = world_connect(&world);
		world_send(fds[i], said[i], lengths[i]);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(said); i++) {
		char bytes[16];
		while (recv(fds[i], bytes, sizeof(bytes), 0) > 0)
			continue;
		close(fds[i]);
	}
	assert_log_has(&world, "\"why\":\"it took longer than --handshake-timeout\"");
	world_stop();
	world_close(&world);
}

static gpointer trickle(gpointer data)
{
	int fd = GPOINTER_TO_INT(data);

	while (send(fd, "\x01", 1, MSG_NOSIGNAL) == 1)
		g_usleep(1000);
	return NULL;
}

Test(proxy_server, ends_a_handshake_that_trickles)
{
	struct world world;

	world_open(&world, "--handshake-timeout 1");
	world_run();
	int fd = world_connect(&world);
	world_send(fd, "\x05\x01\x97", 3);
	world_expect(fd, "\x05\x97", 2);
	world_send(fd,
		   "\x01\xff\xff\x00\x01"
		   "a\x1f\x00",
		   8);
	GThread *thread = g_thread_new("trickle", trickle, GINT_TO_POINTER(fd));
	expect_gone(dup(fd));
	g_thread_join(thread);
	close(fd);
	world_stop();
	world_close(&world);
}

/* A client that waits for its target is no longer at its handshake. */
Test(proxy_server, lets_a_connection_last_that_was_asked_for_in_time)
{
	struct world world;
	guint16 port;
	int listener = world_listen(&port);

	world_open(&world, "--handshake-timeout 1 --map t.test=127.0.0.1:%u --fault atyp:1", port);
	world_run();
	int fd = world_connect(&world);
	int idle = world_connect(&world);
	world_send(fd, PLAIN "\x05\x01\x00\x03\x06t.test\x00\x50", 16);
	int target = world_accept(listener);
	world_expect(fd, "\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0", 12);
	expect_gone(idle);
	world_send(fd, "still", 5);
	world_expect(target, "still", 5);
	close(fd);
	close(target);
	world_stop();
	world_close(&world);
}

Test(proxy_server, sends_the_oldest_handshake_away_when_there_are_too_many)
{
	struct world world;
	int fds[4];

	world_open(&world, "--max-clients 3");
	world_run();
	for (gsize i = 0; i < G_N_ELEMENTS(fds); i++) {
		fds[i] = world_connect(&world);
		greet(fds[i]);
	}
	expect_gone(fds[0]);
	for (gsize i = 1; i < G_N_ELEMENTS(fds); i++) {
		world_send(fds[i], "\x05\x02\x00\x01\0\0\0\0\0\0", 10);
		world_expect_end(fds[i], "\x05\x07\x00\x01\0\0\0\0\0\0", 10);
	}
	assert_log_has(&world, "\"why\":\"it made room for other clients\"");
	world_stop();
	world_close(&world);
}

static int open_relay(const struct world *world, int listener, int *ret_target)
{
	int fd = world_connect(world);

	world_send(fd, PLAIN "\x05\x01\x00\x03\x06t.test\x00\x50", 16);
	*ret_target = world_accept(listener);
	world_expect(fd, "\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0", 12);
	return fd;
}

Test(proxy_server, refuses_a_client_when_all_others_are_at_work)
{
	struct world world;
	guint16 port;
	int listener = world_listen(&port);
	int targets[2];
	int fds[2];

	world_open(&world, "--max-clients 2 --map t.test=127.0.0.1:%u --fault atyp:1", port);
	world_run();
	for (int i = 0; i < 2; i++)
		fds[i] = open_relay(&world, listener, &targets[i]);
	expect_gone(world_connect(&world));
	assert_log_has(&world, "{\"event\":\"refused\",\"conn\":3,\"peer\":\"127.0.0.1:");
	world_send(fds[1], "on", 2);
	world_expect(targets[1], "on", 2);
	for (int i = 0; i < 2; i++) {
		close(fds[i]);
		close(targets[i]);
	}
	close(listener);
	world_stop();
	world_close(&world);
}

/* Whoever was told the last thing has nothing to lose, and keeps nobody out. */
Test(proxy_server, sends_those_away_first_that_were_told_the_last_thing)
{
	struct world world;
	int fds[3];

	world_open(&world, "--max-clients 3");
	world_run();
	fds[0] = world_connect(&world);
	greet(fds[0]);
	for (int i = 1; i < 3; i++) {
		fds[i] = world_connect(&world);
		world_send(fds[i], "GET", 3);
		world_expect_end(fds[i], "", 0); /* and it could still send */
	}
	for (int i = 0; i < 2; i++)
		greet(world_connect(&world));
	world_send(fds[0], "\x05\x02\x00\x01\0\0\0\0\0\0", 10);
	world_expect_end(fds[0], "\x05\x07\x00\x01\0\0\0\0\0\0", 10);
	world_stop();
	world_close(&world);
}
