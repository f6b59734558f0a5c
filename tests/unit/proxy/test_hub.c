/*
 * Ways through other proxies, with servers of ours and with sockets in the test's own hands.
 */
#include "proxy/server.h"

#include "world.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PLAIN "\x05\x01\x00"
#define LOGIN "\x05\x01\x02"
#define ALICE                                                                                      \
	"\x01\x05"                                                                                 \
	"alice\x06"                                                                                \
	"secret"
#define CONNECT		   "\x05\x01\x00\x03\x06t.test\x00\x50"
#define NOWHERE		   "\x00\x01\0\0\0\0\0\0"
#define SAY(fd, text)	   world_send(fd, text, sizeof(text) - 1)
#define HEAR(fd, text)	   world_expect(fd, text, sizeof(text) - 1)
#define HEAR_END(fd, text) world_expect_end(fd, text, sizeof(text) - 1)

static guint count_in_log(const struct world *world, const char *text)
{
	g_autofree char *log = world_log(world);
	guint count = 0;

	for (const char *at = log; (at = strstr(at, text)); at++)
		count++;
	return count;
}

static void assert_log_has(const struct world *world, const char *text)
{
	g_autofree char *log = world_log(world);
	cr_assert_not_null(strstr(log, text), "%s in\n%s", text, log);
}

/* ---- one proxy, said to the byte ---- */

struct row {
	char upstream[60]; /* with %u for the port */
	char asked[40];
	guint8 asked_length;
	char said[120]; /* to the upstream */
	guint8 said_length;
	char answered[80];
	guint8 answered_length;
	guint8 reply;
	char why[60];
};

#define ROW(upstream, asked, said, answered, reply, why)                                           \
	{                                                                                          \
		upstream, asked, sizeof(asked) - 1, said, sizeof(said) - 1, answered,              \
			sizeof(answered) - 1, reply, why                                           \
	}
#define HTTP_T "CONNECT t.test:80 HTTP/1.1\r\nHost: t.test:80\r\n"
#define V4     "\x05\x01\x00\x01\xc0\x00\x02\x07\x00\x50"

static struct row rows[] = {
	ROW("http://127.0.0.1:%u", CONNECT, HTTP_T "\r\n", "HTTP/1.1 200 OK\r\n\r\n", 0, ""),
	ROW("http://127.0.0.1:%u", CONNECT, HTTP_T "\r\n", "HTTP/1.0 200 yes\r\nVia: x\r\n\r\n", 0,
	    ""),
	ROW("http://me:p%%3aw@127.0.0.1:%u", CONNECT,
	    HTTP_T "Proxy-Authorization: Basic bWU6cDp3\r\n\r\n", "HTTP/1.1 204 x\n\n", 0, ""),
	ROW("http://127.0.0.1:%u", V4,
	    "CONNECT 192.0.2.7:80 HTTP/1.1\r\nHost: 192.0.2.7:80\r\n\r\n", "HTTP/1.1 407 x\r\n\r\n",
	    2, "HTTP status 407"),
	ROW("http://127.0.0.1:%u", CONNECT, HTTP_T "\r\n", "HTTP/1.1 403 x\r\n\r\n", 2,
	    "HTTP status 403"),
	ROW("http://127.0.0.1:%u", CONNECT, HTTP_T "\r\n", "HTTP/1.1 503 x\r\n\r\n", 4,
	    "HTTP status 503"),
	ROW("http://127.0.0.1:%u", CONNECT, HTTP_T "\r\n", "HTTP/1.1 504 x\r\n\r\n", 6,
	    "HTTP status 504"),
	ROW("http://127.0.0.1:%u", CONNECT, HTTP_T "\r\n", "HTTP/1.1 500 x\r\n\r\n", 1,
	    "HTTP status 500"),
	ROW("http://127.0.0.1:%u", CONNECT, HTTP_T "\r\n", "SSH-2.0-x\r\n", 1,
	    "it does not speak what it should"),
	ROW("http://127.0.0.1:%u", CONNECT, HTTP_T "\r\n", "HTTP/1.1 2x0 x\r\n\r\n", 1,
	    "it does not speak what it should"),
	ROW("socks4a://127.0.0.1:%u", CONNECT, "\x04\x01\x00\x50\x00\x00\x00\x01\x00t.test\x00",
	    "\x00\x5a\0\0\0\0\0\0", 0, ""),
	ROW("socks4a://me@127.0.0.1:%u", V4, "\x04\x01\x00\x50\xc0\x00\x02\x07me\x00",
	    "\x00\x5a\x01\x02\x03\x04\x05\x06", 0, ""),
	ROW("socks4a://127.0.0.1:%u", CONNECT, "\x04\x01\x00\x50\x00\x00\x00\x01\x00t.test\x00",
	    "\x00\x5b\0\0\0\0\0\0", 1, "SOCKS4 code 91"),
	ROW("socks4a://127.0.0.1:%u", CONNECT, "\x04\x01\x00\x50\x00\x00\x00\x01\x00t.test\x00",
	    "\x00\x5d\0\0\0\0\0\0", 2, "SOCKS4 code 93"),
	ROW("socks4a://127.0.0.1:%u", CONNECT, "\x04\x01\x00\x50\x00\x00\x00\x01\x00t.test\x00",
	    "\x05\x5a\0\0\0\0\0\0", 1, "it does not speak what it should"),
	ROW("socks4a://127.0.0.1:%u", CONNECT, "\x04\x01\x00\x50\x00\x00\x00\x01\x00t.test\x00", "",
	    1, "it ended the stream"),
};

ParameterizedTestParameters(proxy_hub, says_to_an_upstream_what_its_kind_wants)
{
	return cr_make_param_array(struct row, rows, G_N_ELEMENTS(rows));
}

static void answer_by_bytes(int fd, const struct row *row)
{
	for (guint8 i = 0; i < row->answered_length; i++) /* one that is wrong may be enough */
		send(fd, row->answered + i, 1, MSG_NOSIGNAL);
}

ParameterizedTest(struct row *row, proxy_hub, says_to_an_upstream_what_its_kind_wants)
{
	struct world world;
	guint16 port;
	int listener = world_listen(&port);
	g_autofree char *upstream = g_strdup_printf(row->upstream, port);

	world_open(&world, "--upstream %s --fault atyp:1", upstream);
	world_run();
	int fd = world_connect(&world);
	SAY(fd, PLAIN);
	world_send(fd, row->asked, row->asked_length);
	HEAR(fd, "\x05\x00");
	int far = world_accept(listener);
	world_expect(far, row->said, row->said_length);
	answer_by_bytes(far, row);
	if (row->reply == 0)
		SAY(far, "first");
	else
		close(far);
	world_expect(fd, (guint8[]){ 5, row->reply, 0, 1, 0, 0, 0, 0, 0, 0 }, 10);
	if (row->reply == 0)
		HEAR(fd, "first");
	else
		assert_log_has(&world, row->why);
	close(fd);
	world_stop();
	world_close(&world);
}

/* What would be more than a name in a line of HTTP is not sent at all. */
Test(proxy_hub, puts_nothing_of_a_client_into_lines_of_http)
{
	struct world world;
	guint16 port;
	int listener = world_listen(&port);

	world_open(&world, "--upstream http://127.0.0.1:%u", port);
	world_run();
	int fd = world_connect(&world);
	SAY(fd, PLAIN "\x05\x01\x00\x03\x0bx\r\nEvil: yz\x00\x50");
	HEAR_END(fd, "\x05\x00\x05\x01" NOWHERE);
	int far = world_accept(listener);
	world_expect_end(far, "", 0);
	close(fd);
	world_stop();
	world_close(&world);
}

Test(proxy_hub, has_no_look_ups_at_proxies_that_know_none)
{
	struct world world;
	guint16 port;
	int listener = world_listen(&port);

	world_open(&world, "--upstream socks4a://127.0.0.1:%u", port);
	world_run();
	int fd = world_connect(&world);
	SAY(fd, PLAIN "\x05\xf0\x00\x03\x06t.test\x00\x00");
	HEAR_END(fd, "\x05\x00\x05\x07" NOWHERE);
	close(fd);
	close(listener);
	world_stop();
	world_close(&world);
}

Test(proxy_hub, reaches_a_proxy_on_a_socket_of_this_machine)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	struct world world;
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	g_snprintf(at.sun_path, sizeof(at.sun_path), "%s/isosocks-hub-%d", g_get_tmp_dir(),
		   getpid());
	cr_assert_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(listener, 5), 0);
	world_open(&world, "--upstream unix:%s", at.sun_path);
	world_run();
	int fd = world_connect(&world);
	SAY(fd, PLAIN CONNECT);
	int far = world_accept(listener);
	HEAR(far, PLAIN);
	SAY(far, "\x05\x00");
	HEAR(far, CONNECT);
	SAY(far, "\x05\x00" NOWHERE "hello");
	HEAR(fd, "\x05\x00\x05\x00" NOWHERE "hello");
	close(fd);
	unlink(at.sun_path);
	world_stop();
	world_close(&world);
}

/* ---- chains ---- */

struct chain {
	struct world hub;
	struct world first;
	struct world second;
	int client;
};

static void chain_open(struct chain *chain, const char *hub, const char *first, const char *second)
{
	world_open(&chain->first, "%s", first);
	world_open(&chain->second, "%s", second);
	g_autofree char *options = g_strdup_printf(hub, chain->first.port, chain->second.port);
	world_open(&chain->hub, "%s", options);
	world_run();
	chain->client = world_connect(&chain->hub);
}

static void chain_close(struct chain *chain)
{
	close(chain->client);
	world_stop();
	world_close(&chain->hub);
	world_close(&chain->first);
	world_close(&chain->second);
}

#define TWO "--upstream 127.0.0.1:%u --upstream 127.0.0.1:%u"
#define ANY "--upstream 127.0.0.1:%u,127.0.0.1:%u"

Test(proxy_hub, goes_through_a_chain_and_gives_keys_to_its_last)
{
	struct chain chain;

	chain_open(&chain, TWO, "", "--fault reply:05");
	SAY(chain.client, LOGIN ALICE CONNECT);
	HEAR_END(chain.client, "\x05\x02\x01\x00\x05\x05" NOWHERE);
	assert_log_has(&chain.first, "\"offered\":[0],");
	assert_log_has(&chain.first, "\"host\":\"127.0.0.1\"");
	assert_log_has(&chain.second, "\"username\":\"alice\",\"password\":\"secret\"");
	assert_log_has(&chain.second, "\"host\":\"t.test\",\"port\":80");
	assert_log_has(&chain.hub, "\"why\":\"socks5://127.0.0.1:");
	assert_log_has(&chain.hub, ": SOCKS5 reply 05\"");
	chain_close(&chain);
}

/* The last one has a login of its own, and so the keys go to the one before it. */
Test(proxy_hub, gives_keys_to_the_last_that_takes_them)
{
	struct chain chain;

	chain_open(&chain, "--upstream 127.0.0.1:%u --upstream me:own@127.0.0.1:%u", "",
		   "--user me:own --fault reply:05");
	SAY(chain.client, LOGIN ALICE CONNECT);
	HEAR_END(chain.client, "\x05\x02\x01\x00\x05\x05" NOWHERE);
	assert_log_has(&chain.first, "\"username\":\"alice\",\"password\":\"secret\"");
	assert_log_has(&chain.second, "\"username\":\"me\",\"password\":\"own\"");
	cr_assert_eq(count_in_log(&chain.hub, "own"), 0);
	chain_close(&chain);
}

Test(proxy_hub, says_which_of_a_chain_has_failed)
{
	struct chain chain;

	chain_open(&chain, TWO, "--fault reply:05", "");
	SAY(chain.client, PLAIN CONNECT);
	HEAR_END(chain.client, "\x05\x00\x05\x01" NOWHERE);
	g_autofree char *why = g_strdup_printf("\"why\":\"socks5://127.0.0.1:%u: SOCKS5 reply 05\"",
					       chain.second.port);
	assert_log_has(&chain.hub, why);
	cr_assert_eq(count_in_log(&chain.second, "accept"), 0);
	chain_close(&chain);
}

static void ask(const struct chain *chain)
{
	int fd = world_connect(&chain->hub);

	SAY(fd, PLAIN CONNECT);
	HEAR_END(fd, "\x05\x00\x05\x05" NOWHERE);
	close(fd);
}

Test(proxy_hub, takes_another_one_for_one_that_fails_and_leaves_it_out)
{
	struct chain chain;

	chain_open(&chain, ANY, "--fault close:greeting", "--fault reply:05");
	ask(&chain);
	ask(&chain);
	ask(&chain);
	cr_assert_eq(count_in_log(&chain.first, "accept"), 1);
	cr_assert_eq(count_in_log(&chain.second, "\"request\""), 3);
	chain_close(&chain);
}

/* A target that refuses is no fault of the proxy's. */
Test(proxy_hub, keeps_to_one_whose_target_refuses)
{
	struct chain chain;

	chain_open(&chain, ANY, "--fault reply:05", "--fault reply:05");
	ask(&chain);
	ask(&chain);
	cr_assert_eq(count_in_log(&chain.first, "\"request\""), 2);
	cr_assert_eq(count_in_log(&chain.second, "accept"), 0);
	chain_close(&chain);
}

Test(proxy_hub, takes_each_in_turn)
{
	struct chain chain;

	chain_open(&chain, ANY " --pick rotate", "--fault reply:05", "--fault reply:05");
	for (int i = 0; i < 4; i++)
		ask(&chain);
	cr_assert_eq(count_in_log(&chain.first, "\"request\""), 2);
	cr_assert_eq(count_in_log(&chain.second, "\"request\""), 2);
	chain_close(&chain);
}

Test(proxy_hub, waits_for_a_proxy_only_so_long)
{
	struct chain chain;

	chain_open(&chain, ANY " --hop-timeout 1", "--fault silent:greeting", "--fault reply:05");
	ask(&chain);
	cr_assert_eq(count_in_log(&chain.second, "\"request\""), 1);
	chain_close(&chain);
}

Test(proxy_hub, takes_a_slow_target_for_no_fault_of_its_proxy)
{
	struct chain chain;

	chain_open(&chain, ANY " --hop-timeout 1", "--fault silent:request", "");
	SAY(chain.client, PLAIN CONNECT);
	HEAR_END(chain.client, "\x05\x00\x05\x06" NOWHERE);
	cr_assert_eq(count_in_log(&chain.second, "accept"), 0);
	chain_close(&chain);
}

/* Or one client could take the proxies away from all others. */
Test(proxy_hub, leaves_nobody_out_for_what_a_client_has_said)
{
	struct chain chain;

	chain_open(&chain, ANY, "--user bob:secret --methods 'password;none' --fault reply:05",
		   "--fault reply:05");
	SAY(chain.client, LOGIN ALICE CONNECT);
	HEAR_END(chain.client, "\x05\x02\x01\x00\x05\x01" NOWHERE);
	assert_log_has(&chain.hub, ": it refuses the client's login or keys\"");
	ask(&chain);
	cr_assert_eq(count_in_log(&chain.first, "\"request\""), 1);
	cr_assert_eq(count_in_log(&chain.second, "accept"), 0);
	chain_close(&chain);
}

Test(proxy_hub, takes_another_one_for_one_that_falls_over_a_request)
{
	struct chain chain;

	chain_open(&chain, ANY, "--fault close:request*1 --fault reply:05", "--fault reply:05");
	ask(&chain);
	ask(&chain);
	cr_assert_eq(count_in_log(&chain.first, "accept"), 2);
	cr_assert_eq(count_in_log(&chain.second, "accept"), 1);
	chain_close(&chain);
}
