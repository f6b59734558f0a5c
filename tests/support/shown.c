#include "support/shown.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

static void free_shown(gpointer data)
{
	struct shown *shown = data;

	g_free(shown->text);
	g_free(shown->where);
	g_free(shown);
}

static void add(GPtrArray *all, const char *path, guint line, const char *text, gsize length)
{
	struct shown *shown = g_new0(struct shown, 1);

	shown->text = g_strstrip(g_strndup(text, length));
	shown->where = g_strdup_printf("%s:%u", path, line + 1);
	g_ptr_array_add(all, shown);
}

/* ---- which words are a command ---- */

/* The first word that assigns no variable, or NULL. */
static char *find_program(const char *text, bool *ret_has_arguments)
{
	g_auto(GStrv) words = g_strsplit(text, " ", -1);
	guint i = 0;

	while (words[i] && strchr(words[i], '=') && g_ascii_isupper(words[i][0]))
		i++;
	*ret_has_arguments = words[i] && words[i + 1];
	return g_strdup(words[i]);
}

static bool is_ours(const char *program)
{
	static const char *const names[] = { "isosocks", "isosocksctl", "isosocks-proxy",
					     "isosocks-rescue", NULL };
	return g_strv_contains(names, program);
}

/* Within a sentence: a name alone is no command to try. */
static bool is_sentence_command(const char *text)
{
	bool has_arguments;
	g_autofree char *program = find_program(text, &has_arguments);

	return has_arguments &&
	       (is_ours(program) || strcmp(program, "make") == 0 || strcmp(program, "sudo") == 0);
}

/* In a display, which may as well be a drawing. */
static bool is_program(const char *text)
{
	bool has_arguments;
	g_autofree char *program = find_program(text, &has_arguments);
	g_autofree char *path = program ? g_find_program_in_path(program) : NULL;

	return path || (program && is_ours(program));
}

/* ---- manuals ---- */

/* What roff makes of it. */
static char *plain(const char *text)
{
	static const struct {
		const char *roff, *text;
	} escapes[] = {
		{ "\\(dq", "\"" }, { "\\(aq", "'" }, { "\\-", "-" }, { "\\&", "" }, { "\\e", "\\" }
	};
	GString *result = g_string_new(text);

	for (size_t i = 0; i < G_N_ELEMENTS(escapes); i++)
		g_string_replace(result, escapes[i].roff, escapes[i].text, 0);
	return g_string_free(result, FALSE);
}

/* A command with its continuation lines; *at is then its last line. */
static void add_prompted(GPtrArray *all, const char *path, char **lines, guint *at,
			 const char *text)
{
	const guint first = *at;
	g_autoptr(GString) command = g_string_new(NULL);

	for (;;) {
		g_autofree char *line = plain(text);
		g_strstrip(line);
		const bool goes_on = g_str_has_suffix(line, "\\");
		line[strlen(line) - goes_on] = '\0';
		g_string_append(command, line);
		if (!goes_on || !lines[*at + 1])
			break;
		text = lines[++*at];
	}
	add(all, path, first, command->str, command->len);
}

/* The command of a line in a display, or NULL for a line that is none. */
static const char *find_command(const char *line)
{
	if (g_str_has_prefix(line, "$ ") || g_str_has_prefix(line, "# "))
		return line + 2;
	return is_program(line) ? line : NULL;
}

/* What .Li has, without the punctuation that mdoc takes for such. */
static void add_literal(GPtrArray *all, const char *path, guint line, const char *words)
{
	g_autofree char *text = plain(words);

	if (g_str_has_suffix(text, " .") || g_str_has_suffix(text, " ,") ||
	    g_str_has_suffix(text, " ;"))
		text[strlen(text) - 2] = '\0';
	if (is_sentence_command(text))
		add(all, path, line, text, strlen(text));
}

static void read_manual(GPtrArray *all, const char *path, char **lines)
{
	bool in_block = false;

	for (guint i = 0; lines[i]; i++) {
		const bool is_line = g_str_has_prefix(lines[i], ".Dl ");
		const char *command =
			is_line || in_block ? find_command(lines[i] + (is_line ? 4 : 0)) : NULL;

		if (g_str_has_prefix(lines[i], ".Bd -literal"))
			in_block = true;
		else if (strcmp(lines[i], ".Ed") == 0)
			in_block = false;
		else if (command)
			add_prompted(all, path, lines, &i, command);
		else if (g_str_has_prefix(lines[i], ".Li "))
			add_literal(all, path, i, lines[i] + 4);
	}
}

/* ---- markdown ---- */

static void add_spans(GPtrArray *all, const char *path, guint line, const char *text)
{
	const char *end;

	while ((text = strchr(text, '`')) && (end = strchr(text + 1, '`'))) {
		g_autofree char *span = g_strndup(text + 1, (gsize)(end - text - 1));
		if (is_sentence_command(span))
			add(all, path, line, span, strlen(span));
		text = end + 1;
	}
}

/* What stands behind two blanks says what the command does. */
static void add_column(GPtrArray *all, const char *path, guint line, const char *text)
{
	const char *end = strstr(text, "  ");
	g_autofree char *command = end ? g_strndup(text, (gsize)(end - text)) : g_strdup(text);

	if (strcmp(path, "README.md") == 0 || is_program(command))
		add(all, path, line, command, strlen(command));
}

static void read_markdown(GPtrArray *all, const char *path, char **lines)
{
	bool in_fence = false;

	for (guint i = 0; lines[i]; i++) {
		if (g_str_has_prefix(lines[i], "```"))
			in_fence = !in_fence;
		else if (in_fence)
			add(all, path, i, lines[i], strlen(lines[i]));
		else if (g_str_has_prefix(lines[i], "    ") && lines[i][4] != ' ')
			add_column(all, path, i, lines[i] + 4);
		else
			add_spans(all, path, i, lines[i]);
	}
}

/* ---- all files ---- */

static void read_file(GPtrArray *all, const char *path)
{
	g_autofree char *text = NULL;

	if (g_str_has_suffix(path, ".svg"))
		return;
	cr_assert(g_file_get_contents(path, &text, NULL, NULL), "%s", path);
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	if (g_str_has_suffix(path, ".md"))
		read_markdown(all, path, lines);
	else
		read_manual(all, path, lines);
}

static int compare(gconstpointer a, gconstpointer b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *shown_read(void)
{
	GPtrArray *all = g_ptr_array_new_with_free_func(free_shown);
	g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDir) folder = g_dir_open("doc", 0, NULL);
	const char *name;

	cr_assert(folder, "the tests run where doc/ is");
	g_ptr_array_add(paths, g_strdup("README.md"));
	while ((name = g_dir_read_name(folder)))
		g_ptr_array_add(paths, g_build_filename("doc", name, NULL));
	g_ptr_array_sort(paths, compare);
	for (guint i = 0; i < paths->len; i++)
		read_file(all, paths->pdata[i]);
	return all;
}
