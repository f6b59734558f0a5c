/*
 * inifile: the settings of a configuration file, each with the line it stands on. GKeyFile says
 * what a value is; which line that was, and that nothing is said twice, it does not keep, so one
 * pass over the text does. One thread; the caller owns the result.
 */
#ifndef WRAPPERS_INIFILE_H
#define WRAPPERS_INIFILE_H

#include <glib.h>

struct inifile_entry {
	char *group;
	char *key; /* NULL: the line that opens the group */
	char *value;
	guint line;
};

/*
 * The entries (struct inifile_entry *) in the order of their lines. Errors begin with `PATH:` or
 * `PATH:LINE:` and are CONFIG_ERROR_FILE: bytes that are no text, lines that are no setting, a key
 * or a group given twice.
 */
GPtrArray *inifile_parse(const char *path, const char *text, size_t length, GError **error);

#endif
