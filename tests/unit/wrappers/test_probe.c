#include "probe.h"

#include "unit/proxy/world.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct row {
	char options[80]; /* of the proxy */
	char user[16];	  /* USER:PASS@ in the URL */
	int error;
	struct probe probe;
};

#define R PROBE_REFUSED
#define U PROBE_UNAUTHENTICATED
#define T PROBE_TAKEN

static struct row rows[] = {
	{ "", "", 0, { T, T, T, true } },
	{ "--methods extended", "", 0, { T, R, R, true } },
	{ "--methods password", "", 0, { R, T, R, true } },
	{ "--methods none", "", 0, { R, R, T, true } },
	{ "--user me:secret", "me:secret@", 0, { T, T, R, true } },
	{ "--user me:secret", "me:wrong@", 0, { U, U, R, false } },
	{ "--user me:secret", "", 0, { U, U, R, false } },
	{ "--methods 'password;none' --fault reply:07", "", 0, { R, T, T, false } },
	{ "--fault close:request", "", 0, { T, T, T, false } },
	{ "--fault close:auth", "", 0, { T, T, T, true } },
	{ "--fault close:greeting", "", 0, { R, R, R, false } },
	{ "--fault silent:request", "", 0, { T, T, T, false } },
	{ "--fault bytes", "", 0, { T, T, T, true } },
	{ "--fault garbage:20", "", -EPROTO, { R, R, R, false } },
	{ "--fault silent:greeting", "", -ETIMEDOUT, { R, R, R, false } },
};

ParameterizedTestParameters(probe, tells_what_a_proxy_takes)
{
	return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *row, probe, tells_what_a_proxy_takes)
{
	g_autofree char *text = NULL;
	const char *problem;
	struct world world;
	struct probe probe = { 0 };
	struct url url;

	world_open(&world, "%s", row->options);
	world_run();
	text = g_strdup_printf("%s127.0.0.1:%u", row->user, world.port);
	cr_assert_eq(url_parse(text, &url, &problem), 0);
	cr_assert_eq(probe_proxy(&url, 300, &probe), row->error);
	world_stop();
	world_close(&world);
	cr_assert_eq(probe.extended, row->probe.extended, "extended: %d", probe.extended);
	cr_assert_eq(probe.password, row->probe.password, "password: %d", probe.password);
	cr_assert_eq(probe.none, row->probe.none, "none: %d", probe.none);
	cr_assert_eq(probe.resolves, row->probe.resolves, "resolves: %d", probe.resolves);
}

/* A listener that takes every method and then says these bytes, in a process of its own. */
static uint16_t answer_with(const void *bytes, size_t length)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);
	const int listener = socket(AF_INET, SOCK_STREAM, 0);
	uint8_t said[16];

	cr_assert_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	cr_assert_eq(listen(listener, 8), 0);
	getsockname(listener, (struct sockaddr *)&at, &size);
	if (fork() > 0)
		return ntohs(at.sin_port);
	for (unsigned turn = 0; turn < 3; turn++) {
		const int fd = accept(listener, NULL, NULL);
		if (read(fd, said, sizeof(said)) != 3 ||
		    write(fd, (uint8_t[]){ 5, said[2] }, 2) != 2 ||
		    read(fd, said, sizeof(said)) <= 0 || write(fd, bytes, length) < 0)
			_exit(1);
		while (read(fd, said, sizeof(said)) > 0)
			continue;
		close(fd);
	}
	_exit(0);
}

/* It answers `05 01 ...` where the version of an authentication should stand. */
Test(probe, knows_a_tor_that_refuses_a_username)
{
	static const char answer[] = "\x05\x01\x00\x01\0\0\0\0\0";
	struct url url = { .address = { [10] = 0xff, 0xff, 127, 0, 0, 1 } };
	struct probe probe;

	url.port = answer_with(answer, sizeof(answer));
	cr_assert_eq(probe_proxy(&url, 300, &probe), 0);
	cr_assert_eq(probe.none, PROBE_TAKEN);
	cr_assert_eq(probe.password, PROBE_UNAUTHENTICATED);
	cr_assert_not(probe.resolves);
}

Test(probe, says_that_nobody_listens)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = in6addr_loopback };
	socklen_t size = sizeof(at);
	const int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct url url = { .address = { [15] = 1 } };
	struct probe probe;

	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		cr_skip_test("no IPv6 loopback");
	getsockname(fd, (struct sockaddr *)&at, &size);
	url.port = ntohs(at.sin6_port);
	cr_assert_eq(probe_proxy(&url, 300, &probe), -ECONNREFUSED);
}
