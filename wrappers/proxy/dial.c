#include "dial.h"

#include "deadline.h"
#include "map.h"
#include "route.h"
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
	struct route *route; /* NULL: directly */
	struct way way;
	guint hop;	/* of the way, the one that is spoken to */
	char *via;	/* the way as text */
	char *why;	/* of the last hop that failed */
	gboolean heard; /* something has come from this hop */
	struct deadline deadline;
	const struct credentials *login;
	void (*done)(void *data, const struct dial_result *result);
	void *data;
	GCancellable *cancellable;
	gboolean freed;	  /* its owner is gone, a look-up still holds it */
	gboolean over;	  /* its owner was told */
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
	g_free(dial->via);
	g_free(dial->why);
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
	dial->login = login;
	if (route_stages(shared->settings->route) > 0) {
		dial->route = shared->settings->route;
		way_init(&dial->way, dial->route, login);
	}
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
	deadline_stop(&dial->deadline);
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

static void finish(struct dial *dial, struct dial_result result)
{
	dial->over = TRUE;
	watch_stop(&dial->watch);
	deadline_stop(&dial->deadline);
	result.via = dial->via;
	result.why = result.reply == REPLY_SUCCEEDED ? NULL : dial->why;
	dial->done(dial->data, &result);
}

static void fail(struct dial *dial, guint8 reply)
{
	close_socket(dial);
	finish(dial, (struct dial_result){ .reply = reply, .socket = -1 });
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
	finish(dial, result);
}

static void try_next(struct dial *dial);
static void start_hop(struct dial *dial);
static void fail_hop(struct dial *dial, guint at, const char *why);

static void connected(struct dial *dial, int error)
{
	struct address bound;

	if (error && dial->route) {
		fail_hop(dial, 0, g_strerror(error));
	} else if (error) {
		close_socket(dial);
		dial->failure = dial_reply(error);
		try_next(dial);
	} else if (dial->route) {
		start_hop(dial);
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

static void on_late(void *data)
{
	struct dial *dial = data;

	watch_stop(&dial->watch);
	if (!dial->route)
		connected(dial, ETIMEDOUT);
	else if (dial->heard && dial->hop + 1 == dial->way.count)
		fail(dial, REPLY_TTL_EXPIRED); /* it is the target that takes its time */
	else
		fail_hop(dial, dial->hop, "it took longer than --hop-timeout");
}

static void begin_waiting(struct dial *dial)
{
	deadline_start(&dial->deadline, dial->shared->hops, on_late, dial);
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
	begin_waiting(dial);
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

/* ---- through proxies ---- */

static void on_upstream(void *data, guint32 events);

static void on_written(void *data, gboolean failed)
{
	struct dial *dial = data;

	watch_init(&dial->watch, dial->socket, on_upstream, dial);
	if (failed || !watch_set(&dial->watch, EPOLLIN))
		fail_hop(dial, dial->hop, "it is gone");
}

static void send_out(struct dial *dial)
{
	g_autoptr(GByteArray) out = g_steal_pointer(&dial->out);
	dial->out = g_byte_array_new();
	watch_stop(&dial->watch);
	writer_send(&dial->writer, out);
}

/* Keys go to the last hop that takes them and has no login of its own. */
static const struct credentials *login_for(const struct dial *dial, guint at)
{
	const struct way *way = &dial->way;
	guint last = way->count;

	if (way->hops[at]->login)
		return way->hops[at]->login;
	while (last > 0 && (way->hops[last - 1]->login || way->hops[last - 1]->kind != HOP_SOCKS5))
		last--;
	return at + 1 == last ? dial->login : NULL;
}

/* The last one carries out what the client asked for; the others connect to the next. */
static struct request request_for(const struct dial *dial, guint at)
{
	if (at + 1 == dial->way.count)
		return dial->request;
	return (struct request){ .command = COMMAND_CONNECT,
				 .target = dial->way.hops[at + 1]->place };
}

/* A name that cannot be said to this kind of proxy, or a command that it has not: no fault of its.
 */
static void refuse_request(struct dial *dial, int cause)
{
	const char *text = dial->way.hops[dial->hop]->text;

	g_free(dial->why);
	dial->why = g_strconcat(text, ": it cannot be asked for this", NULL);
	fail(dial, cause == -EOPNOTSUPP ? REPLY_COMMAND_NOT_SUPPORTED : REPLY_GENERAL_FAILURE);
}

static void start_hop(struct dial *dial)
{
	const struct hop *hop = dial->way.hops[dial->hop];
	const struct request request = request_for(dial, dial->hop);

	begin_waiting(dial);
	dial->heard = FALSE;
	writer_init(&dial->writer, dial->socket, on_written, dial);
	if (!dial->in)
		dial->in = g_byte_array_new();
	if (!dial->out)
		dial->out = g_byte_array_new();
	int r = upstream_init(&dial->peer, hop->kind, login_for(dial, dial->hop), &request,
			      dial->out);
	if (r < 0)
		refuse_request(dial, r);
	else
		send_out(dial);
}

static char *way_text(const struct way *way)
{
	GString *text = g_string_new(NULL);

	for (guint i = 0; i < way->count; i++)
		g_string_append_printf(text, i > 0 ? " %s" : "%s", way->hops[i]->text);
	return g_string_free(text, FALSE);
}

/* FALSE when there is no way left that has not failed. */
static gboolean start_way(struct dial *dial)
{
	if (!way_pick(&dial->way, dial->route))
		return FALSE;
	g_free(dial->via);
	dial->via = way_text(&dial->way);
	dial->hop = 0;
	dial->peer = (struct upstream){ .step = UPSTREAM_METHOD };
	g_clear_pointer(&dial->in, g_byte_array_unref);
	g_clear_pointer(&dial->out, g_byte_array_unref);
	connect_to(dial, dial->way.hops[0]->address);
	return TRUE;
}

/* What the client said has reached it: perhaps that has been too much for it, and is no reason to
 * keep others from it. */
static gboolean is_provoked(const struct dial *dial, guint at)
{
	return at == dial->hop && at + 1 == dial->way.count && dial->socket >= 0 &&
	       dial->peer.step == UPSTREAM_REPLY;
}

/* A hop itself has failed, not what is behind it: another one takes its place, if there is one. */
static void fail_hop(struct dial *dial, guint at, const char *why)
{
	const gboolean provoked = is_provoked(dial, at);

	close_socket(dial);
	g_free(dial->why);
	dial->why = g_strdup_printf("%s: %s", dial->way.hops[at]->text, why);
	way_fail(&dial->way, dial->route, at, !provoked);
	if (!start_way(dial))
		fail(dial, REPLY_GENERAL_FAILURE);
}

static void finish_upstream(struct dial *dial)
{
	const struct upstream *peer = &dial->peer;

	if (peer->reply == REPLY_SUCCEEDED && dial->request.command == COMMAND_CONNECT) {
		finish_connected(dial, &peer->bound, dial->in);
		return;
	}
	g_free(dial->why);
	dial->why = g_strdup_printf("%s: %s", dial->way.hops[dial->hop]->text, peer->why);
	close_socket(dial);
	finish(dial,
	       (struct dial_result){ .reply = peer->reply, .bound = peer->bound, .socket = -1 });
}

/* A hop that is not the last one and does not reach the next: that one has failed, unless it was
 * not let. */
static void end_hop(struct dial *dial)
{
	if (dial->hop + 1 == dial->way.count) {
		finish_upstream(dial);
	} else if (dial->peer.reply == REPLY_NOT_ALLOWED) {
		fail_hop(dial, dial->hop, dial->peer.why);
	} else if (dial->peer.reply != REPLY_SUCCEEDED) {
		fail_hop(dial, dial->hop + 1, dial->peer.why);
	} else {
		dial->hop++;
		writer_done(&dial->writer);
		start_hop(dial);
	}
}

static const char *failure_text(int cause)
{
	return cause == -EACCES ? "it refuses the method or the login"
				: "it does not speak what it should";
}

/* The client's own login or keys, which no other proxy has been asked to take either. */
static void refuse_login(struct dial *dial)
{
	g_free(dial->why);
	dial->why = g_strdup_printf("%s: it refuses the client's login or keys",
				    dial->way.hops[dial->hop]->text);
	fail(dial, REPLY_GENERAL_FAILURE);
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
	if (used == -EACCES && login_for(dial, dial->hop) && !dial->way.hops[dial->hop]->login)
		refuse_login(dial);
	else if (used < 0)
		fail_hop(dial, dial->hop, failure_text(used));
	else if (dial->peer.step == UPSTREAM_DONE)
		end_hop(dial);
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
		fail_hop(dial, dial->hop, n == 0 ? "it ended the stream" : g_strerror((int)-n));
		return;
	}
	dial->heard = TRUE;
	g_byte_array_append(dial->in, chunk, (guint)n);
	take_messages(dial);
}

/* ---- names ---- */

static void finish_resolve(struct dial *dial, GInetAddress *inet)
{
	struct dial_result result = { .socket = -1 };

	address_set_inet(&result.bound, inet, 0);
	finish(dial, result);
}

static void use_addresses(struct dial *dial)
{
	if (dial->request.command == COMMAND_RESOLVE)
		finish_resolve(dial, dial->addresses->data);
	else
		try_next(dial);
}

/* A look-up may outlast whoever asked for it. */
static gboolean is_awaited(const struct dial *dial)
{
	return !dial->freed && !dial->over;
}

static void on_addresses(GObject *source, GAsyncResult *async, gpointer data)
{
	struct dial *dial = data;
	GList *found = g_resolver_lookup_by_name_finish(G_RESOLVER(source), async, NULL);

	if (!is_awaited(dial)) {
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

	begin_waiting(dial);
	g_resolver_lookup_by_name_async(resolver, name, dial->cancellable, on_addresses,
					g_rc_box_acquire(dial));
}

static void finish_name(struct dial *dial, const char *name)
{
	struct dial_result result = { .socket = -1 };

	address_set_name(&result.bound, name, 0);
	finish(dial, result);
}

static void on_name(GObject *source, GAsyncResult *async, gpointer data)
{
	struct dial *dial = data;
	g_autofree char *name =
		g_resolver_lookup_by_address_finish(G_RESOLVER(source), async, NULL);

	if (is_awaited(dial) && name)
		finish_name(dial, name);
	else if (is_awaited(dial))
		fail(dial, REPLY_HOST_UNREACHABLE);
	g_rc_box_release_full(dial, dial_clear);
}

static void look_up_address(struct dial *dial, GInetAddress *inet)
{
	g_autoptr(GResolver) resolver = g_resolver_get_default();

	begin_waiting(dial);
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

	if (dial->route) {
		start_way(dial);
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
