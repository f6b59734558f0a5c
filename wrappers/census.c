#include "census.h"

#include "site.h"

#include "elf/preload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- processes ---- */

static gboolean is_concerned(const struct site_scope *scope, uint32_t user)
{
	if (!scope->users)
		return user >= scope->min_uid;
	for (guint i = 0; i < scope->users->len; i++)
		if (g_array_index(scope->users, uint32_t, i) == user)
			return TRUE;
	return FALSE;
}

/* The one that it acts for. false: it has ended. */
static gboolean find_user(const char *process, uint32_t *ret_user)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/status", process);
	g_autofree char *text = NULL;
	const char *line;
	unsigned user;

	if (!g_file_get_contents(path, &text, NULL, NULL) || !(line = strstr(text, "\nUid:")) ||
	    sscanf(line, "\nUid: %*u %u", &user) != 1)
		return FALSE;
	*ret_user = user;
	return TRUE;
}

/* Whether the library is mapped: 1, 0, or -errno. The file of a process that has ended is empty. */
static int has_library(const char *process)
{
	g_autofree char *path = g_strdup_printf("/proc/%s/maps", process);
	g_autofree char *text = NULL;
	g_autoptr(GError) error = NULL;
	gsize length;

	if (!g_file_get_contents(path, &text, &length, &error))
		return g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT) ? -ENOENT : -EACCES;
	return length == 0 ? -ENOENT : strstr(text, "/" PRELOAD_LIBRARY) != NULL;
}

static void count_process(const struct site_scope *scope, const char *process,
			  struct census *census)
{
	uint32_t user;

	if (!find_user(process, &user) || !is_concerned(scope, user))
		return;
	const int r = has_library(process);

	if (r == -ENOENT)
		return;
	census->concerned++;
	census->past += r == 0;
	census->unknown += r < 0;
}

static void count_processes(const struct site_scope *scope, struct census *census)
{
	g_autoptr(GDir) folder = g_dir_open("/proc", 0, NULL);
	const char *name;

	while (folder && (name = g_dir_read_name(folder)))
		if (g_ascii_isdigit(*name))
			count_process(scope, name, census);
}

/* ---- programs ---- */

/* One folder may be another by a link. */
static gboolean is_seen(GHashTable *seen, const struct stat *file)
{
	return !g_hash_table_add(
		seen, g_strdup_printf("%ju:%ju", (uintmax_t)file->st_dev, (uintmax_t)file->st_ino));
}

static void count_programs(const char *path, GHashTable *seen, struct census *census)
{
	g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
	const char *name;

	while (folder && (name = g_dir_read_name(folder))) {
		g_autofree char *file = g_build_filename(path, name, NULL);
		struct stat status;
		if (stat(file, &status) == 0 && S_ISREG(status.st_mode) &&
		    (status.st_mode & S_ISUID) && !is_seen(seen, &status))
			census->setuid++;
	}
}

void census_take(const struct site_scope *scope, struct census *ret)
{
	static const char *const folders[] = { "/bin",	      "/sbin",		"/usr/bin",
					       "/usr/sbin",   "/usr/local/bin", "/usr/local/sbin",
					       "/usr/libexec" };
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	*ret = (struct census){ 0 };
	count_processes(scope, ret);
	for (size_t i = 0; i < G_N_ELEMENTS(folders); i++)
		count_programs(folders[i], seen, ret);
}
