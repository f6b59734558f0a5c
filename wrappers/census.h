/*
 * census: what the preload for the whole machine does not reach, counted: the processes of users
 * whom it concerns that run without the library, and the programs that act for another user than
 * the one who starts them. One thread.
 */
#ifndef WRAPPERS_CENSUS_H
#define WRAPPERS_CENSUS_H

#include <glib.h>

struct site_scope;

struct census {
	guint concerned; /* processes of users whom it concerns */
	guint past;	 /* those of them without the library */
	guint unknown;	 /* those that this user may not look at; root may */
	guint setuid;	 /* programs in the folders of commands */
};

void census_take(const struct site_scope *scope, struct census *ret_census);

#endif
