/*
 * why: the last failures of the user's programs, as the library kept them with [log] why.
 */
#include "ctl.h"
#include "json.h"
#include "show.h"

#include "base/why.h"
#include "socks5/failure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define COUNT_DEFAULT 10

static char *find_file(void)
{
	const char *folder = g_getenv("XDG_RUNTIME_DIR");

	if (folder && *folder == '/')
		return g_build_filename(folder, WHY_FILE, NULL);
	return g_strdup_printf("/run/user/%u/" WHY_FILE, getuid());
}

/* The records that are whole, unordered. Whatever else is in the file is passed over. */
static GArray *read_records(int fd)
{
	GArray *records = g_array_new(FALSE, FALSE, sizeof(struct why_record));
	struct why_record record;

	for (off_t i = 0; i < WHY_RECORDS; i++) {
		const off_t at = (off_t)sizeof(struct why_head) + i * (off_t)sizeof(record);
		if (pread(fd, &record, sizeof(record), at) != sizeof(record) ||
		    record.magic != WHY_MAGIC)
			continue;
		record.host[sizeof(record.host) - 1] = '\0';
		record.application[sizeof(record.application) - 1] = '\0';
		record.keys[sizeof(record.keys) - 1] = '\0';
		g_array_append_val(records, record);
	}
	return records;
}

/* The latest first; the number goes round, so the distance counts. */
static int compare(const void *a, const void *b)
{
	const struct why_record *left = a, *right = b;

	return (int32_t)(right->number - left->number) < 0 ? -1 : left->number != right->number;
}

static struct failure failure_of(const struct why_record *record)
{
	return (struct failure){
		.error = record->error,
		.stage = record->stage,
		.method = record->method,
		.code = record->stage == ISOSOCKS_POLICY ? FAILURE_RULE : record->code,
	};
}

static const char *error_name(const struct why_record *record)
{
	const char *name = strerrorname_np(record->error);

	return name ? name : "?";
}

static char *code_text(const struct why_record *record)
{
	if (record->stage != ISOSOCKS_REPLY && record->stage != ISOSOCKS_AUTHENTICATION)
		return g_strdup("");
	return g_strdup_printf(", %s %02X", record->stage == ISOSOCKS_REPLY ? "reply" : "status",
			       record->code);
}

static void print_text(const struct why_record *record)
{
	const struct failure failure = failure_of(record);
	g_autofree char *code = code_text(record);
	g_autoptr(GDateTime) time = g_date_time_new_from_unix_local((gint64)record->time);
	g_autofree char *when = time ? g_date_time_format(time, "%F %T") : g_strdup("?");

	show_entry(stdout, SCREEN_HEADING, "", "%s %s:%u: %s%s: %s", when, record->host,
		   record->port, error_name(record), code, failure_meaning(&failure));
	show_entry(stdout, SCREEN_PLAIN, "  program  ", "%s, process %u", record->application,
		   record->process);
	show_entry(stdout, SCREEN_PLAIN, "  keys     ", "%s",
		   *record->keys ? record->keys : "none");
	show_entry(stdout, SCREEN_PLAIN, "  hint     ", "%s", failure_hint(&failure));
}

static void add_json(GString *json, const struct why_record *record)
{
	const struct failure failure = failure_of(record);

	json_next(json);
	g_string_append_c(json, '{');
	json_add_number(json, "time", (gint64)record->time);
	json_add_text(json, "host", record->host);
	json_add_number(json, "port", record->port);
	json_add_text(json, "errno", error_name(record));
	json_add_number(json, "stage", record->stage);
	json_add_number(json, "method", record->method);
	json_add_number(json, "code", record->code);
	json_add_text(json, "meaning", failure_meaning(&failure));
	json_add_text(json, "hint", failure_hint(&failure));
	json_add_text(json, "program", record->application);
	json_add_number(json, "process", record->process);
	json_add_text(json, "keys", record->keys);
	g_string_append_c(json, '}');
}

static void print(const GArray *records, guint count, gboolean as_json)
{
	g_autoptr(GString) json = g_string_new("[");

	for (guint i = 0; i < records->len && i < count; i++) {
		const struct why_record *record = &g_array_index(records, struct why_record, i);
		if (as_json)
			add_json(json, record);
		else
			print_text(record);
	}
	if (as_json)
		puts(g_string_append_c(json, ']')->str);
}

static int say_nothing_is_kept(const char *path)
{
	g_autofree char *folder = g_path_get_dirname(path);

	if (access(folder, F_OK) < 0)
		return ctl_fail(CTL_NO, "why",
				"%s: there is no such folder, and so no failure is kept: set "
				"XDG_RUNTIME_DIR to one of yours",
				folder);
	return ctl_fail(CTL_NO, "why",
			"%s: no failure has been kept: they are from the first one on that happens "
			"under a configuration with why=true in [log]",
			path);
}

int ctl_why(int argc, char **argv)
{
	gboolean as_json = FALSE;
	int count = COUNT_DEFAULT;
	const GOptionEntry entries[] = {
		{ "number", 'n', 0, G_OPTION_ARG_INT, &count, "at most so many (10)", "N" },
		{ "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "for a program to read", NULL },
		{ 0 },
	};
	g_autofree char *path = find_file();
	g_autoptr(GArray) records = NULL;
	struct stat file;
	int status, fd;

	if (!ctl_parse(&argc, argv, entries, NULL, 0, 0, &status))
		return status;
	if (count < 1)
		return ctl_fail(CTL_USAGE, "why", "--number: %d: it must be 1 or more", count);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 && errno != ENOENT)
		return ctl_fail(CTL_NO, "why", "%s: cannot be read: %s", path, g_strerror(errno));
	if (fd < 0)
		return say_nothing_is_kept(path);
	if (fstat(fd, &file) < 0 || !S_ISREG(file.st_mode)) {
		close(fd);
		return ctl_fail(CTL_NO, "why", "%s: is no regular file", path);
	}
	records = read_records(fd);
	close(fd);
	g_array_sort(records, compare);
	print(records, (guint)count, as_json);
	return CTL_YES;
}
