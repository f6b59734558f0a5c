/*
 * Whoever a text is from, what a command prints of it is printable, and in a line that the command
 * began: by a table of everything that prints something foreign.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>
#include <sys/stat.h>

/* Escapes, a line of its own, CSI as one character, a change of direction, a separator of lines;
 * and, where that gets through, a byte that is no UTF-8. */
#define TEXT   "a\033[31m\r\302\233\342\200\256\342\201\247\342\200\250"
#define FORGED "FORGED"
#define NASTY  TEXT "\n" FORGED "\377"

/* $N is NASTY, $T is TEXT, $D the lab's folder, $B that of the programs. */
static const struct {
	char command[200];
} rows[] = {
	{ "isosocksctl \"$N\"" },
	{ "isosocksctl check \"$N\"" },
	{ "isosocksctl check \"$N\" \"$N\"" },
	{ "printf '[%s]\\n' \"$T\" >$D/f; isosocksctl check $D/f" },
	{ "printf '[proxy]\\n%s=1\\n' \"$T\" >$D/f; isosocksctl check $D/f" },
	{ "printf '[proxy]\\nretry=%s\\n' \"$T\" >$D/f; isosocksctl check $D/f" },
	{ "printf '[proxy]\\n%s\\n' \"$N\" >$D/f; isosocksctl check $D/f" },
	{ "printf '[network]\\ndeny=%s\\n' \"$T\" >$D/f; isosocksctl check $D/f" },
	{ "printf '[application %s]\\naction=direct\\n' \"$T\" >$D/f; isosocksctl check $D/f" },
	{ "printf '[application %s]\\nuser=%s\\n' \"$T\" \"$T\" >$D/f; isosocksctl check $D/f" },
	{ "printf '[application a]\\n[application %s]\\n' \"$T\" >$D/f; isosocksctl check $D/f" },
	{ "isosocksctl compile \"$N\"" },
	{ "isosocksctl errors \"--$N\"" },
	{ "isosocksctl doctor \"$N\"" },
	{ "isosocksctl doctor -x \"$N\"" },
	{ "isosocksctl doctor -c \"$N\"" },
	{ "cp /bin/true \"$D/$N\"; isosocksctl doctor \"$D/$N\"" },
	{ "printf '#!/%s\\n' \"$T\" >$D/s; chmod 755 $D/s; isosocksctl doctor $D/s" },
	{ "printf '#!/%s\\n' \"$T\" >$D/s; chmod 755 $D/s; isosocks $D/s" },
	{ "isosocksctl explain \"$N\"" },
	{ "isosocksctl explain \"$N:80\" --json" },
	{ "isosocksctl explain -u \"$N\" example.org" },
	{ "isosocksctl explain -p \"$N\" example.org" },
	{ "cp /bin/true \"$D/$N\"; isosocksctl explain -p \"$D/$N\" example.org" },
	{ "isosocksctl import \"$N\"" },
	{ "printf '%s x\\n' \"$N\" >$D/f; isosocksctl import $D/f" },
	{ "printf '%s x\\n' \"$T\" >$D/f; isosocksctl import $D/f" },
	{ "printf '[ProxyList]\\nsocks5 %s 1\\nsocks5 1.2.3.4 1\\n' \"$T\" >$D/f; "
	  "isosocksctl import $D/f" },
	{ "printf '[ProxyList]\\nsocks5 1.2.3.4 1\\nsocks5 %s 1\\n' \"$T\" >$D/f; "
	  "isosocksctl import $D/f" },
	{ "printf 'TorAddress %s\\n' \"$T\" >$D/f; isosocksctl import $D/f" },
	{ "printf 'localnet %s\\n' \"$T\" >$D/f; isosocksctl import $D/f" },
	{ "isosocksctl status -c \"$N\"" },
	{ "ISOSOCKS_LOG_FILE=\"/$N\" isosocksctl status" },
	{ "ISOSOCKS_LOG_FILE=\"/$N\" isosocksctl status --json" },
	{ "printf '[application %s]\\nmatch=*\\n' \"$T\" >$D/f; isosocksctl status -c $D/f" },
	{ "isosocksctl system \"$N\"" },
	{ "isosocksctl system enable \"--$N\"" },
	{ "XDG_RUNTIME_DIR=\"/$N\" isosocksctl why" },
	{ "mkdir -p \"$D/$N\"; XDG_RUNTIME_DIR=\"$D/$N\" isosocksctl why" },
	{ "cp $B/libisosocks.so \"$D/$T\"; LD_PRELOAD=\"$D/$T\" isosocksctl env" },
	{ "ISOSOCKS_PROXY=\"$N\" isosocksctl env" },
	{ "isosocks \"--$N\"" },
	{ "isosocks -\"$N\"" },
	{ "isosocks \"$N\"" },
	{ "isosocks \"./$N\"" },
	{ "isosocks -x \"$N\" true" },
	{ "isosocks -a \"$N\" true" },
	{ "isosocks -P \"$N\" true" },
	{ "isosocks -k \"$N\" true" },
	{ "isosocks -k \"$N=x\" true" },
	{ "isosocks -b \"$N\" true" },
	{ "isosocks -c \"$N\" true" },
	{ "isosocks -u a --pass-file \"$N\" true" },
	{ "isosocks --log \"/$N/log\" true" },
	{ "isosocks \"--debug=$N\" true" },
	{ "isosocks -k \"a=$N\" --explain" },
	{ "ISOSOCKS_LOG_FILE=\"/$N\" isosocks --explain" },
	{ "ISOSOCKS_CONFIG=\"$N\" isosocks true" },
	{ "ISOSOCKS_LOG=\"$N\" isosocks true" },
	{ "ISOSOCKS_KEYS=\"$N\" isosocks true" },
	{ "env \"ISOSOCKS_$N=1\" isosocks true" },
	{ "env \"ISOSOCKS_KEY_$N=1\" isosocks true" },
	{ "isosocks -d env \"ISOSOCKS_$N=1\" $B/tests/clients/connect 127.0.0.1 1" },
	{ "isosocks -d env \"TORSOCKS_$N=1\" $B/tests/clients/connect 127.0.0.1 1" },
	{ "isosocks -d env \"ISOSOCKS_BY=$N\" $B/tests/clients/connect 127.0.0.1 1" },
	{ "isosocks -d env \"ISOSOCKS_PROXY=$N\" $B/tests/clients/connect 127.0.0.1 1" },
	{ "isosocks-proxy \"$N\"" },
	{ "isosocks-proxy \"--$N\"" },
	{ "isosocks-proxy --listen \"$N\"" },
	{ "isosocks-proxy --upstream \"$N\"" },
	{ "isosocks-proxy --map \"$N\"" },
	{ "isosocks-proxy --methods \"$N\"" },
	{ "isosocks-proxy --fault \"$N\"" },
	{ "isosocks-proxy --log-json \"/$N/log\"" },
	{ "bash -c 'exec -a \"$1\" isosocks-proxy --help' sh \"$N\"" },
	{ "bash -c 'exec -a \"$1\" isosocksctl check --help' sh \"$N\"" },
	{ "bash -c 'exec -a \"$1\" isosocks' sh \"$N\"" },
};

ParameterizedTestParameters(printing, is_printable_whatever_it_is_of)
{
	return cr_make_param_array(typeof(rows[0]), (void *)rows, G_N_ELEMENTS(rows));
}

/* Not by the code that is tested. */
static bool is_bad(gunichar c)
{
	const GUnicodeType type = g_unichar_type(c);

	return c != '\n' &&
	       (type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT ||
		type == G_UNICODE_LINE_SEPARATOR || type == G_UNICODE_PARAGRAPH_SEPARATOR);
}

static void assert_printable(const char *command, const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

	cr_assert(g_utf8_validate(text, -1, NULL), "%s: no UTF-8", command);
	for (const char *at = text; *at; at = g_utf8_next_char(at))
		cr_assert_not(is_bad(g_utf8_get_char(at)), "%s: U+%04X", command,
			      (unsigned)g_utf8_get_char(at));
	for (guint i = 0; lines[i]; i++)
		cr_assert_not(g_str_has_prefix(lines[i], FORGED), "%s: a forged line", command);
}

ParameterizedTest(typeof(rows[0]) *row, printing, is_printable_whatever_it_is_of)
{
	lab_open();
	lab_need("bash");
	chmod(lab_folder(), 0777);
	g_autofree char *nasty = lab_path("nasty"), *text = lab_path("text");
	g_autofree char *program = lab_program("isosocks");
	g_autofree char *folder = g_path_get_dirname(program);

	cr_assert(g_file_set_contents(nasty, NASTY, -1, NULL));
	cr_assert(g_file_set_contents(text, TEXT, -1, NULL));
	chmod(nasty, 0644);
	chmod(text, 0644);
	struct lab_result result = lab_shell(LAB_NOBODY,
					     "B='%s'; D='%s'; PATH=\"$B:$PATH\"; N=\"$(cat %s)\"; "
					     "T=\"$(cat %s)\"; %s",
					     folder, lab_folder(), nasty, text, row->command);

	assert_printable(row->command, result.out);
	assert_printable(row->command, result.err);
	cr_assert(*result.out || *result.err, "%s: printed nothing", row->command);
}
