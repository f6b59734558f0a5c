#include "relay.h"

#include "stream.h"
#include "watch.h"

#include <errno.h>
#include <sys/socket.h>

#define CHUNK (128 * 1024) /* moved at once */
#define TURNS 4		   /* chunks before others get a turn */

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
	g_clear_pointer(&relay->up.first, g_byte_array_unref);
	g_clear_pointer(&relay->down.first, g_byte_array_unref);
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

/* Bytes that the receiver took: not all when it is full, -1 when it is gone. */
static gssize deliver(struct flow *flow, const guint8 *bytes, gsize length)
{
	gssize n = stream_send(flow->to->fd, bytes, length);

	if (n < 0 && n != -EAGAIN) {
		lose(flow);
		return -1;
	}
	n = MAX(n, 0);
	flow->bytes += (guint64)n;
	flow->full = (gsize)n < length;
	return n;
}

/* The functions that move say whether it can go on at once. */
static gboolean move_first(struct flow *flow)
{
	gssize n = deliver(flow, flow->first->data, flow->first->len);

	if (n < 0)
		return FALSE;
	g_byte_array_remove_range(flow->first, 0, (guint)n);
	if (!flow->full)
		g_clear_pointer(&flow->first, g_byte_array_unref);
	return !flow->full;
}

static gboolean move_chunk(struct flow *flow)
{
	static guint8 chunk[CHUNK]; /* the main loop has one thread */
	gssize n = stream_peek(flow->from->fd, chunk, sizeof(chunk));

	if (n == -EAGAIN)
		return FALSE;
	if (n < 0)
		stop(flow->relay, TRUE);
	if (n == 0)
		end(flow);
	if (n <= 0)
		return FALSE;
	gssize sent = deliver(flow, chunk, (gsize)n);
	if (sent > 0)
		stream_discard(flow->from->fd, (gsize)sent);
	return sent == n && (n == CHUNK || flow->from->gone);
}

static void move(struct flow *flow)
{
	gboolean more = TRUE;

	for (int i = 0; more && (i < TURNS || flow->from->gone); i++) {
		if (flow->ended || flow->relay->stopped)
			return;
		more = flow->first ? move_first(flow) : move_chunk(flow);
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
