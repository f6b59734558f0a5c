#include "support/lab.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
	char *folder;
	char *build;
	char *log;
	unsigned proxies;
	unsigned port;
	GPid proxy;
	size_t seen; /* request lines already looked at */
	bool is_root;
} lab;

/* What would give the lab its namespaces: a container's root lacks rights that no sudo has. */
static const char *way_out(void)
{
	return getuid() == 0
		       ? "docker run --cap-add SYS_ADMIN --cap-add NET_ADMIN "
			 "--security-opt seccomp=unconfined --security-opt apparmor=unconfined"
		       : "sudo make check";
}

static void give_up(const char *what)
{
	const int error = errno;

	if (g_getenv("CI"))
		cr_assert_fail("%s: %s", what, g_strerror(error));
	cr_skip_test("namespaces are not to be had here (%s: %s); try: %s", what, g_strerror(error),
		     way_out());
}

static void die_with_parent(gpointer data)
{
	(void)data;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/*
 * Without root's rights a user namespace gives them, over this test's process alone. The kernel
 * gives none to a process of several threads, and Criterion starts one before it calls a test: so
 * each of its workers gets a namespace before main().
 */
static int early_error; /* what kept it from that */
static bool is_mapped;

static bool write_map(const char *path, const char *format, unsigned id)
{
	char text[32];
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	const int length = snprintf(text, sizeof(text), format, id);
	const bool good = fd >= 0 && write(fd, text, (size_t)length) == length;

	close(fd);
	return good;
}

__attribute__((constructor)) static void become_root(void)
{
	const unsigned uid = getuid(), gid = getgid();

	if (uid == 0 || strcmp(program_invocation_name, "boxfort-worker") != 0)
		return;
	is_mapped = unshare(CLONE_NEWUSER) == 0 && write_map("/proc/self/setgroups", "deny", 0) &&
		    write_map("/proc/self/gid_map", "0 %u 1", gid) &&
		    write_map("/proc/self/uid_map", "0 %u 1", uid);
	early_error = errno;
}

static void raise_loopback(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		give_up("loopback");
	close(fd);
}

/* The build may lie where others cannot go; a bind mount in the lab's own mount namespace brings it
 * to them. */
static void mount_build(void)
{
	const char *build = g_getenv("BUILD");

	lab.build = g_build_filename(lab.folder, "build", NULL);
	if (mkdir(lab.build, 0755) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(build ? build : "build/release", lab.build, NULL, MS_BIND, NULL) < 0)
		give_up("a bind mount of the build");
}

/* KEEP=1 keeps what a test has left. What is mounted in the folder is not gone into. */
static void remove_folder(void)
{
	g_autofree char *command = g_strdup_printf("rm -rf --one-file-system %s", lab.folder);

	if (lab.build)
		umount2("/etc", MNT_DETACH); /* one of the test's own may preload what goes away */
	if (g_getenv("KEEP") || (lab.build && umount2(lab.build, MNT_DETACH) < 0))
		return;
	if (system(command) != 0)
		fprintf(stderr, "%s is left behind\n", lab.folder);
}

/*
 * The first process of a PID namespace takes all others with it when it ends; this one ends with
 * the test, however that does. Without it a daemon would outlive a test that fails.
 */
static void start_keeper(void)
{
	if (unshare(CLONE_NEWPID) < 0)
		give_up("a PID namespace");
	const pid_t keeper = fork();
	if (keeper < 0)
		give_up("a keeper process");
	if (keeper > 0)
		return;
	die_with_parent(NULL);
	signal(SIGCHLD, SIG_IGN);
	close_range(0, ~0u, 0);
	for (;;)
		pause();
}

/*
 * Asked by LeakSanitizer at the end of a process. Its helper would be born in the lab's PID
 * namespace, where the two know each other by other numbers and wait for ever.
 */
int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
	return lab.folder != NULL;
}

/* What is written goes to memory; where the kernel lays nothing over a folder, /etc is copied, as
 * far as it can be read. */
#define COVER_ETC                                                                                  \
	"mkdir etc && mount -t tmpfs -o mode=755 etc etc && mkdir etc/own etc/work && "            \
	"{ mount -t overlay -o lowerdir=/etc,upperdir=$PWD/etc/own,workdir=$PWD/etc/work etc "     \
	"/etc 2>/dev/null || { cp -a /etc/. etc/own 2>/dev/null; mount --bind etc/own /etc; }; } " \
	"&& umount -l etc && rmdir etc && "

/* The files that tests replace, where a small system has none: a mount needs a place. */
static void complete_etc(void)
{
	static const char script[] = COVER_ETC
		"for file in hosts nsswitch.conf resolv.conf; do "
		"[ -e /etc/$file ] || { rm -f /etc/$file && : >/etc/$file; } || exit; done";

	if (g_file_test("/etc/hosts", G_FILE_TEST_EXISTS) &&
	    g_file_test("/etc/nsswitch.conf", G_FILE_TEST_EXISTS) &&
	    g_file_test("/etc/resolv.conf", G_FILE_TEST_EXISTS))
		return;
	const struct lab_result covered = lab_shell(LAB_ROOT, script);
	lab_assert_status(&covered, 0);
}

void lab_open(void)
{
	lab.is_root = getuid() == 0 && !is_mapped;
	if (!lab.is_root && !is_mapped) {
		errno = early_error;
		give_up("a user namespace");
	}
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
		give_up("a network namespace");
	umask(022);
	lab.folder = g_dir_make_tmp("isosocks-lab-XXXXXX", NULL);
	cr_assert_not_null(lab.folder);
	atexit(remove_folder);
	chmod(lab.folder, 0777);
	raise_loopback();
	mount_build();
	start_keeper();
	lab.log = g_build_filename(lab.folder, "log-0", NULL);
	/* Nothing of the caller's environment or settings may reach the programs under test. */
	char **names = g_listenv();
	for (char **name = names; *name; name++) {
		if (g_str_has_prefix(*name, "ISOSOCKS_") || g_str_has_suffix(*name, "_proxy"))
			g_unsetenv(*name);
	}
	g_strfreev(names);
	/* Where there is nothing until a program makes it: for root that could be anywhere else. */
	g_autofree char *settings = lab_path("settings");
	g_setenv("XDG_CONFIG_HOME", settings, TRUE);
	/* A sanitizer's own handlers have no SA_RESTART, and a tunnel asks whether all have. */
	g_setenv("ASAN_OPTIONS",
		 "verify_asan_link_order=0:detect_leaks=0:handle_segv=0:handle_sigbus=0:"
		 "handle_sigfpe=0:handle_sigill=0",
		 FALSE);
	complete_etc();
}

void lab_need_root(void)
{
	if (!lab.is_root)
		cr_skip_test("this needs root");
}

const char *lab_lowered(void)
{
	return lab.is_root ? "setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --"
			   : "";
}

void lab_cover_etc(void)
{
	lab_need_root();
	const struct lab_result covered =
		lab_shell(LAB_ROOT, COVER_ETC
			  "rm -rf /etc/isosocks.conf /etc/isosocks.policy /etc/ld.so.preload");
	lab_assert_status(&covered, 0);
}

const char *lab_folder(void)
{
	return lab.folder;
}

char *lab_path(const char *name)
{
	return g_build_filename(lab.folder, name, NULL);
}

void lab_replace(const char *path, const char *text)
{
	g_autofree char *name = g_path_get_basename(path);
	g_autofree char *file = lab_path(name);

	cr_assert(g_file_set_contents(file, text, -1, NULL));
	cr_assert_eq(mount(file, path, NULL, MS_BIND, NULL), 0, "%s: %s", path, strerror(errno));
}

char *lab_config(const char *text)
{
	g_autofree char *file = lab_path("isosocks.conf");

	cr_assert(g_file_set_contents(file, text, -1, NULL));
	return g_strdup_printf("-c %s", file);
}

char *lab_program(const char *name)
{
	char *path = g_build_filename(lab.build, name, NULL);

	if (g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
		return path;
	g_free(path);
	return g_build_filename(lab.build, "tests/clients", name, NULL);
}

/* ---- background programs ---- */

static char *read_line(int fd)
{
	GString *line = g_string_new(NULL);
	char c;

	while (read(fd, &c, 1) == 1 && c != '\n')
		g_string_append_c(line, c);
	return g_string_free(line, FALSE);
}

static char *spawn(const char *const *argv, GPid *ret_pid)
{
	GError *error = NULL;
	int out;

	if (!g_spawn_async_with_pipes(NULL, (char **)argv, NULL,
				      G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_SEARCH_PATH,
				      die_with_parent, NULL, ret_pid, NULL, &out, NULL, &error))
		cr_assert_fail("%s", error->message);
	char *line = read_line(out);
	cr_assert(*line, "%s did not start", argv[0]);
	return line;
}

char *lab_start(const char *const *argv)
{
	GPid pid;
	return spawn(argv, &pid);
}

static bool takes_connections(unsigned port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons((uint16_t)port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const bool taken = connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0;

	close(fd);
	return taken;
}

void lab_daemon(const char *command, unsigned port)
{
	const char *argv[] = { "sh", "-c", command, NULL };
	GError *error = NULL;

	if (!g_spawn_async(NULL, (char **)argv, NULL,
			   G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, die_with_parent, NULL,
			   NULL, &error))
		cr_assert_fail("%s", error->message);
	/* A foreign daemon says nothing when it is ready: ask it, a bounded number of times. */
	for (unsigned tries = 0; tries < 500; tries++) {
		if (takes_connections(port))
			return;
		poll(NULL, 0, 20);
	}
	cr_assert_fail("%s: nothing listens on port %u", command, port);
}

unsigned lab_proxy(const char *options)
{
	char *program = lab_program("isosocks-proxy");
	char *name = g_strdup_printf("log-%u", ++lab.proxies);
	GError *error = NULL;
	char **argv;

	lab.log = lab_path(name);
	char *command = g_strdup_printf("%s --listen 127.0.0.1:0 --print-port --log-json %s %s",
					program, lab.log, options ? options : "");
	if (!g_shell_parse_argv(command, NULL, &argv, &error))
		cr_assert_fail("%s", error->message);
	char *line = spawn((const char *const *)argv, &lab.proxy);
	lab.port = (unsigned)atoi(line);
	lab.seen = 0;
	g_free(line);
	g_strfreev(argv);
	g_free(command);
	g_free(name);
	g_free(program);
	return lab.port;
}

unsigned lab_port(void)
{
	return lab.port;
}

GPid lab_proxy_pid(void)
{
	return lab.proxy;
}

unsigned lab_serve(const char *name)
{
	char *program = lab_program("serve");
	const char *argv[] = { program, name, NULL };
	char *line = lab_start(argv);
	const unsigned port = (unsigned)atoi(line);

	g_free(line);
	g_free(program);
	return port;
}

/* ---- running ---- */

static struct lab_result run_argv(enum lab_user user, char **argv)
{
	GPtrArray *all = g_ptr_array_new();
	struct lab_result result = { 0 };
	GError *error = NULL;
	int status;

	if (user == LAB_NOBODY && lab.is_root) {
		static const char *const lowered[] = { "setpriv",	  "--reuid=65534",
						       "--regid=65534",	  "--clear-groups",
						       "--inh-caps=-all", "--" };
		for (size_t i = 0; i < G_N_ELEMENTS(lowered); i++)
			g_ptr_array_add(all, (char *)lowered[i]);
	}
	for (; *argv; argv++)
		g_ptr_array_add(all, *argv);
	g_ptr_array_add(all, NULL);
	if (!g_spawn_sync(lab.folder, (char **)all->pdata, NULL, G_SPAWN_SEARCH_PATH,
			  die_with_parent, NULL, &result.out, &result.err, &status, &error))
		cr_assert_fail("%s", error->message);
	result.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	g_ptr_array_free(all, TRUE);
	return result;
}

struct lab_result lab_shell(enum lab_user user, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	char *command = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	char *argv[] = { "sh", "-c", command, NULL };
	const struct lab_result result = run_argv(user, argv);
	g_free(command);
	return result;
}

struct lab_result lab_run(enum lab_user user, const char *options, const char *format, ...)
{
	char *isosocks = lab_program("isosocks");
	GError *error = NULL;
	va_list arguments;
	char **argv;

	va_start(arguments, format);
	char *command = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	/* A sanitizer must come before the library in programs that are not linked to it. */
	const char *runtime = g_getenv("SANITIZER");
	char *line = g_strdup_printf("env LD_PRELOAD=%s %s -x 127.0.0.1:%u %s -- %s",
				     runtime ? runtime : "", isosocks, lab.port,
				     options ? options : "", command);
	if (!g_shell_parse_argv(line, NULL, &argv, &error))
		cr_assert_fail("%s: %s", line, error->message);
	const struct lab_result result = run_argv(user, argv);
	g_strfreev(argv);
	g_free(line);
	g_free(command);
	g_free(isosocks);
	return result;
}

/* With AddressSanitizer's runtime alone in front of it, curl waits for ever for a lock of its own
 * setlocale(). */
static void skip_what_no_sanitizer_runs(const char *program)
{
	if (g_getenv("SANITIZER") && strcmp(program, "curl") == 0)
		cr_skip_test("%s does not run under a sanitizer", program);
}

/* Whether apt could install it. */
static gboolean is_packaged(const char *package)
{
	g_autofree char *command = g_strdup_printf("apt-cache policy %s", package);
	g_autofree char *out = NULL;

	return g_spawn_command_line_sync(command, &out, NULL, NULL, NULL) &&
	       strstr(out, "Candidate: ") && !strstr(out, "Candidate: (none)");
}

static gboolean is_there(const char *program)
{
	g_autofree char *path = g_find_program_in_path(program);

	return path != NULL;
}

void lab_need_of(const char *program, const char *package)
{
	if (!is_there(program) && !is_packaged(package))
		cr_skip_test("%s: this release has no package %s", program, package);
	lab_need(program);
}

void lab_need(const char *program)
{
	skip_what_no_sanitizer_runs(program);
	if (is_there(program))
		return;
	if (g_getenv("CI"))
		cr_assert_fail("%s is not installed", program);
	cr_skip_test("%s is not installed", program);
}

/* ---- what the proxy saw ---- */

char **lab_requests(void)
{
	GPtrArray *found = g_ptr_array_new();
	char *text = NULL;

	g_file_get_contents(lab.log, &text, NULL, NULL);
	char **lines = g_strsplit(text ? text : "", "\n", -1);
	size_t number = 0;
	for (char **line = lines; *line; line++) {
		if (strstr(*line, "\"event\":\"request\"") && number++ >= lab.seen)
			g_ptr_array_add(found, g_strdup(*line));
	}
	g_strfreev(lines);
	g_free(text);
	g_ptr_array_add(found, NULL);
	return (char **)g_ptr_array_free(found, FALSE);
}

void lab_forget(void)
{
	char **requests = lab_requests();
	lab.seen += g_strv_length(requests);
	g_strfreev(requests);
}

char *lab_only_request(void)
{
	char **requests = lab_requests();

	if (g_strv_length(requests) != 1) {
		char *all = g_strjoinv("\n", requests);
		cr_assert_fail("%u requests instead of one:\n%s", g_strv_length(requests), all);
	}
	char *line = g_strdup(requests[0]);
	g_strfreev(requests);
	lab.seen++;
	return line;
}

void lab_assert_has(const char *line, const char *member)
{
	cr_assert(strstr(line, member), "no %s in %s", member, line);
}

void lab_assert_status(const struct lab_result *result, int status)
{
	cr_assert_eq(result->status, status, "exit status %d, not %d\nstdout: %s\nstderr: %s",
		     result->status, status, result->out, result->err);
}

void lab_assert_out(const struct lab_result *result, const char *text)
{
	cr_assert(strstr(result->out, text), "no «%s» in\nstdout: %s\nstderr: %s", text,
		  result->out, result->err);
}
