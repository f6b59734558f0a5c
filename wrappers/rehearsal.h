/*
 * rehearsal: runs ordinary programs as they would run with the library preloaded for the whole
 * machine, in a mount namespace where the new list and the new policy already stand, and compares
 * them with the same programs without. Nobody else sees any of it. Needs root. One thread, without
 * others, since it forks.
 */
#ifndef WRAPPERS_REHEARSAL_H
#define WRAPPERS_REHEARSAL_H

#include <glib.h>

/*
 * without is the list as it is, less the library; with the one to be. Fails, naming the program and
 * what was different, when one of them ends otherwise or prints something else, or when all
 * together do not end in time.
 */
gboolean rehearsal_run(const char *without, const char *with, const void *policy,
		       gsize policy_length, GError **error);

#endif
