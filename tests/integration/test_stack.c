/*
 * How much stack the calls take: programs call from signal stacks and from threads that have hardly
 * any, and on the memory of a parent that sleeps. What a call takes more than without isosocks has
 * a bound, whatever is logged and kept meanwhile.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Calls of tests/clients/depth.c, all of them. */
static const struct {
	const char *call;
	long most; /* bytes more than without isosocks */
} bounds[] = {
	{ "nothing", 0 },
	{ "socket", 1536 },
	{ "connect-refused", 3072 },
	{ "connect-direct", 3072 },
	{ "connect-proxied", 3072 },
	{ "connect-nonblocking", 3072 },
	{ "wait", 3072 },
	{ "options", 1024 },
	{ "names", 1024 },
	{ "serve", 1024 },
	{ "descriptors", 512 },
	{ "streams", 2048 },
	{ "datagrams", 4096 },
	{ "datagrams-nameserver", 8192 },
	{ "calls", 1536 },
	{ "execve-failing", 4096 },
	{ "execve", 4096 },
	{ "execve-cleared", 4096 },
	{ "execve-many", 4096 },
	{ "execve-script", 4096 },
	{ "execvpe-many", 4096 },
	{ "posix_spawn", 4096 },
	{ "posix_spawn-cleared", 4096 },
	{ "posix_spawn-many", 4096 },
	{ "posix_spawnp-many", 4096 },
	{ "system", 4096 },
	{ "popen", 4096 },
	{ "getaddrinfo", 2048 },
	{ "gethostbyname", 2048 },
	{ "getnameinfo", 2048 },
	{ "res_query", 6144 },
};

static unsigned port;

static void open_world(void)
{
	lab_open();
	port = lab_serve("the target");
	g_autofree char *options = g_strdup_printf("--map www.test=127.0.0.1:%u", port);
	lab_proxy(options);
}

/* A sanitizer's frames are as large as it likes. */
static void skip_under_sanitizer(void)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("the stack is not as it is built for a sanitizer");
}

static long depth_of(const struct lab_result *result, const char *call)
{
	g_autofree char *begin = g_strdup_printf("\n%s=", call);
	const char *at = strstr(result->out, begin);

	cr_assert(at, "%s: no line in\n%s%s", call, result->out, result->err);
	return atol(at + strlen(begin));
}

static void assert_within_bounds(enum lab_user user, const char *options,
				 const struct lab_result *bare)
{
	g_autofree char *depth = lab_program("depth");
	const struct lab_result ours =
		lab_run(user, options, "env LD_BIND_NOW=1 %s %u", depth, port);

	lab_assert_status(&ours, 0);
	for (size_t i = 0; i < G_N_ELEMENTS(bounds); i++) {
		const long more = depth_of(&ours, bounds[i].call) - depth_of(bare, bounds[i].call);
		cr_assert_leq(more, bounds[i].most, "isosocks %s, %s: %ld bytes more", options,
			      bounds[i].call, more);
	}
	g_auto(GStrv) lines = g_strsplit(g_strstrip(ours.out), "\n", -1);
	cr_assert_eq(g_strv_length(lines), G_N_ELEMENTS(bounds), "a call has no bound");
}

Test(stack, calls_take_little)
{
	skip_under_sanitizer();
	open_world();
	g_autofree char *depth = lab_program("depth");
	g_autofree char *config = lab_config("[log]\nwhy=true\n");
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		g_autofree char *all = g_strdup_printf(
			"%s -b destination,process -d --log %s/log.%d", config, lab_folder(), user);
		const struct lab_result bare = lab_shell(user, "LD_BIND_NOW=1 %s %u", depth, port);
		lab_assert_status(&bare, 0);
		assert_within_bounds(user, "", &bare);
		assert_within_bounds(user, "--no-guard", &bare);
		assert_within_bounds(user, all, &bare);
	}
}

Test(stack, a_connect_in_a_handler_has_room_on_a_small_signal_stack)
{
	skip_under_sanitizer();
	open_world();
	g_autofree char *cramped = lab_program("cramped");
	g_autofree char *config = lab_config("[log]\nwhy=true\n");
	const char *options[] = { "", config, "-d" };
	for (size_t i = 0; i < G_N_ELEMENTS(options); i++) {
		const struct lab_result result =
			lab_run(LAB_NOBODY, options[i], "%s signal %u", cramped, port);
		lab_assert_status(&result, 0);
		cr_assert_str_eq(result.out, "unknown=EHOSTUNREACH direct=0 proxied=ENETUNREACH\n",
				 "%s%s", result.out, result.err);
	}
}

Test(stack, a_program_is_started_by_a_thread_with_the_smallest_stack)
{
	skip_under_sanitizer();
	open_world();
	g_autofree char *cramped = lab_program("cramped");
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result result = lab_run(user, "", "%s thread 0", cramped);
		lab_assert_status(&result, 0);
		cr_assert_str_eq(result.out, "posix_spawn=0\nexecve=0\n", "%s%s", result.out,
				 result.err);
	}
}

/* What a child of vfork() maps stays in its parent. */
Test(stack, children_of_vfork_leave_no_memory_behind)
{
	skip_under_sanitizer();
	open_world();
	g_autofree char *cramped = lab_program("cramped");
	const struct lab_result result = lab_run(LAB_NOBODY, "", "%s children 1000", cramped);

	lab_assert_status(&result, 0);
	cr_assert_str_eq(result.out, "failed=0 pages=0 mappings=0\n", "%s", result.out);
}
