#include "server.h"

#include "activation.h"
#include "conn.h"
#include "endpoint.h"
#include "jsonlog.h"
#include "settings.h"
#include "shared.h"
#include "stream.h"
#include "watch.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define BACKLOG	 4096 /* the kernel's own limit, net.core.somaxconn, may be lower */
#define AT_ONCE	 64   /* clients taken before others get a turn */
#define PAUSE_MS 100  /* before accept is tried again, when descriptors or memory ran out */
#define RESERVE	 64   /* descriptors that clients leave for targets, look-ups and the log */

struct listener {
	struct server *server;
	GSocket *socket;
	struct watch watch;
	guint pause;
};

struct server {
	struct shared shared;
	const struct settings *settings;
	GPtrArray *listeners;
	GHashTable *conns; /* a set */
	guint64 last;
	int descriptors; /* as many as this process may have */
};

static void listen_again(struct listener *listener);

static void on_gone(void *data, struct conn *conn)
{
	struct server *server = data;
	g_hash_table_remove(server->conns, conn);
}

static char *peer_text(const struct sockaddr_storage *peer, socklen_t length)
{
	g_autoptr(GSocketAddress) address =
		g_socket_address_new_from_native((gpointer)peer, length);

	return endpoint_text(address);
}

static void refuse(struct server *server, int client, const char *peer)
{
	GString *line = jsonlog_begin("refused", server->last);

	jsonlog_add_text(line, "peer", peer, strlen(peer));
	jsonlog_write(server->settings->log, line);
	stream_close(&client);
}

/*
 * The kernel gives the lowest number that is free: a high one says that few are left.
 */
static gboolean is_full(const struct server *server, int client)
{
	guint most = server->settings->clients_max;

	return client >= server->descriptors - MIN(RESERVE, server->descriptors / 4) ||
	       (most > 0 && server->shared.clients >= most);
}

static void take(struct server *server, int client, const char *peer)
{
	server->last++;
	if (is_full(server, client) && !shared_make_room(&server->shared)) {
		refuse(server, client, peer);
		return;
	}
	struct conn *conn = conn_new(&server->shared, client, server->last, on_gone, server);
	g_hash_table_add(server->conns, conn);
	conn_start(conn, peer);
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
	watch_stop(&listener->watch);
	listener->pause = g_timeout_add(PAUSE_MS, on_pause, listener);
}

/* Accepts one. FALSE when there is none, or when it cannot be had now. */
static gboolean accept_one(struct listener *listener)
{
	struct server *server = listener->server;
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);
	int client = accept4(listener->watch.fd, (struct sockaddr *)&peer, &length,
			     SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client >= 0) {
		g_autofree char *text =
			server->settings->log ? peer_text(&peer, length) : g_strdup("");
		take(server, client, text);
		return TRUE;
	}
	if (errno == EINTR || errno == ECONNABORTED)
		return TRUE;
	if (errno == EAGAIN)
		return FALSE;
	if (shared_make_room(&server->shared))
		return TRUE;
	pause_listening(listener);
	return FALSE;
}

static void on_clients(void *data, guint32 events)
{
	(void)events;
	for (int i = 0; i < AT_ONCE && accept_one(data); i++)
		continue;
}

static void listen_again(struct listener *listener)
{
	watch_set(&listener->watch, EPOLLIN);
}

static void listener_free(gpointer data)
{
	struct listener *listener = data;
	watch_stop(&listener->watch);
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
	g_socket_set_listen_backlog(socket, BACKLOG);
	if (!g_socket_bind(socket, address, TRUE, error) || !g_socket_listen(socket, error))
		return NULL;
	return g_steal_pointer(&socket);
}

static void add_listener(struct server *server, GSocket *socket)
{
	struct listener *listener = g_new0(struct listener, 1);

	g_socket_set_blocking(socket, FALSE);
	listener->server = server;
	listener->socket = socket;
	watch_init(&listener->watch, g_socket_get_fd(socket), on_clients, listener);
	stream_tune(listener->watch.fd); /* what it accepts has it from here */
	g_ptr_array_add(server->listeners, listener);
	listen_again(listener);
}

static gboolean listen_at(struct server *server, GSocketAddress *address, GError **error)
{
	GSocket *socket = open_listener(address, error);
	g_autofree char *text = endpoint_text(address);

	if (socket)
		add_listener(server, socket);
	else
		g_prefix_error(error, "--listen %s: ", text);
	return socket != NULL;
}

static gboolean open_listeners(struct server *server, GError **error)
{
	const struct settings *settings = server->settings;

	for (guint i = 0; i < settings->inherited; i++) {
		GSocket *socket = activation_open(i, error);
		if (!socket)
			return FALSE;
		add_listener(server, socket);
	}
	for (guint i = 0; i < settings->listen->len; i++)
		if (!listen_at(server, g_ptr_array_index(settings->listen, i), error))
			return FALSE;
	return TRUE;
}

static int descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > G_MAXINT)
		return G_MAXINT;
	return (int)limit.rlim_cur;
}

struct server *server_new(const struct settings *settings, GError **error)
{
	struct server *server = g_new0(struct server, 1);
	server->settings = settings;
	server->descriptors = descriptors();
	shared_init(&server->shared, settings);
	server->listeners = g_ptr_array_new_with_free_func(listener_free);
	server->conns = g_hash_table_new_full(NULL, NULL, (GDestroyNotify)conn_free, NULL);
	if (open_listeners(server, error))
		return server;
	server_free(server);
	return NULL;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	g_ptr_array_unref(server->listeners);
	g_hash_table_unref(server->conns);
	shared_done(&server->shared);
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
	return G_IS_INET_SOCKET_ADDRESS(local)
		       ? g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(local))
		       : 0;
}

void server_raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}
