/*
 * site: the policy for the whole machine: /etc/isosocks.conf, and whom it concerns, compiled to
 * /etc/isosocks.policy, which every process reads at its start. One thread.
 */
#ifndef WRAPPERS_SITE_H
#define WRAPPERS_SITE_H

#include <glib.h>
#include <stdint.h>

#define SITE_POLICY	  "/etc/isosocks.policy"
#define SITE_FIRST_PERSON 1000 /* the lowest uid of a person (login.defs(5), UID_MIN) */

/* Whom the policy concerns: everybody from min_uid on, or the users listed and nobody else. */
struct site_scope {
	uint32_t min_uid;
	GArray *users; /* uint32_t; NULL: by min_uid */
};

void site_scope_clear(struct site_scope *scope);

/* A variable of this kind is cleared when its scope ends. */
#define SITE_SCOPE_AUTO __attribute__((cleanup(site_scope_clear))) struct site_scope

/* A list of user names and numbers, between commas. */
gboolean site_parse_users(const char *list, struct site_scope *ret_scope, GError **error);
gboolean site_parse_min_uid(const char *number, struct site_scope *ret_scope, GError **error);

/* The scope in words. */
char *site_explain(const struct site_scope *scope);

/* The scope of the policy that is in force; from SITE_FIRST_PERSON on, where there is none. */
gboolean site_read_scope(struct site_scope *ret_scope, GError **error);

/* The same for a policy that is to replace it: where it cannot be read, the error says what to do.
 */
gboolean site_keep_scope(struct site_scope *ret_scope, GError **error);

/* The configuration and the scope as a policy; without a configuration file, the built-in values.
 */
GByteArray *site_compile(const struct site_scope *scope, GError **error);

/* Puts the policy in place as a whole, on the disk before it returns. */
gboolean site_write(const GByteArray *policy, GError **error);

#endif
