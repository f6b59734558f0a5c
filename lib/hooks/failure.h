/*
 * failure: remembers why the last connection of this process failed, for isosocks_last_failure(),
 * and in the file of `isosocksctl why` where the policy wants that. Any thread, any signal handler;
 * nothing waits: of two failures at once one may be forgotten. errno is kept.
 */
#ifndef HOOKS_FAILURE_H
#define HOOKS_FAILURE_H

#include "policy/policy.h"
#include "session/session.h"
#include "tunnel/tunnel.h"

/* A tunnel's end, with this -errno. */
void failure_of_tunnel(const struct session *session, const struct tunnel *tunnel, int error);

/* What that error means, in words. */
const char *failure_text(const struct tunnel *tunnel, int error);

/* The policy said no, nobody knows the placeholder, or the proxy cannot be asked by this socket or
 * in this policy's ways: with this -errno. */
void failure_of_policy(const struct session *session, const struct policy_target *target,
		       int error);

/* The same to a datagram, of which there may be many: it is in the log alone. */
void failure_of_datagram(const struct session *session, const struct policy_target *target,
			 int error);

#endif
