#include "neighbour.h"

#include "config.h"
#include "launch.h"

#include <string.h>

/* By how their file names begin. */
static const struct {
	const char *prefix;
	const char *tool;
} libraries[] = {
	{ "libtorsocks.", "torsocks" },	     { "libproxychains", "proxychains" },
	{ "libtsocks.", "tsocks" },	     { "libdsocks.", "socksify (dante)" },
	{ "libdl_dsocks.", "socksify" },     { "libgraftcp", "graftcp" },
	{ "libredsocks", "redsocks" },	     { "libsocks5redir", "socks5redir" },
	{ "libhev-socks5", "hev-socks5" },   { "libproxybound", "proxybound" },
	{ "libproxyresolv", "proxyresolv" }, { "libsocksify", "socksify" },
};

/* What would have led elsewhere, or isolated. Those of its log and its listeners do neither. */
static const struct {
	const char *name;
	enum neighbour_said about;
	const char *tool;
	const char *use;
} variables[] = {
	{ "TORSOCKS_TOR_ADDRESS", NEIGHBOUR_WHERE, "torsocks", "-x URL or ISOSOCKS_PROXY" },
	{ "TORSOCKS_TOR_PORT", NEIGHBOUR_WHERE, "torsocks", "-P PORT, -x URL or ISOSOCKS_PROXY" },
	{ "TORSOCKS_CONF_FILE", NEIGHBOUR_WHERE, "torsocks",
	  "isosocksctl import FILE, and -c with what it prints" },
	{ "TORSOCKS_USERNAME", NEIGHBOUR_ISOLATED, "torsocks",
	  "-k ISOLATION=VALUE or ISOSOCKS_ISOLATION to isolate, or -u and --pass-file for a "
	  "proxy's credentials" },
	{ "TORSOCKS_PASSWORD", NEIGHBOUR_ISOLATED, "torsocks",
	  "-k ISOLATION=VALUE or ISOSOCKS_ISOLATION to isolate, or -u and --pass-file for a "
	  "proxy's credentials" },
	{ "TORSOCKS_ISOLATE_PID", NEIGHBOUR_ISOLATED, "torsocks",
	  "-i or -b process, or ISOSOCKS_BY=process" },
	{ "PROXYCHAINS_CONF_FILE", NEIGHBOUR_WHERE, "proxychains",
	  "isosocksctl import FILE, and -c with what it prints" },
	{ "PROXYCHAINS_SOCKS5_HOST", NEIGHBOUR_WHERE, "proxychains", "-x URL or ISOSOCKS_PROXY" },
	{ "PROXYCHAINS_SOCKS5_PORT", NEIGHBOUR_WHERE, "proxychains", "-x URL or ISOSOCKS_PROXY" },
	{ "TSOCKS_CONF_FILE", NEIGHBOUR_WHERE, "tsocks",
	  "isosocksctl import FILE, and -c with what it prints" },
};

const char *neighbour_of_library(const char *item)
{
	const char *slash = strrchr(item, '/');
	const char *name = slash ? slash + 1 : item;

	for (size_t i = 0; i < G_N_ELEMENTS(libraries); i++)
		if (g_str_has_prefix(name, libraries[i].prefix))
			return libraries[i].tool;
	return NULL;
}

static gboolean check_libraries(const char *preload, GError **error)
{
	g_auto(GStrv) items = g_strsplit_set(preload ? preload : "", " :", -1);

	for (guint i = 0; items[i]; i++) {
		const char *tool = neighbour_of_library(items[i]);
		if (!tool)
			continue;
		g_autofree char *quoted = config_quote(items[i]);
		g_set_error(error, LAUNCH_ERROR, LAUNCH_FAILED,
			    "LD_PRELOAD has %s, of %s, which takes over connect() too: neither "
			    "would work; run isosocks without %s around it",
			    quoted, tool, tool);
		return FALSE;
	}
	return TRUE;
}

static gboolean check_variables(char **environment, unsigned said, GError **error)
{
	for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
		const char *value = g_environ_getenv(environment, variables[i].name);

		if (!value || !*value || strcmp(value, "0") == 0 || (said & variables[i].about))
			continue;
		g_set_error(error, LAUNCH_ERROR, LAUNCH_FAILED,
			    "%s is a variable of %s, and means nothing to isosocks: unset it, and "
			    "use %s",
			    variables[i].name, variables[i].tool, variables[i].use);
		return FALSE;
	}
	return TRUE;
}

gboolean neighbour_check(char **environment, unsigned said, GError **error)
{
	return check_libraries(g_environ_getenv(environment, "LD_PRELOAD"), error) &&
	       check_variables(environment, said, error);
}
