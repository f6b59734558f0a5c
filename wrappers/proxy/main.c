/*
 * isosocks-proxy: the reference SOCKS5 proxy with isolation keys; isosocks-proxy(1).
 */
#include "activation.h"
#include "ending.h"
#include "fault.h"
#include "options.h"
#include "server.h"
#include "settings.h"
#include "text.h"

#include <signal.h>
#include <stdio.h>

#define EXIT_USAGE 2

static void complain(const GError *error)
{
	g_autofree char *text = text_printable(error->message);
	g_printerr("isosocks-proxy: %s\n", text);
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
	signal(SIGXFSZ, SIG_IGN); /* a log at its limit is one that is full */
	server_raise_limits();
	ending_watch(loop);
	server = server_new(settings, &error);
	if (!server) {
		complain(error);
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
	g_set_prgname("isosocks-proxy"); /* not what it was started as */
	settings_init(&settings);
	settings.inherited = activation_take();
	if (options_parse(&copy, &settings, &error))
		code = run(&settings);
	else
		complain(error);
	settings_clear(&settings);
	return code;
}
