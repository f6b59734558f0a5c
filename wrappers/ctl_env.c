/*
 * env: the environment of isosocks as commands for a shell, so that one that runs already takes
 * part:  eval "$(isosocksctl env)"
 */
#include "compile.h"
#include "config.h"
#include "ctl.h"
#include "gather.h"
#include "library.h"

#include <stdio.h>
#include <string.h>

static void print_assignment(const char *name, const char *value)
{
	g_autofree char *quoted = g_shell_quote(value);

	printf("export %s=%s\n", name, quoted);
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
	print_assignment("LD_PRELOAD", preload);
	print_assignment("ISOSOCKS_POLICY", policy);
	return CTL_YES;
}

/* Other preloads stay. */
static int print_undo(void)
{
	g_autofree char *rest = library_without(g_getenv("LD_PRELOAD"));

	if (*rest)
		print_assignment("LD_PRELOAD", rest);
	else
		puts("unset LD_PRELOAD");
	puts("unset ISOSOCKS_POLICY ISOSOCKS_NAMES");
	return CTL_YES;
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
