/*
 * Programs in which nothing is as usual while the library starts, or that do to themselves what the
 * library must survive: other allocators, sanitizers, constructors that connect before ours, other
 * namespaces of the dynamic linker, debuggers, filters, hardly any descriptors.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct {
	char *connect;
	char *source; /* of the client of that name */
} here;

static void open_world(void)
{
	lab_open();
	char *options = g_strdup_printf("--map www.test=127.0.0.1:%u", lab_serve("the target"));
	lab_proxy(options);
	g_free(options);
	here.connect = lab_program("connect");
	here.source = g_build_filename(g_get_current_dir(), "tests/clients/connect.c", NULL);
}

static void assert_asked_once(const char *what)
{
	char **requests = lab_requests();

	cr_assert_eq(g_strv_length(requests), 1u, "%s: %u requests", what, g_strv_length(requests));
	lab_assert_has(requests[0], "\"host\":\"www.test\"");
	lab_assert_has(requests[0], "\"ISOLATION\":\"alice\"");
	g_strfreev(requests);
	lab_forget();
}

/* A shell's command, as both users: it must reach the target by the proxy. */
static void assert_reaches(const char *command)
{
	char *quoted = g_shell_quote(command);

	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result result =
			lab_run(user, "-k ISOLATION=alice", "sh -c %s", quoted);
		cr_assert_eq(result.status, 0, "%s: %d\n%s%s", command, result.status, result.out,
			     result.err);
		lab_assert_out(&result, "this is the target");
		assert_asked_once(command);
	}
	g_free(quoted);
}

static void assert_reaches_by(const char *prefix)
{
	char *command = g_strdup_printf("%s %s www.test 80", prefix, here.connect);

	assert_reaches(command);
	g_free(command);
}

static void write_source(const char *name, const char *text)
{
	char *path = lab_path(name);

	cr_assert(g_file_set_contents(path, text, -1, NULL));
	g_free(path);
}

/* Runs a compiler in the lab's folder. false: it cannot do that here. */
static bool builds(const char *command)
{
	const struct lab_result result = lab_shell(LAB_ROOT, "cd %s && %s", lab_folder(), command);

	if (result.status != 0 && g_getenv("CI"))
		cr_assert_fail("%s: %s", command, result.err);
	return result.status == 0;
}

static void need_built(const char *command)
{
	if (!builds(command))
		cr_skip_test("cannot be built here: %s", command);
}

/* ---- allocators ---- */

static const char *const allocators[] = { "libjemalloc.so.2", "libtcmalloc_minimal.so.4" };

Test(hostile, programs_linked_to_another_allocator)
{
	open_world();
	for (size_t i = 0; i < G_N_ELEMENTS(allocators); i++) {
		char *command = g_strdup_printf("cc -w -D_GNU_SOURCE -o program %s "
						"-Wl,--no-as-needed -l:%s",
						here.source, allocators[i]);
		need_built(command);
		char *run = g_strdup_printf("%s/program www.test 80", lab_folder());
		assert_reaches(run);
	}
}

Test(hostile, allocators_preloaded_before_and_behind_the_library)
{
	open_world();
	write_source("p.c", "int main(void) { return 0; }\n");
	for (size_t i = 0; i < G_N_ELEMENTS(allocators); i++) {
		char *have = g_strdup_printf("cc -o p p.c -Wl,--no-as-needed -l:%s", allocators[i]);
		need_built(have);
		char *before = g_strdup_printf("LD_PRELOAD=%s:$LD_PRELOAD", allocators[i]);
		char *behind = g_strdup_printf("LD_PRELOAD=$LD_PRELOAD:%s", allocators[i]);
		assert_reaches_by(before);
		assert_reaches_by(behind);
	}
}

/* ---- sanitizers ---- */

static const char *const sanitized[] = {
	"cc -fsanitize=address",
	"cc -fsanitize=thread",
	"cc -fsanitize=undefined",
	"clang -fsanitize=address",
	"clang -fsanitize=address -shared-libasan -Wl,-rpath,$(dirname $(clang "
	"-print-file-name=libclang_rt.asan-$(uname -m).so))",
};

Test(hostile, programs_with_a_sanitizer)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer in the library and another in the program");
	open_world();
	for (size_t i = 0; i < G_N_ELEMENTS(sanitized); i++) {
		char *command = g_strdup_printf("%s -w -D_GNU_SOURCE -o program %s", sanitized[i],
						here.source);
		need_built(command);
		char *run = g_strdup_printf(
			"export ASAN_OPTIONS=detect_leaks=0; setarch -R %s/program www.test 80",
			lab_folder());
		assert_reaches(run);
	}
}

/* ---- earlier than the library, and beside it ---- */

static const char early[] =
	"#include <netdb.h>\n#include <sys/socket.h>\n#include <unistd.h>\n"
	"__attribute__((constructor)) static void early(void) {\n"
	"	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };\n"
	"	struct addrinfo *to; char line[100]; ssize_t n;\n"
	"	if (getaddrinfo(\"www.test\", \"80\", &hints, &to) != 0) _exit(2);\n"
	"	int fd = socket(to->ai_family, SOCK_STREAM, 0);\n"
	"	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) _exit(3);\n"
	"	if ((n = read(fd, line, sizeof(line))) < 1 || write(1, line, n) < 1) _exit(4);\n"
	"}\n";

Test(hostile, a_constructor_that_connects_before_the_librarys)
{
	open_world();
	write_source("early.c", early);
	write_source("p.c", "int main(void) { return 0; }\n");
	need_built("cc -shared -fPIC -o libearly.so early.c && "
		   "cc -o program p.c -Wl,--no-as-needed -L. -learly -Wl,-rpath,\\$ORIGIN");
	char *run = g_strdup_printf("%s/program", lab_folder());
	assert_reaches(run);
	char *preloaded =
		g_strdup_printf("LD_PRELOAD=%s/libearly.so:$LD_PRELOAD /bin/true", lab_folder());
	assert_reaches(preloaded);
}

static const char other_namespace[] =
	"#include <dlfcn.h>\n#include <stdio.h>\n#include <errno.h>\n#include <string.h>\n"
	"#include <unistd.h>\n"
	"int main(int argc, char **argv) {\n"
	"	void *libc = dlmopen(LM_ID_NEWLM, \"libc.so.6\", RTLD_NOW);\n"
	"	if (!libc) { puts(dlerror()); return 1; }\n"
	"	int (*make)(int, int, int) = dlsym(libc, \"socket\");\n"
	"	int *(*error)(void) = dlsym(libc, \"__errno_location\");\n"
	"	int fd = make(2, 1, 0);\n"
	"	printf(\"other=%s\\n\", fd < 0 ? strerrorname_np(*error()) : \"0\");\n"
	"	fflush(stdout);\n"
	"	execv(argv[1], argv + 1);\n"
	"	return 1;\n"
	"}\n";

Test(hostile, another_namespace_of_the_dynamic_linker)
{
	open_world();
	write_source("program.c", other_namespace);
	need_built("cc -w -D_GNU_SOURCE -o program program.c");
	char *run = g_strdup_printf("%s/program %s www.test 80", lab_folder(), here.connect);
	assert_reaches(run);
	const struct lab_result result =
		lab_run(LAB_NOBODY, "", "%s/program /bin/true", lab_folder());
	lab_assert_out(&result, "other=EACCES\n");
}

/* ---- libraries whose own libraries go first ---- */

/* Fetches by itself, whatever its loader is linked to. */
static const char plugin[] =
	"#include <netdb.h>\n#include <sys/socket.h>\n#include <unistd.h>\n"
	"int fetch(void) {\n"
	"	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };\n"
	"	struct addrinfo *to; char line[100]; ssize_t n;\n"
	"	if (getaddrinfo(\"www.test\", \"80\", &hints, &to) != 0) return 2;\n"
	"	int fd = socket(to->ai_family, SOCK_STREAM, 0);\n"
	"	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) return 3;\n"
	"	if ((n = read(fd, line, sizeof(line))) < 1 || write(1, line, n) < 1) return 4;\n"
	"	return 0;\n"
	"}\n";

/* By the plugin's bare name: only the RUNPATH of who calls leads to it. */
static const char loader[] = "#include <dlfcn.h>\n#include <stdio.h>\n"
			     "int load(void) {\n"
			     "	void *plugin = LOAD;\n"
			     "	if (!plugin) { puts(dlerror()); return 5; }\n"
			     "	return ((int (*)(void))dlsym(plugin, \"fetch\"))();\n"
			     "}\n";

static const char *const loads[] = {
	"dlopen(\\\"libplugin.so\\\", RTLD_NOW | RTLD_DEEPBIND)",
	"dlopen(\\\"libplugin.so\\\", RTLD_LAZY | RTLD_GLOBAL | RTLD_DEEPBIND)",
	"dlmopen(LM_ID_BASE, \\\"libplugin.so\\\", RTLD_NOW | RTLD_DEEPBIND)",
};

Test(hostile, a_library_that_prefers_its_own_libraries)
{
	open_world();
	write_source("plugin.c", plugin);
	write_source("loader.c", loader);
	write_source("p.c", "int load(void);\nint main(void) { return load(); }\n");
	need_built("mkdir -p plugins deep/plugins && cc -shared -fPIC -o plugins/libplugin.so "
		   "plugin.c "
		   "&& cp plugins/libplugin.so deep/plugins/");
	for (size_t i = 0; i < G_N_ELEMENTS(loads); i++) {
		/* The program itself calls, or a library in another folder. */
		g_autofree char *own =
			g_strdup_printf("cc -D_GNU_SOURCE \"-DLOAD=%s\" -o program p.c loader.c "
					"-Wl,-rpath,\\$ORIGIN/plugins",
					loads[i]);
		g_autofree char *other = g_strdup_printf(
			"cc -D_GNU_SOURCE \"-DLOAD=%s\" -shared -fPIC -o deep/libloader.so "
			"loader.c "
			"-Wl,-rpath,\\$ORIGIN/plugins && cc -o program p.c -Ldeep -lloader "
			"-Wl,-rpath,\\$ORIGIN/deep",
			loads[i]);
		g_autofree char *run = g_strdup_printf("%s/program", lab_folder());
		need_built(own);
		assert_reaches(run);
		need_built(other);
		assert_reaches(run);
	}
}

Test(hostile, one_that_cannot_be_loaded_says_what_it_said)
{
	open_world();
	write_source("loader.c", loader);
	write_source("p.c", "int load(void);\nint main(void) { return load(); }\n");
	need_built("cc -D_GNU_SOURCE '-DLOAD=dlopen(\"libnone.so\", RTLD_NOW | RTLD_DEEPBIND)' "
		   "-o program p.c loader.c");
	const struct lab_result result = lab_run(LAB_NOBODY, "", "%s/program", lab_folder());
	lab_assert_status(&result, 5);
	lab_assert_out(&result, "libnone.so: cannot open shared object file");
}

/* ---- limits of the shell ---- */

/* What a program needs more with the library: a descriptor, and room for addresses (kilobytes). */
static const char *const limits[] = {
	"ulimit -n 6",	 "ulimit -n 10",    "ulimit -n 20",    "ulimit -s 64",
	"ulimit -s 128", "ulimit -v 40000", "ulimit -v 60000", "ulimit -v 100000",
	"ulimit -f 0",	 "ulimit -f 1",	    "ulimit -f 100",   "ulimit -f 1024",
	"ulimit -c 0",	 "ulimit -l 0",	    "ulimit -t 60",    "ulimit -u 100",
};

Test(hostile, programs_with_little_allowed)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer wants all addresses that there are");
	open_world();
	g_autofree char *isosocks = lab_program("isosocks");
	for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
		g_autofree char *inside =
			g_strdup_printf("%s; %s www.test 80", limits[i], here.connect);
		assert_reaches(inside);
		/* And around all of it. */
		const struct lab_result result = lab_shell(
			LAB_NOBODY, "%s; %s -k ISOLATION=alice -x 127.0.0.1:%u %s www.test 80",
			limits[i], isosocks, lab_port(), here.connect);
		cr_assert_eq(result.status, 0, "%s: %d %s", limits[i], result.status, result.err);
		assert_asked_once(limits[i]);
	}
}

/* ---- filters ---- */

/* On what is no business of the library's a call is the one system call that it always was. */
Test(hostile, programs_that_forbid_all_but_the_call_they_make)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer makes calls of its own");
	lab_open();
	const unsigned port = lab_serve("the target");
	g_autofree char *options = g_strdup_printf("--map www.test=127.0.0.1:%u", port);
	g_autofree char *sieve = lab_program("sieve");
	lab_proxy(options);
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result bare = lab_shell(user, "%s 127.0.0.1 %u", sieve, port);
		lab_assert_status(&bare, 0);
		cr_assert_not(strstr(bare.out, "signal"), "%s", bare.out);
		const struct lab_result ours = lab_run(user, "", "%s www.test 80", sieve);
		lab_assert_status(&ours, 0);
		cr_assert_str_eq(ours.out, bare.out, "%s\n%s", ours.out, bare.out);
	}
}

/* ---- debuggers ---- */

static const struct {
	const char *need;
	const char *prefix;
} watchers[] = {
	{ "strace", "strace -f -o /dev/null" },
	{ "gdb", "DEBUGINFOD_URLS= gdb -q -batch -return-child-result -ex run --args" },
	{ "valgrind", "valgrind -q --error-exitcode=9" },
	{ "ltrace", "ltrace -o /dev/null" },
};

Test(hostile, programs_that_are_watched)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("debuggers and sanitizers do not go together");
	open_world();
	for (size_t i = 0; i < G_N_ELEMENTS(watchers); i++) {
		char *path = g_find_program_in_path(watchers[i].need);
		if (path)
			assert_reaches_by(watchers[i].prefix);
		else if (strcmp(watchers[i].need, "ltrace") != 0)
			lab_need(watchers[i].need);
	}
}

/* ---- programs that take away from themselves ---- */

Test(hostile, hardly_any_descriptors)
{
	open_world();
	assert_reaches_by("ulimit -n 16;");
	assert_reaches_by("prlimit --nofile=8");
}

/* isosocks itself has few. */
Test(hostile, hardly_any_descriptors_from_the_start)
{
	open_world();
	char *isosocks = lab_program("isosocks");
	char *run =
		g_strdup_printf("prlimit --nofile=16 %s %s www.test 80", isosocks, here.connect);
	assert_reaches(run);
}

Test(hostile, a_filter_that_kills)
{
	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer makes calls of its own");
	open_world();
	char *strict = lab_program("strict");
	char *run = g_strdup_printf("%s www.test 80", strict);
	assert_reaches(run);
}

Test(hostile, a_program_that_closes_and_clears_all)
{
	lab_need("python3");
	open_world();
	assert_reaches("python3 -c \"\n"
		       "import os, socket, sys\n"
		       "os.closerange(3, 4096); os.environ.clear()\n"
		       "s = socket.create_connection(('www.test', 80))\n"
		       "print(s.makefile().readline())\"");
}

/* ---- programs that the library cannot be loaded into ---- */

/* The second needs packages that `make check` does not: without them its row is left out. */
static const struct {
	const char *build;
	const char *reason;
} foreign[] = {
	{ "musl-gcc -o program p.c", "musl" },
	{ "cc -m32 -o program p.c", "another machine or word size" },
};

static const char says_what_it_got[] =
	"#include <errno.h>\n#include <stdio.h>\n#include <sys/socket.h>\n"
	"int main(void) { printf(\"socket=%d\\n\", socket(2, 1, 0) < 0 ? errno : 0); return 0; }\n";

Test(hostile, programs_of_another_libc_and_word_size)
{
	open_world();
	write_source("p.c", says_what_it_got);
	for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
		struct lab_result result =
			lab_shell(LAB_ROOT, "cd %s && %s", lab_folder(), foreign[i].build);
		if (result.status != 0 && i > 0)
			continue;
		lab_assert_status(&result, 0);
		result = lab_run(LAB_NOBODY, "", "%s/program", lab_folder());
		lab_assert_status(&result, 126);
		cr_assert(strstr(result.err, foreign[i].reason), "%s", result.err);
		result = lab_run(LAB_NOBODY, "--no-guard", "sh -c %s/program", lab_folder());
		lab_assert_status(&result, 126);
		/* The guard lets it run, without a network. */
		result = lab_run(LAB_NOBODY, "", "env %s/program", lab_folder());
		lab_assert_status(&result, 0);
		lab_assert_out(&result, "socket=13\n");
	}
}
