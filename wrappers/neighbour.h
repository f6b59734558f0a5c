/*
 * neighbour: other tools that take over connect() as isosocks does: their libraries in LD_PRELOAD,
 * between which neither works, and their variables, which would be thought to mean something here.
 * One thread.
 */
#ifndef WRAPPERS_NEIGHBOUR_H
#define WRAPPERS_NEIGHBOUR_H

#include <glib.h>

/* What the command line says by itself, so that another tool's variable for it does not count. */
enum neighbour_said {
	NEIGHBOUR_WHERE = 1u << 0,    /* the proxy */
	NEIGHBOUR_ISOLATED = 1u << 1, /* keys or credentials */
};

/* FALSE, and what to use instead, where the environment has one of the two. */
gboolean neighbour_check(char **environment, unsigned said, GError **error);

/* The name of the tool whose library this item of LD_PRELOAD is, or NULL. */
const char *neighbour_of_library(const char *item);

#endif
