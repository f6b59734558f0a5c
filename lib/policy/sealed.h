/*
 * sealed: a policy in memory that is handed on by descriptor (base/handed), for one whose text is
 * not to stand in every environment: `@FD:INODE` in ISOSOCKS_POLICY. Nobody can change that memory
 * any more. Allocation-free, async-signal-safe; any thread.
 */
#ifndef POLICY_SEALED_H
#define POLICY_SEALED_H

#include "base/handed.h"
#include "policy/policy.h"

#include <sys/types.h>

#define SEALED_TEXT_SIZE (1 + HANDED_TEXT_SIZE)

/* Whether a policy has what is not to stand in an environment: a proxy's credentials. */
bool sealed_is_wanted(const struct policy *policy);

/* Whether the value of ISOSOCKS_POLICY is one of these, good or not. */
bool sealed_is_text(const char *value);

/* A copy of the blob, on a high descriptor without FD_CLOEXEC. -errno. */
int sealed_create(const void *blob, size_t size);

/* The text for its descriptor. -errno. */
int sealed_describe(int fd, char ret_text[SEALED_TEXT_SIZE]);

/* The descriptor that such a text names while it still is such memory, of this user's or root's.
 * -ENOENT. */
int sealed_find(const char *text);

/*
 * Reads what a text names into blob, of BLOB_MAX bytes; where this process has lost the descriptor
 * from an ancestor that has not. The number of bytes, -ENOENT where it is nowhere, -errno.
 */
ssize_t sealed_read(const char *text, void *blob);

#endif
