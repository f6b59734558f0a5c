/*
 * compile: struct config -> the blob of policy/blob.h, and back for an isosocks inside another.
 * What it writes has passed policy_open, the check that the library makes. One thread.
 */
#ifndef WRAPPERS_COMPILE_H
#define WRAPPERS_COMPILE_H

#include "config.h"

#include <glib.h>

/* Longest ISOSOCKS_POLICY. */
#define COMPILE_TEXT_MAX (64 * 1024)

GByteArray *compile_policy(const struct config *config, GError **error);

/* The same as ISOSOCKS_POLICY has it: base64url. */
char *compile_text(const struct config *config, GError **error);

/* A suffix as a policy has it: one that is the alias (or NULL), or below it, is what names below
 * the alias become, below .onion. Free it. */
char *compile_suffix(const char *suffix, const char *alias);

/* What a policy says, every setting as one of CONFIG_OUTER. */
struct config *compile_restore(const void *blob, size_t length, GError **error);
/* The same of what ISOSOCKS_POLICY says: base64url, or the name of a descriptor. */
struct config *compile_restore_text(const char *text, GError **error);

#endif
