/*
 * Programs that a program under isosocks executes: by every call that executes, whatever became of
 * the environment and of the descriptors. What each must be: under the session, with the names that
 * its parent knew, or not executed.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static const char *const calls[] = {
	"execve",   "execv",   "execvp",  "execvpe",	 "execl",	 "execlp", "execle",
	"execveat", "fexecve", "syscall", "posix_spawn", "posix_spawnp", "system", "popen",
};

static struct {
	char *execute;
	char *connect;
	unsigned port;
} here;

static void open_world(void)
{
	lab_open();
	here.port = lab_serve("the target");
	char *options = g_strdup_printf("--map www.test=127.0.0.1:%u", here.port);
	lab_proxy(options);
	g_free(options);
	here.execute = lab_program("execute");
	here.connect = lab_program("connect");
}

/* The proxy was asked for www.test, under the keys of the session. */
static void assert_asked_times(const char *what, unsigned times)
{
	char **requests = lab_requests();

	cr_assert_eq(g_strv_length(requests), times, "%s: %u requests", what,
		     g_strv_length(requests));
	for (char **line = requests; *line; line++) {
		lab_assert_has(*line, "\"host\":\"www.test\"");
		lab_assert_has(*line, "\"ISOLATION\":\"alice\"");
	}
	g_strfreev(requests);
	lab_forget();
}

static void assert_asked(const char *what)
{
	assert_asked_times(what, 1);
}

static void run_calls(const char *options, const char *host)
{
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
			const struct lab_result result =
				lab_run(user, "-k ISOLATION=alice", "%s %s %s %s %s 80",
					here.execute, options, calls[i], here.connect, host);
			lab_assert_status(&result, 0);
			lab_assert_out(&result, "line=this is the target");
			assert_asked(calls[i]);
		}
	}
}

Test(exec, hands_on_the_session)
{
	open_world();
	run_calls("", "www.test");
}

Test(exec, hands_it_on_where_the_environment_is_cleared)
{
	open_world();
	run_calls("-c", "www.test");
	run_calls("-c -0", "www.test");
	run_calls("-c -v", "www.test");
}

Test(exec, hands_on_the_names_where_the_descriptors_are_closed)
{
	open_world();
	run_calls("-n www.test", "%a");
	run_calls("-n www.test -d", "%a");
	run_calls("-n www.test -x", "%a");
	run_calls("-n www.test -v -d", "%a");
	run_calls("-c -n www.test -d -l 16", "%a");
}

/* ---- what is added, and what is left alone ---- */

static struct lab_result show(const char *options, const char *command)
{
	const struct lab_result result = lab_run(LAB_NOBODY, options, "%s", command);

	lab_assert_status(&result, 0);
	return result;
}

Test(exec, adds_the_library_before_other_preloads)
{
	open_world();
	char *library = lab_program("libisosocks.so");
	char *command = g_strdup_printf("env -i LD_PRELOAD=/x/b.so:/x/a.so /usr/bin/env");
	char *line = g_strdup_printf("LD_PRELOAD=%s:/x/b.so:/x/a.so\n", library);
	const struct lab_result result = show("-k ISOLATION=alice", command);

	lab_assert_out(&result, line);
}

Test(exec, changes_nothing_of_an_environment_that_has_all)
{
	open_world();
	const struct lab_result once = show("", "env -u _ sh -c 'exec /usr/bin/env -u _ -u PWD "
						"-u OLDPWD -u SHLVL env | sort >once; "
						"sh -c \"exec sh -c \\\"exec env\\\"\" | grep "
						"-v \"^_=\" | sort >twice; "
						"grep -vxF -f twice once; true'");
	cr_assert_str_empty(once.out);
}

Test(exec, brings_back_what_the_user_set_where_all_is_cleared)
{
	open_world();
	struct lab_result result =
		lab_run(LAB_NOBODY, "",
			"sh -c 'ISOSOCKS_ISOLATION=work ISOSOCKS_KEY_TAB=7 env -i %s www.test 80'",
			here.connect);
	lab_assert_status(&result, 0);
	char *request = lab_only_request();
	lab_assert_has(request, "token=work");
	lab_assert_has(request, "\"TAB\":\"7\"");
	result = lab_run(LAB_NOBODY, "",
			 "sh -c 'ISOSOCKS_ISOLATION=work env -u ISOSOCKS_ISOLATION %s www.test 80'",
			 here.connect);
	lab_assert_status(&result, 0);
	request = lab_only_request();
	cr_assert(!strstr(request, "token=work"), "%s", request);
	result = lab_run(
		LAB_NOBODY, "",
		"sh -c 'ISOSOCKS_ISOLATION=work env -i ISOSOCKS_ISOLATION=home %s www.test 80'",
		here.connect);
	lab_assert_status(&result, 0);
	request = lab_only_request();
	lab_assert_has(request, "token=home");
}

Test(exec, keeps_a_bad_policy_bad)
{
	open_world();
	char *library = lab_program("libisosocks.so");
	for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
		const struct lab_result result = lab_shell(
			LAB_NOBODY, "LD_PRELOAD=%s ISOSOCKS_POLICY=x %s -c %s %s 127.0.0.1 %u",
			library, here.execute, calls[i], here.connect, here.port);
		lab_assert_out(&result, "connect=EACCES");
	}
}

/* A shell's command keeps its words, its $0 and its status. */
Test(exec, changes_no_command_of_system_and_popen)
{
	open_world();
	for (int i = 0; i < 2; i++) {
		const struct lab_result result = lab_run(
			LAB_NOBODY, "",
			"%s -c %s \"printf '%%s;' \\\"a  b\\\" it\\'s '\\\\n' \\$0; exit 7\"",
			here.execute, i ? "popen" : "system");
		lab_assert_status(&result, 7);
		lab_assert_out(&result, "a  b;it's;\\n;sh;");
	}
}

/* ---- a proxy's credentials ---- */

#define USER	 "carol"
#define PASSWORD "hunter2hunter2hunter2"

/* Prints what no environment and no list of arguments of a run is to have, if one has it. A part of
 * a blob in base64url has one of three forms, as it lies there. */
static const char look[] =
	"import base64, glob\n"
	"password = b'" PASSWORD "'\n"
	"forms = [password] + [base64.urlsafe_b64encode(b'x' * i + password)[4:-4] for i in "
	"range(3)]\n"
	"n = 0\n"
	"for path in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline'):\n"
	"    try: text = open(path, 'rb').read()\n"
	"    except OSError: continue\n"
	"    n += b'ISOSOCKS_POLICY=@' in text\n"
	"    if b'ISOSOCKS_POLICY=' in text and any(form in text for form in forms):\n"
	"        print('shown in', path)\n"
	"print('looked at a run' if n else 'saw no run')\n";

/* A shell's commands for the child, which looks, then connects. */
static char *make_child(void)
{
	char *path = lab_path("child"), *script = lab_path("look.py");
	char *text = g_strdup_printf("python3 %s\nexec %s www.test 80\n", script, here.connect);

	cr_assert(g_file_set_contents_full(script, look, -1, 0, 0644, NULL));
	cr_assert(g_file_set_contents_full(path, text, -1, 0, 0644, NULL));
	g_free(script);
	g_free(text);
	return path;
}

static const char *const losses[] = {
	"", "-c", "-d", "-x -v", "-c -d", "-c -x", "-d -l 64",
};

static void open_private_world(void)
{
	lab_open();
	lab_need("python3");
	here.port = lab_serve("the target");
	char *options = g_strdup_printf("--user " USER ":" PASSWORD " --map www.test=127.0.0.1:%u",
					here.port);
	lab_proxy(options);
	g_free(options);
	here.execute = lab_program("execute");
	here.connect = lab_program("connect");
}

static void assert_private(enum lab_user user, const char *command)
{
	const struct lab_result result = lab_run(user, "-u " USER " -p " PASSWORD, "%s", command);

	cr_assert_eq(result.status, 0, "%s: %d\n%s%s", command, result.status, result.out,
		     result.err);
	lab_assert_out(&result, "looked at a run");
	lab_assert_out(&result, "line=this is the target");
	cr_assert_null(strstr(result.out, "shown in"), "%s\n%s", command, result.out);
	char *request = lab_only_request();
	lab_assert_has(request, "\"host\":\"www.test\"");
	lab_assert_has(request, "\"USERNAME\":\"" USER "\"");
	lab_assert_has(request, "\"PASSWD\":\"" PASSWORD "\"");
	g_free(request);
}

Test(exec, hands_on_the_proxys_password_past_every_environment)
{
	open_private_world();
	char *child = make_child();
	/* The number of losses is odd: each is tried by both users. */
	for (size_t i = 0; i < G_N_ELEMENTS(losses) * G_N_ELEMENTS(calls); i++) {
		char *command = g_strdup_printf("%s %s %s /bin/sh %s", here.execute,
						losses[i % G_N_ELEMENTS(losses)],
						calls[i / G_N_ELEMENTS(losses)], child);
		assert_private(i % LAB_USERS, command);
		g_free(command);
	}
	g_free(child);
}

Test(exec, hands_on_the_proxys_password_where_the_child_closes_its_descriptors)
{
	open_private_world();
	char *child = make_child();
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		char *command =
			g_strdup_printf("%s -f posix_spawn /bin/sh %s", here.execute, child);
		assert_private(user, command);
		g_free(command);
	}
	g_free(child);
}

/* ---- as libc does it ---- */

static const char *const failing[] = {
	"/nonexistent",		"nonexistent", "/tmp",	       "/etc/passwd",
	"/etc/passwd/x",	"\"\"",	       "$LAB/text",    "$LAB/loop",
	"$LAB/bad-interpreter", "$LAB/fifo",   "$LAB/nothing",
};

static void make_files(void)
{
	const struct lab_result made = lab_shell(
		LAB_ROOT,
		"cd %s && echo 'echo text $0 $1' >text && ln -s loop loop && mkfifo -m 755 fifo && "
		"printf '#!/nonexistent\\n' >bad-interpreter && : >nothing && "
		"chmod 755 text bad-interpreter nothing",
		lab_folder());
	lab_assert_status(&made, 0);
}

Test(exec, fails_as_libc_does)
{
	open_world();
	make_files();
	for (size_t i = 0; i < G_N_ELEMENTS(failing); i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(calls) - 2; j++) {
			char *command = g_strdup_printf("LAB=%s; exec %s %s %s word", lab_folder(),
							here.execute, calls[j], failing[i]);
			char *quoted = g_shell_quote(command);
			const struct lab_result bare = lab_shell(LAB_NOBODY, "%s", command);
			const struct lab_result ours =
				lab_run(LAB_NOBODY, "--no-guard", "sh -c %s", quoted);
			cr_assert_str_eq(ours.out, bare.out, "%s %s", calls[j], failing[i]);
			cr_assert_eq(ours.status, bare.status, "%s %s", calls[j], failing[i]);
		}
	}
}

/* A folder that both users may write to, and find empty. */
static char *make_empty(const char *name)
{
	char *folder = lab_path(name);
	const struct lab_result made =
		lab_shell(LAB_ROOT, "rm -rf %s && mkdir -m 777 %s", folder, folder);

	lab_assert_status(&made, 0);
	return folder;
}

/* Looks along thousands of random values of PATH, with and without isosocks. */
static void assert_searches_alike(enum lab_user user, const char *options, unsigned seed)
{
	g_autofree char *search = lab_program("search");
	g_autofree char *command = g_strdup_printf("exec %s %u 500", search, seed);
	g_autofree char *bare_folder = make_empty("bare");
	const struct lab_result bare = lab_shell(user, "cd %s && %s", bare_folder, command);
	lab_assert_status(&bare, 0);
	g_autofree char *folder = make_empty("bare");
	const struct lab_result ours =
		lab_run(user, options, "env -C %s sh -c '%s'", folder, command);

	lab_assert_status(&ours, 0);
	g_auto(GStrv) wanted = g_strsplit(bare.out, "\n", -1);
	g_auto(GStrv) got = g_strsplit(ours.out, "\n", -1);
	cr_assert_eq(g_strv_length(got), g_strv_length(wanted));
	for (guint i = 0; wanted[i]; i++)
		cr_assert_str_eq(got[i], wanted[i], "seed %u, %s: %s, without isosocks %s", seed,
				 i >= 3 ? got[i - i % 4] : "", got[i], wanted[i]);
}

Test(exec, searches_as_libc_does)
{
	static const char *const options[] = { "", "--no-guard" };

	open_world();
	for (unsigned seed = 1; seed <= 4; seed++)
		for (enum lab_user user = 0; user < LAB_USERS; user++)
			assert_searches_alike(user, options[seed % 2], seed);
}

/* ---- what the library cannot reach ---- */

static char *build_static(void)
{
	lab_need("cc");
	const struct lab_result built =
		lab_shell(LAB_ROOT,
			  "cd %s && echo 'int main(void) { return 0; }' >s.c && cc -static "
			  "-o static s.c && printf '#!%s/static\\n' >script && chmod 755 script",
			  lab_folder(), lab_folder());
	lab_assert_status(&built, 0);
	return lab_path("static");
}

Test(exec, refuses_what_it_cannot_reach_without_the_guard)
{
	open_world();
	lab_need_root(); /* for a file that makes somebody else of who executes it */
	build_static();
	const struct lab_result made = lab_shell(
		LAB_ROOT,
		"cd %s && cp %s setuid && chmod 4755 setuid && cp setuid unreadable && chmod 711 "
		"unreadable",
		lab_folder(), here.connect);
	lab_assert_status(&made, 0);
	static const char *const programs[] = { "static", "script", "setuid", "unreadable" };
	for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
		for (size_t j = 0; j < G_N_ELEMENTS(calls) - 2; j++) {
			char *line = g_strdup_printf("%s=EPERM\n", calls[j]);
			const struct lab_result result =
				lab_run(LAB_NOBODY, "--no-guard", "%s %s %s/%s www.test 80",
					here.execute, calls[j], lab_folder(), programs[i]);
			cr_assert_str_eq(result.out, line, "%s %s: %s%s", calls[j], programs[i],
					 result.out, result.err);
		}
	}
}

/* What libc passes over on its way along PATH hides nothing that comes behind. */
Test(exec, refuses_what_a_search_comes_to)
{
	static const char *const first[] = { "",
					     "mkdir d/program",
					     "cp text d/program",
					     ":>d/program",
					     "ln -s loop2 d/program",
					     "cp bad-interpreter d/program",
					     "cp lost d/program" };
	static const char *const paths[] = { "$LAB/d:$LAB/e", ":$LAB/d:$LAB/e", "$LAB/d::$LAB/e" };
	static const char *const searching[] = { "execvp", "execvpe", "execlp", "posix_spawnp" };

	open_world();
	build_static();
	make_files();
	for (size_t i = 0; i < G_N_ELEMENTS(first); i++) {
		const struct lab_result made = lab_shell(
			LAB_ROOT,
			"cd %s && rm -rf d e && mkdir d e && cp static e/program && chmod 644 text "
			"&& cc -o lost s.c -Wl,--dynamic-linker=/nonexistent/ld.so && %s",
			lab_folder(), *first[i] ? first[i] : "true");
		lab_assert_status(&made, 0);
		for (size_t j = 0; j < G_N_ELEMENTS(searching) * G_N_ELEMENTS(paths); j++) {
			const char *call = searching[j / G_N_ELEMENTS(paths)];
			char *line = g_strdup_printf("%s=EPERM\n", call);
			const struct lab_result result =
				lab_run(LAB_NOBODY, "--no-guard",
					"sh -c 'LAB=%s; PATH=%s; exec %s %s program'", lab_folder(),
					paths[j % G_N_ELEMENTS(paths)], here.execute, call);
			cr_assert_str_eq(result.out, line, "%s, %s: %s%s", first[i], call,
					 result.out, result.err);
		}
	}
}

Test(exec, says_so_in_the_log)
{
	open_world();
	build_static();
	char *options = g_strconcat("--log ", lab_folder(), "/log ", "--no-guard", NULL);
	const struct lab_result result =
		lab_run(LAB_NOBODY, options, "env ISOSOCKS_LOG=warning %s execve %s/static",
			here.execute, lab_folder());
	char *text = NULL;

	lab_assert_out(&result, "execve=EPERM");
	g_file_get_contents(lab_path("log"), &text, NULL, NULL);
	cr_assert(text && strstr(text, "/static is statically linked"), "%s", text);
}

/* isosocks is static, and the dynamic linker is a program without one. */
Test(exec, runs_isosocks_and_the_dynamic_linker_without_the_guard)
{
	open_world();
	char *isosocks = lab_program("isosocks");
	struct lab_result result =
		lab_run(LAB_NOBODY, "--no-guard", "sh -c '%s -k ISOLATION=alice %s www.test 80'",
			isosocks, here.connect);

	lab_assert_status(&result, 0);
	assert_asked("isosocks");
	result = lab_run(LAB_NOBODY, "--no-guard", "ldd /bin/sh");
	lab_assert_status(&result, 0);
	lab_assert_out(&result, "libc.so.6");
}

/* As the first program and as a child; a copy of it, as another root folder has one, as well. */
Test(exec, reaches_what_the_dynamic_linker_is_given)
{
	static const char *const options[] = { "-k ISOLATION=alice",
					       "--no-guard -k ISOLATION=alice" };
	static const char *const forms[] = { "./loader %s www.test 80",
					     "sh -c './loader %s www.test 80 && :'" };

	open_world();
	const struct lab_result found =
		lab_shell(LAB_ROOT, "cp \"$(ldd /bin/sh | grep -o '/[^ ]*/ld[^ ]*')\" loader && "
				    "chmod 755 loader");
	lab_assert_status(&found, 0);
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		for (size_t i = 0; i < G_N_ELEMENTS(options) * G_N_ELEMENTS(forms); i++) {
			g_auto(GStrv) parts = g_strsplit(forms[i / 2], "%s", -1);
			const struct lab_result result = lab_run(user, options[i % 2], "%s%s%s",
								 parts[0], here.connect, parts[1]);
			lab_assert_status(&result, 0);
			lab_assert_out(&result, "line=this is the target");
			assert_asked(forms[i / 2]);
		}
	}
}

/* ---- sanitizers ---- */

Test(exec, has_a_sanitizer_first)
{
	lab_need("cc");
	open_world();
	const struct lab_result built =
		lab_shell(LAB_ROOT,
			  "cd %s && printf '#include <unistd.h>\\nint main(int c, char **v) { "
			  "execv(v[1], v + 1); return 9; }' "
			  ">a.c && cc -fsanitize=address -o asan a.c",
			  lab_folder());
	if (built.status != 0)
		cr_skip_test("no AddressSanitizer: %s", built.err);
	const struct lab_result result =
		lab_run(LAB_NOBODY, "-k ISOLATION=alice",
			"env ASAN_OPTIONS=detect_leaks=0 sh -c '%s/asan %s www.test 80'",
			lab_folder(), here.connect);
	lab_assert_status(&result, 0);
	assert_asked("the program behind it");
}

/* ---- programs that clear and close ---- */

static const struct {
	const char *need;
	const char *command; /* $CONNECT HOST PORT; python prints what it resolved */
} parents[] = {
	{ "python3",
	  "python3 -c \"import os, socket, subprocess as s; "
	  "a = socket.gethostbyname_ex and socket.getaddrinfo(\\\"www.test\\\", 80)[0][4][0]; "
	  "s.run([os.environ[\\\"CONNECT\\\"], a, \\\"80\\\"], check=True)\"" },
	{ "python3", "python3 -c \"import os, socket, subprocess as s; "
		     "a = socket.getaddrinfo(\\\"www.test\\\", 80)[0][4][0]; "
		     "s.run([os.environ[\\\"CONNECT\\\"], a, \\\"80\\\"], check=True, env={})\"" },
	{ "python3",
	  "python3 -c \"import os, socket, subprocess as s; "
	  "a = socket.getaddrinfo(\\\"www.test\\\", 80)[0][4][0]; "
	  "s.run([os.environ[\\\"CONNECT\\\"], a, \\\"80\\\"], check=True, close_fds=False)\"" },
	{ "python3", "python3 -c \"import os, socket, subprocess as s; "
		     "a = socket.getaddrinfo(\\\"www.test\\\", 80)[0][4][0]; "
		     "os.closerange(3, 2048); os.environ.clear(); "
		     "s.run([\\\"$CONNECT\\\", a, \\\"80\\\"], check=True, close_fds=False)\"" },
	{ "perl",
	  "perl -MSocket=:addrinfo,SOCK_STREAM -e \"my (\\$e, \\$r) = "
	  "getaddrinfo(\\\"www.test\\\", 80, "
	  "{socktype => SOCK_STREAM}); my (\\$f, \\$a) = getnameinfo(\\$r->{addr}, NI_NUMERICHOST, "
	  "NIx_NOSERV); %ENV = (); exit(system(\\$ARGV[0], \\$a, 80) >> 8)\" $CONNECT" },
	{ "bash", "bash -c \"fd=\\${ISOSOCKS_NAMES%:*}; eval \\\"exec \\$fd>&-\\\"; $CONNECT "
		  "www.test 80\"" },
	{ "env", "env -i $CONNECT www.test 80" },
	{ "bash", "bash -c \"exec -c $CONNECT www.test 80\"" },
	{ "sh", "sh -c \"unset LD_PRELOAD ISOSOCKS_POLICY ISOSOCKS_NAMES; $CONNECT www.test 80\"" },
	{ "find", "find / -maxdepth 0 -exec env -i $CONNECT www.test 80 \\;" },
	{ "xargs", "echo 80 | env -i xargs $CONNECT www.test" },
};

Test(exec, children_of_all_kinds_of_programs_know_the_session)
{
	open_world();
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		for (size_t i = 0; i < G_N_ELEMENTS(parents); i++) {
			lab_need(parents[i].need);
			char *command = g_strdup_printf("export CONNECT=%s; %s", here.connect,
							parents[i].command);
			char *quoted = g_shell_quote(command);
			const struct lab_result result =
				lab_run(user, "-k ISOLATION=alice", "sh -c %s", quoted);
			cr_assert_eq(result.status, 0, "%s\n%s%s", parents[i].command, result.out,
				     result.err);
			lab_assert_out(&result, "line=this is the target");
			assert_asked(parents[i].command);
			g_free(quoted);
			g_free(command);
		}
	}
}

/* Programs that are large: each starts two children with the address it has resolved, the second
 * with an empty environment. */
static const struct {
	const char *need;
	const char *command; /* further arguments: the host, the program, the port */
} large_parents[] = {
	{ "node", "node programs/children.js" },
	{ "java", "java programs/Children.java" },
	{ "java", "java -Djdk.lang.Process.launchMechanism=FORK programs/Children.java" },
	{ "java", "java -Djdk.lang.Process.launchMechanism=VFORK programs/Children.java" },
};

Test(heavy_exec, children_of_large_programs_know_the_session)
{
	open_world();
	g_autofree char *here_folder = g_get_current_dir();
	const struct lab_result copied =
		lab_shell(LAB_ROOT, "cp -r '%s/tests/programs' programs && chmod -R go+rX programs",
			  here_folder);
	lab_assert_status(&copied, 0);
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		for (size_t i = 0; i < G_N_ELEMENTS(large_parents); i++) {
			const char *command = large_parents[i].command;

			lab_need(large_parents[i].need);
			const struct lab_result result =
				lab_run(user, "-k ISOLATION=alice", "%s www.test %s 80", command,
					here.connect);
			cr_assert_eq(result.status, 0, "%s: %d\n%s%s", command, result.status,
				     result.out, result.err);
			lab_assert_out(&result, "line=this is the target");
			assert_asked_times(command, 2);
		}
	}
}
