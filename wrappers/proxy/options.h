/*
 * options: the command line, turned into settings. Errors are one line that names the option and
 * says what would be right.
 */
#ifndef PROXY_OPTIONS_H
#define PROXY_OPTIONS_H

#include <gio/gio.h>

struct settings;

/* `settings` has been initialised. `argv` is a NULL-terminated copy that parsing may change. */
gboolean options_parse(char ***argv, struct settings *settings, GError **error);

#endif
