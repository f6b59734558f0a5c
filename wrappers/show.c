#include "show.h"

#include "base/printable.h"

#include <string.h>
#include <unistd.h>

extern char **environ;

static char *show_part(const char *text, gsize length)
{
	const gsize size = length * PRINTABLE_GROWTH;
	char *shown = g_malloc(size + 1);
	struct bytes_writer w = bytes_writer(shown, size);

	printable_put(&w, text, length);
	shown[bytes_length(&w)] = '\0';
	return shown;
}

char *show_text(const char *text)
{
	return show_part(text, strlen(text));
}

void show_line(FILE *to, const char *format, ...)
{
	g_autofree char *text = NULL, *shown = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	shown = show_text(text);
	fprintf(to, "%s\n", shown);
}

void show_entry(FILE *to, enum screen_style style, const char *label, const char *format, ...)
{
	const struct screen screen = screen_of(fileno(to), environ);
	g_autofree char *text = NULL, *shown_label = show_text(label), *shown = NULL, *line = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	shown = show_text(text);
	line = screen_fold(&screen, style, shown_label, shown);
	fprintf(to, "%s\n", line);
}

void show_lines(FILE *to, const char *text)
{
	while (*text) {
		const gsize length = strcspn(text, "\n");
		g_autofree char *shown = show_part(text, length);

		fprintf(to, "%s\n", shown);
		text += length + (text[length] == '\n');
	}
}
