#include "launch.h"

#include "elf/elf.h"
#include "elf/privilege.h"
#include "executable.h"
#include "names/map.h"
#include "policy/sealed.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The macro makes a string of its first argument: no blanks. */
/* clang-format off */
G_DEFINE_QUARK(isosocks-launch-error, launch_error)
/* clang-format on */

#define DEFAULT_PATH "/bin:/usr/bin" /* execvp(3) without PATH */
#define SCRIPT_DEPTH 4		     /* #! lines that lead from one to the next, as in Linux */

int launch_status(const GError *error)
{
	return error->domain == LAUNCH_ERROR ? error->code : LAUNCH_FAILED;
}

static gboolean fail(GError **error, enum launch_status status, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

static gboolean fail(GError **error, enum launch_status status, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (error)
		*error = g_error_new_valist(LAUNCH_ERROR, (int)status, format, arguments);
	va_end(arguments);
	return FALSE;
}

/* ---- which file ---- */

/* 0 for a file that can be executed, otherwise why it cannot: -errno. */
static int check_file(const char *path)
{
	struct stat file;

	if (stat(path, &file) < 0)
		return -errno;
	if (S_ISDIR(file.st_mode))
		return -EISDIR;
	if (!S_ISREG(file.st_mode))
		return -EACCES;
	return access(path, X_OK) < 0 ? -errno : 0;
}

/* Errors upon which a search along PATH goes on as if nothing was there. */
static bool is_absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR;
}

static char *found(char *path, int r, GError **error)
{
	if (r == 0)
		return path;
	if (is_absent(r))
		fail(error, LAUNCH_NOT_FOUND, "%s: %s", path, g_strerror(-r));
	else
		fail(error, LAUNCH_CANNOT_EXECUTE, "%s: cannot be executed: %s", path,
		     g_strerror(-r));
	g_free(path);
	return NULL;
}

static char *search(const char *name, char **folders, GError **error)
{
	g_autofree char *refused = NULL;
	int reason = 0;

	for (guint i = 0; folders[i]; i++) {
		g_autofree char *path =
			g_strconcat(*folders[i] ? folders[i] : ".", "/", name, NULL);
		int r = check_file(path);

		if (r == 0)
			return g_steal_pointer(&path);
		if (is_absent(r) || refused)
			continue;
		refused = g_steal_pointer(&path);
		reason = r;
	}
	if (refused)
		return found(g_steal_pointer(&refused), reason, error);
	fail(error, LAUNCH_NOT_FOUND, "%s: not found in PATH", name);
	return NULL;
}

char *launch_find(const char *name, const char *search_path, GError **error)
{
	g_auto(GStrv) folders = NULL;

	if (*name == '\0') {
		fail(error, LAUNCH_NOT_FOUND, "the program's name is empty");
		return NULL;
	}
	if (strchr(name, '/'))
		return found(g_strdup(name), check_file(name), error);
	folders = g_strsplit(search_path ? search_path : DEFAULT_PATH, ":", -1);
	return search(name, folders, error);
}

/* ---- whether the library reaches it ---- */

#define SETUID_PROBLEM                                                                             \
	"is setuid or setgid: the kernel ignores LD_PRELOAD for it, and its traffic would not go " \
	"through the proxy; run isosocks inside what it starts, as in sudo isosocks PROGRAM"
#define CAPABILITY_PROBLEM                                                                         \
	"has file capabilities: the kernel ignores LD_PRELOAD for it, and its traffic would not "  \
	"go through the proxy; use a copy without them"

/* Why the kernel would run it with AT_SECURE, or NULL. */
static const char *find_privilege(int fd, const struct stat *file)
{
	switch (privilege_gained(fd, file)) {
	case PRIVILEGE_IDS:
		return SETUID_PROBLEM;
	case PRIVILEGE_CAPABILITIES:
		return CAPABILITY_PROBLEM;
	default:
		return NULL;
	}
}

static gboolean check_privilege(int fd, const char *path, GError **error)
{
	const char *problem;
	struct stat file;

	if (fstat(fd, &file) < 0)
		return fail(error, LAUNCH_CANNOT_EXECUTE, "%s: %s", path, g_strerror(errno));
	problem = find_privilege(fd, &file);
	return !problem || fail(error, LAUNCH_CANNOT_EXECUTE, "%s %s", path, problem);
}

/* What the user can do about a program of this kind; free it. */
static char *advice(enum elf_kind kind, const char *proxy)
{
	switch (kind) {
	case ELF_STATIC:
		return g_strdup("use a dynamically linked build of it");
	case ELF_GO:
		return g_strconcat("use its own proxy settings, many take ALL_PROXY=", proxy, NULL);
	case ELF_FOREIGN:
		return g_strdup("use a build of it for this machine");
	case ELF_MUSL:
		return g_strdup("use a build of it for glibc");
	default:
		return g_strdup("it cannot be run with isosocks");
	}
}

/* A program with a file system behind it: "AI" and a version in the ELF header. */
static gboolean is_image(int fd)
{
	unsigned char ident[EI_NIDENT];

	return pread(fd, ident, sizeof(ident), 0) == sizeof(ident) &&
	       memcmp(ident + EI_ABIVERSION, "AI", 2) == 0;
}

static gboolean explain_image(const char *path, GError **error)
{
	return fail(error, LAUNCH_CANNOT_EXECUTE,
		    "%s is an AppImage, which mounts itself by a setuid program and a static one; "
		    "run isosocks sh -c '%s --appimage-extract-and-run', or take its program out "
		    "with --appimage-extract",
		    path, path);
}

static gboolean explain_kind(const char *path, enum elf_kind kind, const char *proxy,
			     GError **error)
{
	g_autofree char *text = advice(kind, proxy);

	return fail(error, LAUNCH_CANNOT_EXECUTE, "%s %s; %s", path, elf_kind_explain(kind), text);
}

static gboolean explain_unreadable(const char *path, int r, GError **error)
{
	if (r == -ENOENT)
		return fail(error, LAUNCH_CANNOT_EXECUTE, "%s: is not there", path);
	return fail(error, LAUNCH_CANNOT_EXECUTE,
		    "%s: what it is cannot be told, so it is not run: %s", path,
		    r == -EBADMSG ? "its ELF tables are damaged" : g_strerror(-r));
}

static gboolean inspect_file(int fd, const char *path, const char *proxy, struct elf_info *info,
			     char **ret_runtime, GError **error)
{
	int r = elf_inspect(fd, info);

	if (r < 0)
		return explain_unreadable(path, r, error);
	if (info->kind == ELF_SCRIPT)
		return TRUE;
	if (info->kind == ELF_STATIC && info->is_isosocks)
		return TRUE;
	if (info->kind == ELF_STATIC && is_image(fd))
		return explain_image(path, error);
	if (info->kind != ELF_DYNAMIC && info->kind != ELF_LOADER && info->kind != ELF_OTHER)
		return explain_kind(path, info->kind, proxy, error);
	if (info->needs_asan)
		*ret_runtime = g_strdup(info->runtime);
	return check_privilege(fd, path, error);
}

static gboolean inspect(const char *path, const char *proxy, struct elf_info *info,
			char **ret_runtime, GError **error)
{
	int fd = executable_open(path);
	gboolean good;

	if (fd < 0)
		return explain_unreadable(path, fd, error);
	good = inspect_file(fd, path, proxy, info, ret_runtime, error);
	close(fd);
	return good;
}

gboolean launch_inspect(const char *path, const char *proxy, char **ret_executable,
			char **ret_runtime, GError **error)
{
	struct elf_info info = { .interpreter = "" };
	g_autofree char *at = g_strdup(path);

	*ret_executable = *ret_runtime = NULL;
	for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
		if (!inspect(at, proxy, &info, ret_runtime, error)) {
			if (depth > 0)
				g_prefix_error(error, "%s: its interpreter ", path);
			return FALSE;
		}
		if (info.kind != ELF_SCRIPT) {
			*ret_executable = executable_follow_links(at);
			return TRUE;
		}
		g_free(at);
		at = g_strdup(info.interpreter);
	}
	return fail(error, LAUNCH_CANNOT_EXECUTE,
		    "%s: more than %d #! lines lead from one to the next", path, SCRIPT_DEPTH);
}

/* ---- names map ---- */

/* The inherited map, wherever its descriptor is, or a new one. -errno. */
static int open_names(const char *inherited)
{
	int fd = map_find(inherited);

	if (fd < 0)
		fd = map_find_again(inherited);
	return fd < 0 ? map_create() : fd;
}

char *launch_open_names(const char *inherited, GError **error)
{
	char text[HANDED_TEXT_SIZE] = "";
	int r = open_names(inherited);

	if (r >= 0)
		r = handed_describe(r, text);
	if (r >= 0 || r == -EFBIG)
		return g_strdup(text);
	fail(error, LAUNCH_FAILED, "the memory for names cannot be made: %s", g_strerror(-r));
	return NULL;
}

/* ---- policy ---- */

char *launch_seal_policy(const GByteArray *policy, const char *inherited)
{
	const int outer = inherited ? sealed_find(inherited) : -ENOENT;
	const int fd = sealed_create(policy->data, policy->len);
	char text[SEALED_TEXT_SIZE];

	if (fd < 0 || sealed_describe(fd, text) < 0)
		return NULL;
	if (outer >= 0)
		fcntl(outer, F_SETFD, FD_CLOEXEC);
	return g_strdup(text);
}

/* ---- exec ---- */

void launch_run(const char *path, char **arguments, char **environment, GError **error)
{
	/* The variant with a search, for its second meaning: a script without #! goes to the shell.
	 */
	execvpe(path, arguments, environment);
	if (errno == ENOENT)
		fail(error, LAUNCH_CANNOT_EXECUTE, "%s: its interpreter is not there", path);
	else
		fail(error, LAUNCH_CANNOT_EXECUTE, "%s: cannot be executed: %s", path,
		     g_strerror(errno));
}
