/*
 * check: reads a configuration as isosocks would, and says all that is wrong with it.
 */
#include "compile.h"
#include "config.h"
#include "ctl.h"
#include "rule.h"
#include "show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The files that isosocks reads by itself, as far as they are there. */
static GPtrArray *find_files(void)
{
	GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
	char *candidates[] = { g_strdup(CONFIG_SYSTEM_FILE), config_user_file() };

	for (size_t i = 0; i < G_N_ELEMENTS(candidates); i++) {
		if (candidates[i] && access(candidates[i], F_OK) == 0)
			g_ptr_array_add(files, candidates[i]);
		else
			g_free(candidates[i]);
	}
	return files;
}

static gboolean print_problems(const GPtrArray *problems)
{
	for (guint i = 0; i < problems->len; i++)
		show_line(stdout, "%s", (const char *)problems->pdata[i]);
	return problems->len == 0;
}

static gboolean check_file(struct config *config, const char *path)
{
	const gboolean is_system = strcmp(path, CONFIG_SYSTEM_FILE) == 0;
	g_autoptr(GPtrArray) problems =
		config_check_file(config, is_system ? CONFIG_SYSTEM : CONFIG_FILE, path);

	return print_problems(problems);
}

/* What each file alone cannot show. */
static gboolean check_whole(const struct config *config)
{
	g_autoptr(GPtrArray) idle = rule_find_idle(config);
	g_autoptr(GError) error = NULL;
	g_autoptr(GByteArray) policy = compile_policy(config, &error);

	if (!policy)
		show_line(stdout, "%s", error->message);
	return print_problems(idle) && policy;
}

int ctl_check(int argc, char **argv)
{
	CONFIG_AUTO config = config_new();
	g_autoptr(GPtrArray) files = NULL;
	gboolean good = TRUE;
	int status;

	if (!ctl_parse(&argc, argv, NULL, "[FILE]", 0, 1, &status))
		return status;
	if (argc > 1) {
		files = g_ptr_array_new_with_free_func(g_free);
		g_ptr_array_add(files, g_strdup(argv[1]));
	} else {
		files = find_files();
	}
	for (guint i = 0; i < files->len; i++)
		good = check_file(config, files->pdata[i]) && good;
	return good && check_whole(config) ? CTL_YES : CTL_NO;
}
