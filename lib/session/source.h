/*
 * source: where the policy of this process comes from: the variable that isosocks set, or the file
 * that the administrator compiled, or neither. Read once, by the session.
 */
#ifndef SESSION_SOURCE_H
#define SESSION_SOURCE_H

#include "policy/policy.h"

#define SOURCE_FILE "/etc/isosocks.policy"

/* Where there is no policy to say so: people from here on, below them the machine's own users,
 * which keep working whatever happens. */
#define SOURCE_LEAST_USER 1000

enum source {
	SOURCE_VARIABLE, /* ISOSOCKS_POLICY */
	SOURCE_SYSTEM,	 /* SOURCE_FILE */
	SOURCE_BUILT_IN, /* none, and LD_PRELOAD names the library: the defaults */
	SOURCE_NONE,	 /* none, for a user of the machine's own: nothing is done */
};

/*
 * Reads the policy into blob, of BLOB_MAX bytes, and opens it. armored is ISOSOCKS_POLICY or NULL.
 * The enum source, or -EACCES with *ret_problem: where it is from, and what is wrong.
 */
int source_open(const char *armored, uint8_t *blob, struct policy *ret_policy,
		const char **ret_problem);

/*
 * Whether this user's processes are let go directly under a policy of the whole machine, unless an
 * application names that user: those of the machine's own users, where LD_PRELOAD did not ask for
 * it.
 */
bool source_spares(const struct policy *policy, const char *executable, uint32_t user);

#endif
