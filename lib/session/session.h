/*
 * session: what this process inherited: the policy, the names its relatives know, its environment,
 * and the keys that follow from them. Read once, in the constructor or at the first call that needs
 * it, whichever comes first; read-only afterwards but for the names map. One per process; any
 * thread.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "keys/keys.h"
#include "names/pool.h"
#include "policy/policy.h"

#include <stdbool.h>

struct session {
	int error; /* 0, or the -errno with which every network call fails: the policy is unusable
		    */
	bool stays_on_loopback;	 /* no socket needs another device than the loopback one */
	bool proxy_is_elsewhere; /* on another machine */
	bool passive; /* nothing is done: a user of the machine's own, or a direct application */
	bool direct;  /* such an application: passive, but what the policy denies is denied */
	bool keys_must_arrive;
	bool has_credentials;
	struct policy policy;
	const struct blob_application *application; /* the group that names this program, or NULL */
	struct blob_proxy proxy;		    /* the one to use, credentials aside */
	struct pool pool;			    /* for session_pool() */
	uint32_t names_most;			    /* names that a map here may have room for */
	uint32_t names_user;			    /* whose they are */
	bool shares_names;			    /* the pool is the map of ISOSOCKS_NAMES */
	uint32_t by;				    /* enum keys_by */
	uint32_t user;				    /* whom the keys name, see self_put_user() */
	const char *why_file;			    /* where failures are kept, settled; or NULL */
	char username[255];
	char password[255];
	uint8_t username_length;
	uint8_t password_length;
	struct keys keys; /* last: its end is rarely used, and memory that is not costs nothing */
};

/* Never NULL. Async-signal-safe, allocation-free. */
struct session *session_get(void);

/*
 * The names this process knows; NULL when memory is short. A map that was handed down is there from
 * the start. A private one is made when a name or a note first needs it: what was forked before
 * that has another one. Async-signal-safe.
 */
struct pool *session_pool(struct session *session);

/* From now on the names that there are, and those to come, are this process's alone, and its
 * user's. -errno. */
int session_isolate_names(void);

#endif
