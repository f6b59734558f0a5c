#include "libraries.h"

#include "executable.h"
#include "ldcache.h"
#include "reader.h"

#include "elf/elf.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CACHE_MAX     (16 * 1024 * 1024)
#define LIBRARIES_MAX 1024   /* no program has so many */
#define TRIES_MAX     100000 /* files that are looked for: a program could name any number */

/* Behind the cache. */
static const char *const standard[] = { "/lib64", "/usr/lib64", "/lib", "/usr/lib" };

/* A file that has been found, and where it has its own libraries looked for. */
struct object {
	struct search *search;
	struct object *loader; /* who asked for it first; NULL: it is the program */
	char *path;
	char *rpath;
	char *runpath;
};

struct search {
	GPtrArray *names;   /* the result */
	GPtrArray *askers;  /* struct object *, who asked for each first */
	GPtrArray *objects; /* struct object *, the files that have been found */
	GHashTable *seen;
	char *cache_bytes;
	struct ldcache cache;
	gboolean has_cache;
	unsigned tries;
};

static void object_free(gpointer data)
{
	struct object *object = data;

	g_free(object->path);
	g_free(object->rpath);
	g_free(object->runpath);
	g_free(object);
}

static void ask_for(struct search *search, struct object *asker, const char *name)
{
	if (search->names->len >= LIBRARIES_MAX || !g_hash_table_add(search->seen, g_strdup(name)))
		return;
	g_ptr_array_add(search->names, g_strdup(name));
	g_ptr_array_add(search->askers, asker);
}

static void take_text(void *context, enum elf_text what, const char *text)
{
	struct object *object = context;
	char **field = what == ELF_RPATH ? &object->rpath : &object->runpath;

	if (what == ELF_NEEDED) {
		ask_for(object->search, object, text);
		return;
	}
	g_free(*field);
	*field = g_strdup(text);
}

/* FALSE: there is no such file of this machine. */
static gboolean open_object(struct search *search, const char *path, struct object *loader)
{
	const int fd = search->tries++ < TRIES_MAX ? executable_open(path) : -EMFILE;
	struct object *object;
	int r;

	if (fd < 0)
		return FALSE;
	object = g_new0(struct object, 1);
	object->search = search;
	object->loader = loader;
	object->path = g_strdup(path);
	g_ptr_array_add(search->objects, object);
	r = elf_texts(fd, take_text, object);
	close(fd);
	return r == 0;
}

/* ---- where a library is ---- */

/* ld.so(8), Dynamic string tokens. NULL for a folder whose name has others than $ORIGIN. */
static char *expand(const char *folder, const char *object)
{
	g_autofree char *real = executable_follow_links(object);
	g_autofree char *origin = g_path_get_dirname(real);
	g_autoptr(GString) text = g_string_new(folder);

	g_string_replace(text, "${ORIGIN}", "$ORIGIN", 0);
	g_string_replace(text, "$ORIGIN", "", 0);
	if (strchr(text->str, '$'))
		return NULL;
	g_string_assign(text, folder);
	g_string_replace(text, "${ORIGIN}", origin, 0);
	g_string_replace(text, "$ORIGIN", origin, 0);
	return g_strdup(text->str);
}

static gboolean open_in(const char *folder, const char *name, struct object *loader)
{
	g_autofree char *path = g_build_filename(*folder ? folder : ".", name, NULL);

	return open_object(loader->search, path, loader);
}

/* In folders between colons, or semicolons as in LD_LIBRARY_PATH; owner is whose list it is. */
static gboolean open_in_list(const char *list, const char *owner, const char *name,
			     struct object *loader)
{
	g_auto(GStrv) folders = g_strsplit_set(list ? list : "", ":;", -1);

	for (guint i = 0; list && folders[i] && loader->search->tries < TRIES_MAX; i++) {
		g_autofree char *folder = expand(folders[i], owner);
		if (folder && open_in(folder, name, loader))
			return TRUE;
	}
	return FALSE;
}

/* DT_RPATH of the one that asks, of the one that asked for it, and so on; DT_RUNPATH puts an end to
 * that. */
static gboolean open_by_rpath(const char *name, struct object *loader)
{
	for (const struct object *at = loader->runpath ? NULL : loader;
	     at && at->search->tries < TRIES_MAX; at = at->loader)
		if (!at->runpath && open_in_list(at->rpath, at->path, name, loader))
			return TRUE;
	return FALSE;
}

static gboolean open_by_cache(const char *name, struct object *loader)
{
	const struct search *search = loader->search;
	const char *path;
	gsize index = 0;

	while (search->has_cache && (path = ldcache_find(&search->cache, name, &index)))
		if (*path == '/' && open_object(loader->search, path, loader))
			return TRUE;
	return FALSE;
}

static gboolean open_library(const char *name, struct object *loader)
{
	if (strchr(name, '/'))
		return open_object(loader->search, name, loader);
	if (open_by_rpath(name, loader) ||
	    open_in_list(g_getenv("LD_LIBRARY_PATH"), loader->path, name, loader) ||
	    open_in_list(loader->runpath, loader->path, name, loader) ||
	    open_by_cache(name, loader))
		return TRUE;
	for (gsize i = 0; i < G_N_ELEMENTS(standard); i++)
		if (open_in(standard[i], name, loader))
			return TRUE;
	return FALSE;
}

/* ---- all of them ---- */

static void open_cache(struct search *search, const char *path)
{
	gsize length;

	search->cache_bytes = reader_read(path, CACHE_MAX, &length, NULL);
	search->has_cache =
		search->cache_bytes && ldcache_open(&search->cache, search->cache_bytes, length);
}

GPtrArray *libraries_list(const char *program, const char *cache)
{
	struct search search = {
		.names = g_ptr_array_new_with_free_func(g_free),
		.askers = g_ptr_array_new(),
		.objects = g_ptr_array_new_with_free_func(object_free),
		.seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
	};

	open_cache(&search, cache);
	open_object(&search, program, NULL);
	for (guint i = 0; i < search.names->len; i++)
		open_library(search.names->pdata[i], search.askers->pdata[i]);
	g_ptr_array_unref(search.askers);
	g_ptr_array_unref(search.objects);
	g_hash_table_unref(search.seen);
	g_free(search.cache_bytes);
	return search.names;
}
