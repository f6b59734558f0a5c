/*
 * builtin: the policy of a process that was given none: every default of isosocks.conf(5),
 * compiled. The command starts from the same one.
 */
#ifndef POLICY_BUILTIN_H
#define POLICY_BUILTIN_H

#include "policy/blob.h"

struct builtin {
	struct blob_header header;
	struct blob_proxy proxy;
};

/* Fills a whole valid blob (sizeof(struct builtin) bytes), with the session's random bits. */
void builtin_policy(struct builtin *ret_blob, const uint8_t session[16]);

#endif
