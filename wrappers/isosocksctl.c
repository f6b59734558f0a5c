/*
 * isosocksctl: answers questions about isosocks, and compiles its policy. Each command is a row
 * here and a file of its own.
 */
#include "ctl.h"
#include "show.h"
#include "suggest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct command {
	const char *name;
	const char *arguments;
	const char *summary;
	ctl_function *run;
} commands[] = {
	{ "check", "[FILE]", "whether a configuration is right, and what is not", ctl_check },
	{ "compile", "", "/etc/isosocks.conf to the policy of the whole machine", ctl_compile },
	{ "doctor", "[PROGRAM]", "whether isosocks can do its work here, and for this program",
	  ctl_doctor },
	{ "env", "[--undo]", "isosocks for a shell that runs already", ctl_env },
	{ "errors", "", "what a proxy's reply codes mean, and the errno of each", ctl_errors },
	{ "explain", "HOST[:PORT]", "what would become of a connection, and why", ctl_explain },
	{ "import", "FILE", "an isosocks.conf from the settings of torsocks or proxychains",
	  ctl_import },
	{ "status", "", "whether the proxy answers, what it takes, and the policy", ctl_status },
	{ "system", "enable|disable|status", "preload the library for the whole machine, safely",
	  ctl_system },
	{ "why", "", "the last failures of your programs", ctl_why },
};

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		if (strcmp(name, commands[i].name) == 0)
			return &commands[i];
	return NULL;
}

static int print_help(void)
{
	puts("Usage: isosocksctl COMMAND [OPTIONS] [ARGUMENTS]\n"
	     "       isosocksctl COMMAND --help\n"
	     "\n"
	     "Answers questions about isosocks, and compiles its policy.\n"
	     "\n"
	     "Commands:");
	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
		g_autofree char *usage =
			g_strconcat(commands[i].name, *commands[i].arguments ? " " : "",
				    commands[i].arguments, NULL);
		if (strlen(usage) > 22)
			show_line(stdout, "  %s", usage);
		show_line(stdout, "  %-22s  %s", strlen(usage) > 22 ? "" : usage,
			  commands[i].summary);
	}
	puts("\n"
	     "Options:\n"
	     "      --version           print the version\n"
	     "  -h, --help              print this\n"
	     "\n"
	     "Exit status: 0 yes, 1 no, 2 the command line is wrong; of doctor also 3 and 4,\n"
	     "isosocksctl(8).");
	return CTL_YES;
}

static char *list_commands(void)
{
	GString *list = g_string_new(NULL);

	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		g_string_append_printf(list, "%s%s", i ? ", " : "", commands[i].name);
	return g_string_free(list, FALSE);
}

static const char *find_nearest(const char *name)
{
	const char *names[G_N_ELEMENTS(commands) + 1] = { NULL };

	for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
		names[i] = commands[i].name;
	return suggest_nearest(name, names);
}

static int refuse_option(const char *name)
{
	static const char *const options[] = { "--help", "-h", "--version", NULL };
	const char *nearest = suggest_nearest(name, options);

	if (nearest)
		show_line(stderr, "isosocksctl: there is no option %s: %s may be meant", name,
			  nearest);
	else
		show_line(stderr,
			  "isosocksctl: %s stands where a command must; see isosocksctl --help",
			  name);
	return CTL_USAGE;
}

static int refuse_command(const char *name)
{
	g_autofree char *known = list_commands();
	const char *nearest = name ? find_nearest(name) : NULL;

	if (nearest)
		show_line(stderr, "isosocksctl: there is no command %s: %s may be meant", name,
			  nearest);
	else if (name)
		show_line(stderr, "isosocksctl: there is no command %s: there are %s", name, known);
	else
		show_line(stderr, "isosocksctl: no command is given: there are %s", known);
	return CTL_USAGE;
}

/* ---- for the commands ---- */

int ctl_fail(int status, const char *command, const char *format, ...)
{
	g_autofree char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	text = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	show_line(stderr, "isosocksctl %s: %s", command, text);
	return status;
}

static gboolean is_complete(const char *command, int count, int least, int most, int *ret_status)
{
	if (count >= least && count <= most)
		return TRUE;
	*ret_status = ctl_fail(
		CTL_USAGE, command, "%s; see isosocksctl %s --help",
		count < least ? "an argument is missing" : "there are too many arguments", command);
	return FALSE;
}

gboolean ctl_parse(int *argc, char **argv, const GOptionEntry *entries, const char *arguments,
		   int least, int most, int *ret_status)
{
	g_autoptr(GOptionContext) context = g_option_context_new(arguments);
	g_autoptr(GError) error = NULL;
	const char *command = argv[0];
	gboolean help = FALSE;
	const GOptionEntry own[] = {
		{ "help", 'h', 0, G_OPTION_ARG_NONE, &help, "print this", NULL },
		{ 0 },
	};

	g_option_context_set_help_enabled(context, FALSE);
	if (entries)
		g_option_context_add_main_entries(context, entries, NULL);
	g_option_context_add_main_entries(context, own, NULL);
	if (!g_option_context_parse(context, argc, &argv, &error)) {
		g_autofree char *text = suggest_option(error, entries ? entries : own);
		*ret_status = ctl_fail(CTL_USAGE, command, "%s; see isosocksctl %s --help", text,
				       command);
		return FALSE;
	}
	if (help) {
		g_autofree char *program = g_strconcat("isosocksctl ", command, NULL);
		g_autofree char *text = NULL;
		g_set_prgname(program);
		text = g_option_context_get_help(context, TRUE, NULL);
		fputs(text, stdout);
		*ret_status = CTL_YES;
		return FALSE;
	}
	if (*argc > 1 && strcmp(argv[1], "--") == 0) {
		memmove(argv + 1, argv + 2, (size_t)(*argc - 1) * sizeof(*argv));
		--*argc;
	}
	return is_complete(command, *argc - 1, least, most, ret_status);
}

static int act(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2)
		return refuse_command(NULL);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0)
		return print_help();
	if (strcmp(argv[1], "--version") == 0)
		return puts("isosocksctl " ISOSOCKS_VERSION) >= 0 ? CTL_YES : CTL_NO;
	if (*argv[1] == '-')
		return refuse_option(argv[1]);
	command = find_command(argv[1]);
	return command ? command->run(argc - 1, argv + 1) : refuse_command(argv[1]);
}

int main(int argc, char **argv)
{
	int status = act(argc, argv);

	if (fflush(stdout) == 0)
		return status;
	show_line(stderr, "isosocksctl: the answer could not be written: %s", g_strerror(errno));
	return status == CTL_YES ? CTL_NO : status;
}
