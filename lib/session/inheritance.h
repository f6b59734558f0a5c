/*
 * inheritance: what this process got from the one that executed it, as far as it is handed on to
 * those it executes: the library, the policy, the user's variables, the names. Read with the
 * session, because programs clear and overwrite their environment; read-only afterwards. One per
 * process; any thread and any child of vfork(2).
 */
#ifndef SESSION_INHERITANCE_H
#define SESSION_INHERITANCE_H

#include "base/handed.h"
#include "policy/sealed.h"

#include <stdbool.h>

struct session;

struct inheritance {
	bool asked_for;	       /* LD_PRELOAD had the library; else it is the whole system's */
	const char *library;   /* its path then, or NULL */
	const char *loader;    /* the dynamic linker's path, or NULL */
	const char *variables; /* the user's, `NAME=value` and NUL each, "" behind the last */
	bool has_policy;       /* ISOSOCKS_POLICY was there, whatever its worth */
	bool is_cut;	       /* there were more variables than are kept */
	char names[HANDED_TEXT_SIZE];  /* ISOSOCKS_NAMES, or "" */
	char policy[SEALED_TEXT_SIZE]; /* ISOSOCKS_POLICY where it names a descriptor, or "" */
};

/* From the environment, once. */
void inheritance_read(void);

const struct inheritance *inheritance_get(void);

/* `ISOSOCKS_POLICY=…` as it was given; one that no child accepts when it was bad. */
const char *inheritance_policy(const struct session *session);

#endif
