/* gio HOST:PORT: GLib's asynchronous connect, which asks for each family by itself. */
#include <gio/gio.h>

static void connected(GObject *client, GAsyncResult *result, gpointer loop)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GSocketConnection) connection =
		g_socket_client_connect_to_host_finish(G_SOCKET_CLIENT(client), result, &error);

	g_print("%s\n", connection ? "connected" : error->message);
	g_main_loop_quit(loop);
}

int main(int argc, char **argv)
{
	g_autoptr(GSocketClient) client = g_socket_client_new();
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);

	if (argc != 2)
		return 2;
	g_socket_client_set_enable_proxy(client, FALSE);
	g_socket_client_connect_to_host_async(client, argv[1], 80, NULL, connected, loop);
	g_main_loop_run(loop);
	g_main_loop_unref(loop);
	return 0;
}
