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

/* What a policy says, every setting as one of CONFIG_OUTER. */
struct config *compile_restore(const void *blob, size_t length, GError **error);
struct config *compile_restore_text(const char *text, GError **error);

#endif
