/*
 * The guard: what a program cannot do whatever way it asks, what the library still can, and how one
 * guard lives inside another.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct lab_result run(enum lab_user user, const char *options, const char *arguments)
{
	g_autofree char *program = lab_program("sockets");
	return lab_run(user, options, "%s %s", program, arguments);
}

static void assert_prints(enum lab_user user, const char *options, const char *arguments,
			  const char *expected)
{
	const struct lab_result result = run(user, options, arguments);

	lab_assert_status(&result, 0);
	cr_assert_str_eq(result.out, expected, "%s sockets %s: wanted\n%sgot\n%s%s",
			 options ? options : "", arguments, expected, result.out, result.err);
}

static void open_lab(void)
{
	lab_open();
	lab_proxy(NULL);
}

/* A sanitizer has to come first in every program, and its command is not static: another library
 * is in it. */
static void skip_under_sanitizer(void)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("not as it is built for a sanitizer");
}

/* ---- what is refused ---- */

Test(guard, a_call_past_the_library_gets_no_socket)
{
	open_lab();
	for (int user = 0; user < LAB_USERS; user++) {
		const enum lab_user who = (enum lab_user)user;
		assert_prints(who, NULL, "asm 2 1 0", "asm=EACCES\n");
		assert_prints(who, NULL, "asm 10 2 0", "asm=EACCES\n");
		assert_prints(who, NULL, "asm 17 3 0", "asm=EACCES\n");
		assert_prints(who, NULL, "asm 1 1 0", "asm=0\n");
		assert_prints(who, NULL, "asm 16 3 0", "asm=0\n");
		assert_prints(who, "--no-guard", "asm 2 1 0", "asm=0\n");
	}
}

Test(guard, a_32_bit_call_gets_no_socket)
{
	open_lab();
	const struct lab_result bare = run(LAB_ROOT, "--no-guard", "int80");
	if (!strstr(bare.out, "int80=0"))
		cr_skip_test("this kernel runs no 32-bit programs");
	assert_prints(LAB_NOBODY, NULL, "int80", "int80=EACCES\n");
	assert_prints(LAB_ROOT, NULL, "int80", "int80=EACCES\n");
}

Test(guard, there_is_no_io_uring)
{
	open_lab();
	for (int user = 0; user < LAB_USERS; user++)
		assert_prints((enum lab_user)user, NULL, "uring", "uring=ENOSYS\n");
}

Test(guard, a_child_that_the_library_does_not_reach_gets_no_socket)
{
	open_lab();
	g_autofree char *program = lab_program("sockets");
	g_autofree char *execute = lab_program("execute");
	for (int user = 0; user < LAB_USERS; user++) {
		const struct lab_result result = lab_run(
			(enum lab_user)user, NULL, "%s -c raw %s socket 2 1 0", execute, program);
		lab_assert_status(&result, 0);
		lab_assert_out(&result, "socket=EACCES\n");
	}
}

/* The policy without the cookie is of no use to the library. */
Test(guard, another_policy_gets_no_socket)
{
	skip_under_sanitizer();
	open_lab();
	g_autofree char *library = lab_program("libisosocks.so");
	g_autofree char *program = lab_program("sockets");
	g_autofree char *execute = lab_program("execute");
	const struct lab_result result =
		lab_run(LAB_NOBODY, NULL, "%s -c raw /usr/bin/env LD_PRELOAD=%s %s socket 2 1 0",
			execute, library, program);
	lab_assert_status(&result, 0);
	lab_assert_out(&result, "socket=EACCES\n");
}

Test(guard, root_does_not_undo_the_leash_past_the_library)
{
	open_lab();
	assert_prints(LAB_ROOT, NULL, "unleash", "setsockopt=EPERM\ndevice=1\n");
	assert_prints(LAB_ROOT, "--no-guard", "unleash", "setsockopt=0\ndevice=0\n");
}

/* ---- what goes on ---- */

static void assert_connects(enum lab_user user, const char *options)
{
	g_autofree char *program = lab_program("connect");
	const struct lab_result result = lab_run(user, options, "%s example.test 80", program);

	lab_assert_status(&result, 0);
	lab_assert_out(&result, "connect=0\n");
	lab_assert_out(&result, "line=this is the target\n");
}

Test(guard, the_library_connects)
{
	lab_open();
	g_autofree char *map =
		g_strdup_printf("--map example.test=127.0.0.1:%u", lab_serve("the target"));
	lab_proxy(map);
	for (int user = 0; user < LAB_USERS; user++) {
		assert_connects((enum lab_user)user, NULL);
		assert_connects((enum lab_user)user, "--no-guard");
		lab_forget();
	}
}

Test(guard, is_as_open_as_the_kernel_says)
{
	open_lab();
	const struct lab_result guarded =
		lab_run(LAB_NOBODY, NULL, "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status");
	cr_assert_str_eq(guarded.out, "NoNewPrivs:\t1\nSeccomp:\t2\n");
	const struct lab_result bare =
		lab_run(LAB_NOBODY, "--no-guard", "grep -E '^NoNewPrivs:' /proc/self/status");
	lab_assert_out(&bare, "NoNewPrivs:\t");
	const struct lab_result filters =
		lab_run(LAB_NOBODY, NULL, "grep -E '^Seccomp_filters:' /proc/self/status");
	lab_assert_out(&filters, "Seccomp_filters:\t1\n");
}

/* A shell, what it starts, files, pipes, local sockets. */
Test(guard, ordinary_work_goes_on)
{
	open_lab();
	for (int user = 0; user < LAB_USERS; user++) {
		const struct lab_result result = lab_run(
			(enum lab_user)user, NULL,
			"sh -c 'd=$(mktemp -d) && cd $d && printf \"all:\\n\\tcp in out\\n\" "
			">Makefile && "
			"echo x >in && make -s && cmp in out && tar cf - in | tar tf - && "
			"python3 -c \"import socket; a, b = socket.socketpair(); a.send(bytes(1)); "
			"print(len(b.recv(9)))\" && ls -l /proc/self/fd >/dev/null && rm -r $d'");
		lab_assert_status(&result, 0);
		cr_assert_str_eq(result.out, "in\n1\n");
	}
}

/* A server's answer names the device that the question came by. */
Test(guard, a_datagram_by_the_loopback_device_goes_on)
{
	lab_need("python3");
	open_lab();
	for (int user = 0; user < LAB_USERS; user++) {
		const struct lab_result result = lab_run(
			(enum lab_user)user, NULL,
			"python3 -c \"\n"
			"import socket, struct\n"
			"a, b = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for i in 'ab']\n"
			"b.bind(('127.0.0.1', 0))\n"
			"def send(index, to):\n"
			"    info = struct.pack('=I4s4s', index, bytes(4), bytes(4))\n"
			"    try: print(a.sendmsg([b'x'], [(0, 8, info)], 0, *to))\n"
			"    except OSError as e: print(e.errno)\n"
			"for i in 0, 1, 2: send(i, [b.getsockname()])\n"
			"a.connect(b.getsockname())\n"
			"for i in 0, 1, 2: send(i, [])\"");
		lab_assert_status(&result, 0);
		cr_assert_str_eq(result.out, "1\n1\n13\n1\n1\n13\n", "%s%s", result.out,
				 result.err);
	}
}

/* ---- one inside another ---- */

Test(guard, an_inner_isosocks_has_the_outer_ones_guard)
{
	skip_under_sanitizer();
	lab_open();
	g_autofree char *map =
		g_strdup_printf("--map example.test=127.0.0.1:%u", lab_serve("the target"));
	lab_proxy(map);
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *program = lab_program("connect");
	static const char *const inner[] = { "", "--no-guard" };

	for (size_t i = 0; i < G_N_ELEMENTS(inner); i++) {
		const struct lab_result result =
			lab_run(LAB_NOBODY, NULL,
				"%s %s sh -c 'grep Seccomp_filters: /proc/self/status; %s "
				"example.test 80'",
				isosocks, inner[i], program);
		lab_assert_status(&result, 0);
		lab_assert_out(&result, "Seccomp_filters:\t1\n");
		lab_assert_out(&result, "line=this is the target\n");
	}
}

Test(guard, an_inner_isosocks_that_lost_the_policy_says_so)
{
	skip_under_sanitizer();
	open_lab();
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *execute = lab_program("execute");
	const struct lab_result result =
		lab_run(LAB_NOBODY, NULL, "%s -c raw %s /bin/true", execute, isosocks);

	lab_assert_status(&result, 125);
	cr_assert(strstr(result.err, "guard of another isosocks"), "%s", result.err);
}

Test(guard, an_inner_guard_in_an_unguarded_one_is_its_own)
{
	skip_under_sanitizer();
	open_lab();
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *program = lab_program("sockets");
	const struct lab_result result =
		lab_run(LAB_NOBODY, "--no-guard", "%s %s asm 2 1 0", isosocks, program);
	lab_assert_status(&result, 0);
	/* What was taken off outside stays off, as every other setting. */
	lab_assert_out(&result, "asm=0\n");
}

/* ---- where the kernel lacks something ---- */

static struct lab_result run_deprived(const char *of, const char *options)
{
	g_autofree char *deprived = lab_program("deprived");
	g_autofree char *isosocks = lab_program("isosocks");

	return lab_shell(LAB_NOBODY, "%s %s %s -x 127.0.0.1:%u %s true", deprived, of, isosocks,
			 lab_port(), options);
}

static void assert_says(const char *of, const char *options, int status, const char *said,
			const char *also)
{
	const struct lab_result result = run_deprived(of, options);

	cr_assert_eq(result.status, status, "%s %s: %d, %s", of, options, result.status,
		     result.err);
	if (!said) {
		cr_assert_str_empty(result.err, "%s %s: %s", of, options, result.err);
		return;
	}
	cr_assert(strstr(result.err, said) == result.err, "%s %s: %s", of, options, result.err);
	cr_assert(strstr(result.err, also), "%s %s: %s", of, options, result.err);
	cr_assert_eq(strchr(result.err, '\n')[1] == '\0', strcmp(of, "both") != 0 || status != 0,
		     "%s %s: %s", of, options, result.err);
}

Test(guard, what_the_kernel_lacks_is_said_in_a_line)
{
	static const char no_guard[] = "isosocks: there is no guard, ";
	static const char no_leash[] = "isosocks: there is no leash, ";

	skip_under_sanitizer();
	open_lab();
	g_autofree char *none = lab_config("[log]\nlevel=none\n");
	g_autofree char *error = lab_config("[log]\nlevel=error\n");
	const char *speaking[] = { "", "-d", error, "--log log" };
	for (size_t i = 0; i < G_N_ELEMENTS(speaking); i++) {
		assert_says("nothing", speaking[i], 0, NULL, NULL);
		assert_says("seccomp", speaking[i], 0, no_guard, "Function not implemented");
		assert_says("leash", speaking[i], 0, no_leash, "Operation not permitted");
		assert_says("both", speaking[i], 0, no_guard, no_leash);
	}
	assert_says("leash", "--no-guard", 0, no_leash, "go anywhere");
	assert_says("seccomp", "--no-guard", 0, NULL, NULL);
	assert_says("both", "-q", 0, NULL, NULL);
}

Test(guard, one_that_is_required_is_there_or_nothing_runs)
{
	static const char no_guard[] = "isosocks: there is no guard, ";
	static const char no_leash[] = "isosocks: there is no leash, ";

	skip_under_sanitizer();
	open_lab();
	g_autofree char *require = lab_config("[guard]\nenabled=require\n");
	g_autofree char *quiet = g_strconcat("-q ", require, NULL);
	const char *requiring[] = { "--require-guard", require, quiet };
	for (size_t i = 0; i < G_N_ELEMENTS(requiring); i++) {
		assert_says("nothing", requiring[i], 0, NULL, NULL);
		assert_says("seccomp", requiring[i], 125, no_guard, "nothing is run");
		assert_says("leash", requiring[i], 125, no_leash, "nothing is run");
		assert_says("both", requiring[i], 125, no_guard, "nothing is run");
	}
	assert_says("nothing", "--no-guard --require-guard", 125, "isosocks: --no-guard, ",
		    "one of");
}

Test(guard, one_that_the_administrator_requires_stays)
{
	skip_under_sanitizer();
	open_lab();
	lab_cover_etc();
	cr_assert(
		g_file_set_contents("/etc/isosocks.conf", "[guard]\nenabled=require\n", -1, NULL));
	g_autofree char *off = lab_config("[guard]\nenabled=false\n");
	assert_says("seccomp", off, 125, "isosocks: there is no guard, ", "nothing is run");
	assert_says("nothing", "--no-guard", 125, "isosocks: --no-guard: /etc/isosocks.conf",
		    "require");
	assert_says("nothing", off, 0, NULL, NULL);
}

/* The command is static, and has to bring the functions along that it writes the log with. */
Test(guard, an_inner_isosocks_logs)
{
	skip_under_sanitizer();
	open_lab();
	g_autofree char *isosocks = lab_program("isosocks");
	const struct lab_result result =
		lab_run(LAB_NOBODY, NULL, "%s -d --no-guard true", isosocks);

	lab_assert_status(&result, 0);
	cr_assert(strstr(result.err, "the guard of the outer isosocks stays"), "%s", result.err);
}

/* ---- programs that gain privileges ---- */

/* A copy of the client that belongs to root and is setuid. */
static char *make_setuid(void)
{
	g_autofree char *program = lab_program("sockets");
	char *copy = lab_path("setuid");
	const struct lab_result result = lab_shell(
		LAB_ROOT, "cp %s %s && chown 0:0 %s && chmod 4755 %s", program, copy, copy, copy);

	lab_assert_status(&result, 0);
	return copy;
}

Test(guard, a_setuid_program_runs_without_its_privileges)
{
	open_lab();
	lab_need_root();
	g_autofree char *copy = make_setuid();
	const struct lab_result guarded = lab_run(LAB_NOBODY, NULL, "%s leash", copy);
	lab_assert_status(&guarded, 0);
	lab_assert_out(&guarded, "tcp4=1\n");
	const struct lab_result child = lab_run(LAB_NOBODY, NULL, "sh -c '%s leash'", copy);
	lab_assert_out(&child, "tcp4=1\n");
	const struct lab_result bare = lab_run(LAB_NOBODY, "--no-guard", "%s leash", copy);
	lab_assert_status(&bare, 126);
	cr_assert(strstr(bare.err, "setuid"), "%s", bare.err);
}

/* ---- descriptors from others ---- */

Test(guard, a_socket_from_elsewhere_is_not_taken)
{
	static const char *const kinds[] = { "tcp", "udp" };
	static const char *const ours[] = { "unix", "own" };

	open_lab();
	for (int user = 0; user < LAB_USERS; user++) {
		for (size_t i = 0; i < 2; i++) {
			g_autofree char *foreign = g_strconcat("pass ", kinds[i], NULL);
			g_autofree char *own = g_strconcat("pass ", ours[i], NULL);
			assert_prints((enum lab_user)user, "--no-guard", foreign,
				      "recvmsg=EACCES\ndescriptors=0\n"
				      "recvmmsg=0\ndescriptors=0 truncated=1\n");
			assert_prints((enum lab_user)user, NULL, own,
				      "recvmsg=0\ndescriptors=2\n"
				      "recvmmsg=0\ndescriptors=2 truncated=0\n");
		}
	}
}

Test(guard, a_socket_of_another_process_is_not_taken)
{
	open_lab();
	for (int user = 0; user < LAB_USERS; user++) {
		assert_prints((enum lab_user)user, "--no-guard", "take tcp",
			      "syscall=EACCES\npidfd_getfd=EACCES\n");
		assert_prints((enum lab_user)user, "--no-guard", "take udp",
			      "syscall=EACCES\npidfd_getfd=EACCES\n");
		assert_prints((enum lab_user)user, NULL, "take unix", "syscall=0\npidfd_getfd=0\n");
		assert_prints((enum lab_user)user, NULL, "take own", "syscall=0\npidfd_getfd=0\n");
	}
}

/* Chromium's renderers die of the question what a socket is. */
Test(guard, a_program_that_may_not_ask_takes_a_socket)
{
	static const char *const ways[] = { "prctl", "syscall" };

	open_lab();
	g_autofree char *program = lab_program("confined");
	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
		static const struct {
			const char *call, *kind, *result;
		} rows[] = {
			{ "getsockopt", "unix", "recvmsg=0\n" },
			{ "getpeername", "unix", "recvmsg=0\n" },
			{ "getpeername", "tcp", "recvmsg=EACCES\n" },
			{ "reboot", "tcp", "recvmsg=EACCES\n" },
		};
		for (size_t j = 0; j < G_N_ELEMENTS(rows); j++) {
			const struct lab_result result =
				lab_run(LAB_NOBODY, "--no-guard", "%s %s %s %s", program, ways[i],
					rows[j].call, rows[j].kind);
			lab_assert_status(&result, 0);
			cr_assert_str_eq(result.out, rows[j].result, "%s %s %s: %s", ways[i],
					 rows[j].call, rows[j].kind, result.out);
		}
	}
}

Test(guard, a_socket_connected_to_this_machine_is_taken)
{
	lab_open();
	lab_proxy(NULL);
	g_autofree char *arguments =
		g_strdup_printf("pass tcp 127.0.0.1 %u", lab_serve("a local service"));
	assert_prints(LAB_NOBODY, "--no-guard", arguments,
		      "recvmsg=0\ndescriptors=2\nrecvmmsg=0\ndescriptors=2 truncated=0\n");
}
