/*
 * answer: DNS queries answered from what the process knows, as a nameserver would: for res_query
 * and its kin, and for the datagrams of programs that are their own resolvers. Values on the stack;
 * any thread.
 */
#ifndef HOOKS_ANSWER_H
#define HOOKS_ANSWER_H

#include "dns/message.h"
#include "hooks/lookup.h"

/* The answer to a query: its bytes, or 0 when a nameserver would not answer at all. */
size_t answer_query(struct session *session, const struct dns_query *query, enum lookup_wait wait,
		    void *to, size_t size);

#endif
