#include "dial.h"

#include "map.h"
#include "settings.h"
#include "shared.h"
#include "stream.h"
#include "upstream.h"
#include "writer.h"

#include <errno.h>
#include <sys/socket.h>

struct dial {
	struct request request; /* as mapped */
	struct shared *shared;
	GSocketAddress *upstream;
	const struct credentials *login;
	void (*done)(void *data, const struct dial_result *result);
	void *data;
	GCancellable *cancellable;
	gboolean freed;	  /* its owner is gone, a look-up still holds it */
	GList *addresses; /* GInetAddress, still to be tried */
	guint8 failure;	  /* of the last one tried */
	int socket;
	struct watch watch;
	struct upstream peer;
	struct writer writer;
	GByteArray *out;
	GByteArray *in;
};

static void dial_clear(gpointer data)
{
	struct dial *dial = data;
	g_clear_object(&dial->cancellable);
	g_list_free_full(dial->addresses, g_object_unref);
	stream_close(&dial->socket);
	g_clear_pointer(&dial->in, g_byte_array_unref);
	g_clear_pointer(&dial->out, g_byte_array_unref);
}

struct dial *dial_new(const struct request *request, struct shared *shared,
		      const struct credentials *login,
		      void (*done)(void *data, const struct dial_result *result), void *data)
{
	struct dial *dial = g_rc_box_new0(struct dial);
	dial->request = *request;
	if (request->command != COMMAND_RESOLVE_PTR)
		dial->request.target = map_apply(shared->settings->map, &request->target);
	dial->shared = shared;
	dial->upstream = shared->settings->upstream;
	dial->login = login;
	dial->done = done;
	dial->data = data;
	dial->cancellable = g_cancellable_new();
	dial->failure = REPLY_HOST_UNREACHABLE;
	dial->socket = -1;
	return dial;
}

static void close_socket(struct dial *dial)
{
	watch_stop(&dial->watch);
	writer_done(&dial->writer);
	stream_close(&dial->socket);
}

void dial_free(struct dial *dial)
{
	if (!dial)
		return;
	dial->freed = TRUE;
	close_socket(dial);
	g_cancellable_cancel(dial->cancellable);
	g_rc_box_release_full(dial, dial_clear);
}

/* RFC 1928 §6 names few failures; the rest is "general SOCKS server failure". */
guint8 dial_reply(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return REPLY_REFUSED;
	case ENETUNREACH:
		return REPLY_NETWORK_UNREACHABLE;
	case EHOSTUNREACH:
		return REPLY_HOST_UNREACHABLE;
	case ETIMEDOUT:
		return REPLY_TTL_EXPIRED;
	case EACCES:
	case EPERM:
		return REPLY_NOT_ALLOWED;
	default:
		return REPLY_GENERAL_FAILURE;
	}
}

static void finish(struct dial *dial, const struct dial_result *result)
{
	watch_stop(&dial->watch);
	dial->done(dial->data, result);
}

static void fail(struct dial *dial, guint8 reply)
{
	close_socket(dial);
	finish(dial, &(struct dial_result){ .reply = reply, .socket = -1 });
}

/* ---- connecting ---- */

static void set_local(struct dial *dial, struct address *ret)
{
	struct sockaddr_storage native;
	socklen_t length = sizeof(native);
	g_autoptr(GSocketAddress) local = NULL;

	if (getsockname(dial->socket, (struct sockaddr *)&native, &length) == 0)
		local = g_socket_address_new_from_native(&native, length);
	address_set_socket(ret, local);
}

/* The socket is the receiver's from here on. */
static void finish_connected(struct dial *dial, const struct address *bound, GByteArray *early)
{
	struct dial_result result = { .bound = *bound, .socket = dial->socket, .early = early };

	watch_stop(&dial->watch);
	writer_done(&dial->writer);
	dial->socket = -1;
	finish(dial, &result);
}

static void try_next(struct dial *dial);
static void start_upstream(struct dial *dial);

static void connected(struct dial *dial, int error)
{
	struct address bound;

	if (error) {
		close_socket(dial);
		dial->failure = dial->upstream ? REPLY_GENERAL_FAILURE : dial_reply(error);
		try_next(dial);
	} else if (dial->upstream) {
		start_upstream(dial);
	} else {
		set_local(dial, &bound);
		finish_connected(dial, &bound, NULL);
	}
}

static void on_connected(void *data, guint32 events)
{
	struct dial *dial = data;
	int error = 0;
	socklen_t length = sizeof(error);

	(void)events;
	watch_stop(&dial->watch);
	if (getsockopt(dial->socket, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		error = errno;
	connected(dial, error);
}

static gboolean is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void connect_to(struct dial *dial, GSocketAddress *to)
{
	gboolean pending = FALSE;

	do
		dial->socket = stream_connect(to, &pending);
	while (dial->socket < 0 && is_shortage(-dial->socket) && shared_make_room(dial->shared));
	if (dial->socket < 0) {
		int error = -dial->socket;
		dial->socket = -1;
		connected(dial, error);
		return;
	}
	watch_init(&dial->watch, dial->socket, on_connected, dial);
	if (!pending)
		connected(dial, 0);
	else if (!watch_set(&dial->watch, EPOLLOUT))
		connected(dial, ENOMEM);
}

/* A name's addresses in turn, until one answers; the last failure is the one that counts. */
static void try_next(struct dial *dial)
{
	if (!dial->addresses) {
		fail(dial, dial->failure);
		return;
	}
	g_autoptr(GInetAddress) inet = dial->addresses->data;
	dial->addresses = g_list_delete_link(dial->addresses, dial->addresses);
	g_autoptr(GSocketAddress) to = g_inet_socket_address_new(inet, dial->request.target.port);
	connect_to(dial, to);
}

/* ---- through the upstream ---- */

static void on_upstream(void *data, guint32 events);

static void on_written(void *data, gboolean failed)
{
	struct dial *dial = data;

	watch_init(&dial->watch, dial->socket, on_upstream, dial);
	if (failed || !watch_set(&dial->watch, EPOLLIN))
		fail(dial, REPLY_GENERAL_FAILURE);
}

static void send_out(struct dial *dial)
{
	g_autoptr(GByteArray) out = g_steal_pointer(&dial->out);
	dial->out = g_byte_array_new();
	watch_stop(&dial->watch);
	writer_send(&dial->writer, out);
}

static void start_upstream(struct dial *dial)
{
	writer_init(&dial->writer, dial->socket, on_written, dial);
	dial->in = g_byte_array_new();
	dial->out = g_byte_array_new();
	upstream_init(&dial->peer, dial->login, &dial->request, dial->out);
	send_out(dial);
}

static void finish_upstream(struct dial *dial)
{
	const struct upstream *peer = &dial->peer;

	if (peer->reply == REPLY_SUCCEEDED && dial->request.command == COMMAND_CONNECT) {
		finish_connected(dial, &peer->bound, dial->in);
		return;
	}
	close_socket(dial);
	finish(dial,
	       &(struct dial_result){ .reply = peer->reply, .bound = peer->bound, .socket = -1 });
}

/* Everything that has come; what stands behind the reply is the target's. */
static void take_messages(struct dial *dial)
{
	int used;

	do {
		used = upstream_take(&dial->peer, dial->in->data, dial->in->len, dial->out);
		if (used > 0)
			g_byte_array_remove_range(dial->in, 0, (guint)used);
	} while (used > 0 && dial->peer.step != UPSTREAM_DONE && dial->in->len > 0);
	if (used < 0)
		fail(dial, REPLY_GENERAL_FAILURE);
	else if (dial->peer.step == UPSTREAM_DONE)
		finish_upstream(dial);
	else if (dial->out->len > 0)
		send_out(dial);
}

static void on_upstream(void *data, guint32 events)
{
	struct dial *dial = data;
	guint8 chunk[4096];
	gssize n = stream_receive(dial->socket, chunk, sizeof(chunk));

	(void)events;
	if (n == -EAGAIN)
		return;
	if (n <= 0) {
		fail(dial, REPLY_GENERAL_FAILURE);
		return;
	}
	g_byte_array_append(dial->in, chunk, (guint)n);
	take_messages(dial);
}

/* ---- names ---- */

static void finish_resolve(struct dial *dial, GInetAddress *inet)
{
	struct dial_result result = { .socket = -1 };

	address_set_inet(&result.bound, inet, 0);
	finish(dial, &result);
}

static void use_addresses(struct dial *dial)
{
	if (dial->request.command == COMMAND_RESOLVE)
		finish_resolve(dial, dial->addresses->data);
	else
		try_next(dial);
}

static void on_addresses(GObject *source, GAsyncResult *async, gpointer data)
{
	struct dial *dial = data;
	GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(source), async, NULL);

	if (dial->freed) {
		g_list_free_full(found, g_object_unref);
	} else if (found) {
		dial->addresses = found;
		use_addresses(dial);
	} else {
		fail(dial, REPLY_HOST_UNREACHABLE);
	}
	g_rc_box_release_full(dial, dial_clear);
}

static void look_up_name(struct dial *dial)
{
	g_autoptr(GResolver) resolver = g_resolver_get_default();
	gsize length;
	g_autofree char *name = address_host(&dial->request.target, &length);

	g_resolver_lookup_by_name_async(resolver, name, dial->cancellable, on_addresses,
					g_rc_box_acquire(dial));
}

static void finish_name(struct dial *dial, const char *name)
{
	struct dial_result result = { .socket = -1 };

	address_set_name(&result.bound, name, 0);
	finish(dial, &result);
}

static void on_name(GObject *source, GAsyncResult *async, gpointer data)
{
	struct dial *dial = data;
	g_autofree char *name =
		g_resolver_lookup_by_address_finish(G_RESOLVER(source), async, NULL);

	if (!dial->freed && name)
		finish_name(dial, name);
	else if (!dial->freed)
		fail(dial, REPLY_HOST_UNREACHABLE);
	g_rc_box_release_full(dial, dial_clear);
}

static void look_up_address(struct dial *dial, GInetAddress *inet)
{
	g_autoptr(GResolver) resolver = g_resolver_get_default();

	g_resolver_lookup_by_address_async(resolver, inet, dial->cancellable, on_name,
					   g_rc_box_acquire(dial));
}

/* Tor's RESOLVE_PTR takes an address; a name has none to look up. */
static void resolve_ptr(struct dial *dial)
{
	g_autoptr(GInetAddress) inet = address_inet(&dial->request.target);
	const char *name = inet ? map_name(dial->shared->settings->map, inet) : NULL;

	if (!inet)
		fail(dial, REPLY_ADDRESS_NOT_SUPPORTED);
	else if (name)
		finish_name(dial, name);
	else
		look_up_address(dial, inet);
}

void dial_start(struct dial *dial)
{
	g_autoptr(GInetAddress) inet = NULL;

	if (dial->upstream) {
		connect_to(dial, dial->upstream);
		return;
	}
	if (dial->request.command == COMMAND_RESOLVE_PTR) {
		resolve_ptr(dial);
		return;
	}
	inet = address_inet(&dial->request.target);
	if (!inet) {
		look_up_name(dial);
		return;
	}
	dial->addresses = g_list_append(NULL, g_object_ref(inet));
	use_addresses(dial);
}
