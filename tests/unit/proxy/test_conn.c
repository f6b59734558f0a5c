#include "proxy/server.h"

#include "world.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ALL   "\x05\x03\x97\x02\x00"
#define PLAIN "\x05\x01\x00"
#define LOGIN "\x05\x01\x02"
#define PAIRS "\x05\x01\x97"
#define KEYS                                                                                       \
	"\x01\x00\x01\x00\x09ISOLATION\x00\x05"                                                    \
	"alice"
#define KEYS_OK "\x01\x00\x00\x00"
#define ALICE                                                                                      \
	"\x01\x05"                                                                                 \
	"alice\x06"                                                                                \
	"secret"
#define CONNECT "\x05\x01\x00\x03\x06t.test\x00\x50"
#define NOWHERE "\x00\x01\0\0\0\0\0\0"
/* BND as the fault atyp:1 has it, so that no port number is in the way. */
#define DONE "\x05\x00\x00\x01\0\0\0\0\0\0"

enum end { ENDS, RESETS, WAITS };

/* What a client says, all in one write, and all that it hears. WAITS: nothing more, until the
 * client ends. */
struct row {
	char options[60];
	guint8 said[300];
	gsize said_length;
	guint8 heard[300];
	gsize heard_length;
	enum end end;
};

#define ROW(options, said, heard, end)                                                             \
	{                                                                                          \
		options, said, sizeof(said) - 1, heard, sizeof(heard) - 1, end                     \
	}

/* t.test is a target that says nothing; x.test has nobody listening. */
static struct row rows[] = {
	/* methods */
	ROW("", ALL KEYS CONNECT, "\x05\x97" KEYS_OK DONE, WAITS),
	ROW("", LOGIN ALICE CONNECT, "\x05\x02\x01\x00" DONE, WAITS),
	ROW("", PLAIN CONNECT, "\x05\x00" DONE, WAITS),
	ROW("--methods 'password;extended'", ALL, "\x05\x02", WAITS),
	ROW("--methods extended", "\x05\x02\x02\x00", "\x05\xff", ENDS),
	ROW("", "\x05\x01\x01", "\x05\xff", ENDS),
	ROW("", "\x05\x00", "\x05\xff", ENDS),
	/* violations */
	ROW("", "\x04\x01\x00\x50", "", ENDS),
	ROW("", "GET / HTTP/1.0\r\n\r\n", "", ENDS),
	ROW("", PAIRS "\x02\x00\x00", "\x05\x97", ENDS),
	ROW("", PAIRS "\x01\x00\x01\x00\x00", "\x05\x97", ENDS),
	ROW("", LOGIN "\x05\x01u\x01p", "\x05\x02", ENDS),
	/* invalid arguments of method 97 */
	ROW("", PAIRS "\x01\x00\x01\x00\x01=", "\x05\x97\x01\x02\x00\x00", ENDS),
	ROW("", PAIRS "\x01\x00\x01\x01\x00", "\x05\x97\x01\x02\x00\x00", ENDS),
	ROW("",
	    PAIRS "\x01\x00\x02\x00\x01"
		  "a\x00\x00\x00\x01"
		  "a\x00\x00",
	    "\x05\x97\x01\x02\x00\x00", ENDS),
	ROW("",
	    PAIRS "\x01\x00\x01\x00\x01"
		  "a\xff\xff",
	    "\x05\x97\x01\x02\x00\x00", ENDS),
	/* credentials */
	ROW("--user alice:secret", LOGIN ALICE CONNECT, "\x05\x02\x01\x00" DONE, WAITS),
	ROW("--user alice:secret",
	    LOGIN "\x01\x05"
		  "alice\x05"
		  "wrong",
	    "\x05\x02\x01\x01", ENDS),
	ROW("--user alice:secret",
	    PAIRS "\x01\x00\x02\x00\x08USERNAME\x00\x05"
		  "alice\x00\x06PASSWD\x00\x06secret" CONNECT,
	    "\x05\x97" KEYS_OK DONE, WAITS),
	ROW("--user alice:secret", PAIRS KEYS, "\x05\x97\x01\x01\x00\x00", ENDS),
	ROW("--user alice:secret", PLAIN, "\x05\xff", ENDS),
	/* requests */
	ROW("", PLAIN "\x05\x02\x00\x03\x06t.test\x00\x50", "\x05\x00\x05\x07" NOWHERE, ENDS),
	ROW("", PLAIN "\x05\x01\x00\x02", "\x05\x00\x05\x08" NOWHERE, ENDS),
	ROW("", PLAIN "\x04\x01\x00\x01", "\x05\x00\x05\x01" NOWHERE, ENDS),
	ROW("", PLAIN "\x05\x01\x01\x01", "\x05\x00\x05\x01" NOWHERE, ENDS),
	ROW("", PLAIN "\x05\x01\x00\x03\x00\x00\x50", "\x05\x00\x05\x01" NOWHERE, ENDS),
	ROW("", PLAIN "\x05\x01\x00\x03\x06x.test\x00\x01", "\x05\x00\x05\x05" NOWHERE, ENDS),
	ROW("", PLAIN "\x05\x01\x00\x03\x05[::1]\x00\x01", "\x05\x00\x05\x05" NOWHERE, ENDS),
	/* Tor's RESOLVE and RESOLVE_PTR */
	ROW("--map n.test=192.0.2.7", PLAIN "\x05\xf0\x00\x03\x06n.test\x00\x00",
	    "\x05\x00\x05\x00\x00\x01\xc0\x00\x02\x07\x00\x00", ENDS),
	ROW("--map n.test=2001:db8::7", PLAIN "\x05\xf0\x00\x03\x06n.test\x00\x00",
	    "\x05\x00\x05\x00\x00\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07\0\0", ENDS),
	ROW("", PLAIN "\x05\xf0\x00\x01\xc0\x00\x02\x07\x00\x00",
	    "\x05\x00\x05\x00\x00\x01\xc0\x00\x02\x07\x00\x00", ENDS),
	ROW("--map n.test=192.0.2.7", PLAIN "\x05\xf1\x00\x01\xc0\x00\x02\x07\x00\x00",
	    "\x05\x00\x05\x00\x00\x03\x06n.test\x00\x00", ENDS),
	ROW("", PLAIN "\x05\xf1\x00\x03\x06t.test\x00\x00", "\x05\x00\x05\x08" NOWHERE, ENDS),
	/* faults */
	ROW("--fault reply:f0", PLAIN CONNECT, "\x05\x00\x05\xf0" NOWHERE, ENDS),
	ROW("--fault reply:00", PLAIN CONNECT, "\x05\x00\x05\x00" NOWHERE, ENDS),
	ROW("--fault T.TEST=reply:02", PLAIN CONNECT, "\x05\x00\x05\x02" NOWHERE, ENDS),
	ROW("--fault other.test=reply:02", PLAIN CONNECT, "\x05\x00" DONE, WAITS),
	ROW("--fault status:07", PAIRS KEYS, "\x05\x97\x01\x07\x00\x00", ENDS),
	ROW("--fault status:07", LOGIN ALICE, "\x05\x02\x01\x07", ENDS),
	ROW("--fault method:02", PLAIN, "\x05\x02", WAITS),
	ROW("--fault method:42", PLAIN, "\x05\x42", ENDS),
	ROW("--fault delay:1 --fault delay-method:1 --fault delay-auth:1", PAIRS KEYS CONNECT,
	    "\x05\x97" KEYS_OK DONE, WAITS),
	ROW("--fault silent:accept", PLAIN CONNECT, "", WAITS),
	ROW("--fault silent:greeting", PLAIN CONNECT, "", WAITS),
	ROW("--fault silent:auth", PAIRS KEYS CONNECT, "\x05\x97", WAITS),
	ROW("--fault silent:auth", PLAIN CONNECT, "\x05\x00" DONE, WAITS),
	ROW("--fault silent:request", PLAIN CONNECT, "\x05\x00", WAITS),
	ROW("--fault close:accept", "", "", ENDS),
	ROW("--fault close:greeting", PLAIN, "", ENDS),
	ROW("--fault close:auth", LOGIN ALICE, "\x05\x02", ENDS),
	ROW("--fault t.test=close:request", PLAIN CONNECT, "\x05\x00", ENDS),
	ROW("--fault reset:accept", "", "", RESETS),
	ROW("--fault reset:greeting", PLAIN, "", RESETS),
	ROW("--fault cut:1@greeting", PLAIN CONNECT, "\x05", ENDS),
	ROW("--fault cut:2@auth", PAIRS KEYS CONNECT, "\x05\x97\x01\x00", ENDS),
	ROW("--fault cut:9", PLAIN CONNECT, "\x05\x00\x05\x00\x00\x01\0\0\0\0\0", ENDS),
	ROW("--fault cut:0", PLAIN CONNECT, "\x05\x00", ENDS),
	ROW("--fault stall:4", PLAIN CONNECT, "\x05\x00\x05\x00\x00\x01", WAITS),
	ROW("--fault bytes", PAIRS KEYS CONNECT, "\x05\x97" KEYS_OK DONE, WAITS),
	ROW("--fault split:3", PAIRS KEYS CONNECT, "\x05\x97" KEYS_OK DONE, WAITS),
	ROW("--fault glue:hi%00", PLAIN CONNECT, "\x05\x00" DONE "hi\0", WAITS),
	ROW("--fault glue:hi", PLAIN "\x05\x01\x00\x03\x06x.test\x00\x01",
	    "\x05\x00\x05\x05" NOWHERE, ENDS),
	ROW("--fault t.test=atyp:3*1", PLAIN CONNECT,
	    "\x05\x00\x05\x00\x00\x03\x13"
	    "bound.isosocks.test\x00\x00",
	    WAITS),
	ROW("--fault t.test=atyp:4*1", PLAIN CONNECT,
	    "\x05\x00\x05\x00\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x00\x00", WAITS),
	ROW("--fault atyp:0*1 --fault reply:04", PLAIN CONNECT,
	    "\x05\x00\x05\x04\x00\x00\0\0\0\0\0\0", ENDS),
	ROW("--fault version:04", PLAIN CONNECT, "\x05\x00\x04\x00\x00\x01\0\0\0\0\0\0", WAITS),
	ROW("--fault rsv:01", PLAIN CONNECT, "\x05\x00\x05\x00\x01\x01\0\0\0\0\0\0", WAITS),
	ROW("--fault auth-version:05", PAIRS KEYS, "\x05\x97\x05\x00\x00\x00", WAITS),
	ROW("--fault auth-version:05", LOGIN ALICE, "\x05\x02\x05\x00", WAITS),
	ROW("--fault pairs:1", PAIRS KEYS,
	    "\x05\x97\x01\x00\x00\x01\x00\x13org.isosocks.test.0\x00\x02ok", WAITS),
	ROW("--fault pairs-cut", PAIRS KEYS, "\x05\x97\x01\x00\x00\x01\x00\x01", ENDS),
	ROW("--fault pairs-cut --fault status:01", PAIRS KEYS, "\x05\x97\x01\x01\x00\x01\x00\x01",
	    ENDS),
	ROW("--fault refuse-pairs", LOGIN "\x01\x09<torS0X>0\x01x", "\x05\x02\x01\x01", ENDS),
	ROW("--fault refuse-pairs", LOGIN ALICE CONNECT, "\x05\x02\x01\x00" DONE, WAITS),
	ROW("--fault tor-badauth", LOGIN ALICE, "\x05\x02\x05\x01" NOWHERE, ENDS),
};

static void expect_row(int fd, const struct row *row)
{
	if (row->end == RESETS) {
		world_expect(fd, row->heard, row->heard_length);
		world_expect_reset(fd);
		return;
	}
	if (row->end == WAITS) {
		world_expect(fd, row->heard, row->heard_length);
		shutdown(fd, SHUT_WR);
		world_expect_end(fd, "", 0);
		return;
	}
	world_expect_end(fd, row->heard, row->heard_length);
}

/* The target ends when its client does: with nothing to say it would keep the stream open
 * otherwise. */
static gpointer be_target(gpointer data)
{
	int listener = GPOINTER_TO_INT(data);

	for (;;) {
		char bytes[256];
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			return NULL;
		while (recv(fd, bytes, sizeof(bytes), 0) > 0)
			continue;
		close(fd);
	}
}

struct stage {
	struct world world;
	int listener;
	GThread *target;
};

static void stage_open(struct stage *stage, const char *options)
{
	guint16 port;

	stage->listener = world_listen(&port);
	setsockopt(stage->listener, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ 0 },
		   sizeof(struct timeval));
	stage->target = g_thread_new("target", be_target, GINT_TO_POINTER(stage->listener));
	world_open(&stage->world,
		   "%s --map t.test=127.0.0.1:%u --map x.test=127.0.0.1:1 --fault t.test=atyp:1",
		   options, port);
	world_run();
}

static void stage_close(struct stage *stage)
{
	world_stop();
	world_close(&stage->world);
	shutdown(stage->listener, SHUT_RDWR);
	g_thread_join(stage->target);
	close(stage->listener);
}

ParameterizedTestParameters(proxy_conn, answers_to_the_byte)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_conn, answers_to_the_byte)
{
	struct stage stage;

	stage_open(&stage, row->options);
	int fd = world_connect(&stage.world);
	world_send(fd, row->said, row->said_length);
	expect_row(fd, row);
	close(fd);
	stage_close(&stage);
}

/* A byte at a time, unless the connection is reset: then a later byte would meet no one. */
ParameterizedTestParameters(proxy_conn, answers_the_same_to_single_bytes)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

ParameterizedTest(struct row *row, proxy_conn, answers_the_same_to_single_bytes)
{
	struct stage stage;

	stage_open(&stage, row->options);
	int fd = world_connect(&stage.world);
	for (gsize i = 0; row->end != RESETS && i < row->said_length; i++)
		world_send(fd, row->said + i, 1);
	if (row->end == RESETS)
		world_send(fd, row->said, row->said_length);
	expect_row(fd, row);
	close(fd);
	stage_close(&stage);
}

/* ---- bytes of any kind ---- */

static guint32 draw(guint32 *state, guint32 below)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 8) % below;
}

/* What a row says with up to four bytes changed, and cut somewhere. */
static gsize spoil(guint32 *state, const struct row *row, guint8 said[static 300])
{
	memcpy(said, row->said, row->said_length);
	for (guint32 i = draw(state, 5); i > 0 && row->said_length > 0; i--)
		said[draw(state, (guint32)row->said_length)] = (guint8)draw(state, 256);
	return draw(state, 4) ? row->said_length : draw(state, (guint32)row->said_length + 1);
}

/* It says something or nothing, and ends when the client has. */
static void expect_some_end(int fd)
{
	guint8 bytes[600];
	ssize_t n;

	shutdown(fd, SHUT_WR);
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		continue;
	cr_assert(n == 0 || errno == ECONNRESET, "%s", strerror(errno));
}

/* Requests are answered and not carried out: nobody knows what they ask for. */
Test(proxy_conn, survives_bytes_of_any_kind)
{
	guint32 state = 1;
	guint8 said[300];
	struct stage stage;

	stage_open(&stage, "--fault reply:05");
	for (guint i = 0; i < 40 * G_N_ELEMENTS(rows); i++) {
		const gsize length = spoil(&state, &rows[i % G_N_ELEMENTS(rows)], said);
		int fd = world_connect(&stage.world);
		send(fd, said, length, MSG_NOSIGNAL);
		expect_some_end(fd);
		close(fd);
	}
	int fd = world_connect(&stage.world);
	world_send(fd, PLAIN CONNECT, sizeof(PLAIN CONNECT) - 1);
	world_expect_end(fd, "\x05\x00\x05\x05\x00\x01\0\0\0\0\0\0", 12);
	close(fd);
	stage_close(&stage);
}

/* ---- with a target in the test's own hands ---- */

struct link {
	struct world world;
	int listener;
	int client;
	int target;
};

static void link_open(struct link *link, const char *said, gsize length)
{
	guint16 port;

	link->listener = world_listen(&port);
	world_open(&link->world, "--map t.test=127.0.0.1:%u", port);
	world_run();
	link->client = world_connect(&link->world);
	world_send(link->client, said, length);
	link->target = world_accept(link->listener);
}

static void link_close(struct link *link)
{
	world_stop();
	world_close(&link->world);
	close(link->client);
	close(link->target);
	close(link->listener);
}

#define LINK(link, said) link_open(link, said, sizeof(said) - 1)

/* PLAIN's answers: the method, and a reply that tells our side of the target's connection. */
static void expect_bound(const struct link *link)
{
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	guint8 reply[12] = "\x05\x00\x05\x00\x00\x01";

	cr_assert_eq(getpeername(link->target, (struct sockaddr *)&peer, &length), 0);
	memcpy(reply + 6, &peer.sin_addr, 4);
	memcpy(reply + 10, &peer.sin_port, 2);
	world_expect(link->client, reply, sizeof(reply));
}

Test(proxy_conn, tells_the_address_it_connects_from)
{
	struct link link;

	LINK(&link, PLAIN CONNECT);
	expect_bound(&link);
	link_close(&link);
}

Test(proxy_conn, delivers_what_came_behind_the_request)
{
	struct link link;

	LINK(&link, PLAIN CONNECT "early");
	expect_bound(&link);
	world_expect(link.target, "early", 5);
	world_send(link.client, "late", 4);
	world_expect(link.target, "late", 4);
	link_close(&link);
}

Test(proxy_conn, goes_on_towards_a_client_that_has_ended)
{
	struct link link;

	LINK(&link, PLAIN CONNECT "question");
	shutdown(link.client, SHUT_WR);
	expect_bound(&link);
	world_expect_end(link.target, "question", 8);
	world_send(link.target, "answer", 6);
	world_expect(link.client, "answer", 6);
	close(link.target);
	world_expect_end(link.client, "", 0);
	link.target = -1;
	link_close(&link);
}

Test(proxy_conn, goes_on_towards_a_target_that_has_ended)
{
	struct link link;

	LINK(&link, PLAIN CONNECT);
	shutdown(link.target, SHUT_WR);
	expect_bound(&link);
	world_expect_end(link.client, "", 0);
	world_send(link.client, "still", 5);
	world_expect(link.target, "still", 5);
	shutdown(link.client, SHUT_WR);
	world_expect_end(link.target, "", 0);
	link_close(&link);
}

static void reset(int fd)
{
	const struct linger linger = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

Test(proxy_conn, passes_on_a_reset_by_the_target)
{
	struct link link;

	LINK(&link, PLAIN CONNECT);
	expect_bound(&link);
	reset(link.target);
	world_expect_reset(link.client);
	link.target = -1;
	link_close(&link);
}

Test(proxy_conn, passes_on_a_reset_by_the_client)
{
	struct link link;

	LINK(&link, PLAIN CONNECT);
	expect_bound(&link);
	reset(link.client);
	world_expect_reset(link.target);
	link.client = -1;
	link_close(&link);
}

static void fill(guint8 *bytes, gsize length, guint64 offset)
{
	for (gsize i = 0; i < length; i++)
		bytes[i] = (guint8)((offset + i) * 131 >> 3);
}

/* Sends until nobody takes more for a while, or `limit` is reached; returns how much. */
static guint64 send_until_full(int fd, guint64 limit)
{
	guint8 bytes[65536];
	guint64 total = 0;

	while (total < limit) {
		struct pollfd poller = { .fd = fd, .events = POLLOUT };
		fill(bytes, sizeof(bytes), total);
		ssize_t n = send(fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n > 0)
			total += (guint64)n;
		else if (poll(&poller, 1, 300) == 0)
			break;
	}
	return total;
}

Test(proxy_conn, holds_back_a_writer_whose_reader_does_not_read)
{
	const guint64 limit = 256 * 1024 * 1024; /* far above what kernel buffers hold */
	struct link link;
	guint8 expected[65536];
	guint64 got = 0;

	LINK(&link, PLAIN CONNECT);
	expect_bound(&link);
	guint64 sent = send_until_full(link.target, limit);
	cr_assert_lt(sent, limit);
	shutdown(link.target, SHUT_WR);
	while (got < sent) {
		gsize part = (gsize)MIN(sent - got, sizeof(expected));
		fill(expected, part, got);
		guint8 bytes[sizeof(expected)];
		cr_assert_eq(recv(link.client, bytes, part, MSG_WAITALL), (ssize_t)part);
		cr_assert_eq(memcmp(bytes, expected, part), 0, "after %" G_GUINT64_FORMAT, got);
		got += part;
	}
	world_expect_end(link.client, "", 0);
	link_close(&link);
}

/* ---- the log ---- */

static void assert_log_has(const struct world *world, const char *text)
{
	g_autofree char *log = world_log(world);
	cr_assert_not_null(strstr(log, text), "%s in\n%s", text, log);
}

static guint count_in_log(const struct world *world, const char *text)
{
	g_autofree char *log = world_log(world);
	guint count = 0;

	for (const char *at = log; (at = strstr(at, text)); at++)
		count++;
	return count;
}

Test(proxy_conn, has_logged_a_request_once_its_reply_is_there)
{
	struct link link;

	LINK(&link, ALL KEYS CONNECT);
	world_expect(link.client, "\x05\x97" KEYS_OK "\x05\x00", 8);
	assert_log_has(
		&link.world,
		"{\"event\":\"request\",\"conn\":1,\"offered\":[151,2,0],\"method\":151,"
		"\"pairs\":{\"ISOLATION\":\"alice\"},\"cmd\":1,\"atyp\":3,\"host\":\"t.test\","
		"\"port\":80,\"reply\":0,\"reads\":1}\n");
	link_close(&link);
}

Test(proxy_conn, logs_the_credentials_of_method_02)
{
	struct stage stage;

	stage_open(&stage, "");
	int fd = world_connect(&stage.world);
	world_send(fd, LOGIN ALICE CONNECT, sizeof(LOGIN ALICE CONNECT) - 1);
	world_expect(fd, "\x05\x02\x01\x00" DONE, 14);
	assert_log_has(&stage.world,
		       "\"pairs\":{},\"username\":\"alice\",\"password\":\"secret\",");
	close(fd);
	stage_close(&stage);
}

Test(proxy_conn, counts_the_reads_of_a_handshake)
{
	struct stage stage;

	stage_open(&stage, "");
	int fd = world_connect(&stage.world);
	world_send(fd, LOGIN, sizeof(LOGIN) - 1);
	world_expect(fd, "\x05\x02", 2);
	world_send(fd, ALICE, sizeof(ALICE) - 1);
	world_expect(fd, "\x01\x00", 2);
	world_send(fd, CONNECT, sizeof(CONNECT) - 1);
	world_expect(fd, DONE, 10);
	assert_log_has(&stage.world, "\"reads\":3}");
	close(fd);
	stage_close(&stage);
}

/* The loop ends after the connection has: what it logged at its end is there. */
Test(proxy_conn, logs_how_much_went_through)
{
	struct link link;

	LINK(&link, PLAIN CONNECT "12345");
	expect_bound(&link);
	world_expect(link.target, "12345", 5);
	world_send(link.target, "123", 3);
	world_expect(link.client, "123", 3);
	close(link.target);
	world_expect_end(link.client, "", 0);
	close(link.client);
	world_stop();
	server_free(link.world.server);
	link.world.server = NULL;
	assert_log_has(&link.world, "{\"event\":\"close\",\"conn\":1,\"up\":5,\"down\":3}\n");
	world_close(&link.world);
	close(link.listener);
}

Test(proxy_conn, logs_why_a_handshake_failed)
{
	struct stage stage;

	stage_open(&stage, "");
	int fd = world_connect(&stage.world);
	world_send(fd, PLAIN "\x05\x01\x00\x02", 7);
	world_expect_end(fd, "\x05\x00\x05\x08" NOWHERE, 12);
	assert_log_has(&stage.world,
		       "{\"event\":\"handshake-error\",\"conn\":1,\"step\":\"request\","
		       "\"why\":\"unknown address type\",\"offered\":[0],\"method\":0,");
	cr_assert_eq(count_in_log(&stage.world, "\"event\":\"request\""), 0);
	close(fd);
	stage_close(&stage);
}

Test(proxy_conn, logs_one_request_without_a_reply_when_silent)
{
	struct stage stage;

	stage_open(&stage, "--fault silent:request");
	int fd = world_connect(&stage.world);
	world_send(fd, PLAIN CONNECT, sizeof(PLAIN CONNECT) - 1);
	shutdown(fd, SHUT_WR);
	world_expect_end(fd, "\x05\x00", 2);
	cr_assert_eq(count_in_log(&stage.world, "\"event\":\"request\""), 1);
	assert_log_has(&stage.world, "\"fault\":\"silent:request\",");
	assert_log_has(&stage.world, "\"reply\":null,");
	close(fd);
	stage_close(&stage);
}

/* ---- counted faults, bulky answers ---- */

Test(proxy_conn, fails_only_as_often_as_told)
{
	static const guint8 codes[] = { 0xf0, 0xf0, 0x00, 0x00 };
	struct stage stage;

	stage_open(&stage, "--fault 't.test=reply:f0*2'");
	for (gsize i = 0; i < sizeof(codes); i++) {
		int fd = world_connect(&stage.world);
		world_send(fd, PLAIN CONNECT, sizeof(PLAIN CONNECT) - 1);
		world_expect(fd, (const guint8[]){ 5, 0, 5, codes[i] }, 4);
		close(fd);
	}
	stage_close(&stage);
}

static void expect_length(const char *options, const char *said, gsize said_length, gsize expected)
{
	struct stage stage;
	gsize got = 0;
	char bytes[4096];
	ssize_t n;

	stage_open(&stage, options);
	int fd = world_connect(&stage.world);
	world_send(fd, said, said_length);
	shutdown(fd, SHUT_WR);
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		got += (gsize)n;
	cr_assert_eq(n, 0);
	cr_assert_eq(got, expected, "%zu bytes instead of %zu", got, expected);
	close(fd);
	stage_close(&stage);
}

Test(proxy_conn, sends_garbage_of_any_length)
{
	expect_length("--fault garbage:1000000", PLAIN, 3, 1000000);
	expect_length("--fault garbage:77@request", PLAIN CONNECT, sizeof(PLAIN CONNECT) - 1,
		      2 + 77);
}

Test(proxy_conn, sends_as_many_pairs_as_there_can_be)
{
	/* names org.isosocks.test.0 to .65534, the value "ok", two lengths each */
	gsize digits = 10 + 2 * 90 + 3 * 900 + 4 * 9000 + 5 * 55535;

	expect_length("--fault pairs:65535", PAIRS KEYS, sizeof(PAIRS KEYS) - 1,
		      2 + 4 + 65535 * (2 + 18 + 2 + 2) + digits);
}

Test(proxy_conn, says_it_is_no_web_server)
{
	struct stage stage;
	char answer[] = "HTTP/1.0 501 ";

	stage_open(&stage, "--fault http");
	int fd = world_connect(&stage.world);
	world_send(fd, PLAIN, sizeof(PLAIN) - 1);
	world_expect(fd, answer, sizeof(answer) - 1);
	close(fd);
	stage_close(&stage);
}

/* ---- through an upstream, itself a proxy of ours ---- */

struct chain {
	struct world near;
	struct world far;
	int client;
};

static void chain_open(struct chain *chain, const char *near, const char *far)
{
	world_open(&chain->far, "%s", far);
	world_open(&chain->near, "--upstream 127.0.0.1:%u %s", chain->far.port, near);
	world_run();
	chain->client = world_connect(&chain->near);
}

static void chain_close(struct chain *chain)
{
	close(chain->client);
	world_stop();
	world_close(&chain->near);
	world_close(&chain->far);
}

#define SAY(chain, said)       world_send((chain)->client, said, sizeof(said) - 1)
#define HEAR(chain, heard)     world_expect((chain)->client, heard, sizeof(heard) - 1)
#define HEAR_END(chain, heard) world_expect_end((chain)->client, heard, sizeof(heard) - 1)

Test(proxy_conn, says_pairs_to_an_upstream_as_tor_understands_them)
{
	struct chain chain;

	chain_open(&chain, "", "--fault reply:00");
	SAY(&chain, PAIRS "\x01\x00\x02\x00\x01"
			  "b\x00\x03x=y\x00\x01"
			  "a\x00\x00" CONNECT);
	HEAR(&chain, "\x05\x97" KEYS_OK "\x05\x00" NOWHERE);
	assert_log_has(&chain.far, "\"offered\":[2],\"method\":2,\"pairs\":{},"
				   "\"username\":\"<torS0X>0\",\"password\":\"a=&b=x%3Dy\",");
	assert_log_has(&chain.far, "\"host\":\"t.test\",\"port\":80,");
	chain_close(&chain);
}

Test(proxy_conn, fails_rather_than_lose_isolation_at_an_upstream)
{
	struct chain chain;

	chain_open(&chain, "", "--methods 'extended;none'");
	SAY(&chain, PAIRS KEYS CONNECT);
	HEAR_END(&chain, "\x05\x97" KEYS_OK "\x05\x01" NOWHERE);
	assert_log_has(&chain.far, "\"offered\":[2],\"method\":255,");
	chain_close(&chain);
}

Test(proxy_conn, passes_credentials_on_to_an_upstream)
{
	struct chain chain;

	chain_open(&chain, "", "--user alice:secret --fault reply:05");
	SAY(&chain, LOGIN ALICE CONNECT);
	HEAR_END(&chain, "\x05\x02\x01\x00\x05\x05" NOWHERE);
	chain_close(&chain);
}

Test(proxy_conn, offers_an_upstream_nothing_when_it_has_nothing)
{
	struct chain chain;

	chain_open(&chain, "", "--fault reply:05");
	SAY(&chain, PLAIN CONNECT);
	HEAR_END(&chain, "\x05\x00\x05\x05" NOWHERE);
	assert_log_has(&chain.far, "\"offered\":[0],\"method\":0,");
	chain_close(&chain);
}

Test(proxy_conn, keeps_its_own_credentials_from_the_upstream)
{
	struct chain chain;

	chain_open(&chain, "--user alice:secret", "--fault reply:05");
	SAY(&chain, PAIRS "\x01\x00\x02\x00\x08USERNAME\x00\x05"
			  "alice\x00\x06PASSWD\x00\x06secret" CONNECT);
	HEAR_END(&chain, "\x05\x97" KEYS_OK "\x05\x05" NOWHERE);
	assert_log_has(&chain.far, "\"offered\":[0],\"method\":0,");
	cr_assert_eq(count_in_log(&chain.far, "secret"), 0);
	chain_close(&chain);
}

Test(proxy_conn, translates_an_upstreams_codes_for_method_97_only)
{
	struct chain chain;

	chain_open(&chain, "", "--fault reply:f2");
	SAY(&chain, PAIRS KEYS CONNECT);
	HEAR_END(&chain, "\x05\x97" KEYS_OK "\x05\xe1" NOWHERE);
	close(chain.client);
	chain.client = world_connect(&chain.near);
	SAY(&chain, LOGIN ALICE CONNECT);
	HEAR_END(&chain, "\x05\x02\x01\x00\x05\xf2" NOWHERE);
	chain_close(&chain);
}

Test(proxy_conn, passes_on_what_an_upstream_glued_to_its_reply)
{
	guint16 port;
	int listener = world_listen(&port);
	struct chain chain;
	g_autofree char *far = g_strdup_printf(
		"--map t.test=127.0.0.1:%u --fault glue:220 --fault atyp:1 --fault bytes", port);

	chain_open(&chain, "", far);
	SAY(&chain, PAIRS KEYS CONNECT "early");
	HEAR(&chain, "\x05\x97" KEYS_OK DONE "220");
	int target = world_accept(listener);
	world_expect(target, "early", 5);
	world_send(target, "late", 4);
	HEAR(&chain, "late");
	chain_close(&chain);
	close(target);
	close(listener);
}

Test(proxy_conn, resolves_through_an_upstream)
{
	struct chain chain;

	chain_open(&chain, "", "--map n.test=192.0.2.7");
	SAY(&chain, PLAIN "\x05\xf0\x00\x03\x06n.test\x00\x00");
	HEAR_END(&chain, "\x05\x00\x05\x00\x00\x01\xc0\x00\x02\x07\x00\x00");
	chain_close(&chain);
}

static struct row broken_upstreams[] = {
	ROW("--fault close:accept", "", "", ENDS),   ROW("--fault close:request", "", "", ENDS),
	ROW("--fault reset:greeting", "", "", ENDS), ROW("--fault cut:1", "", "", ENDS),
	ROW("--fault http", "", "", ENDS),	     ROW("--fault version:04", "", "", ENDS),
	ROW("--fault tor-badauth", "", "", ENDS),    ROW("--fault refuse-pairs", "", "", ENDS),
};

ParameterizedTestParameters(proxy_conn, reports_a_broken_upstream_as_a_general_failure)
{
	return cr_make_param_array(struct row, broken_upstreams, G_N_ELEMENTS(broken_upstreams));
}

ParameterizedTest(struct row *row, proxy_conn, reports_a_broken_upstream_as_a_general_failure)
{
	struct chain chain;
	g_autofree char *far = g_strconcat("--map t.test=127.0.0.1:1 ", row->options, NULL);

	chain_open(&chain, "", far);
	SAY(&chain, PAIRS KEYS CONNECT);
	HEAR(&chain, "\x05\x97" KEYS_OK "\x05");
	HEAR_END(&chain, "\x01" NOWHERE);
	chain_close(&chain);
}

/* ---- the end ---- */

Test(proxy_conn, ends_whatever_is_under_way_with_its_server)
{
	struct stage stage;
	int fds[5];

	stage_open(&stage, "--fault t.test=delay:3600000");
	for (gsize i = 0; i < G_N_ELEMENTS(fds); i++)
		fds[i] = world_connect(&stage.world);
	world_send(fds[1], PLAIN, 3);
	world_expect(fds[1], "\x05\x00", 2);
	world_send(fds[2], PAIRS KEYS CONNECT, sizeof(PAIRS KEYS CONNECT) - 1);
	world_expect(fds[2], "\x05\x97" KEYS_OK, 6);
	world_send(fds[3], PLAIN "\x05\x01\x00\x03\x06x.test\x00\x01", 16);
	world_expect(fds[3], "\x05\x00\x05\x05" NOWHERE, 12);
	stage_close(&stage);
	for (gsize i = 0; i < G_N_ELEMENTS(fds); i++) {
		char byte;
		cr_assert_leq(recv(fds[i], &byte, 1, 0), 0);
		close(fds[i]);
	}
}
