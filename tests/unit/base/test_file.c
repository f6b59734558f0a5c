/*
 * Files of somebody else's are not reached, whatever stands in their place: links of every kind,
 * devices, folders; and writing raises no signal. As root and as another user, where the test may.
 */
#include "base/file.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define OTHER 65534

static char folder[] = "/tmp/isosocks-file-XXXXXX";

static void open_folder(void)
{
	cr_assert_not_null(mkdtemp(folder));
	chmod(folder, 0755);
}

static void remove_folder(void)
{
	g_autofree char *command = g_strdup_printf("rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(file, .init = open_folder, .fini = remove_folder);

static char *path_of(const char *name)
{
	return g_build_filename(folder, name, NULL);
}

static void make(const char *name, const char *text)
{
	g_autofree char *path = path_of(name);
	cr_assert(g_file_set_contents(path, text, -1, NULL));
}

/* The path as it is settled, or how that failed. */
static int settle(const char *path, char ret[PATH_MAX])
{
	g_strlcpy(ret, path, PATH_MAX);
	return file_settle(ret);
}

static int reach(const char *name, int flags, bool streams)
{
	g_autofree char *path = path_of(name);
	char settled[PATH_MAX];
	int r = settle(path, settled);

	if (r == 0)
		r = file_open(settled, flags, streams);
	if (r >= 0)
		close(r);
	return r < 0 ? r : 0;
}

#define APPEND (O_WRONLY | O_APPEND | O_CREAT)

/* Root can make another user's file; an ordinary user's own namespace has no other user. */
static void need_another(void)
{
	g_autofree char *probe = path_of("probe");

	make("probe", "");
	if (chown(probe, OTHER, OTHER) < 0)
		cr_skip_test("this needs root: nobody else can make another user's file");
	unlink(probe);
}

Test(file, settles_a_path)
{
	static const struct {
		const char *path, *settled;
	} rows[] = {
		{ "%s/a/b", "%s/a/b" },		{ "%s//a/./b", "%s/a/b" },
		{ "%s/a/../b", "%s/b" },	{ "%s/link/b", "%s/a/b" },
		{ "%s/far/b", "%s/a/b" },	{ "%s/link/../b", "%s/b" },
		{ "%s/up/b", "%s/b" },		{ "%s/last", "%s/last" },
		{ "%s/a/../../../../b", "/b" }, { "%s/twice/b", "%s/a/b" },
	};
	g_autofree char *a = path_of("a"), *link = path_of("link"), *far = path_of("far");
	g_autofree char *up = path_of("up"), *last = path_of("last"), *twice = path_of("twice");

	cr_assert_eq(mkdir(a, 0755), 0);
	cr_assert(symlink("a", link) == 0 && symlink(a, far) == 0 && symlink("a/..", up) == 0 &&
		  symlink("a/x", last) == 0 && symlink("link", twice) == 0);
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_auto(GStrv) from = g_strsplit(rows[i].path, "%s", 2);
		g_auto(GStrv) to = g_strsplit(rows[i].settled, "%s", 2);
		g_autofree char *path = g_strjoinv(folder, from);
		g_autofree char *settled = g_strjoinv(folder, to);
		char found[PATH_MAX];

		cr_expect_eq(settle(path, found), 0, "%s", path);
		cr_expect_str_eq(found, settled, "%s", path);
	}
}

Test(file, settles_no_circle_and_nothing_too_long)
{
	g_autofree char *a = path_of("circle"), *b = path_of("long");
	g_autofree char *text = g_strnfill(4090, 'x');
	char found[PATH_MAX];

	cr_assert(symlink("circle", a) == 0);
	cr_expect_eq(reach("circle/x", APPEND, true), -ELOOP);
	for (size_t i = 100; i < strlen(text); i += 100)
		text[i] = '/';
	cr_assert(symlink(text, b) == 0);
	cr_expect_eq(reach("long/x", APPEND, true), -ENAMETOOLONG);
	cr_expect_eq(settle("relative", found), -EINVAL);
}

Test(file, makes_one_for_its_user_alone)
{
	g_autofree char *path = path_of("new");
	struct stat status;

	umask(0);
	cr_assert_eq(reach("new", APPEND, false), 0);
	cr_assert_eq(stat(path, &status), 0);
	cr_assert_eq(status.st_mode & 07777, 0600);
	cr_assert_eq(reach("new", APPEND, true), 0);
	cr_assert_eq(reach("none", O_WRONLY, true), -ENOENT);
	cr_assert_eq(reach("none/new", APPEND, true), -ENOENT);
}

Test(file, opens_no_link_and_no_device_and_no_folder)
{
	g_autofree char *soft = path_of("soft"), *hard = path_of("hard"), *own = path_of("own");
	g_autofree char *dead = path_of("dead"), *fifo = path_of("fifo"), *at = path_of("dir");
	g_autofree char *target = path_of("target");
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	make("own", "text");
	cr_assert(symlink("own", soft) == 0 && symlink("target", dead) == 0 &&
		  link(own, hard) == 0 && mkfifo(fifo, 0600) == 0 && mkdir(at, 0755) == 0);
	snprintf(name.sun_path, sizeof(name.sun_path), "%s/socket", folder);
	cr_assert_eq(bind(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	for (int streams = 0; streams < 2; streams++) {
		cr_expect_eq(reach("soft", APPEND, streams), -ELOOP);
		cr_expect_eq(reach("dead", APPEND, streams), -ELOOP);
		cr_expect_eq(reach("own", APPEND, streams), -EMLINK);
		cr_expect_eq(reach("hard", APPEND, streams), -EMLINK);
		cr_expect_eq(reach("dir", APPEND, streams), -EINVAL);
		cr_expect_eq(reach("dir/", APPEND, streams), -EISDIR);
		cr_expect_eq(reach("socket", APPEND, streams), -EINVAL);
		cr_expect_eq(file_open("/dev/zero", O_WRONLY, streams), -EINVAL);
		cr_expect_eq(file_open("/", O_WRONLY, streams), -EISDIR);
	}
	cr_expect_eq(access(target, F_OK), -1, "the link was followed");
	cr_expect_eq(reach("fifo", APPEND, false), -EINVAL);
	cr_expect_eq(reach("fifo", APPEND, true), -ENXIO, "nobody reads, and nobody waits");
	cr_expect_eq(file_open("/dev/null", O_WRONLY, false), -EINVAL);
	cr_expect_geq(file_open("/dev/null", O_WRONLY, true), 0);
}

Test(file, opens_nothing_of_another_users)
{
	g_autofree char *theirs = path_of("theirs"), *fifo = path_of("fifo");

	need_another();
	make("theirs", "text");
	cr_assert_eq(mkfifo(fifo, 0666), 0);
	cr_assert(chown(theirs, OTHER, OTHER) == 0 && chmod(theirs, 0666) == 0 &&
		  chown(fifo, OTHER, OTHER) == 0);
	const int reader = open(fifo, O_RDONLY | O_NONBLOCK);
	cr_expect_eq(reach("theirs", APPEND, true), -EPERM);
	cr_expect_eq(reach("fifo", APPEND, true), -EINVAL);
	cr_assert_eq(chown(theirs, 0, 0), 0);
	cr_assert_eq(chown(folder, OTHER, OTHER), 0);
	cr_assert_eq(setresuid(-1, OTHER, -1), 0);
	cr_expect_eq(reach("theirs", APPEND, true), -EPERM, "root's, which everybody may write to");
	cr_assert_eq(setresuid(-1, 0, -1), 0);
	close(reader);
}

/* In a folder of his he may put a link at any time: on the way, or in the place of the file. */
Test(file, follows_no_link_of_another_users)
{
	g_autofree char *mine = path_of("mine"), *link = path_of("link"), *end = path_of("end");
	g_autofree char *victim = path_of("mine/victim"), *made = path_of("mine/made");
	g_autofree char *back = path_of("back"), *by = path_of("link/victim");

	need_another();
	cr_assert_eq(mkdir(mine, 0755), 0);
	make("mine/victim", "");
	cr_assert(symlink("mine", link) == 0 && symlink("mine/victim", end) == 0 &&
		  symlink("link", back) == 0);
	cr_assert_eq(reach("link/victim", APPEND, true), 0, "one of its own");
	cr_assert_eq(reach("back/victim", APPEND, true), 0, "two of its own");
	cr_assert(lchown(link, OTHER, OTHER) == 0 && lchown(end, OTHER, OTHER) == 0);
	cr_expect_eq(reach("link/victim", APPEND, true), -ELOOP);
	cr_expect_eq(reach("link/made", APPEND, true), -ELOOP);
	cr_expect_eq(reach("back/victim", APPEND, true), -ELOOP, "one behind the other");
	cr_expect_eq(reach("end", APPEND, true), -ELOOP);
	cr_expect_eq(access(made, F_OK), -1);
	/* Settled before the link came. */
	cr_expect_eq(file_open(by, APPEND, true), -ENOTDIR);
}

/* ---- writing ---- */

static int write_at_the_limit(off_t at)
{
	const struct rlimit limit = { 10, 10 };
	g_autofree char *path = path_of("limited");
	const int fd = open(path, O_RDWR | O_CREAT, 0600);

	if (setrlimit(RLIMIT_FSIZE, &limit) < 0 || file_write(fd, "0123456789", 10, at) != 10)
		return 1;
	return file_write(fd, "more", 4, at < 0 ? at : 10) == -EFBIG ? 0 : 2;
}

Test(file, writes_past_the_limit_without_a_signal)
{
	cr_assert_eq(write_at_the_limit(-1), 0);
	cr_assert_eq(write_at_the_limit(0), 0);
	sigset_t now;
	cr_assert_eq(sigprocmask(SIG_SETMASK, NULL, &now), 0);
	cr_assert_not(sigismember(&now, SIGXFSZ));
}

Test(file, leaves_a_signal_that_was_pending_pending)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	cr_assert_eq(sigprocmask(SIG_BLOCK, &set, NULL), 0);
	cr_assert_eq(write_at_the_limit(-1), 0);
	cr_assert_eq(sigpending(&set), 0);
	cr_assert_not(sigismember(&set, SIGXFSZ), "ours was left");
	raise(SIGXFSZ);
	cr_assert_eq(write_at_the_limit(-1), 0);
	cr_assert_eq(sigpending(&set), 0);
	cr_assert(sigismember(&set, SIGXFSZ), "the program's was taken");
}

Test(file, writes_into_a_pipe_that_nobody_reads_without_a_signal)
{
	int ends[2];

	cr_assert_eq(pipe(ends), 0);
	close(ends[0]);
	cr_assert_eq(file_write(ends[1], "text", 4, -1), -EPIPE);
}

/* On a terminal of its own, in the background, where `stty tostop` has it that who writes stops. */
static void write_in_background(const char *terminal)
{
	struct termios settings;
	pid_t child;
	int status;

	setsid();
	const int fd = open(terminal, O_RDWR);
	tcgetattr(fd, &settings);
	settings.c_lflag |= TOSTOP;
	tcsetattr(fd, TCSANOW, &settings);
	child = fork();
	if (child == 0) {
		setpgid(0, 0);
		_exit(file_write(fd, "text", 4, -1) == 4 ? 0 : 1);
	}
	waitpid(child, &status, WUNTRACED);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
}

Test(file, writes_to_a_terminal_from_the_background_without_a_stop)
{
	const int fd = posix_openpt(O_RDWR | O_NOCTTY);
	int status;

	cr_assert(fd >= 0 && grantpt(fd) == 0 && unlockpt(fd) == 0);
	const pid_t child = fork();
	if (child == 0)
		write_in_background(ptsname(fd));
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", (unsigned)status);
}
