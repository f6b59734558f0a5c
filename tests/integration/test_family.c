/*
 * One name is one stream through the proxy, whatever the way in which a program asks for its
 * addresses: by families one by one, in either order, with eyes for both. The proxy is slower than
 * such a program waits before it tries the next address.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>

static struct {
	char *eyeballs, *connect;
	unsigned port; /* of the target */
} here;

static void open_world(void)
{
	lab_open();
	here.port = lab_serve("the target");
	g_autofree char *options = g_strdup_printf(
		"--fault other.test=reply:05 --fault delay:400 --map www.test=127.0.0.1:%u",
		here.port);
	lab_proxy(options);
	here.eyeballs = lab_program("eyeballs");
	here.connect = lab_program("connect");
}

static void assert_one_stream(const char *what, const struct lab_result *result)
{
	g_auto(GStrv) asked = lab_requests();

	cr_assert_eq(g_strv_length(asked), 1u, "%s: %u requests\n%s%s", what, g_strv_length(asked),
		     result->out, result->err);
	lab_assert_has(asked[0], "\"host\":\"www.test\"");
	lab_forget();
}

static const char *const questions[] = {
	"4 www.test 80",	"6 www.test 80", "-F 0x20 6 www.test 80", /* AI_ADDRCONFIG */
	"-F 0x2 6 www.test 80",						  /* AI_CANONNAME */
	"-o 4 www.test 80",
};

Test(family, asked_one_by_one_is_one_stream)
{
	open_world();
	for (size_t i = 0; i < G_N_ELEMENTS(questions); i++) {
		for (enum lab_user user = 0; user < LAB_USERS; user++) {
			const struct lab_result result =
				lab_run(user, NULL, "%s %s", here.eyeballs, questions[i]);
			lab_assert_out(&result, "connected");
			assert_one_stream(questions[i], &result);
		}
	}
}

/* The test can fail: where both are wanted there are two. */
Test(family, asked_one_by_one_is_two_where_both_are_wanted)
{
	open_world();
	lab_run(LAB_NOBODY, "-6", "%s 6 www.test 80", here.eyeballs);
	g_auto(GStrv) asked = lab_requests();
	cr_assert_eq(g_strv_length(asked), 2u);
}

static const struct {
	const char *program;
	const char *command;
} programs[] = {
	{ "curl", "curl -s -m 20 http://www.test/" },
	{ "curl", "curl -s -m 20 --happy-eyeballs-timeout-ms 1 http://www.test/" },
	{ "python3", "python3 -c 'import asyncio as a; a.run(a.wait_for(a.open_connection("
		     "\"www.test\", 80, happy_eyeballs_delay=0.05), 20))'" },
};

Test(family, programs_open_one_stream)
{
	open_world();
	g_autofree char *gio = lab_program("gio");
	for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
		lab_need(programs[i].program);
		const struct lab_result result =
			lab_run(i % LAB_USERS, NULL, "%s", programs[i].command);
		assert_one_stream(programs[i].command, &result);
	}
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result result = lab_run(user, NULL, "%s www.test:80", gio);
		lab_assert_out(&result, "connected\n");
		assert_one_stream("gio", &result);
	}
}

static const struct {
	const char *program;
	const char *command;
} heavy[] = {
	{ "node", "node -e 'require(\"net\").connect({ host: \"www.test\", port: 80, "
		  "autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 50 }, () => "
		  "process.exit(0))'" },
	{ "node", "node -e 'const d = require(\"dns\"); let n = 0; for (const f of [6, 4]) "
		  "d.lookup(\"www.test\", { family: f }, (e, a) => { if (!e) "
		  "require(\"net\").connect(80, a, () => process.exit(0)) })'" },
};

Test(heavy_family, programs_open_one_stream)
{
	open_world();
	for (size_t i = 0; i < G_N_ELEMENTS(heavy); i++) {
		lab_need(heavy[i].program);
		const struct lab_result result =
			lab_run(i % LAB_USERS, NULL, "%s", heavy[i].command);
		assert_one_stream(heavy[i].command, &result);
	}
}

/* ---- IPv6 alone ---- */

static const struct {
	const char *options;
	const char *command;
	bool connects;
} alone[] = {
	{ NULL, "$EYEBALLS -o 6 www.test 80", false },
	{ NULL, "$EYEBALLS -F 0x8 -o 6 www.test 80", true }, /* AI_V4MAPPED */
	{ NULL, "$CONNECT -6 -o -l www.test 80", true },
	{ NULL, "curl -6 -s -m 20 http://www.test/", false },
	{ "-6", "$EYEBALLS -o 6 www.test 80", true },
	{ "--ipv6", "$CONNECT -6 -o -l www.test 80", true },
	{ "-6", "curl -6 -s -m 20 http://www.test/", true },
	{ "-6", "ssh -F none -6 -o BatchMode=yes -p 80 other.test true", true },
	{ "-c settings.conf", "curl -6 -s -m 20 http://www.test/", true },
};

Test(family, ipv6_alone_is_served_where_somebody_asks_for_it)
{
	open_world();
	lab_need("curl");
	lab_need("ssh");
	g_autofree char *path = lab_path("settings.conf");
	cr_assert(g_file_set_contents(path, "[names]\nfamily=both\n", -1, NULL));
	g_setenv("EYEBALLS", here.eyeballs, TRUE);
	g_setenv("CONNECT", here.connect, TRUE);
	for (size_t i = 0; i < G_N_ELEMENTS(alone); i++) {
		const struct lab_result result =
			lab_run(i % LAB_USERS, alone[i].options, "sh -c '%s'", alone[i].command);
		g_auto(GStrv) asked = lab_requests();
		cr_assert_eq(g_strv_length(asked), alone[i].connects ? 1u : 0u, "%s %s: %s%s",
			     alone[i].options, alone[i].command, result.out, result.err);
		lab_forget();
	}
}

/* There an IPv4 address leads nowhere. */
Test(family, of_an_ipv6_proxy_is_ipv6)
{
	lab_open();
	here.eyeballs = lab_program("eyeballs");
	lab_proxy("--listen '[::1]:9050' --fault delay:400 --fault www.test=reply:05");
	for (size_t i = 0; i < G_N_ELEMENTS(questions); i++) {
		if (strstr(questions[i], "-o 4"))
			continue;
		const struct lab_result result = lab_run(i % LAB_USERS, "-x [::1]:9050", "%s %s",
							 here.eyeballs, questions[i]);
		assert_one_stream(questions[i], &result);
	}
}
