/*
 * finding: what doctor has to say, a sentence each, with a word that programs can rely on. A list
 * of them is a GPtrArray that frees what it holds. One thread.
 */
#ifndef WRAPPERS_FINDING_H
#define WRAPPERS_FINDING_H

#include <glib.h>
#include <stdio.h>

enum finding_level {
	FINDING_FINE,
	FINDING_NOTE,	 /* works, but not as one might think */
	FINDING_PROBLEM, /* does not work */
};

struct finding {
	const char *about; /* "program", "proxy", ... */
	enum finding_level level;
	const char *what; /* "static", "unreachable", ... */
	char *text;
};

GPtrArray *findings_new(void);
void findings_add(GPtrArray *findings, const char *about, enum finding_level level,
		  const char *what, const char *format, ...) G_GNUC_PRINTF(5, 6);

/* Whether there is a problem with this. */
gboolean findings_have_problem(GPtrArray *findings, const char *about);

/* As lines for people. */
void findings_show(GPtrArray *findings, FILE *to);

/* As one JSON object {"exit":N,"findings":[...]}; free it. */
char *findings_json(GPtrArray *findings, int status);

#endif
