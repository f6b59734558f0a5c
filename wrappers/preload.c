#include "preload.h"

#include "elf/preload.h"
#include "library.h"
#include "reader.h"
#include "replace.h"

#include <string.h>

#define SEPARATORS	 " \t\n:"
#define SIZE_MAX_OF_LIST (64 * 1024)

/* ---- the text ---- */

struct item {
	const char *at;
	size_t length;
};

/* The next item from *at on, which moves behind it; false at the end. */
static gboolean next_item(const char **at, struct item *ret_item)
{
	for (;;) {
		*at += strspn(*at, SEPARATORS);
		if (**at != '#')
			break;
		*at += strcspn(*at, "\n");
	}
	ret_item->at = *at;
	ret_item->length = strcspn(*at, SEPARATORS "#");
	*at += ret_item->length;
	return ret_item->length > 0;
}

static gboolean is_ours(struct item item)
{
	g_autofree char *path = g_strndup(item.at, item.length);
	g_autofree char *base = g_path_get_basename(path);

	return strcmp(base, PRELOAD_LIBRARY) == 0;
}

char *preload_find(const char *text)
{
	struct item item;

	while (next_item(&text, &item))
		if (is_ours(item))
			return g_strndup(item.at, item.length);
	return NULL;
}

/* A line without its own items of ours; NULL when nothing else was on it. */
static char *clean_line(const char *line)
{
	GString *clean = g_string_new(NULL);
	const char *at = line, *kept = line;
	gboolean changed = FALSE;
	struct item item;

	while (next_item(&at, &item)) {
		if (!is_ours(item))
			continue;
		g_string_append_len(clean, kept, item.at - kept);
		kept = item.at + item.length;
		changed = TRUE;
	}
	g_string_append(clean, kept);
	if (changed && strspn(clean->str, SEPARATORS) == clean->len) {
		g_string_free(clean, TRUE);
		return NULL;
	}
	return g_string_free(clean, FALSE);
}

char *preload_without(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func(g_free);

	for (guint i = 0; lines[i]; i++) {
		char *clean = clean_line(lines[i]);
		if (clean)
			g_ptr_array_add(kept, clean);
	}
	g_ptr_array_add(kept, NULL);
	return g_strjoinv("\n", (char **)kept->pdata);
}

char *preload_with(const char *text, const char *library)
{
	g_autofree char *others = preload_without(text);
	const gboolean ended = *others == '\0' || g_str_has_suffix(others, "\n");

	return g_strconcat(others, ended ? "" : "\n", library, "\n", NULL);
}

/* ---- the file ---- */

char *preload_read(GError **error)
{
	g_autoptr(GError) problem = NULL;
	g_autofree char *text = NULL;
	gsize length;

	text = reader_read(PRELOAD_FILE, SIZE_MAX_OF_LIST, &length, &problem);
	if (!text) {
		if (g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return g_strdup("");
		g_propagate_error(error, g_steal_pointer(&problem));
		return NULL;
	}
	if (memchr(text, '\0', length)) {
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
			    PRELOAD_FILE " is not a list of libraries: it holds a NUL byte");
		return NULL;
	}
	return g_steal_pointer(&text);
}

gboolean preload_write(const char *text, GError **error)
{
	return *text ? replace_file(PRELOAD_FILE, text, strlen(text), error)
		     : replace_remove(PRELOAD_FILE, error);
}
