/*
 * fault: what the server is told to do wrong, for tests of clients: `[HOST=]KIND[:ARG][*TIMES]`.
 * One table of kinds is parser, help text and place of action. A set belongs to the server and
 * counts down as its faults are taken; one thread.
 */
#ifndef PROXY_FAULT_H
#define PROXY_FAULT_H

#include <gio/gio.h>

/* The steps of a handshake, in order: a fault acts at one of them. */
enum step {
	STEP_ACCEPT,
	STEP_GREETING,
	STEP_AUTH,
	STEP_REQUEST,
	STEP_COUNT,
};

enum fault_id {
	FAULT_REPLY,
	FAULT_STATUS,
	FAULT_METHOD,
	FAULT_DELAY,
	FAULT_DELAY_METHOD,
	FAULT_DELAY_AUTH,
	FAULT_SILENT,
	FAULT_CLOSE,
	FAULT_RESET,
	FAULT_CUT,
	FAULT_STALL,
	FAULT_GARBAGE,
	FAULT_BYTES,
	FAULT_SPLIT,
	FAULT_GLUE,
	FAULT_ATYP,
	FAULT_VERSION,
	FAULT_RSV,
	FAULT_AUTH_VERSION,
	FAULT_HTTP,
	FAULT_PAIRS,
	FAULT_PAIRS_CUT,
	FAULT_REFUSE_PAIRS,
	FAULT_TOR_BADAUTH,
	FAULT_COUNT,
};

struct fault {
	enum fault_id id;
	enum step step;
	guint number;  /* ARG, where it is one */
	GBytes *bytes; /* ARG, where it is text */
	char *host;    /* NULL: any */
	gint64 left;   /* times it still acts; -1: always */
	char *text;    /* as it was given */
};

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *faults);

gboolean faults_add(struct faults *faults, const char *text, GError **error);

/*
 * The first fault of this kind for this step and host that has not run out, counted as used; NULL
 * when there is none. `host` is NULL before the request has told it.
 */
const struct fault *faults_take(struct faults *faults, enum fault_id id, enum step step,
				const char *host);

/* All kinds with their arguments, for --fault help. Freed with g_free. */
char *faults_help(void);

/* The names of the kinds, in the table's order, NULL at the end: the manual is held against them.
 */
const char *const *faults_kinds(void);

/* "accept", "greeting", "auth", "request". */
const char *step_name(enum step step);

#endif
