/*
 * Sockets off the leash in the place of those on it, for what the policy lets go elsewhere: what of
 * them comes along, and that nothing else leaves.
 */
#include "support/far.h"
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>

static const char direct[] = "[network]\ndirect=192.168.1.20:631\n";

static void open_world(const char *settings)
{
	g_autofree char *server = g_canonicalize_filename("tests/programs/far.py", NULL);
	const char *argv[] = { "python3", server, NULL };

	lab_need("python3");
	lab_open();
	far_open();
	lab_proxy("--fault reply:05");
	g_autofree char *path = lab_path("settings.conf");
	cr_assert(g_file_set_contents(path, settings, -1, NULL));
	g_autofree char *ready = far_start(argv);
	cr_assert_str_eq(ready, "ready");
	/* Where nobody may read it. */
	g_autofree char *client = g_canonicalize_filename("tests/programs/elsewhere.py", NULL);
	const struct lab_result result = lab_shell(LAB_ROOT, "cp %s . && chmod 644 *.py", client);
	lab_assert_status(&result, 0);
}

static void assert_says(enum lab_user user, const char *options, const char *way,
			const char *expected)
{
	const struct lab_result result = lab_run(user, options, "python3 elsewhere.py %s", way);

	lab_assert_status(&result, 0);
	cr_assert_str_eq(result.out, expected, "%s: got\n%s%s", way, result.out, result.err);
}

static void assert_all_say(const char *way, const char *expected)
{
	open_world(direct);
	for (enum lab_user user = 0; user < LAB_USERS; user++)
		assert_says(user, "-c settings.conf", way, expected);
}

#define SAME_SOCKET "owner True True\nflags 1 True\nfilter True\nname kept True True\nsame True 0\n"

Test(successor, of_a_stream_is_the_same_to_its_program)
{
	assert_all_say("stream", "epoll saw both\n" SAME_SOCKET);
}

Test(successor, of_a_datagram_socket_is_the_same_to_its_program)
{
	assert_all_say("datagram", "home b'home'\nepoll saw both\n" SAME_SOCKET
				   "Permission denied\nPermission denied\nhome b'home'\n");
}

Test(successor, wakes_a_thread_that_waits)
{
	static const char *const ways[] = { "recvfrom", "recv", "recvmsg", "read" };

	open_world(direct);
	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
		g_autofree char *way = g_strconcat("waiter ", ways[i], NULL);
		assert_says(LAB_NOBODY, "-c settings.conf", way,
			    "got printer ('192.168.1.20', 631)\n");
	}
}

Test(successor, of_a_child_is_not_its_parents)
{
	assert_all_say("child", "printer\nprinter\n");
}

/* The proxy says who comes, in place of every target. */
Test(successor, connects_to_a_proxy_elsewhere)
{
	open_world("");
	for (enum lab_user user = 0; user < LAB_USERS; user++)
		assert_says(user, "-x 192.0.2.77:1080", "stream", "epoll saw both\n" SAME_SOCKET);
}
