#include "pipes.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIPES_MAX 16
#define SIZE	  (256 * 1024)	/* 64 places, if the user may have that much */
#define ALL	  (1024 * 1024) /* more than a pipe holds, whose places are what is counted */

static struct {
	struct pipe *idle[PIPES_MAX];
	guint idle_count;
	guint taken;
} pool;

static struct pipe *pipe_new(void)
{
	struct pipe *made = g_new0(struct pipe, 1);
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) {
		g_free(made);
		return NULL;
	}
	fcntl(ends[1], F_SETPIPE_SZ, SIZE);
	made->out = ends[0];
	made->in = ends[1];
	return made;
}

struct pipe *pipes_take(void)
{
	struct pipe *pipe = NULL;

	if (pool.taken == PIPES_MAX)
		return NULL;
	if (pool.idle_count > 0)
		pipe = pool.idle[--pool.idle_count];
	else
		pipe = pipe_new();
	pool.taken += pipe != NULL;
	return pipe;
}

void pipes_give(struct pipe *pipe)
{
	if (!pipe)
		return;
	pool.taken--;
	if (pipe->length == 0) {
		pool.idle[pool.idle_count++] = pipe;
		return;
	}
	close(pipe->in);
	close(pipe->out);
	g_free(pipe);
}

static gssize transfer(int from, int to, gsize length)
{
	ssize_t n;

	do
		n = splice(from, NULL, to, NULL, length, SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

gssize pipe_fill(struct pipe *pipe, int from)
{
	gssize n = transfer(from, pipe->in, ALL);

	pipe->length += (gsize)MAX(n, 0);
	return n;
}

gssize pipe_empty(struct pipe *pipe, int to)
{
	gssize n = transfer(pipe->out, to, pipe->length);

	pipe->length -= (gsize)MAX(n, 0);
	return n;
}
