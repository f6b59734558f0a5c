/*
 * answer: the bytes with which the server answers a step of the handshake, spoiled by whatever
 * faults are set for it. No I/O; the faults count down as they are used. One thread.
 */
#ifndef PROXY_ANSWER_H
#define PROXY_ANSWER_H

#include "fault.h"
#include "message.h"

/* VER METHOD. `ret_last` is set when a fault makes it the last thing said; otherwise left alone. */
GByteArray *answer_method(struct faults *faults, guint8 method, gboolean *ret_last);

/* The answer to RFC 1929's or to method 0x97's authentication. */
GByteArray *answer_status(struct faults *faults, guint8 method, guint8 status, gboolean *ret_last);

/* `bound` NULL: 0.0.0.0:0. */
GByteArray *answer_reply(struct faults *faults, guint8 reply, const struct address *bound,
			 const char *host);

/* So many bytes that look like chance and are always the same. */
GByteArray *answer_garbage(guint length);

#endif
