#include "server.h"

#include "conn.h"
#include "endpoint.h"
#include "settings.h"

#include <glib-unix.h>
#include <sys/resource.h>

#define BACKLOG	 4096 /* the kernel's own limit, net.core.somaxconn, may be lower */
#define AT_ONCE	 64   /* clients taken before others get a turn */
#define PAUSE_MS 100  /* before accept is tried again, when descriptors or memory ran out */

struct listener {
	struct server *server;
	GSocket *socket;
	guint watch;
	guint pause;
};

struct server {
	const struct settings *settings;
	GPtrArray *listeners;
	GHashTable *conns; /* a set */
	guint64 last;
};

static void listen_again(struct listener *listener);

static void on_gone(void *data, struct conn *conn)
{
	struct server *server = data;
	g_hash_table_remove(server->conns, conn);
}

static void take(struct server *server, GSocket *client)
{
	struct conn *conn = conn_new(server->settings, client, ++server->last, on_gone, server);
	g_hash_table_add(server->conns, conn);
	conn_start(conn);
}

static gboolean on_pause(gpointer data)
{
	struct listener *listener = data;

	listener->pause = 0;
	listen_again(listener);
	return G_SOURCE_REMOVE;
}

/* A waiting client keeps the listener readable: without a pause, a lack of descriptors would spin.
 */
static void pause_listening(struct listener *listener)
{
	g_clear_handle_id(&listener->watch, g_source_remove);
	listener->pause = g_timeout_add(PAUSE_MS, on_pause, listener);
}

static gboolean on_clients(gint fd, GIOCondition condition, gpointer data)
{
	struct listener *listener = data;

	(void)fd;
	(void)condition;
	for (int i = 0; i < AT_ONCE; i++) {
		g_autoptr(GError) error = NULL;
		GSocket *client = g_socket_accept(listener->socket, NULL, &error);
		if (client) {
			take(listener->server, client);
			continue;
		}
		if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
			pause_listening(listener);
		break;
	}
	return G_SOURCE_CONTINUE; /* of no effect when paused */
}

static void listen_again(struct listener *listener)
{
	listener->watch =
		g_unix_fd_add(g_socket_get_fd(listener->socket), G_IO_IN, on_clients, listener);
}

static void listener_free(gpointer data)
{
	struct listener *listener = data;
	g_clear_handle_id(&listener->watch, g_source_remove);
	g_clear_handle_id(&listener->pause, g_source_remove);
	g_clear_object(&listener->socket);
	g_free(listener);
}

static GSocket *open_listener(GSocketAddress *address, GError **error)
{
	g_autoptr(GSocket) socket =
		g_socket_new(g_socket_address_get_family(address), G_SOCKET_TYPE_STREAM,
			     G_SOCKET_PROTOCOL_TCP, error);
	if (!socket)
		return NULL;
	g_socket_set_blocking(socket, FALSE);
	g_socket_set_listen_backlog(socket, BACKLOG);
	if (!g_socket_bind(socket, address, TRUE, error) || !g_socket_listen(socket, error))
		return NULL;
	return g_steal_pointer(&socket);
}

static gboolean add_listener(struct server *server, GSocketAddress *address, GError **error)
{
	GSocket *socket = open_listener(address, error);
	g_autofree char *text = endpoint_text(address);

	if (!socket) {
		g_prefix_error(error, "--listen %s: ", text);
		return FALSE;
	}
	struct listener *listener = g_new0(struct listener, 1);
	listener->server = server;
	listener->socket = socket;
	g_ptr_array_add(server->listeners, listener);
	listen_again(listener);
	return TRUE;
}

struct server *server_new(const struct settings *settings, GError **error)
{
	struct server *server = g_new0(struct server, 1);
	server->settings = settings;
	server->listeners = g_ptr_array_new_with_free_func(listener_free);
	server->conns = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)conn_free, NULL);
	for (guint i = 0; i < settings->listen->len; i++) {
		if (!add_listener(server, g_ptr_array_index(settings->listen, i), error)) {
			server_free(server);
			return NULL;
		}
	}
	return server;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	g_ptr_array_unref(server->listeners);
	g_hash_table_unref(server->conns);
	g_free(server);
}

guint server_listeners(const struct server *server)
{
	return server->listeners->len;
}

guint16 server_port(const struct server *server, guint index)
{
	const struct listener *listener = g_ptr_array_index(server->listeners, index);
	g_autoptr(GSocketAddress) local = g_socket_get_local_address(listener->socket, NULL);
	return local ? g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(local)) : 0;
}

void server_raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}
