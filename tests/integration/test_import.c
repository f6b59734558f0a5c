/*
 * isosocksctl import beside the tools whose files it reads: generated files, the same connects by
 * both, and a proxy that writes down what it was asked. Where the file says the same the proxy was
 * asked the same.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILES 8

static guint32 state = 20;

static guint32 draw(guint32 below)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 16) % below;
}

static const char *one_of(const char *const *texts)
{
	return texts[draw(g_strv_length((char **)texts))];
}

/* ---- what the proxy was asked ---- */

static char *member(const char *line, const char *name)
{
	g_autofree char *head = g_strdup_printf("\"%s\":", name);
	const char *at = strstr(line, head);

	if (!at)
		return g_strdup("none");
	at += strlen(head);
	return g_strndup(at,
			 *at == '"' ? (gsize)(strchr(at + 1, '"') + 1 - at) : strcspn(at, ",}"));
}

/* What isosocks tells its programs apart by, where no credentials are in the way, is its own. */
static char *without_keys(char *text)
{
	char *at;

	while ((at = strstr(text, "username=\"<torS0X>0\" password="))) {
		char *end = strchr(at, '\n');
		g_autofree char *rest = g_strdup(end);
		strcpy(at, "username=none password=none ");
		strcat(at, rest);
	}
	return text;
}

static char *asked(void)
{
	static const char *const members[] = {
		"cmd", "host", "port", "username", "password", NULL
	};
	g_auto(GStrv) requests = lab_requests();
	GString *text = g_string_new(NULL);

	for (char **line = requests; *line; line++) {
		for (const char *const *name = members; *name; name++) {
			g_autofree char *value = member(*line, *name);
			g_string_append_printf(text, "%s=%s ", *name, value);
		}
		g_string_append_c(text, '\n');
	}
	lab_forget();
	return without_keys(g_string_free(text, FALSE));
}

static char *ask(const char *command, const char *target)
{
	g_autofree char *client = lab_program("connect");
	const struct lab_result result =
		lab_shell(LAB_NOBODY, "%s %s -l %s", command, client, target);
	g_autofree char *requests = asked();
	const gboolean connected = strstr(result.out, "connect=0\n") != NULL;

	g_free(result.out);
	g_free(result.err);
	return g_strdup_printf("%sconnected: %d\n", requests, connected);
}

/* ---- both beside each other ---- */

struct tool {
	const char *program;
	const char *package; /* Debian's */
	const char *command; /* printf, with the file's path */
	void (*write)(GString *file);
	const char *const *targets;
};

static unsigned server; /* on this machine, as a direct connection finds it */

static char *import(const char *path)
{
	g_autofree char *ctl = lab_program("isosocksctl");
	g_autofree char *out = lab_path("imported.conf");
	const struct lab_result result = lab_shell(LAB_ROOT, "%s import %s >%s", ctl, path, out);

	lab_assert_status(&result, 0);
	g_free(result.out);
	g_free(result.err);
	g_autofree char *isosocks = lab_program("isosocks");
	return g_strdup_printf("%s -c %s", isosocks, out);
}

static char *write_file(const struct tool *tool)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char *path = lab_path("foreign.conf");

	tool->write(text);
	cr_assert(g_file_set_contents(path, text->str, -1, NULL));
	cr_assert_eq(chmod(path, 0644), 0);
	return path;
}

static void compare(const struct tool *tool)
{
	g_autofree char *path = write_file(tool);
	g_autofree char *theirs = g_strdup_printf(tool->command, path);
	g_autofree char *ours = import(path);
	g_autofree char *text = NULL;

	g_file_get_contents(path, &text, NULL, NULL);
	for (const char *const *target = tool->targets; *target; target++) {
		g_autofree char *place = g_strdup_printf(*target, server);
		g_autofree char *before = ask(theirs, place);
		g_autofree char *after = ask(ours, place);
		cr_expect_str_eq(before, after, "%s:\n%s by %s\n%s by isosocks\n%s", text, place,
				 tool->program, before, after);
	}
}

static void compare_files(const struct tool *tool)
{
	lab_open();
	lab_need_of(tool->program, tool->package);
	server = lab_serve("this machine");
	lab_proxy("--methods 'password;none'");
	for (int i = 0; i < FILES; i++)
		compare(tool);
}

static const char *const odd[] = { "user",  "us#er",	  "a:b",  "c@d", "100%25",
				   "x/y?z", "\"quoted\"", "end#", NULL };
static const char *const comments[] = { "# a comment\n", "\n", "#TorPort 1\n", "", NULL };

/* ---- torsocks ---- */

static void write_torsocks(GString *file)
{
	static const char *const digits[] = { "0", "1", "2", NULL };

	g_string_append(file, one_of(comments));
	if (draw(2))
		g_string_append(file, "TorPort 1\n");
	g_string_append_printf(file, "TorAddress 127.0.0.1\nTorPort %u%s\n", lab_port(),
			       draw(2) ? " # here" : "");
	for (guint32 i = draw(3); i > 0; i--)
		g_string_append_printf(file, "AllowOutboundLocalhost %s\n", one_of(digits));
	if (draw(2))
		g_string_append_printf(file, "SOCKS5Username %s\n", one_of(odd));
	g_string_append(file, one_of(comments));
	if (draw(2))
		g_string_append_printf(file, "SOCKS5Password %s ignored\n", one_of(odd));
}

Test(import_peers, torsocks)
{
	static const char *const targets[] = { "192.0.2.1 80", "10.1.2.3 8080", "127.0.0.1 %u",
					       NULL };
	const struct tool tool = { "torsocks", "torsocks", "env TORSOCKS_CONF_FILE=%s torsocks",
				   write_torsocks, targets };

	compare_files(&tool);
}

/* ---- proxychains ---- */

static void write_proxychains(GString *file)
{
	static const char *const local[] = { "10.0.0.0/255.0.0.0",  "10.1.2.3/255.255.0.0",
					     "192.168.1.5:80/24",   "127.0.0.0/255.0.0.0",
					     "192.168.0.0/16",	    "fd00::1/8",
					     "127.0.0.1/255.0.0.0", NULL };

	g_string_append_printf(file, "  %squiet_mode\nstrict_chain\nproxy_dns\nunknown thing\n",
			       one_of(comments));
	g_string_append(file, "tcp_read_time_out 1\ntcp_read_time_out 15000\n");
	for (guint32 i = draw(3); i > 0; i--)
		g_string_append_printf(file, "localnet %s\n", one_of(local));
	g_string_append_printf(file, "[ProxyList]\n%s", one_of(comments));
	if (draw(3) == 0)
		g_string_append_printf(file, "socks5://me:se#cret@127.0.0.1:%u\n", lab_port());
	else if (draw(2))
		g_string_append_printf(file, "socks5 127.0.0.1 %u %s %s more\n", lab_port(),
				       one_of(odd), one_of(odd));
	else
		g_string_append_printf(file, "socks5\t127.0.0.1   %u\n", lab_port());
}

Test(import_peers, proxychains)
{
	static const char *const targets[] = { "192.0.2.1 80",	 "10.1.2.3 8080",
					       "10.2.2.3 80",	 "192.168.1.7 80",
					       "192.168.1.7 81", "fd12::1 80",
					       "2001:db8::1 80", "127.0.0.1 %u",
					       "name.test 80",	 NULL };
	const struct tool tool = { "proxychains4", "proxychains4", "proxychains4 -q -f %s",
				   write_proxychains, targets };

	compare_files(&tool);
}

/* ---- tsocks ---- */

static void write_tsocks(GString *file)
{
	static const char *const local[] = { "10.0.0.0/255.0.0.0", "192.168.1.0/255.255.255.0",
					     "127.0.0.0/255.0.0.0", "10.1.0.1/255.255.0.0", NULL };

	g_string_append_printf(file, "%sserver = 127.0.0.1 # here\nserver_type = 5\n",
			       one_of(comments));
	for (guint32 i = draw(3); i > 0; i--)
		g_string_append_printf(file, "local = %s\n", one_of(local));
	g_string_append_printf(file, "server_port = %u\n", lab_port());
	g_string_append_printf(file, "default_user = %s\ndefault_pass = %s # no\n", one_of(odd),
			       one_of(odd));
}

Test(import_peers, tsocks)
{
	static const char *const targets[] = { "192.0.2.1 80", "10.1.2.3 8080", "192.168.1.7 80",
					       "127.0.0.1 %u", NULL };
	const struct tool tool = { "tsocks", "tsocks", "env TSOCKS_CONF_FILE=%s tsocks",
				   write_tsocks, targets };

	compare_files(&tool);
}

/* ---- dante's client ---- */

static void write_dante(GString *file)
{
	static const char *const direct[] = { "10.0.0.0/8", "192.168.1.0/24", NULL };

	g_string_append_printf(file, "%sresolveprotocol: fake\n", one_of(comments));
	for (guint32 i = draw(3); i > 0; i--)
		g_string_append_printf(
			file, "route {\n  from: 0.0.0.0/0 to: %s%s via: direct # here\n}\n",
			one_of(direct), draw(2) ? " port = 80" : "");
	g_string_append_printf(file,
			       "route { from: 0.0.0.0/0 to: 0.0.0.0/0 via: 127.0.0.1 port = %u\n"
			       "  proxyprotocol: socks_v5\n  method: none\n}\n",
			       lab_port());
}

Test(import_peers, dante)
{
	static const char *const targets[] = { "192.0.2.1 80", "10.1.2.3 8080", "192.168.1.7 80",
					       "127.0.0.1 %u", NULL };
	const struct tool tool = { "socksify", "dante-client", "env SOCKS_CONF=%s socksify",
				   write_dante, targets };

	compare_files(&tool);
}

/* ---- a chain, which isosocks-proxy has to go ---- */

static unsigned start_first(const char *log)
{
	g_autofree char *program = lab_program("isosocks-proxy");
	const char *argv[] = { program,	       "--listen",	"127.0.0.1:0",
			       "--print-port", "--log-json",	(char *)log,
			       "--methods",    "password;none", NULL };
	g_autofree char *line = lab_start(argv);

	return (unsigned)atoi(line);
}

/* The hosts and ports that the first was asked for: the second, however it is named. */
static guint count_asked(const char *log, unsigned port)
{
	g_autofree char *text = NULL;
	g_autofree char *wanted = g_strdup_printf("\"host\":\"127.0.0.1\",\"port\":%u", port);
	guint count = 0;

	cr_assert(g_file_get_contents(log, &text, NULL, NULL));
	for (const char *at = text; (at = strstr(at, wanted)); at++)
		count++;
	return count;
}

static void start_hub(const char *imported)
{
	g_autofree char *text = NULL;
	g_autofree char *folder = lab_program(".");

	cr_assert(g_file_get_contents(imported, &text, NULL, NULL));
	cr_assert(g_str_has_prefix(text, "# isosocks-proxy "), "%s", text);
	*strchr(text, '\n') = '\0';
	g_autofree char *command = g_strdup_printf("exec %s/%s", folder, text + 2);
	lab_daemon(command, 1080);
}

Test(import_peers, proxychains_in_a_chain)
{
	static const char *const targets[] = { "192.0.2.1 80", "2001:db8::1 80", "name.test 80" };

	lab_open();
	lab_need("proxychains4");
	g_autofree char *log = lab_path("first.log");
	const unsigned first = start_first(log);
	const unsigned second = lab_proxy("--methods 'password;none'");
	g_autofree char *path = lab_path("foreign.conf");
	g_autofree char *text =
		g_strdup_printf("strict_chain\nproxy_dns\n[ProxyList]\nsocks5 127.0.0.1 %u\n"
				"socks5 127.0.0.1 %u me se#cret\n",
				first, second);
	cr_assert(g_file_set_contents(path, text, -1, NULL));
	cr_assert_eq(chmod(path, 0644), 0);
	g_autofree char *theirs = g_strdup_printf("proxychains4 -q -f %s", path);
	g_autofree char *ours = import(path);
	g_autofree char *imported = lab_path("imported.conf");
	start_hub(imported);
	for (size_t i = 0; i < G_N_ELEMENTS(targets); i++) {
		g_autofree char *before = ask(theirs, targets[i]);
		g_autofree char *after = ask(ours, targets[i]);
		cr_expect_str_eq(before, after, "%s by proxychains\n%s by isosocks\n%s", targets[i],
				 before, after);
	}
	cr_assert_eq(count_asked(log, second), 2 * G_N_ELEMENTS(targets));
}
