/*
 * pipes: what bytes pass through from one socket to another without being copied, splice(2). A
 * handful for the whole process: who finds none copies, and a reader who leaves bytes in one keeps
 * that from others, but not more memory than all of them have. One thread.
 */
#ifndef PROXY_PIPES_H
#define PROXY_PIPES_H

#include <glib.h>

struct pipe {
	int in;
	int out;
	gsize length; /* of what is in it */
};

/* An empty one, NULL when all are taken. */
struct pipe *pipes_take(void);

/* It is closed when there is still something in it. */
void pipes_give(struct pipe *pipe);

/* Bytes moved, 0 at the sender's end, -EAGAIN when there is nothing or no room, another -errno. */
gssize pipe_fill(struct pipe *pipe, int from);
gssize pipe_empty(struct pipe *pipe, int to);

#endif
