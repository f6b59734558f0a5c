#include "dial.h"

#include "map.h"
#include "upstream.h"
#include "writer.h"

#include <glib-unix.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

struct dial {
	struct request request; /* as mapped */
	const struct map *map;
	GSocketAddress *upstream;
	const struct credentials *login;
	void (*done)(void *data, const struct dial_result *result);
	void *data;
	GCancellable *cancellable;
	gboolean freed;	  /* its owner is gone, a look-up still holds it */
	GList *addresses; /* GInetAddress, still to be tried */
	guint8 failure;	  /* of the last one tried */
	GSocket *socket;
	guint watch;
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
	g_clear_object(&dial->socket);
	g_clear_pointer(&dial->in, g_byte_array_unref);
	g_clear_pointer(&dial->out, g_byte_array_unref);
}

struct dial *dial_new(const struct request *request, const struct map *map,
		      GSocketAddress *upstream, const struct credentials *login,
		      void (*done)(void *data, const struct dial_result *result), void *data)
{
	struct dial *dial = g_rc_box_new0(struct dial);
	dial->request = *request;
	if (request->command != COMMAND_RESOLVE_PTR)
		dial->request.target = map_apply(map, &request->target);
	dial->map = map;
	dial->upstream = upstream;
	dial->login = login;
	dial->done = done;
	dial->data = data;
	dial->cancellable = g_cancellable_new();
	dial->failure = REPLY_HOST_UNREACHABLE;
	return dial;
}

static void close_socket(struct dial *dial)
{
	g_clear_handle_id(&dial->watch, g_source_remove);
	writer_done(&dial->writer);
	g_clear_object(&dial->socket);
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

void dial_tune(GSocket *socket)
{
	g_socket_set_blocking(socket, FALSE);
	g_socket_set_option(socket, IPPROTO_TCP, TCP_NODELAY, 1, NULL);
}

/* RFC 1928 §6 names few failures; the rest is "general SOCKS server failure". */
guint8 dial_reply(const GError *error)
{
	static const struct {
		gint code;
		guint8 reply;
	} rows[] = {
		{ G_IO_ERROR_CONNECTION_REFUSED, REPLY_REFUSED },
		{ G_IO_ERROR_NETWORK_UNREACHABLE, REPLY_NETWORK_UNREACHABLE },
		{ G_IO_ERROR_HOST_UNREACHABLE, REPLY_HOST_UNREACHABLE },
		{ G_IO_ERROR_TIMED_OUT, REPLY_TTL_EXPIRED },
		{ G_IO_ERROR_PERMISSION_DENIED, REPLY_NOT_ALLOWED },
	};

	if (error->domain == G_RESOLVER_ERROR)
		return REPLY_HOST_UNREACHABLE;
	for (gsize i = 0; error->domain == G_IO_ERROR && i < G_N_ELEMENTS(rows); i++) {
		if (error->code == rows[i].code)
			return rows[i].reply;
	}
	return REPLY_GENERAL_FAILURE;
}

static void finish(struct dial *dial, const struct dial_result *result)
{
	g_clear_handle_id(&dial->watch, g_source_remove);
	dial->done(dial->data, result);
}

static void fail(struct dial *dial, guint8 reply)
{
	close_socket(dial);
	finish(dial, &(struct dial_result){ .reply = reply });
}

/* ---- connecting ---- */

static void set_local(struct dial *dial, struct address *ret)
{
	g_autoptr(GSocketAddress) local = g_socket_get_local_address(dial->socket, NULL);
	address_set_socket(ret, local);
}

static void finish_connected(struct dial *dial)
{
	struct dial_result result = { .reply = REPLY_SUCCEEDED };

	set_local(dial, &result.bound);
	result.socket = g_steal_pointer(&dial->socket);
	finish(dial, &result);
}

static void try_next(struct dial *dial);
static void start_upstream(struct dial *dial);

static void connected(struct dial *dial, const GError *error)
{
	if (!error) {
		dial_tune(dial->socket);
		if (dial->upstream)
			start_upstream(dial);
		else
			finish_connected(dial);
		return;
	}
	close_socket(dial);
	dial->failure = dial->upstream ? REPLY_GENERAL_FAILURE : dial_reply(error);
	try_next(dial);
}

static gboolean on_connected(gint fd, GIOCondition condition, gpointer data)
{
	struct dial *dial = data;
	g_autoptr(GError) error = NULL;

	(void)fd;
	(void)condition;
	dial->watch = 0;
	g_socket_check_connect_result(dial->socket, &error);
	connected(dial, error);
	return G_SOURCE_REMOVE;
}

static void connect_to(struct dial *dial, GSocketAddress *to)
{
	g_autoptr(GError) error = NULL;

	dial->socket = g_socket_new(g_socket_address_get_family(to), G_SOCKET_TYPE_STREAM,
				    G_SOCKET_PROTOCOL_TCP, &error);
	if (dial->socket) {
		g_socket_set_blocking(dial->socket, FALSE);
		g_socket_connect(dial->socket, to, NULL, &error);
	}
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_PENDING)) {
		dial->watch =
			g_unix_fd_add(g_socket_get_fd(dial->socket), G_IO_OUT, on_connected, dial);
		return;
	}
	connected(dial, error);
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

static gboolean on_upstream(gint fd, GIOCondition condition, gpointer data);

static void on_written(void *data, gboolean failed)
{
	struct dial *dial = data;

	if (failed)
		fail(dial, REPLY_GENERAL_FAILURE);
	else if (dial->watch == 0)
		dial->watch =
			g_unix_fd_add(g_socket_get_fd(dial->socket), G_IO_IN, on_upstream, dial);
}

static void send_out(struct dial *dial)
{
	g_autoptr(GByteArray) out = g_steal_pointer(&dial->out);
	dial->out = g_byte_array_new();
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
	struct dial_result result = { .reply = dial->peer.reply, .bound = dial->peer.bound };

	if (result.reply == REPLY_SUCCEEDED && dial->request.command == COMMAND_CONNECT) {
		writer_done(&dial->writer);
		result.socket = g_steal_pointer(&dial->socket);
		result.early = dial->in;
	} else {
		close_socket(dial);
	}
	finish(dial, &result);
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

static gboolean on_upstream(gint fd, GIOCondition condition, gpointer data)
{
	struct dial *dial = data;
	guint8 chunk[4096];
	g_autoptr(GError) error = NULL;
	gssize n = g_socket_receive(dial->socket, (char *)chunk, sizeof(chunk), NULL, &error);

	(void)fd;
	(void)condition;
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
		return G_SOURCE_CONTINUE;
	if (n <= 0) {
		fail(dial, REPLY_GENERAL_FAILURE);
		return G_SOURCE_CONTINUE;
	}
	g_byte_array_append(dial->in, chunk, (guint)n);
	take_messages(dial);
	return G_SOURCE_CONTINUE; /* of no effect once the watch is gone */
}

/* ---- names ---- */

static void finish_resolve(struct dial *dial, GInetAddress *inet)
{
	struct dial_result result = { .reply = REPLY_SUCCEEDED };

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
	g_autoptr(GError) error = NULL;
	GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(source), async, &error);

	if (dial->freed) {
		g_list_free_full(found, g_object_unref);
	} else if (found) {
		dial->addresses = found;
		use_addresses(dial);
	} else {
		fail(dial, dial_reply(error));
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
	struct dial_result result = { .reply = REPLY_SUCCEEDED };

	address_set_name(&result.bound, name, 0);
	finish(dial, &result);
}

static void on_name(GObject *source, GAsyncResult *async, gpointer data)
{
	struct dial *dial = data;
	g_autoptr(GError) error = NULL;
	g_autofree char *name =
		g_resolver_lookup_by_address_finish(G_RESOLVER(source), async, &error);

	if (!dial->freed && name)
		finish_name(dial, name);
	else if (!dial->freed)
		fail(dial, dial_reply(error));
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
	const char *name = inet ? map_name(dial->map, inet) : NULL;

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
