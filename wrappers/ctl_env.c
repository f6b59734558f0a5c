/*
 * env: the environment of isosocks as commands for a shell, so that one that runs already takes
 * part:  eval "$(isosocksctl env)",  in fish  isosocksctl env | source,  in tcsh
 * eval "`isosocksctl env`"
 */
#include "compile.h"
#include "config.h"
#include "ctl.h"
#include "gather.h"
#include "library.h"
#include "show.h"

#include <stdio.h>
#include <string.h>

/* How a shell sets a variable and takes it away, and what stands for some characters in quotes. */
static const struct shell {
	const char *name;
	const char *set, *to, *unset, *end;
	const char *quote;  /* a single quote */
	const char *others; /* characters that want a backslash even there */
} shells[] = {
	{ "sh", "export ", "=", "unset ", "", "'\\''", "" },
	{ "fish", "set -gx ", " ", "set -e ", ";", "\\'", "\\" },
	{ "csh", "setenv ", " ", "unsetenv ", ";", "'\\''", "!" },
};

static const struct shell *find_shell(const char *name)
{
	if (strcmp(name, "tcsh") == 0)
		name = "csh";
	for (size_t i = 0; i < G_N_ELEMENTS(shells); i++)
		if (strcmp(shells[i].name, name) == 0)
			return &shells[i];
	return NULL;
}

/* That of the user, who reads the result in it most of the time. */
static const struct shell *usual_shell(void)
{
	const char *path = g_getenv("SHELL");
	g_autofree char *name = g_path_get_basename(path && *path ? path : "sh");
	const struct shell *found = find_shell(name);

	return found ? found : &shells[0];
}

static char *quote(const struct shell *shell, const char *value)
{
	GString *text = g_string_new("'");

	for (; *value; value++) {
		if (strchr(shell->others, *value))
			g_string_append_c(text, '\\');
		if (*value == '\'')
			g_string_append(text, shell->quote);
		else
			g_string_append_c(text, *value);
	}
	g_string_append_c(text, '\'');
	return g_string_free(text, FALSE);
}

/* A shell would take an escape for the text that it is. */
static int print_assignment(const struct shell *shell, const char *name, const char *value)
{
	g_autofree char *quoted = quote(shell, value);
	g_autofree char *shown = show_text(value);

	if (strcmp(shown, value) != 0)
		return ctl_fail(CTL_NO, "env", "%s=%s: has what cannot be printed: unset it first",
				name, value);
	show_line(stdout, "%s%s%s%s%s", shell->set, name, shell->to, quoted, shell->end);
	return CTL_YES;
}

static void print_removal(const struct shell *shell, const char *name)
{
	show_line(stdout, "%s%s%s", shell->unset, name, shell->end);
}

static char *make_preload(GError **error)
{
	g_autofree char *library = library_find_own(error);

	return library ? library_preload(library, NULL, g_getenv("LD_PRELOAD")) : NULL;
}

static int print_environment(const struct shell *shell)
{
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) block = g_get_environ();
	CONFIG_AUTO config = gather_config(NULL, block, &error);
	g_autofree char *policy = config ? compile_text(config, &error) : NULL;
	g_autofree char *preload = policy ? make_preload(&error) : NULL;

	if (!preload)
		return ctl_fail(CTL_NO, "env", "%s", error->message);
	if (config_has_credentials(config))
		show_line(stderr, "isosocksctl: env: the proxy's credentials are in what is "
				  "printed, and will be in the environment of all that the shell "
				  "starts; isosocks --shell keeps them out of it");
	const int status = print_assignment(shell, "LD_PRELOAD", preload);
	return status == CTL_YES ? print_assignment(shell, "ISOSOCKS_POLICY", policy) : status;
}

/* Other preloads stay. */
static int print_undo(const struct shell *shell)
{
	g_autofree char *rest = library_without(g_getenv("LD_PRELOAD"));
	int status = CTL_YES;

	if (*rest)
		status = print_assignment(shell, "LD_PRELOAD", rest);
	else
		print_removal(shell, "LD_PRELOAD");
	print_removal(shell, "ISOSOCKS_POLICY");
	print_removal(shell, "ISOSOCKS_NAMES");
	return status;
}

int ctl_env(int argc, char **argv)
{
	gboolean undo = FALSE;
	g_autofree char *type = NULL;
	const GOptionEntry entries[] = {
		{ "undo", 0, 0, G_OPTION_ARG_NONE, &undo, "the way back", NULL },
		{ "shell-type", 0, 0, G_OPTION_ARG_STRING, &type, "sh, fish or csh (as $SHELL is)",
		  "TYPE" },
		{ 0 },
	};
	const struct shell *shell;
	int status;

	if (!ctl_parse(&argc, argv, entries, NULL, 0, 0, &status))
		return status;
	shell = type ? find_shell(type) : usual_shell();
	if (!shell)
		return ctl_fail(CTL_USAGE, "env",
				"--shell-type: %s is not accepted: it must be sh (which bash, zsh, "
				"dash and ksh read), fish or csh",
				type);
	return undo ? print_undo(shell) : print_environment(shell);
}
