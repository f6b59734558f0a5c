#include "library.h"

#include "launch.h"

#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__) && defined(__ILP32__)
#define MULTIARCH "x86_64-linux-gnux32"
#elif defined(__x86_64__)
#define MULTIARCH "x86_64-linux-gnu"
#elif defined(__i386__)
#define MULTIARCH "i386-linux-gnu"
#elif defined(__aarch64__)
#define MULTIARCH "aarch64-linux-gnu"
#elif defined(__arm__)
#define MULTIARCH "arm-linux-gnueabihf"
#elif defined(__riscv)
#define MULTIARCH "riscv64-linux-gnu"
#elif defined(__powerpc64__)
#define MULTIARCH "powerpc64le-linux-gnu"
#elif defined(__s390x__)
#define MULTIARCH "s390x-linux-gnu"
#else
#define MULTIARCH "."
#endif

/* From the folder of the executable. */
static const char *const places[] = {
	LIBRARY_NAME,
	"../lib/isosocks/" LIBRARY_NAME,
	"../lib/" MULTIARCH "/isosocks/" LIBRARY_NAME,
};

/* ld.so(8): items end at a space or a colon, and a $ begins a substitution. */
static gboolean check_path(const char *path, GError **error)
{
	const char *bad = strpbrk(path, " :$");

	if (!bad)
		return TRUE;
	g_set_error(error, LAUNCH_ERROR, LAUNCH_FAILED,
		    "LD_PRELOAD cannot carry the path %s, because there is a '%c' in it: install "
		    "isosocks in a folder without one",
		    path, *bad);
	return FALSE;
}

char *library_find(const char *executable, GError **error)
{
	g_autofree char *folder = g_path_get_dirname(executable);
	g_autoptr(GString) tried = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
		g_autofree char *path = g_canonicalize_filename(places[i], folder);

		if (access(path, R_OK) == 0)
			return check_path(path, error) ? g_steal_pointer(&path) : NULL;
		g_string_append_printf(tried, "%s%s", tried->len ? ", " : "", path);
	}
	g_set_error(error, LAUNCH_ERROR, LAUNCH_FAILED, "%s is not installed: it is none of %s",
		    LIBRARY_NAME, tried->str);
	return NULL;
}

/* The path that was executed, where it is no link: reading /proc/self/exe takes as long as all else
 * here. */
static char *find_as_started(void)
{
	const char *started = (const char *)getauxval(AT_EXECFN);
	struct stat file;

	if (!started || *started != '/' || lstat(started, &file) < 0 || !S_ISREG(file.st_mode))
		return NULL;
	return library_find(started, NULL);
}

char *library_find_own(GError **error)
{
	char *library = find_as_started();
	g_autofree char *executable = NULL;

	if (library)
		return library;
	executable = g_file_read_link("/proc/self/exe", NULL);
	if (executable)
		return library_find(executable, error);
	g_set_error(error, LAUNCH_ERROR, LAUNCH_FAILED,
		    "/proc/self/exe cannot be read, so that %s cannot be found: is /proc mounted?",
		    LIBRARY_NAME);
	return NULL;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Where an item stands in LD_PRELOAD. */
enum place {
	BEFORE, /* AddressSanitizer refuses to be anything but first */
	OURS,
	/*
	 * ThreadSanitizer takes what runs inside a call of its own for libc: in front of the
	 * library it would not see how the library's threads wait for each other.
	 */
	BEHIND,
	LAST,
};

static enum place place_of(const char *item)
{
	static const struct {
		const char *name;
		enum place place;
	} rows[] = {
		{ LIBRARY_NAME, OURS },		{ "libasan.so", BEFORE },
		{ "libclang_rt.asan", BEFORE }, { "libtsan.so", BEHIND },
		{ "libclang_rt.tsan", BEHIND },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (g_str_has_prefix(base_of(item), rows[i].name))
			return rows[i].place;
	return LAST;
}

static void add_once(GPtrArray *items, const char *item)
{
	if (!g_ptr_array_find_with_equal_func(items, item, g_str_equal, NULL))
		g_ptr_array_add(items, (char *)item);
}

static void add_others(GPtrArray *items, char **others, enum place place)
{
	for (guint i = 0; others[i]; i++)
		if (*others[i] && place_of(others[i]) == place)
			add_once(items, others[i]);
}

char *library_preload(const char *library, const char *runtime, const char *others)
{
	g_auto(GStrv) list = g_strsplit_set(others ? others : "", " :", -1);
	g_autoptr(GPtrArray) items = g_ptr_array_new();

	add_others(items, list, BEFORE);
	if (runtime && items->len == 0 && place_of(runtime) == BEFORE)
		add_once(items, runtime);
	add_once(items, library);
	add_others(items, list, BEHIND);
	if (runtime && items->len == 1 && place_of(runtime) == BEHIND)
		add_once(items, runtime);
	add_others(items, list, LAST);
	g_ptr_array_add(items, NULL);
	return g_strjoinv(":", (char **)items->pdata);
}
