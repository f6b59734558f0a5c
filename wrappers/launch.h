/*
 * launch: which file a program's name means, whether a preloaded library reaches what runs then,
 * and the memory that the processes of the session share. Nothing here ends the process but
 * launch_run. One thread.
 */
#ifndef WRAPPERS_LAUNCH_H
#define WRAPPERS_LAUNCH_H

#include <glib.h>

/* Exit status as env(1) has it, and the code of every GError in this domain. */
enum launch_status {
	LAUNCH_FAILED = 125,
	LAUNCH_CANNOT_EXECUTE = 126,
	LAUNCH_NOT_FOUND = 127,
};

#define LAUNCH_ERROR launch_error_quark()
GQuark launch_error_quark(void);

/* The status for an error of any domain. */
int launch_status(const GError *error);

/* The file that execvp(3) would run: a name with a slash as it is, any other along search_path
 * (NULL: the default). */
char *launch_find(const char *name, const char *search_path, GError **error);

/*
 * Checks that the library is loaded into what runs when this file is executed, following #! lines.
 * proxy is the URL that the advice for others names.
 * *ret_executable becomes the path of what runs in the end, as executable_resolve finds it, and
 * *ret_runtime the sanitizer's runtime it is linked to, which must come first, or NULL.
 */
gboolean launch_inspect(const char *path, const char *proxy, char **ret_executable,
			char **ret_runtime, GError **error);

/*
 * Puts a compiled policy where only those have it that inherit its descriptor; inherited is that of
 * an outer isosocks or NULL, which is not handed on. The value of ISOSOCKS_POLICY, to be freed;
 * NULL where there is no memory or descriptor to be had.
 */
char *launch_seal_policy(const GByteArray *policy, const char *inherited);

/*
 * A value for ISOSOCKS_NAMES, `FD:INODE`: the inherited one while its descriptor still is that map,
 * or a new map on a high descriptor that survives exec. "" where the limit of files' sizes permits
 * none (`ulimit -f`): then each process has names of its own.
 */
char *launch_open_names(const char *inherited, GError **error);

/* Executes the file; it returns only on failure. */
void launch_run(const char *path, char **arguments, char **environment, GError **error);

#endif
