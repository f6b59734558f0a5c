/*
 * What settings let go: programs that are direct, no guard, listeners for others. By the frames
 * that leave the machine and by what the proxy is asked, in programs that run; each beside the same
 * without the setting.
 */
#include "support/far.h"
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#define ELSEWHERE "203.0.113.5" /* the far end refuses what comes to it */

static struct {
	char *connect, *sockets, *isosocks;
} here;

static void open_world(void)
{
	lab_need("ip");
	lab_open();
	far_open();
	lab_proxy("--fault reply:05");
	here.connect = lab_program("connect");
	here.sockets = lab_program("sockets");
	here.isosocks = lab_program("isosocks");
}

static void write_settings(const char *text)
{
	g_autofree char *path = lab_path("settings.conf");
	cr_assert(g_file_set_contents(path, text, -1, NULL));
}

static const char direct_connect[] = "[application one]\nmatch=*/connect\naction=direct\n";

/* How many frames leave and requests come while a command runs, none or some; and what it says. */
static void assert_goes(enum lab_user user, const char *command, bool leaves, unsigned requests,
			const char *says)
{
	far_count(FAR_FRAME);
	lab_forget();
	const struct lab_result result =
		lab_run(user, "-c settings.conf -k ISOLATION=alice", "%s", command);
	const unsigned frames = far_count(FAR_FRAME);
	g_auto(GStrv) asked = lab_requests();

	cr_assert_eq(frames > 0, leaves, "%s: %u frames\n%s%s", command, frames, result.out,
		     result.err);
	cr_assert_eq(g_strv_length(asked), requests, "%s: %u requests", command,
		     g_strv_length(asked));
	cr_assert(strstr(result.out, says) || strstr(result.err, says), "%s: no «%s» in\n%s%s",
		  command, says, result.out, result.err);
}

static void assert_both(const char *format, bool leaves, unsigned requests, const char *says)
{
	g_autofree char *command = g_strdup_printf(format, here.connect);

	for (enum lab_user user = 0; user < LAB_USERS; user++)
		assert_goes(user, command, leaves, requests, says);
}

/* ---- direct programs ---- */

Test(direct, a_program_goes_past_the_proxy)
{
	open_world();
	write_settings("");
	assert_both("%s -l " ELSEWHERE " 80", false, 1, "connect=ECONNREFUSED");
	assert_both("%s -l -u " ELSEWHERE " 53", false, 0, "connect=0");
	write_settings(direct_connect);
	assert_both("%s -l " ELSEWHERE " 80", true, 0, "connect=ECONNREFUSED");
	assert_both("%s -l -u " ELSEWHERE " 53", false, 0, "connect=0");
	/* The nameserver of the machine is at the far end. */
	assert_both("%s -l www.test 80", true, 0, "");
}

Test(direct, a_program_has_no_guard)
{

	open_world();
	const struct lab_result bare =
		lab_shell(LAB_NOBODY, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status");
	write_settings("");
	assert_goes(LAB_NOBODY, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status", false, 0,
		    "NoNewPrivs:\t1\nSeccomp:\t2");
	write_settings("[application one]\nmatch=*/grep\naction=direct\n");
	assert_goes(LAB_NOBODY, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status", false, 0,
		    bare.out);
}

Test(direct, the_children_of_a_program_are_not)
{
	open_world();
	write_settings("[application one]\nmatch=*/dash;*/bash;*/sh\naction=direct\n");
	assert_both("sh -c '%s -l www.test 80; :'", false, 1, "connect=ECONNREFUSED");
}

/* The guard of the one that starts it stays, and libc asks for names inside itself. */
Test(direct, a_child_of_a_guarded_program_knows_addresses_alone)
{
	open_world();
	write_settings(direct_connect);
	assert_both("sh -c '%s -l " ELSEWHERE " 80; :'", true, 0, "connect=ECONNREFUSED");
	assert_both("sh -c '%s -l www.test 80; :'", false, 0, "Temporary failure");
	/* A sanitizer has to come first, and is no more in that environment. */
	if (!g_getenv("SANITIZER"))
		assert_both("env -i %s -l " ELSEWHERE " 80", true, 0, "connect=ECONNREFUSED");
}

Test(direct, a_denied_program_goes_nowhere)
{
	open_world();
	write_settings("[application one]\nmatch=*/connect\naction=deny\n");
	assert_both("%s -l " ELSEWHERE " 80", false, 0, "connect=EACCES");
	assert_both("sh -c '%s -l 127.0.0.1 80; :'", false, 0, "connect=EACCES");
}

/* ---- no guard ---- */

Test(direct, settings_without_the_guard)
{
	open_world();
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		g_autofree char *asm_call = g_strconcat(here.sockets, " asm 2 1 0", NULL);

		write_settings("[guard]\nenabled=true\n");
		assert_goes(user, asm_call, false, 0, "asm=EACCES");
		write_settings("[guard]\nenabled=false\n");
		assert_goes(user, asm_call, false, 0, "asm=0");
		assert_goes(user, "sh -c build/tests/leak/plain-static", false, 0,
			    "Operation not permitted");
	}
	assert_both("%s -l " ELSEWHERE " 80", false, 1, "connect=ECONNREFUSED");
}

/* ---- no leash ---- */

/* A direct rule needs every device; what is for this machine may not go by way of another. */
Test(direct, rules_let_nothing_go_by_another_way)
{
	open_world();
	static const char *const ways[] = { "tcp-route6", "udp-route6" };

	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
			g_autofree char *command =
				g_strdup_printf("build/tests/leak/call %s", ways[i]);
			g_autofree char *says = g_strconcat(ways[i], "=EACCES", NULL);

			write_settings("[network]\ndirect=192.0.2.0/24\n");
			assert_goes(user, command, false, 0, says);
		}
	}
}

/* ---- listeners for others ---- */

/* What somebody at the far end gets of a server under isosocks. */
static char *call_from_far(enum lab_user user, const char *settings)
{
	static const char server[] =
		"import socket; s = socket.create_server(('0.0.0.0', 0)); "
		"print(s.getsockname()[1], flush=True); c, _ = s.accept(); c.sendall(b'inside\\n')";
	static const char client[] =
		"import socket, sys\n"
		"try: print(socket.create_connection(('198.51.100.2', sys.argv[1]))"
		".makefile().readline(), flush=True)\n"
		"except OSError as e: print(e.strerror, flush=True)";
	g_autofree char *proxy = g_strdup_printf("127.0.0.1:%u", lab_port());
	const char *lowered[] = { "setpriv",
				  "--reuid=65534",
				  "--regid=65534",
				  "--clear-groups",
				  here.isosocks,
				  "-x",
				  proxy,
				  "-c",
				  "settings.conf",
				  "python3",
				  "-c",
				  server,
				  NULL };

	write_settings(settings);
	g_autofree char *port = lab_start(user == LAB_NOBODY ? lowered : lowered + 4);
	const char *calling[] = { "python3", "-c", client, port, NULL };
	return far_start(calling);
}

Test(direct, listeners_for_others)
{
	lab_need("python3");
	open_world();
	cr_assert_eq(chdir(lab_folder()), 0);
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		g_autofree char *nobody = call_from_far(user, "");
		g_autofree char *any = call_from_far(user, "[network]\nlisten=any\n");
		cr_assert_str_eq(nobody, "Connection refused");
		cr_assert_str_eq(any, "inside");
	}
}
