/*
 * A non-blocking connect through the proxy: it returns at once, nothing shows before the end, and
 * the end shows as the kernel's own would; in every readiness call, with many threads, and in real
 * event loops.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which stops, by SIGSTOP, when so many have greeted it; 0: it never does. */
static unsigned start_namer(unsigned stops)
{
	char *program = lab_program("namer"), *count = g_strdup_printf("%u", stops);
	const char *argv[] = { program, stops ? "-h" : NULL, "greeted", count, "stop", NULL };
	char *line = lab_start(argv);
	const unsigned port = (unsigned)atoi(line);

	g_free(line);
	g_free(count);
	g_free(program);
	return port;
}

static void stress(unsigned threads, unsigned connects, unsigned seed)
{
	char *program = lab_program("stress");
	char *options = g_strdup_printf("-x 127.0.0.1:%u", start_namer(0));
	const struct lab_result result =
		lab_run(seed % LAB_USERS, options, "%s %u %u %u", program, threads, connects, seed);

	lab_assert_status(&result, 0);
	lab_assert_out(&result, " bad=0\n");
	cr_assert(!strstr(result.out, "good=0 ") && !strstr(result.out, "refused=0 "), "%s",
		  result.out);
	g_free(options);
	g_free(program);
}

Test(nonblocking, survives_threads_duplicates_and_early_closes)
{
	lab_open();
	for (unsigned seed = 0; seed < 4; seed++)
		stress(16, 8000, seed);
	stress(1, 3000, 3);
	stress(7, 7000, 0);
}

Test(heavy_nonblocking, survives_a_hundred_thousand_connects)
{
	lab_open();
	for (unsigned seed = 10; seed < 17; seed++)
		stress(16, 100000, seed);
}

/* Their deadlines come one after the other, and some are told while others are still looked for. */
Test(nonblocking, ends_all_in_time_when_the_proxy_says_no_more)
{
	lab_open();
	char *program = lab_program("faults"), *file = lab_path("timeout.conf");
	char *options = g_strdup_printf("-x 127.0.0.1:%u -c %s", start_namer(1000), file);

	g_file_set_contents(file, "[proxy]\ntimeout=2\n", -1, NULL);
	const struct lab_result result = lab_run(LAB_NOBODY, options, "%s 1000 1000", program);
	lab_assert_status(&result, 0);
	lab_assert_out(&result, "good=0 lost=0 bad=0 ETIMEDOUT=1000\n");
	g_free(options);
	g_free(file);
	g_free(program);
}

/* A proxy that takes its time, and a target behind it. */
static void start_slow_proxy(unsigned milliseconds)
{
	const unsigned port = lab_serve("the target");
	const unsigned other = lab_serve("the other one");
	char *options =
		g_strdup_printf("--map slow.test=127.0.0.1:%u --fault slow.test=delay:%u "
				"--map slower.test=127.0.0.1:%u --fault slower.test=delay:1000 "
				"--map other.test=127.0.0.1:%u "
				"--fault refused.test=reply:05 --fault gone.test=reply:e0",
				port, milliseconds, port, other);
	lab_proxy(options);
	g_free(options);
}

/* With loopback=proxy and a proxy that says one byte after the other. */
static void go_through_slow_proxy(const char *program, const char *output)
{
	lab_need("python3");
	lab_open();
	lab_proxy("--fault bytes");
	char *file = lab_path("loopback.conf"), *options = g_strdup_printf("-c %s", file);

	g_file_set_contents(file, "[network]\nloopback=proxy\n", -1, NULL);
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result result =
			lab_run(user, options, "timeout 60 python3 -c \"%s\"", program);
		lab_assert_status(&result, 0);
		cr_expect_str_eq(result.out, output);
	}
	g_free(options);
	g_free(file);
}

#define BEGIN_THREE                                                                                \
	"    family = socket.AF_INET6 if ':' in host else socket.AF_INET\n"                        \
	"    listener = socket.create_server((host, 0), family=family)\n"                          \
	"    clients = [socket.socket(family) for i in range(3)]\n"                                \
	"    for client in clients:\n"                                                             \
	"        client.setblocking(False)\n"                                                      \
	"        client.connect_ex(listener.getsockname())\n"
#define END_THREE                                                                                  \
	"    for client in clients:\n"                                                             \
	"        client.setblocking(True)\n"                                                       \
	"        print(client.recv(7).decode())\n"

/* The kernel's connects go on while nobody looks at them. */
Test(nonblocking, goes_on_while_its_own_program_accepts_it)
{
	go_through_slow_proxy(
		"\n"
		"import socket\n"
		"for host in '127.0.0.1', '::1':\n" BEGIN_THREE
		"    for client in clients: listener.accept()[0].send(b'welcome')\n" END_THREE,
		"welcome\nwelcome\nwelcome\n"
		"welcome\nwelcome\nwelcome\n");
}

/* Also where it waits for its listener alone, or has taken its connection out of what it waits for.
 */
Test(nonblocking, goes_on_while_its_own_program_waits_for_others)
{
	go_through_slow_proxy("\n"
			      "import select, selectors, socket\n"
			      "for kind in selectors.SelectSelector, selectors.PollSelector, "
			      "selectors.EpollSelector:\n"
			      "    host = '127.0.0.1'\n" BEGIN_THREE
			      "    removed = select.epoll(); removed.register(clients[0])\n"
			      "    removed.unregister(clients[0])\n"
			      "    wait = kind(); wait.register(listener, selectors.EVENT_READ)\n"
			      "    for client in clients:\n"
			      "        assert len(wait.select(None)) == 1\n"
			      "        listener.accept()[0].send(b'welcome')\n" END_THREE,
			      "welcome\nwelcome\nwelcome\n"
			      "welcome\nwelcome\nwelcome\n"
			      "welcome\nwelcome\nwelcome\n");
}

static const struct {
	const char *command;
	const char *output;
} programs[] = {
	{ "python3 -c \"\n"
	  "import asyncio\n"
	  "async def one():\n"
	  "    r, w = await asyncio.open_connection('slow.test', 80)\n"
	  "    line = await r.readline(); w.close(); return line\n"
	  "async def main():\n"
	  "    lines = await asyncio.gather(*(one() for i in range(100)))\n"
	  "    print(len(lines), set(lines))\n"
	  "asyncio.run(main())\n\"",
	  "100 {b'this is the target\\n'}" },
	{ "python3 -c \"\n"
	  "import asyncio, errno\n"
	  "async def main():\n"
	  "    for name in 'refused.test', 'gone.test':\n"
	  "        try: await asyncio.open_connection(name, 80)\n"
	  "        except OSError as e: print(name, errno.errorcode[e.errno])\n"
	  "asyncio.run(main())\n\"",
	  "refused.test ECONNREFUSED\ngone.test ENXIO\n" },
	{ "python3 -c \"\n"
	  "import selectors, socket, errno\n"
	  "for kind in selectors.SelectSelector, selectors.PollSelector, selectors.EpollSelector:\n"
	  "    s = socket.socket(); s.setblocking(False)\n"
	  "    address = socket.getaddrinfo('slow.test', 80)[0][4]\n"
	  "    assert s.connect_ex(address) == errno.EINPROGRESS\n"
	  "    assert s.connect_ex(address) == errno.EALREADY\n"
	  "    try: s.shutdown(3); print('no such thing')\n"
	  "    except OSError as e: assert e.errno == errno.EINVAL\n"
	  "    sel = kind(); sel.register(s, selectors.EVENT_READ | selectors.EVENT_WRITE)\n"
	  "    assert sel.select(0) == []\n"
	  "    try: s.getpeername(); print('too early')\n"
	  "    except OSError as e: assert e.errno == errno.ENOTCONN\n"
	  "    try: s.recv(1); print('too early')\n"
	  "    except BlockingIOError: pass\n"
	  "    try: s.send(b'x'); print('too early')\n"
	  "    except BlockingIOError: pass\n"
	  "    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0\n"
	  "    sel.select()\n"
	  "    assert s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0\n"
	  "    assert s.connect_ex(address) == 0 and s.connect_ex(address) == errno.EISCONN\n"
	  "    assert s.getpeername() == address\n"
	  "    s.setblocking(True); print(kind.__name__, s.recv(19))\n\"",
	  "EpollSelector b'this is the target\\n'\n" },
	{ "python3 -c \"\n"
	  "import select, socket, errno\n"
	  "def events(name):\n"
	  "    s = socket.socket(); s.setblocking(False)\n"
	  "    assert s.connect_ex(socket.getaddrinfo(name, 80)[0][4]) in (errno.EINPROGRESS, "
	  "errno.ECONNREFUSED)\n"
	  "    p = select.poll(); p.register(s, select.POLLIN | select.POLLOUT | "
	  "select.POLLRDHUP)\n"
	  "    seen = p.poll()[0][1]\n"
	  "    error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)\n"
	  "    return seen, errno.errorcode[error], s.getsockopt(socket.SOL_SOCKET, "
	  "socket.SO_ERROR), "
	  "s.recv(1), s.connect_ex(('203.0.113.9', 9)) == errno.ECONNABORTED\n"
	  "print(events('refused.test'))\n\"",
	  "(8221, 'ECONNREFUSED', 0, b'', True)" },
	/* What is dissolved by a duplicate is dissolved. */
	{ "python3 -c \"\n"
	  "import ctypes, socket\n"
	  "for family in socket.AF_INET, socket.AF_INET6:\n"
	  "    s = socket.socket(family); address = socket.getaddrinfo('slow.test', 80, "
	  "family, flags=socket.AI_V4MAPPED)[0][4]\n"
	  "    s.connect(address); d = s.dup()\n"
	  "    assert ctypes.CDLL(None).connect(d.fileno(), bytes(16), 16) == 0\n"
	  "    d.close(); s.connect(address); print(s.recv(19))\n\"",
	  "b'this is the target\\n'\nb'this is the target\\n'\n" },
	/* The kernel says ENOTCONN, and still this socket will send nothing, not even a greeting.
	 */
	{ "python3 -c \"\n"
	  "import errno, socket\n"
	  "s = socket.socket(); s.setblocking(False)\n"
	  "try: s.shutdown(socket.SHUT_WR)\n"
	  "except OSError: pass\n"
	  "address = socket.getaddrinfo('slow.test', 80)[0][4]\n"
	  "print(errno.errorcode[s.connect_ex(address)])\n\"",
	  "ECONNRESET" },
	{ "python3 -c \"\n"
	  "import os, select, socket\n"
	  "s = socket.socket(); s.setblocking(False); s.connect_ex(socket.getaddrinfo('slow.test', "
	  "80)[0][4])\n"
	  "if os.fork() == 0:\n"
	  "    e = select.epoll(); e.register(s, select.EPOLLIN | select.EPOLLET); e.poll()\n"
	  "    os._exit(0 if s.recv(19, socket.MSG_PEEK).startswith(b'this is') else 1)\n"
	  "select.select([s], [], [])\n"
	  "print(os.waitstatus_to_exitcode(os.wait()[1]), s.recv(19))\n\"",
	  "0 b'this is the target\\n'" },
};

static void run_both(const char *command, const char *output)
{
	char *quoted = g_shell_quote(command);

	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result result = lab_run(user, NULL, "sh -c %s", quoted);
		cr_assert(strstr(result.out, output), "%s\nstdout: %s\nstderr: %s", command,
			  result.out, result.err);
	}
	g_free(quoted);
}

Test(nonblocking, is_what_event_loops_expect)
{
	lab_need("python3");
	lab_open();
	start_slow_proxy(200);
	for (size_t i = 0; i < G_N_ELEMENTS(programs); i++)
		run_both(programs[i].command, programs[i].output);
}

/* tests/clients/async.c says what each is. */
static const struct {
	const char *name;
	const char *host;
	unsigned lines; /* read from the target */
} cases[] = {
	{ "after", "slow.test", 6 },
	{ "before", "slow.test", 6 },
	{ "two-sets", "slow.test", 1 },
	{ "threads", "slow.test", 1 },
	{ "pollers", "slow.test", 1 },
	{ "nested", "slow.test", 1 },
	{ "set-in-poll", "slow.test", 1 },
	{ "many-sets", "slow.test", 1 },
	{ "closing-child", "slow.test", 1 },
	{ "changed-set", "slow.test", 1 },
	{ "timeouts", "slower.test", 1 },
	{ "reuse", "slow.test", 0 },
	{ "duplicate", "slow.test", 1 },
	{ "older-duplicates", "slow.test", 4 },
	{ "former-duplicate", "slow.test", 1 },
	{ "closed-copy", "slow.test", 1 },
	{ "vfork", "slow.test", 1 },
	{ "fork", "slow.test", 1 },
	{ "signal", "slower.test", 1 },
	{ "jump", "slower.test", 1 },
	{ "cancel", "slower.test", 1 },
	{ "made-blocking", "slow.test", 1 },
	{ "calls", "slow.test", 1 },
	{ "shutdown", "slow.test", 0 },
	{ "bound", "slow.test", 1 },
	{ "many", "slow.test", 2 },
	{ "v6only", "refused.test", 0 },
	{ "low-mark", "slow.test", 3 },
	{ "low-mark-meanwhile", "slow.test", 1 },
	{ "low-mark-blocking", "slow.test", 1 },
	{ "low-mark-refused", "refused.test", 0 },
	{ "executed", "slow.test", 1 },
	{ "not-handed-down", "slow.test", 1 },
	{ "endless", "slow.test", 4 },
	{ "wide-select", "slow.test", 1 },
	{ "impatient", "slower.test", 1 },
	{ "accept", "slower.test", 1 },
	{ "spawned", "slow.test", 3 },
	{ "passed", "slow.test", 1 },
	{ "passed-at-once", "slow.test", 1 },
};

static unsigned count_of(const char *text, const char *part)
{
	unsigned count = 0;

	for (const char *at = text; (at = strstr(at, part)); at++)
		count++;
	return count;
}

/* A cancelled thread leaves what AddressSanitizer has noted of its frames behind; the thread's end
 * then trips over it. */
static bool is_beyond_sanitizer(const char *name)
{
	return g_getenv("SANITIZER") && strcmp(name, "cancel") == 0;
}

Test(nonblocking, is_as_the_kernel_has_it)
{
	lab_open();
	start_slow_proxy(300);
	char *program = lab_program("async");
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		if (is_beyond_sanitizer(cases[i].name))
			continue;
		const struct lab_result result =
			lab_run((enum lab_user)(i % LAB_USERS), NULL, "%s %s %s 80 other.test",
				program, cases[i].name, cases[i].host);
		cr_expect(result.status == 0 && strstr(result.out, "ok\n"),
			  "%s: status %d\nstdout: %s\nstderr: %s", cases[i].name, result.status,
			  result.out, result.err);
		cr_expect_eq(count_of(result.out, "this is the target"), cases[i].lines, "%s: %s",
			     cases[i].name, result.out);
	}
	g_free(program);
}

/* With the guard and without: it refuses one way to wait, to which every program has another. */
Test(nonblocking, shows_nothing_to_whoever_waits_whenever_it_began)
{
	static const char *const options[LAB_USERS] = { "-x 127.0.0.1:9073",
							"--no-guard -x 127.0.0.1:9073" };

	lab_open();
	if (g_getenv("SANITIZER"))
		cr_skip_test("two thousand processes take a sanitizer too long");
	char *program = lab_program("interleave");
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result result =
			lab_run(user, options[user], "timeout 200 %s slow.test 80 9073", program);
		lab_assert_status(&result, 0);
		lab_assert_has(result.out, "rows=");
		cr_expect_not(strstr(result.out, "rows=0"));
	}
	g_free(program);
}

/* What follows the first line: it says whether there is io_uring. */
static const char *after_first_line(const char *text)
{
	const char *end = strchr(text, '\n');
	return end ? end + 1 : "";
}

/* The guard would say so too: it is left out. */
Test(nonblocking, goes_by_syscall_and_without_io_uring)
{
	lab_open();
	start_slow_proxy(100);
	char *program = lab_program("fallback");
	const struct lab_result bare = lab_shell(LAB_NOBODY, "%s", program);

	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result ok =
			lab_run(user, "--no-guard", "%s slow.test 80", program);
		lab_assert_status(&ok, 0);
		cr_expect(g_str_has_prefix(ok.out, "io_uring_setup: ENOSYS\n"), "%s", ok.out);
		char *expected = g_strconcat(after_first_line(bare.out),
					     "slow.test: this is the target\n", NULL);
		cr_expect_str_eq(after_first_line(ok.out), expected);
		char *line = lab_only_request();
		lab_assert_has(line, "\"host\":\"slow.test\"");
		const struct lab_result refused =
			lab_run(user, "--no-guard", "%s refused.test 80", program);
		lab_assert_out(&refused, "refused.test: ECONNREFUSED\n");
		lab_forget();
		g_free(expected);
	}
	g_free(program);
}

Test(nonblocking, takes_no_memory)
{
	lab_open();
	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer has its own malloc");
	start_slow_proxy(100);
	char *program = lab_program("frugal");
	const struct lab_result result = lab_run(LAB_NOBODY, NULL, "%s slow.test 80", program);

	lab_assert_out(&result, "early=0 error=0 allocations=0\n");
	g_free(program);
}

/*
 * Calls of the kernel's own waiting function: the one that shows the end, and no more than three
 * for the handshake. The second connect of a session knows what the proxy takes.
 */
static void count_waits(const char *program, const char *name, const char *call)
{
	char *trace = lab_path("trace"), *text = NULL;
	char *open = g_strdup_printf("%s(", call);

	for (unsigned i = 0; i < 2; i++) {
		const struct lab_result result =
			lab_run(LAB_ROOT, NULL, "strace -f -e trace=%s -o %s %s %s slow.test 80",
				call, trace, program, name);
		lab_assert_status(&result, 0);
		lab_assert_out(&result, "ok\n");
		g_file_get_contents(trace, &text, NULL, NULL);
		cr_expect(count_of(text, open) >= 2 && count_of(text, open) <= 4, "%s:\n%s", name,
			  text);
		g_free(text);
	}
	g_free(open);
	g_free(trace);
}

Test(nonblocking, wakes_up_three_times_at_most)
{
	lab_need("strace");
	lab_open();
	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer makes calls of its own");
	start_slow_proxy(300);
	char *program = lab_program("async");
	count_waits(program, "epoll", "epoll_wait");
	count_waits(program, "poll", "ppoll");
	count_waits(program, "select", "pselect6");
	g_free(program);
}

Test(heavy_nonblocking, is_what_node_expects)
{
	lab_need("node");
	lab_open();
	start_slow_proxy(200);
	run_both("node -e \"\n"
		 "const net = require('net'); let ok = 0;\n"
		 "for (let i = 0; i < 50; i++) { const s = net.connect(80, 'slow.test'); "
		 "s.on('data', d => {\n"
		 "  if (String(d) === 'this is the target\\\\n') ok++; s.destroy(); }); }\n"
		 "net.connect(80, 'refused.test').on('error', e => console.log(e.code));\n"
		 "process.on('exit', () => console.log('ok', ok));\n\"",
		 "ECONNREFUSED\nok 50");
}
