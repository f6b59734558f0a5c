/*
 * gather: the configuration from all sources below the command line: the policy of an isosocks
 * around this one, or built-in values and the usual files; a file that was named; the environment.
 * One thread.
 */
#ifndef WRAPPERS_GATHER_H
#define WRAPPERS_GATHER_H

#include "config.h"

/*
 * The file named in place of the user's own: named (of an option), or else ISOSOCKS_CONFIG's. NULL:
 * none is. *ret_origin becomes by what.
 */
const char *gather_find_file(const char *named, char **block, const char **ret_origin);

/* With a session of its own where there is none around. named as above, or NULL. */
struct config *gather_config(const char *named, char **block, GError **error);

#endif
