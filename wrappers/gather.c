#include "gather.h"

#include "compile.h"
#include "environment.h"
#include "hold.h"

#include <unistd.h>

static struct config *start_config(char **block, GError **error)
{
	const char *outer = g_environ_getenv(block, "ISOSOCKS_POLICY");
	struct config *config;

	if (outer) {
		config = compile_restore_text(outer, error);
		if (!config)
			g_prefix_error(error, "ISOSOCKS_POLICY: ");
		return config;
	}
	config = config_new();
	if (config_new_session(config, error))
		return config;
	config_free(config);
	return NULL;
}

const char *gather_find_file(const char *named, char **block, const char **ret_origin)
{
	*ret_origin = named ? "--config" : "ISOSOCKS_CONFIG";
	return named ? named : g_environ_getenv(block, "ISOSOCKS_CONFIG");
}

/* A policy in the environment need not be of an outer isosocks: anybody can write one. */
static gboolean hold_machine(struct config *config, GError **error)
{
	CONFIG_AUTO machine = config_new();

	if (access(CONFIG_SYSTEM_FILE, F_OK) < 0)
		return TRUE;
	if (!config_load_file(machine, CONFIG_SYSTEM, CONFIG_SYSTEM_FILE, error))
		return FALSE;
	hold_demands(config, machine);
	return TRUE;
}

/* An outer isosocks has read the usual files, and what it was told stands above them. */
static gboolean load_files(struct config *config, const char *path, char **block, GError **error)
{
	if (!g_environ_getenv(block, "ISOSOCKS_POLICY"))
		return config_load_usual(config, path, error);
	return hold_machine(config, error) &&
	       (!path || config_load_file(config, CONFIG_FILE, path, error));
}

static gboolean apply_files(struct config *config, const char *named, char **block, GError **error)
{
	const char *origin;
	const char *path = gather_find_file(named, block, &origin);

	if (path && !*path) {
		g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_FILE,
			    "%s: is empty: give the path of a file", origin);
		return FALSE;
	}
	if (load_files(config, path, block, error))
		return TRUE;
	if (path && error && g_str_has_prefix((*error)->message, path))
		g_prefix_error(error, "%s: ", origin);
	return FALSE;
}

struct config *gather_config(const char *named, char **block, GError **error)
{
	struct config *config = start_config(block, error);

	if (!config)
		return NULL;
	if (apply_files(config, named, block, error) && environment_take(config, block, error))
		return config;
	config_free(config);
	return NULL;
}
