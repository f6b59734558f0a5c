/*
 * environment: the ISOSOCKS_ variables that isosocks was started with, and the environment that the
 * program gets. What they say goes into the policy, so the program does not see them a second time.
 * One thread; blocks are NULL-terminated arrays of NAME=VALUE.
 */
#ifndef WRAPPERS_ENVIRONMENT_H
#define WRAPPERS_ENVIRONMENT_H

#include "config.h"

#include <glib.h>

/* Sets what the variables say, ISOSOCKS_CONFIG aside. Errors begin with the name of the variable.
 */
gboolean environment_take(struct config *config, char **block, GError **error);

/*
 * A copy of the block with these three variables, and without any of isosocks' others. names may be
 * NULL. Free it with g_strfreev.
 */
char **environment_compose(char **block, const char *policy, const char *names,
			   const char *preload);

#endif
