#include "rehearsal.h"

#include "preload.h"
#include "site.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ETC	  "/etc"
#define PATIENCE  60000 /* milliseconds, for all programs */
#define NOBODY	  65534
#define SOME_USER 54321 /* a person's number, as far as a policy's scope goes */

/*
 * What a machine cannot do without, as far as it is there. Each must end by itself, change nothing
 * and print the same whenever it runs.
 */
static const char *const programs[][4] = {
	{ "true" },
	{ "sh", "-c", ":" },
	{ "bash", "-c", "echo $((6 * 7))" },
	{ "ls", "/" },
	{ "cat", "/etc/passwd" },
	{ "id" },
	{ "getent", "passwd", "root" },
	{ "grep", "-c", "", "/etc/passwd" },
	{ "mount", "--version" },
	{ "su", "--version" },
	{ "ip", "-V" },
	{ "dpkg", "--version" },
	{ "apt-get", "--version" },
	{ "systemctl", "--version" },
	{ "/lib/systemd/systemd", "--version" },
	{ "/usr/sbin/sshd", "-T", "-f", "/dev/null" },
	{ "ssh", "-V" },
	{ "perl", "-e", "print 6 * 7" },
	{ "python3", "-c", "import socket, ssl, subprocess" },
};

static const uid_t users[] = { 0, NOBODY, SOME_USER };

#define REHEARSAL_ERROR g_quark_from_static_string("isosocks-rehearsal")

/* ---- one program ---- */

static void become(gpointer user)
{
	const uid_t uid = *(const uid_t *)user;

	if (uid != 0 && (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0))
		_exit(127);
}

/* How it ended and all it printed, in one text to compare; NULL when it is not there. */
static char *perform(const char *const *argv, uid_t user)
{
	static const char *const environment[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/",
		"LC_ALL=C", NULL
	};
	g_autofree char *out = NULL, *err = NULL;
	g_autofree char *found = g_find_program_in_path(argv[0]);
	int status = 0;

	if (!found)
		return NULL;
	if (!g_spawn_sync("/", (char **)argv, (char **)environment,
			  G_SPAWN_SEARCH_PATH_FROM_ENVP | G_SPAWN_STDIN_FROM_DEV_NULL, become,
			  &user, &out, &err, &status, NULL))
		return g_strdup("cannot be started");
	return g_strdup_printf("status %04x, output \"%s%s\"", (unsigned)status, out, err);
}

static void perform_all(GPtrArray *results)
{
	for (gsize i = 0; i < G_N_ELEMENTS(programs); i++)
		for (gsize k = 0; k < G_N_ELEMENTS(users); k++)
			g_ptr_array_add(results, perform(programs[i], users[k]));
}

/* The first that is different, in words. */
static char *compare(const GPtrArray *before, const GPtrArray *after)
{
	for (guint i = 0; i < before->len; i++) {
		const char *a = before->pdata[i], *b = after->pdata[i];
		g_autofree char *command = NULL;

		if (g_strcmp0(a, b) == 0)
			continue;
		command = g_strjoinv(" ", (char **)programs[i / G_N_ELEMENTS(users)]);
		return g_strdup_printf("%s, as user %u: without the library %s; with it %s",
				       command, (unsigned)users[i % G_N_ELEMENTS(users)],
				       a ? a : "nothing", b ? b : "nothing");
	}
	return NULL;
}

/* ---- the stage ---- */

struct scene {
	const char *without; /* two lists */
	const char *with;
	const void *policy;
	gsize policy_length;
};

/* What is /etc/NAME outside stands in the new /etc: a link again, anything else by a mount. */
static gboolean carry_over(int old, const char *name)
{
	g_autofree char *from = g_strdup_printf("/proc/self/fd/%d/%s", old, name);
	g_autofree char *to = g_build_filename(ETC, name, NULL);
	char target[PATH_MAX] = "";
	struct stat file;

	/* What goes away meanwhile, a draft for example, is not missed. */
	if (fstatat(old, name, &file, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT;
	if (S_ISLNK(file.st_mode))
		return readlinkat(old, name, target, sizeof(target) - 1) >= 0 &&
		       symlink(target, to) == 0;
	if (S_ISDIR(file.st_mode) ? mkdir(to, 0755) < 0 : mknod(to, S_IFREG | 0644, 0) < 0)
		return FALSE;
	return mount(from, to, NULL, MS_BIND | MS_REC, NULL) == 0 || errno == ENOENT;
}

static gboolean is_ours(const char *name)
{
	return strcmp(name, PRELOAD_FILE + sizeof(ETC)) == 0 ||
	       strcmp(name, SITE_POLICY + sizeof(ETC)) == 0;
}

/*
 * An /etc of this mount namespace alone, with all that is in the real one but the two files, which
 * are ordinary ones here: in the real one nothing is made that could stay behind.
 */
static gboolean cover_etc(void)
{
	const int old = open(ETC, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = old < 0 ? NULL : fdopendir(dup(old));
	const struct dirent *entry;
	gboolean good = entries && mount("rehearsal", ETC, "tmpfs", 0, "mode=755") == 0;

	while (good && (entry = readdir(entries)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    !is_ours(entry->d_name))
			good = carry_over(old, entry->d_name);
	if (entries)
		closedir(entries);
	if (old >= 0)
		close(old);
	return good;
}

static gboolean put_file(const char *path, const void *contents, gsize length)
{
	return g_file_set_contents_full(path, contents, (gssize)length, G_FILE_SET_CONTENTS_NONE,
					0644, NULL);
}

/* What is different with the new files, or what keeps us from knowing; NULL: nothing. */
static char *play(const struct scene *scene)
{
	g_autoptr(GPtrArray) before = g_ptr_array_new(), after = g_ptr_array_new();

	if (!put_file(PRELOAD_FILE, scene->without, strlen(scene->without)))
		return g_strdup("the list cannot be written for a rehearsal");
	perform_all(before);
	if (!put_file(SITE_POLICY, scene->policy, scene->policy_length) ||
	    !put_file(PRELOAD_FILE, scene->with, strlen(scene->with)))
		return g_strdup("the new files cannot be written for a rehearsal");
	perform_all(after);
	return compare(before, after);
}

static char *play_in_private(const struct scene *scene)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return g_strdup("the kernel gives no mount namespace to rehearse in");
	umask(022);
	if (!cover_etc())
		return g_strdup_printf("no copy of " ETC " can be had to rehearse with: %s",
				       g_strerror(errno));
	return play(scene);
}

/* In a process of its own, which reports what is wrong to `to`. */
static pid_t start(int to, const struct scene *scene)
{
	const pid_t child = fork();
	g_autofree char *report = NULL;

	if (child != 0)
		return child;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	report = play_in_private(scene);
	_exit(report && write(to, report, strlen(report)) < 0);
}

/* The child's report: it ends when the child does, with all that it has started. NULL: in vain. */
static char *listen_to(int from)
{
	GString *report = g_string_new(NULL);
	const gint64 end = g_get_monotonic_time() + PATIENCE * 1000;
	struct pollfd ready = { .fd = from, .events = POLLIN };
	char text[4096];

	for (;;) {
		const gint64 left = (end - g_get_monotonic_time()) / 1000;
		ssize_t got;

		if (left <= 0 || poll(&ready, 1, (int)left) == 0) {
			g_string_free(report, TRUE);
			return NULL;
		}
		got = read(from, text, sizeof(text));
		if (got <= 0)
			return g_string_free(report, FALSE);
		g_string_append_len(report, text, got);
	}
}

static gboolean judge(const char *report, int status, GError **error)
{
	if (!report)
		g_set_error(error, REHEARSAL_ERROR, 0,
			    "the rehearsal did not end within %d seconds: a program hangs with the "
			    "library",
			    PATIENCE / 1000);
	else if (*report)
		g_set_error(error, REHEARSAL_ERROR, 0, "the rehearsal failed: %s", report);
	else if (status != 0)
		g_set_error(error, REHEARSAL_ERROR, 0, "the rehearsal ended with status %04x",
			    (unsigned)status);
	else
		return TRUE;
	return FALSE;
}

gboolean rehearsal_run(const char *without, const char *with, const void *policy,
		       gsize policy_length, GError **error)
{
	const struct scene scene = { without, with, policy, policy_length };
	gboolean good = FALSE;
	g_autofree char *report = NULL;
	int ends[2], status = -1;
	pid_t child = -1;

	if (pipe2(ends, O_CLOEXEC) == 0) {
		child = start(ends[1], &scene);
		close(ends[1]);
		if (child > 0) {
			report = listen_to(ends[0]);
			if (!report)
				kill(-child, SIGKILL);
			waitpid(child, &status, 0);
		}
		close(ends[0]);
	}
	if (child > 0)
		good = judge(report, status, error);
	else
		g_set_error(error, REHEARSAL_ERROR, 0, "the rehearsal cannot begin: %s",
			    g_strerror(errno));
	return good;
}
