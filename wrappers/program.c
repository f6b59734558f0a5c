#include "program.h"

#include "executable.h"
#include "finding.h"
#include "habit.h"
#include "libraries.h"
#include "reader.h"

#include "elf/elf.h"
#include "elf/privilege.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROCESS_MAX  (16 * 1024 * 1024) /* of a file in /proc */
#define SCRIPT_DEPTH 4			/* #! lines that lead from one to the next, as in Linux */

static void problem(GPtrArray *findings, const char *what, const char *path, const char *text)
{
	findings_add(findings, "program", FINDING_PROBLEM, what, "%s %s", path, text);
}

static void note(GPtrArray *findings, const char *what, const char *path, const char *text)
{
	findings_add(findings, "program", FINDING_NOTE, what, "%s %s", path, text);
}

/* ---- how it is packaged ---- */

/* Packages that start their program in a container, where our library is not. */
static void inspect_package(GPtrArray *findings, const char *path)
{
	g_autofree char *real = realpath(path, NULL);

	if (g_str_has_prefix(path, "/snap/") || g_str_has_prefix(path, "/var/lib/snapd/") ||
	    (real && g_str_has_suffix(real, "/bin/snap")))
		problem(findings, "snap", path,
			"is a snap: it starts in a container that has neither the library nor the "
			"environment; use a package of the distribution");
	if (strstr(path, "/flatpak/exports/bin/") ||
	    (real && strstr(real, "/flatpak/exports/bin/")))
		problem(findings, "flatpak", path,
			"is a flatpak: it starts in a container that has neither the library nor "
			"the environment; use a package of the distribution");
}

/* An AppImage is a program with a file system behind it: "AI" and a version in the ELF header. */
static void inspect_image(GPtrArray *findings, int fd, const char *path)
{
	unsigned char ident[EI_NIDENT];

	if (pread(fd, ident, sizeof(ident), 0) == sizeof(ident) &&
	    memcmp(ident + EI_ABIVERSION, "AI", 2) == 0)
		note(findings, "appimage", path,
		     "is an AppImage: what counts is the program in it; under the guard it cannot "
		     "mount itself and wants --appimage-extract-and-run; --appimage-extract takes "
		     "the program out");
}

/* ---- how it is linked ---- */

static gboolean is_short(int fd)
{
	unsigned char ident[EI_NIDENT];

	return pread(fd, ident, sizeof(ident), 0) == sizeof(ident) &&
	       memcmp(ident, ELFMAG, SELFMAG) == 0 && ident[EI_CLASS] == ELFCLASS32;
}

static void inspect_kind(GPtrArray *findings, int fd, const char *path, const struct elf_info *info)
{
	const char *what = "other";

	switch (info->kind) {
	case ELF_DYNAMIC:
		findings_add(findings, "program", FINDING_FINE, "dynamic", "%s %s", path,
			     elf_kind_explain(info->kind));
		return;
	case ELF_LOADER:
		note(findings, "loader", path, elf_kind_explain(info->kind));
		return;
	case ELF_SCRIPT:
		return;
	case ELF_STATIC:
		what = "static";
		break;
	case ELF_GO:
		what = *info->interpreter ? "cgo" : "go";
		break;
	case ELF_FOREIGN:
		what = is_short(fd) && sizeof(void *) == 8 ? "32-bit" : "foreign";
		break;
	case ELF_MUSL:
		what = "musl";
		break;
	case ELF_OTHER:
		break;
	}
	problem(findings, what, path, elf_kind_explain(info->kind));
}

/* ---- what it is linked to ---- */

/* Libraries that ask nameservers themselves. */
static const struct {
	const char *prefix;
	const char *name;
} resolvers[] = {
	{ "libcares.so", "c-ares" },
	{ "libunbound.so", "libunbound" },
	{ "libldns.so", "ldns" },
	{ "libgetdns.so", "getdns" },
	{ "libadns.so", "adns" },
	{ "libudns.so", "udns" },
	{ "libdns-", "BIND's libdns" },
	{ "libdns.so", "BIND's libdns" },
	{ "libevent_extra", "libevent's evdns" },
};

static const char *find_resolver(const GPtrArray *libraries)
{
	for (guint i = 0; i < libraries->len; i++) {
		g_autofree char *name = g_path_get_basename(libraries->pdata[i]);
		for (gsize k = 0; k < G_N_ELEMENTS(resolvers); k++)
			if (g_str_has_prefix(name, resolvers[k].prefix))
				return resolvers[k].name;
	}
	return NULL;
}

static void inspect_libraries(GPtrArray *findings, const char *path, const struct elf_info *info)
{
	g_autoptr(GPtrArray) libraries = libraries_list(path, LIBRARIES_CACHE);
	const char *resolver = find_resolver(libraries);

	if (resolver)
		findings_add(findings, "program", FINDING_NOTE, "resolver",
			     "%s is linked to %s, which asks nameservers itself: no query leaves, "
			     "and what it learns of a name may differ from what others do",
			     path, resolver);
	if (strstr(info->runtime, "tsan"))
		note(findings, "thread-sanitizer", path,
		     "is built with ThreadSanitizer, which cannot see how the library orders its "
		     "memory and reports races in it: TSAN_OPTIONS="
		     "ignore_noninstrumented_modules=1 leaves these out");
	else if (info->needs_asan)
		note(findings, "sanitizer", path,
		     "is linked to a sanitizer, whose runtime is preloaded before the library");
}

/* ---- privileges ---- */

static void add_privilege(GPtrArray *findings, const char *path, enum privilege gained,
			  gboolean guarded, gboolean here)
{
	const gboolean is_id = gained == PRIVILEGE_IDS;

	findings_add(findings, "program", guarded || !here ? FINDING_NOTE : FINDING_PROBLEM,
		     is_id ? "setuid" : "capabilities", "%s %s: %s%s", path,
		     is_id ? "is setuid or setgid" : "has file capabilities",
		     guarded ? "under the guard it runs without these privileges"
			     : "without the guard the kernel ignores LD_PRELOAD for it",
		     here ? "" : ", for all users but this one");
}

static void inspect_privilege(GPtrArray *findings, int fd, const char *path, gboolean guarded)
{
	struct stat file;

	if (fstat(fd, &file) < 0)
		return;
	const enum privilege here = privilege_gained(fd, &file),
			     elsewhere = privilege_others_gain(fd, &file);
	if (here != PRIVILEGE_NONE)
		add_privilege(findings, path, here, guarded, TRUE);
	else if (elsewhere != PRIVILEGE_NONE)
		add_privilege(findings, path, elsewhere, guarded, FALSE);
}

/* ---- one file, and what interprets it ---- */

static void inspect_file(GPtrArray *findings, int fd, const char *path, gboolean guarded,
			 struct elf_info *info)
{
	const int r = elf_inspect(fd, info);

	if (r < 0) {
		info->kind = ELF_OTHER;
		problem(findings, "unreadable", path,
			r == -EBADMSG ? "has damaged ELF tables" : g_strerror(-r));
		return;
	}
	inspect_kind(findings, fd, path, info);
	inspect_image(findings, fd, path);
	if (info->kind == ELF_DYNAMIC)
		inspect_libraries(findings, path, info);
	if (info->kind != ELF_SCRIPT)
		inspect_privilege(findings, fd, path, guarded);
}

static void inspect_chain(GPtrArray *findings, const char *path, gboolean guarded)
{
	g_autofree char *at = g_strdup(path);
	struct elf_info info = { .kind = ELF_SCRIPT };

	for (int depth = 0; depth <= SCRIPT_DEPTH; depth++) {
		const int fd = executable_open(at);

		if (fd < 0) {
			problem(findings, "unreadable", at, g_strerror(-fd));
			return;
		}
		inspect_file(findings, fd, at, guarded, &info);
		close(fd);
		if (info.kind != ELF_SCRIPT)
			return;
		g_free(at);
		at = g_strdup(info.interpreter);
	}
	problem(findings, "script", path, "is a script whose interpreters lead to no program");
}

/* ---- who runs already ---- */

/* Programs that, started again, tell the one that runs and end: it does the work, as it was
 * started. */
static const char *const single[] = {
	"firefox",     "thunderbird", "chromium",	  "chrome",	 "google-chrome", "brave",
	"vivaldi",     "opera",	      "microsoft-edge",	  "epiphany",	 "code",	  "codium",
	"slack",       "discord",     "element-desktop",  "signal",	 "telegram",	  "spotify",
	"evolution",   "geary",	      "gnome-terminal",	  "nautilus",	 "dolphin",	  "konsole",
	"libreoffice", "soffice",     "transmission-gtk", "qbittorrent", "emacsclient",	  "gedit",
};

static const char *find_single(const char *path)
{
	g_autofree char *base = g_path_get_basename(path);

	for (gsize i = 0; i < G_N_ELEMENTS(single); i++)
		if (g_str_has_prefix(base, single[i]))
			return single[i];
	return NULL;
}

static char *read_process(const char *pid, const char *file)
{
	g_autofree char *path = g_build_filename("/proc", pid, file, NULL);
	gsize length;

	return reader_read(path, PROCESS_MAX, &length, NULL);
}

static gboolean is_mine(const char *pid)
{
	g_autofree char *path = g_build_filename("/proc", pid, NULL);
	struct stat process;

	return stat(path, &process) == 0 && process.st_uid == getuid();
}

/* A process of this user and kind without the library; what its map looks like tells. */
static gboolean runs_outside(const char *pid, const char *name)
{
	g_autofree char *comm = NULL;
	g_autofree char *maps = NULL;

	if (!g_ascii_isdigit(*pid) || !is_mine(pid))
		return FALSE;
	comm = read_process(pid, "comm");
	/* The kernel cuts it to 15 bytes. */
	if (!comm || strncmp(comm, name, MIN(strlen(name), 15)) != 0)
		return FALSE;
	maps = read_process(pid, "maps");
	return maps && *maps && !strstr(maps, "libisosocks.so");
}

static void inspect_running(GPtrArray *findings, const char *path)
{
	const char *name = find_single(path);
	g_autoptr(GDir) processes = name ? g_dir_open("/proc", 0, NULL) : NULL;
	const char *pid;

	while (processes && (pid = g_dir_read_name(processes))) {
		if (!runs_outside(pid, name))
			continue;
		findings_add(findings, "program", FINDING_PROBLEM, "running",
			     "%s runs already, outside of isosocks, as process %s: a second one "
			     "would only tell it what to open; end it first, or use another "
			     "profile",
			     name, pid);
		return;
	}
}

void program_inspect(GPtrArray *findings, const char *path, gboolean guard_enabled)
{
	inspect_package(findings, path);
	inspect_chain(findings, path, guard_enabled);
	inspect_running(findings, path);
	habit_inspect(findings, path);
}
