/*
 * suggest: the word that someone who mistyped may have meant. Pure text; one thread.
 */
#ifndef WRAPPERS_SUGGEST_H
#define WRAPPERS_SUGGEST_H

#include <glib.h>

/*
 * The known word that is nearest to `word`: at most one letter in three is missing, added, other,
 * or has changed places with the next. NULL: none is near. known ends with NULL.
 */
const char *suggest_nearest(const char *word, const char *const *known);

/*
 * What GOption says of a command line that it could not read, with the option that may have been
 * meant behind it. Free it.
 */
char *suggest_option(const GError *error, const GOptionEntry *entries);

#endif
