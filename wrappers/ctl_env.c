/*
 * env: the environment of isosocks as commands for a shell, so that one that runs already takes
 * part:  eval "$(isosocksctl env)"
 */
#include "compile.h"
#include "config.h"
#include "ctl.h"
#include "gather.h"
#include "library.h"
#include "show.h"

#include <stdio.h>
#include <string.h>

/* A shell would take an escape for the text that it is. */
static int print_assignment(const char *name, const char *value)
{
	g_autofree char *quoted = g_shell_quote(value);
	g_autofree char *shown = show_text(value);

	if (strcmp(shown, value) != 0)
		return ctl_fail(CTL_NO, "env", "%s=%s: has what cannot be printed: unset it first",
				name, value);
	show_line(stdout, "export %s=%s", name, quoted);
	return CTL_YES;
}

static char *make_preload(GError **error)
{
	g_autofree char *library = library_find_own(error);

	return library ? library_preload(library, NULL, g_getenv("LD_PRELOAD")) : NULL;
}

static int print_environment(void)
{
	g_autoptr(GError) error = NULL;
	g_auto(GStrv) block = g_get_environ();
	CONFIG_AUTO config = gather_config(NULL, block, &error);
	g_autofree char *policy = config ? compile_text(config, &error) : NULL;
	g_autofree char *preload = policy ? make_preload(&error) : NULL;

	if (!preload)
		return ctl_fail(CTL_NO, "env", "%s", error->message);
	const int status = print_assignment("LD_PRELOAD", preload);
	return status == CTL_YES ? print_assignment("ISOSOCKS_POLICY", policy) : status;
}

/* Other preloads stay. */
static int print_undo(void)
{
	g_autofree char *rest = library_without(g_getenv("LD_PRELOAD"));

	int status = CTL_YES;

	if (*rest)
		status = print_assignment("LD_PRELOAD", rest);
	else
		puts("unset LD_PRELOAD");
	puts("unset ISOSOCKS_POLICY ISOSOCKS_NAMES");
	return status;
}

int ctl_env(int argc, char **argv)
{
	gboolean undo = FALSE;
	const GOptionEntry entries[] = {
		{ "undo", 0, 0, G_OPTION_ARG_NONE, &undo, "the way back", NULL },
		{ 0 },
	};
	int status;

	if (!ctl_parse(&argc, argv, entries, NULL, 0, 0, &status))
		return status;
	return undo ? print_undo() : print_environment();
}
