/*
 * source: where the policy of this process comes from: the variable that isosocks set, or the file
 * that the administrator compiled, or neither. Read once, by the session.
 */
#ifndef SESSION_SOURCE_H
#define SESSION_SOURCE_H

#include "base/user.h"
#include "policy/policy.h"

#define SOURCE_FILE "/etc/isosocks.policy"

/* Where there is no policy to say so: people from here on, below them the machine's own users,
 * which keep working whatever happens. */
#define SOURCE_LEAST_USER 1000

enum source_kind {
	SOURCE_VARIABLE, /* ISOSOCKS_POLICY */
	SOURCE_SYSTEM,	 /* SOURCE_FILE */
	SOURCE_BUILT_IN, /* none, and LD_PRELOAD names the library: the defaults */
	SOURCE_NONE,	 /* none, for a user of the machine's own: nothing is done */
};

struct source {
	enum source_kind kind;
	bool asked_for;	  /* LD_PRELOAD names the library */
	struct user user; /* that this process acts for, the effective one, at its start */
	bool is_apart;	  /* in a user namespace of somebody's, where root is not the machine's */
	const char *problem;
};

/*
 * Reads the policy into blob, of BLOB_MAX bytes, and opens it. What SOURCE_FILE demands, where it
 * is there, holds besides whatever policy a variable has (policy_hold). variable is the value of
 * ISOSOCKS_POLICY (base64url, or policy/sealed) or NULL, asked_for whether LD_PRELOAD names the
 * library. 0, or -EACCES with ret->problem: where it is from, and what is wrong.
 */
int source_open(const char *variable, bool asked_for, uint8_t *blob, struct policy *ret_policy,
		struct source *ret);

/*
 * Whether this user's processes are let go directly under a policy of the whole machine, unless an
 * application names that user: those of the machine's own users, where LD_PRELOAD did not ask for
 * it. Where it cannot be told whose a process is, it is taken for a person's.
 */
bool source_spares(const struct source *source, const struct policy *policy,
		   const char *executable);

#endif
