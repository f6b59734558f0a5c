/*
 * explain: what a configuration means, by the very code that decides in the library: all of it as
 * text, and what it says of one program and one target. One thread.
 */
#ifndef WRAPPERS_EXPLAIN_H
#define WRAPPERS_EXPLAIN_H

#include "config.h"

#include "keys/keys.h"
#include "policy/policy.h"

/* Every setting as a configuration file has it; credentials are left out. Free it. */
char *explain_config(const struct config *config);

/* The pairs that this program will send, the varying parts aside. 0, or -E2BIG. */
int explain_set_keys(const struct config *config, const char *executable, uint32_t user,
		     struct keys *ret_keys);

/* Whether what this rule's programs (NULL: all others') are to send must arrive. */
bool explain_keys_must_arrive(const struct config *config,
			      const struct config_application *application);

struct explain {
	const struct config *config;
	const char *executable;
	uint32_t user;
	const char *host;
	uint16_t port;
	const struct config_application *application; /* or NULL */
	enum policy_verdict verdict;
	char *name;	 /* that was decided on, for a host that is one */
	char *rule;	 /* what decided, with its place; NULL: no rule */
	GPtrArray *keys; /* char *: NAME=value, printable */
	bool keys_must_arrive;
	uint8_t methods[3];
	unsigned method_count;
	bool is_leashed;
};

/* Fills the rest from the first five members. */
gboolean explain_decide(struct explain *explain, GError **error);
void explain_clear(struct explain *explain);

#endif
