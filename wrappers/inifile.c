#include "inifile.h"

#include "config.h"

#include <string.h>

static void entry_free(void *data)
{
	struct inifile_entry *entry = data;

	g_free(entry->group);
	g_free(entry->key);
	g_free(entry->value);
	g_free(entry);
}

static guint line_of(const char *text, const char *at)
{
	guint line = 1;

	for (const char *p = text; p < at; p++)
		if (*p == '\n')
			line++;
	return line;
}

static gboolean check_text(const char *path, const char *text, size_t length, GError **error)
{
	const char *bad;

	if (g_utf8_validate_len(text, length, &bad))
		return TRUE;
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_FILE, "%s:%u: %s", path, line_of(text, bad),
		    *bad ? "this is not UTF-8 text" : "a NUL byte is not text");
	return FALSE;
}

/* One pass over the lines. */
struct scan {
	const char *path;
	GPtrArray *entries;
	GHashTable *seen; /* `group` or `group\nkey` -> line it stood on */
	const char *group;
	guint line;
};

static gboolean fail(const struct scan *scan, GError **error, const char *format, ...)
	G_GNUC_PRINTF(3, 4);

static gboolean fail(const struct scan *scan, GError **error, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_FILE, "%s:%u: %s", scan->path, scan->line,
		    text);
	return FALSE;
}

/* The line that the name stood on before, or 0 and it is remembered. */
static guint remember(struct scan *scan, char *name)
{
	gpointer before = g_hash_table_lookup(scan->seen, name);

	if (before)
		g_free(name);
	else
		g_hash_table_insert(scan->seen, name, GUINT_TO_POINTER(scan->line));
	return GPOINTER_TO_UINT(before);
}

static struct inifile_entry *add(struct scan *scan, char *group, char *key)
{
	struct inifile_entry *entry = g_new0(struct inifile_entry, 1);

	entry->group = group;
	entry->key = key;
	entry->line = scan->line;
	g_ptr_array_add(scan->entries, entry);
	return entry;
}

static gboolean scan_group(struct scan *scan, char *line, GError **error)
{
	char *end = strchr(line, ']');
	guint before;

	if (!end || end[1] != '\0' || end == line + 1)
		return fail(scan, error,
			    "a group is a name in brackets, [proxy], alone on its line");
	scan->group = add(scan, g_strndup(line + 1, (gsize)(end - line - 1)), NULL)->group;
	before = remember(scan, g_strdup(scan->group));
	if (before)
		return fail(scan, error, "[%s]: this group began on line %u already", scan->group,
			    before);
	return TRUE;
}

static gboolean scan_key(struct scan *scan, char *line, GError **error)
{
	char *equals = strchr(line, '=');
	guint before;

	if (!equals || equals == line)
		return fail(scan, error, "this is no [group], no key=value and no # comment");
	if (!scan->group)
		return fail(scan, error, "a key stands behind the [group] it belongs to");
	*equals = '\0';
	g_strchomp(line);
	if (strpbrk(line, "[]"))
		return fail(scan, error, "[%s] %s: a key has no brackets", scan->group, line);
	before = remember(scan, g_strconcat(scan->group, "\n", line, NULL));
	if (before)
		return fail(scan, error, "[%s] %s: given twice, on line %u already", scan->group,
			    line, before);
	add(scan, g_strdup(scan->group), g_strdup(line));
	return TRUE;
}

static gboolean scan_lines(struct scan *scan, const char *text, GError **error)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	for (guint i = 0; lines[i]; i++) {
		char *line = g_strstrip(lines[i]);
		gboolean good = TRUE;

		scan->line = i + 1;
		if (*line == '[')
			good = scan_group(scan, line, error);
		else if (*line != '\0' && *line != '#')
			good = scan_key(scan, line, error);
		if (!good)
			return FALSE;
	}
	return TRUE;
}

static gboolean take_values(struct scan *scan, const char *text, size_t length, GError **error)
{
	g_autoptr(GKeyFile) file = g_key_file_new();
	g_autoptr(GError) problem = NULL;

	if (length > 0 && !g_key_file_load_from_data(file, text, length, G_KEY_FILE_NONE, error)) {
		g_prefix_error(error, "%s: ", scan->path);
		return FALSE;
	}
	for (guint i = 0; i < scan->entries->len; i++) {
		struct inifile_entry *entry = scan->entries->pdata[i];

		if (!entry->key)
			continue;
		entry->value = g_key_file_get_string(file, entry->group, entry->key, &problem);
		scan->line = entry->line;
		if (problem)
			return fail(scan, error, "[%s] %s: %s", entry->group, entry->key,
				    problem->message);
	}
	return TRUE;
}

GPtrArray *inifile_parse(const char *path, const char *text, size_t length, GError **error)
{
	g_autoptr(GPtrArray) entries = g_ptr_array_new_with_free_func(entry_free);
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	struct scan scan = { .path = path, .entries = entries, .seen = seen };

	if (!check_text(path, text, length, error) || !scan_lines(&scan, text, error) ||
	    !take_values(&scan, text, length, error))
		return NULL;
	return g_steal_pointer(&entries);
}
