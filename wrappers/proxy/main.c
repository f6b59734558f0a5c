/*
 * isosocks-proxy: the reference SOCKS5 proxy with isolation keys; isosocks-proxy(1).
 */
#include "fault.h"
#include "options.h"
#include "server.h"
#include "settings.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>

#define EXIT_USAGE 2

static gboolean on_signal(gpointer data)
{
	g_main_loop_quit(data);
	return G_SOURCE_CONTINUE;
}

static void print_ports(const struct server *server)
{
	for (guint i = 0; i < server_listeners(server); i++)
		printf("%u\n", server_port(server, i));
	fflush(stdout);
}

static int serve(const struct settings *settings)
{
	g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
	g_autoptr(GError) error = NULL;
	struct server *server;

	signal(SIGPIPE, SIG_IGN);
	server_raise_limits();
	g_unix_signal_add(SIGTERM, on_signal, loop);
	g_unix_signal_add(SIGINT, on_signal, loop);
	server = server_new(settings, &error);
	if (!server) {
		g_printerr("isosocks-proxy: %s\n", error->message);
		return EXIT_FAILURE;
	}
	if (settings->print_port)
		print_ports(server);
	g_main_loop_run(loop);
	server_free(server);
	return EXIT_SUCCESS;
}

static int print_faults(void)
{
	g_autofree char *text = faults_help();

	g_print("%s", text);
	return EXIT_SUCCESS;
}

static int run(const struct settings *settings)
{
	if (settings->show_version) {
		g_print("isosocks-proxy %s\n", ISOSOCKS_VERSION);
		return EXIT_SUCCESS;
	}
	return settings->show_faults ? print_faults() : serve(settings);
}

int main(int argc, char **argv)
{
	g_auto(GStrv) copy = g_strdupv(argv);
	g_autoptr(GError) error = NULL;
	struct settings settings;
	int code = EXIT_USAGE;

	(void)argc;
	settings_init(&settings);
	if (options_parse(&copy, &settings, &error))
		code = run(&settings);
	else
		g_printerr("isosocks-proxy: %s\n", error->message);
	settings_clear(&settings);
	return code;
}
