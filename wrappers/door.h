/*
 * door: who else on this machine may work for a program, outside of what isosocks sees: services
 * that a program asks by a Unix socket or on loopback, and that then go to the network themselves.
 * No preloaded library closes them; doctor names those that are there. One thread.
 */
#ifndef WRAPPERS_DOOR_H
#define WRAPPERS_DOOR_H

#include <glib.h>

/*
 * Adds a note about "door" for each that this user can reach. Paths are below root ("" but in
 * tests); environment as of g_environ_getenv.
 */
void door_inspect(GPtrArray *findings, const char *root, char **environment);

#endif
