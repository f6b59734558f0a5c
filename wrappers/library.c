#include "library.h"

#include "base/bytes.h"
#include "elf/preload.h"
#include "launch.h"

#include <errno.h>
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
	PRELOAD_LIBRARY,
	"../lib/isosocks/" PRELOAD_LIBRARY,
	"../lib/" MULTIARCH "/isosocks/" PRELOAD_LIBRARY,
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
		if (errno == EACCES) {
			g_set_error(error, LAUNCH_ERROR, LAUNCH_FAILED,
				    "%s cannot be read: install isosocks where every user may read "
				    "it",
				    path);
			return NULL;
		}
		g_string_append_printf(tried, "%s%s", tried->len ? ", " : "", path);
	}
	g_set_error(error, LAUNCH_ERROR, LAUNCH_FAILED, "%s is not installed: it is none of %s",
		    PRELOAD_LIBRARY, tried->str);
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
		    PRELOAD_LIBRARY);
	return NULL;
}

char *library_preload(const char *library, const char *runtime, const char *others)
{
	const char *list = others ? others : "";
	const size_t size = preload_size(library, runtime, list);
	char *value = g_malloc(size + 1);
	struct bytes_writer w = bytes_writer(value, size);

	preload_put(&w, library, runtime, list);
	value[bytes_length(&w)] = '\0';
	return value;
}

static gboolean is_ours(const char *item)
{
	g_autofree char *name = g_path_get_basename(item);

	return strcmp(name, PRELOAD_LIBRARY) == 0;
}

char *library_without(const char *preload)
{
	g_auto(GStrv) list = g_strsplit_set(preload ? preload : "", " :", -1);
	g_autoptr(GPtrArray) items = g_ptr_array_new();

	for (guint i = 0; list[i]; i++)
		if (*list[i] && !is_ours(list[i]))
			g_ptr_array_add(items, list[i]);
	g_ptr_array_add(items, NULL);
	return g_strjoinv(":", (char **)items->pdata);
}
