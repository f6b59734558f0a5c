#include "relay.h"

#include <glib-unix.h>

#define CHUNK (64 * 1024) /* read at once; so much can wait for a slow reader */

/* One direction. It either waits for input or holds bytes that wait for room, never both. */
struct flow {
	struct relay *relay;
	GSocket *from;
	GSocket *to;
	GByteArray *waiting;
	gsize sent; /* of `waiting` */
	guint watch;
	gboolean ended;
	guint64 bytes;
};

struct relay {
	struct flow up;
	struct flow down;
	gboolean stopped;
	gboolean broken; /* a receiver was gone before its sender had ended */
	void (*done)(void *data, gboolean broken);
	void *data;
};

static void flow_init(struct flow *flow, struct relay *relay, GSocket *from, GSocket *to)
{
	*flow = (struct flow){
		.relay = relay,
		.from = from,
		.to = to,
	};
}

static void flow_stop(struct flow *flow)
{
	g_clear_handle_id(&flow->watch, g_source_remove);
	g_clear_pointer(&flow->waiting, g_byte_array_unref);
}

struct relay *relay_new(GSocket *client, GSocket *target, void (*done)(void *data, gboolean broken),
			void *data)
{
	struct relay *relay = g_new0(struct relay, 1);
	flow_init(&relay->up, relay, client, target);
	flow_init(&relay->down, relay, target, client);
	relay->done = done;
	relay->data = data;
	return relay;
}

void relay_free(struct relay *relay)
{
	if (!relay)
		return;
	flow_stop(&relay->up);
	flow_stop(&relay->down);
	g_free(relay);
}

void relay_stop(struct relay *relay)
{
	relay->stopped = TRUE;
	flow_stop(&relay->up);
	flow_stop(&relay->down);
}

static void stop(struct relay *relay, gboolean broken)
{
	if (relay->stopped)
		return;
	relay_stop(relay);
	relay->done(relay->data, broken);
}

/* The sender has ended: so does what the receiver hears. The other direction goes on. */
static void end(struct flow *flow)
{
	flow->ended = TRUE;
	g_socket_shutdown(flow->to, FALSE, TRUE, NULL);
	if (flow->relay->up.ended && flow->relay->down.ended)
		stop(flow->relay, flow->relay->broken);
}

/* The receiver is gone, and takes no more; what it has said before goes on to the sender. */
static void lose(struct flow *flow)
{
	flow->ended = TRUE;
	flow->relay->broken = TRUE;
	if (flow->relay->up.ended && flow->relay->down.ended)
		stop(flow->relay, TRUE);
}

/* Bytes that the receiver took, 0 when it is full, -1 when it is gone. */
static gssize deliver(struct flow *flow, const guint8 *bytes, gsize length)
{
	g_autoptr(GError) error = NULL;
	gssize n = g_socket_send(flow->to, (const char *)bytes, length, NULL, &error);

	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
		return 0;
	if (n > 0)
		flow->bytes += (guint64)n;
	return n;
}

static void wait_for_input(struct flow *flow);

static gboolean on_room(gint fd, GIOCondition condition, gpointer data)
{
	struct flow *flow = data;
	GByteArray *waiting = flow->waiting;
	gssize n = deliver(flow, waiting->data + flow->sent, waiting->len - flow->sent);

	(void)fd;
	(void)condition;
	if (n < 0) {
		flow->watch = 0;
		g_clear_pointer(&flow->waiting, g_byte_array_unref);
		lose(flow);
		return G_SOURCE_REMOVE;
	}
	flow->sent += (gsize)n;
	if (flow->sent < waiting->len)
		return G_SOURCE_CONTINUE;
	flow->watch = 0;
	g_clear_pointer(&flow->waiting, g_byte_array_unref);
	wait_for_input(flow);
	return G_SOURCE_REMOVE;
}

/* Delivers now what can be; the rest waits, and nothing more is read meanwhile. */
static void pass_on(struct flow *flow, const guint8 *bytes, gsize length)
{
	gssize n = deliver(flow, bytes, length);

	if (n < 0) {
		g_clear_handle_id(&flow->watch, g_source_remove);
		lose(flow);
		return;
	}
	if ((gsize)n == length)
		return;
	g_clear_handle_id(&flow->watch, g_source_remove);
	flow->waiting = g_byte_array_new();
	flow->sent = 0;
	g_byte_array_append(flow->waiting, bytes + n, (guint)(length - (gsize)n));
	flow->watch = g_unix_fd_add(g_socket_get_fd(flow->to), G_IO_OUT, on_room, flow);
}

static gboolean on_input(gint fd, GIOCondition condition, gpointer data)
{
	static guint8 chunk[CHUNK]; /* the main loop has one thread */
	struct flow *flow = data;
	g_autoptr(GError) error = NULL;
	gssize n = g_socket_receive(flow->from, (char *)chunk, sizeof(chunk), NULL, &error);

	(void)fd;
	(void)condition;
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
		return G_SOURCE_CONTINUE;
	if (n > 0) {
		pass_on(flow, chunk, (gsize)n);
		return G_SOURCE_CONTINUE; /* of no effect when pass_on has taken the watch away */
	}
	flow->watch = 0;
	if (n < 0)
		stop(flow->relay, TRUE);
	else
		end(flow);
	return G_SOURCE_REMOVE;
}

static void wait_for_input(struct flow *flow)
{
	flow->watch = g_unix_fd_add(g_socket_get_fd(flow->from), G_IO_IN, on_input, flow);
}

static void begin(struct flow *flow, const GByteArray *first)
{
	if (first && first->len > 0)
		pass_on(flow, first->data, first->len);
	if (!flow->relay->stopped && !flow->ended && flow->watch == 0)
		wait_for_input(flow);
}

void relay_start(struct relay *relay, const GByteArray *up, const GByteArray *down)
{
	begin(&relay->up, up);
	if (!relay->stopped)
		begin(&relay->down, down);
}

guint64 relay_up(const struct relay *relay)
{
	return relay->up.bytes;
}

guint64 relay_down(const struct relay *relay)
{
	return relay->down.bytes;
}
