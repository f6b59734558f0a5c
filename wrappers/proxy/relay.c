#include "relay.h"

#include "pipes.h"
#include "stream.h"
#include "watch.h"

#include <errno.h>
#include <sys/socket.h>

#define CHUNK  (64 * 1024) /* copied at once; a sender of that much is not copied any more */
#define LITTLE (4 * 1024)  /* and a sender of less is copied again, which takes fewer calls */
#define TURNS  4	   /* chunks before others get a turn */

struct side {
	int fd;
	struct watch watch;
	gboolean gone; /* it has reset the connection, or ended both ways */
};

/* One direction. It waits for input or for room, never for both. */
struct flow {
	struct relay *relay;
	struct side *from;
	struct side *to;
	GByteArray *first; /* what was there before the relay; NULL once it is delivered */
	struct pipe *pipe; /* with bytes that the receiver had no room for; NULL: none */
	gboolean bulk;	   /* the sender fills whole chunks */
	gboolean full;	   /* waits for room */
	gboolean ended;
	guint64 bytes;
};

struct relay {
	struct side client;
	struct side target;
	struct flow up;
	struct flow down;
	gboolean stopped;
	gboolean broken; /* a receiver was gone before its sender had ended */
	void (*done)(void *data, gboolean broken);
	void *data;
};

static void forget(struct flow *flow)
{
	g_clear_pointer(&flow->first, g_byte_array_unref);
	g_clear_pointer(&flow->pipe, pipes_give);
}

static void on_client(void *data, guint32 events);
static void on_target(void *data, guint32 events);

struct relay *relay_new(int client, int target, void (*done)(void *data, gboolean broken),
			void *data)
{
	struct relay *relay = g_new0(struct relay, 1);

	relay->client.fd = client;
	relay->target.fd = target;
	watch_init(&relay->client.watch, client, on_client, relay);
	watch_init(&relay->target.watch, target, on_target, relay);
	relay->up = (struct flow){ .relay = relay, .from = &relay->client, .to = &relay->target };
	relay->down = (struct flow){ .relay = relay, .from = &relay->target, .to = &relay->client };
	relay->done = done;
	relay->data = data;
	return relay;
}

void relay_free(struct relay *relay)
{
	if (!relay)
		return;
	relay_stop(relay);
	g_free(relay);
}

void relay_stop(struct relay *relay)
{
	relay->stopped = TRUE;
	watch_stop(&relay->client.watch);
	watch_stop(&relay->target.watch);
	forget(&relay->up);
	forget(&relay->down);
}

static void stop(struct relay *relay, gboolean broken)
{
	if (relay->stopped)
		return;
	relay_stop(relay);
	relay->done(relay->data, broken);
}

static void end_flow(struct flow *flow)
{
	flow->ended = TRUE;
	flow->full = FALSE;
	forget(flow);
	if (flow->relay->up.ended && flow->relay->down.ended)
		stop(flow->relay, flow->relay->broken);
}

/* The sender has ended: so does what the receiver hears. The other direction goes on. */
static void end(struct flow *flow)
{
	shutdown(flow->to->fd, SHUT_WR);
	end_flow(flow);
}

/* The receiver is gone, and takes no more; what it has said before goes on to the sender. */
static void lose(struct flow *flow)
{
	flow->relay->broken = TRUE;
	end_flow(flow);
}

/* What became of a write of so many bytes. FALSE: not all went, as the receiver is full or gone. */
static gboolean is_delivered(struct flow *flow, gssize n, gsize length)
{
	if (n < 0 && n != -EAGAIN) {
		lose(flow);
		return FALSE;
	}
	flow->bytes += (guint64)MAX(n, 0);
	flow->full = MAX(n, 0) < (gssize)length;
	return !flow->full;
}

/* The sender has nothing, has ended, or is broken. */
static void take_none(struct flow *flow, gssize n)
{
	if (n == 0)
		end(flow);
	else if (n != -EAGAIN)
		stop(flow->relay, TRUE);
}

/* The functions that move say whether it can go on at once. */
static gboolean move_first(struct flow *flow)
{
	gssize n = stream_send(flow->to->fd, flow->first->data, flow->first->len);
	gboolean good = is_delivered(flow, n, flow->first->len);

	if (good)
		g_clear_pointer(&flow->first, g_byte_array_unref);
	else if (n > 0)
		g_byte_array_remove_range(flow->first, 0, (guint)n);
	return good;
}

static gboolean copy(struct flow *flow)
{
	static guint8 chunk[CHUNK]; /* the main loop has one thread */
	gssize n = stream_peek(flow->from->fd, chunk, sizeof(chunk));

	if (n <= 0) {
		take_none(flow, n);
		return FALSE;
	}
	flow->bulk = n == CHUNK;
	gssize sent = stream_send(flow->to->fd, chunk, (gsize)n);
	if (sent > 0)
		stream_discard(flow->from->fd, (gsize)sent);
	return is_delivered(flow, sent, (gsize)n) && (flow->bulk || flow->from->gone);
}

static gboolean empty_pipe(struct flow *flow)
{
	gsize length = flow->pipe->length;
	gssize n = pipe_empty(flow->pipe, flow->to->fd);

	if (n > 0 && (gsize)n < length) /* it has taken a part, and may take more */
		flow->bytes += (guint64)n;
	else if (!is_delivered(flow, n, length))
		return FALSE;
	if (flow->pipe->length == 0)
		g_clear_pointer(&flow->pipe, pipes_give);
	return TRUE;
}

static gboolean pass_through(struct flow *flow)
{
	flow->pipe = pipes_take();
	if (!flow->pipe)
		return copy(flow);
	gssize n = pipe_fill(flow->pipe, flow->from->fd);
	flow->bulk = n > LITTLE || n == -EAGAIN;
	if (n > 0)
		return empty_pipe(flow);
	g_clear_pointer(&flow->pipe, pipes_give);
	take_none(flow, n);
	return FALSE;
}

static gboolean move_on(struct flow *flow)
{
	if (flow->first)
		return move_first(flow);
	if (flow->pipe)
		return empty_pipe(flow);
	return flow->bulk ? pass_through(flow) : copy(flow);
}

static void move(struct flow *flow)
{
	gboolean more = TRUE;

	for (int i = 0; more && (i < TURNS || flow->from->gone); i++) {
		if (flow->ended || flow->relay->stopped)
			return;
		more = move_on(flow);
	}
}

/* What a side is waited for: its input as long as that can be passed on, and room for the other's.
 */
static void wait_for(struct side *side, const struct flow *out, const struct flow *in)
{
	guint32 events = 0;

	if (!out->ended && !out->full)
		events |= EPOLLIN;
	if (in->full)
		events |= EPOLLOUT;
	if (!side->gone)
		watch_set(&side->watch, events);
}

static void wait_on(struct relay *relay)
{
	if (relay->stopped)
		return;
	wait_for(&relay->client, &relay->up, &relay->down);
	wait_for(&relay->target, &relay->down, &relay->up);
}

/*
 * A side that is gone would be told of again and again. What it has said before is read at once, or
 * when there is room for it; whoever writes to it learns it then.
 */
static void on_side(struct relay *relay, struct side *side, struct flow *out, struct flow *in,
		    guint32 events)
{
	if (events & (EPOLLERR | EPOLLHUP)) {
		side->gone = TRUE;
		watch_stop(&side->watch);
	}
	if ((events & EPOLLOUT || side->gone) && in->full)
		move(in);
	if ((events & EPOLLIN || side->gone) && !out->full)
		move(out);
	wait_on(relay);
}

static void on_client(void *data, guint32 events)
{
	struct relay *relay = data;
	on_side(relay, &relay->client, &relay->up, &relay->down, events);
}

static void on_target(void *data, guint32 events)
{
	struct relay *relay = data;
	on_side(relay, &relay->target, &relay->down, &relay->up, events);
}

static void begin(struct flow *flow, GByteArray *first)
{
	if (!first || first->len == 0 || flow->relay->stopped)
		return;
	flow->first = g_byte_array_ref(first);
	move_first(flow);
}

void relay_start(struct relay *relay, GByteArray *up, GByteArray *down)
{
	begin(&relay->up, up);
	begin(&relay->down, down);
	wait_on(relay);
}

guint64 relay_up(const struct relay *relay)
{
	return relay->up.bytes;
}

guint64 relay_down(const struct relay *relay)
{
	return relay->down.bytes;
}
