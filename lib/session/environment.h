/*
 * environment: the ISOSOCKS_ variables, found in one pass. What they say is added to the policy:
 * they set keys and the proxy, and never take back what the policy demands. How far they are
 * believed depends on who can have set them. Pointers go into the environment block.
 */
#ifndef SESSION_ENVIRONMENT_H
#define SESSION_ENVIRONMENT_H

/*
 * The dynamic linker takes LD_PRELOAD out of an environment that comes over a border of privilege,
 * and nobody takes out what begins with ISOSOCKS_. So a process in whose LD_PRELOAD the library
 * stands has its variables from someone who could run anything in it anyhow; one that has the
 * library from /etc/ld.so.preload may have them from a user who could not.
 */
enum trust {
	TRUST_NOTHING,	  /* this is a border (AT_SECURE) */
	TRUST_ISOLATION,  /* /etc/ld.so.preload: only what adds isolation, or says more of it */
	TRUST_EVERYTHING, /* LD_PRELOAD names the library */
};

struct environment {
	enum trust trust;
	const char *policy;
	const char *names;
	const char *config; /* the commands' alone */
	const char *proxy;
	const char *isolation;
	const char *keys;
	const char *by;
	const char *log;
	const char *log_format;
	const char *log_file;
	const char *username;
	const char *password;
	const char *runtime;  /* XDG_RUNTIME_DIR */
	const char *torsocks; /* the first of torsocks', which mean nothing here: NAME=value */
	const char *unknown;  /* the first with another name: what stands behind ISOSOCKS_ */
	const char *unheeded; /* the first that is known but not believed, from there on */
};

enum trust environment_trust(void);

/* What is not believed is NULL. */
void environment_read(struct environment *ret_environment, enum trust trust);

/* Takes all of ours out of environ, for those that this process starts. While nobody else reads it,
 * or writes it: in the constructor. */
void environment_clear(void);

/* The next `NAME=value` of an ISOSOCKS_KEY_NAME variable, from *index on (0 first); NULL at the
 * end. */
const char *environment_next_key(unsigned *index);

#endif
