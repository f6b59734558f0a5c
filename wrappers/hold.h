/*
 * hold: what the machine's file demands, besides a policy that came from elsewhere: what it denies,
 * and the strictest of what both require. GLib; one thread.
 */
#ifndef WRAPPERS_HOLD_H
#define WRAPPERS_HOLD_H

#include <glib.h>

struct config;

/* Adds the demands of machine to config, where they are not there already. */
void hold_demands(struct config *config, const struct config *machine);

#endif
