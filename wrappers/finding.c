#include "finding.h"

#include "json.h"
#include "show.h"

#include <string.h>

static const char *const level_names[] = { "fine", "note", "problem" };
static const enum screen_style level_styles[] = { SCREEN_FINE, SCREEN_NOTE, SCREEN_PROBLEM };

static void finding_free(gpointer data)
{
	struct finding *finding = data;

	g_free(finding->text);
	g_free(finding);
}

GPtrArray *findings_new(void)
{
	return g_ptr_array_new_with_free_func(finding_free);
}

void findings_add(GPtrArray *findings, const char *about, enum finding_level level,
		  const char *what, const char *format, ...)
{
	struct finding *finding = g_new0(struct finding, 1);
	va_list arguments;

	finding->about = about;
	finding->level = level;
	finding->what = what;
	va_start(arguments, format);
	finding->text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_ptr_array_add(findings, finding);
}

gboolean findings_have_problem(GPtrArray *findings, const char *about)
{
	for (guint i = 0; i < findings->len; i++) {
		const struct finding *finding = findings->pdata[i];
		if (finding->level == FINDING_PROBLEM && strcmp(finding->about, about) == 0)
			return TRUE;
	}
	return FALSE;
}

void findings_show(GPtrArray *findings, FILE *to)
{
	for (guint i = 0; i < findings->len; i++) {
		const struct finding *finding = findings->pdata[i];
		g_autofree char *label =
			g_strdup_printf("%-8s %-8s ", finding->about, level_names[finding->level]);
		show_entry(to, level_styles[finding->level], label, "%s", finding->text);
	}
}

char *findings_json(GPtrArray *findings, int status)
{
	GString *json = g_string_new("{");

	json_add_number(json, "exit", status);
	json_add_key(json, "findings");
	g_string_append_c(json, '[');
	for (guint i = 0; i < findings->len; i++) {
		const struct finding *finding = findings->pdata[i];
		json_next(json);
		g_string_append_c(json, '{');
		json_add_text(json, "about", finding->about);
		json_add_text(json, "level", level_names[finding->level]);
		json_add_text(json, "what", finding->what);
		json_add_text(json, "text", finding->text);
		g_string_append_c(json, '}');
	}
	g_string_append(json, "]}\n");
	return g_string_free(json, FALSE);
}
