/*
 * environment: the ISOSOCKS_ variables, found in one pass. What they say is added to the policy:
 * they set keys and the proxy, and never take back what the policy demands. Pointers go into the
 * environment block.
 */
#ifndef SESSION_ENVIRONMENT_H
#define SESSION_ENVIRONMENT_H

struct environment {
	const char *policy;
	const char *names;
	const char *config; /* the commands' alone */
	const char *proxy;
	const char *isolation;
	const char *keys;
	const char *by;
	const char *log;
	const char *log_file;
	const char *username;
	const char *password;
	const char *runtime;  /* XDG_RUNTIME_DIR */
	const char *torsocks; /* the first of torsocks', which mean nothing here: NAME=value */
	const char *unknown;  /* the first with another name: what stands behind ISOSOCKS_ */
};

void environment_read(struct environment *ret_environment);

/* The next `NAME=value` of an ISOSOCKS_KEY_NAME variable, from *index on (0 first); NULL at the
 * end. */
const char *environment_next_key(unsigned *index);

#endif
