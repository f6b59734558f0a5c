/*
 * What README.md and doc/ show to a reader is what happens: every command in them is run, on a
 * machine where everything is that the text speaks of, and has to do what the text says. Each has a
 * row here; a command without one fails, and so does a row that nothing shows any more.
 *
 * The machine is a lab in which example.org and its like are behind the proxies alone: these have a
 * hosts file of their own, the programs that are run have none of those names.
 */
#include "support/lab.h"
#include "support/shown.h"

#include <criterion/alloc.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum need {
	/* Running it here would be circular, or takes too long: make says what it would do. */
	PLAN = 1u << 0,
	ROOT = 1u << 1,	     /* by root, as everything but what follows is not */
	SOURCES = 1u << 2,   /* in the folder of the sources, by root */
	ETC = 1u << 3,	     /* with an /etc that is thrown away */
	INSTALLED = 1u << 4, /* with isosocks in /usr/local, which is thrown away too */
	SSH = 1u << 5,	     /* with sshd on host and gateway, and a key that opens it */
	REPOSITORY = 1u << 6 /* in a clone of what example.org has */
};

struct row {
	const char *command; /* as the text has it */
	const char *uses;    /* a program that must be there besides curl */
	const char *with;    /* WORD=what the text means by it */
	unsigned needs;
	const char *proxy;  /* options of the lab's proxy; NULL: it is at 127.0.0.1:9050 */
	unsigned listens;   /* a server, which takes connections there when it is ready */
	const char *before; /* in the same shell */
	const char *input;
	const char *then; /* in the same shell, or beside the server */
	int status;
	const char *says[4];  /* all that it must print, on either output */
	const char *asked[4]; /* all that requests at the lab's proxy must have; NULL: there is none
			       */
};

#define ASKED(host, port) "\"host\":\"" host "\",\"port\":" port
#define CURL		  "curl -sS http://example.org/"
#define HELLO		  "hello from example.org"
#define AT_1080		  "isosocks -x 127.0.0.1:1080 -k A=b curl -sS http://example.org/ && cat shown.log"

static const struct row rows[] = {
	/* ---- isosocks ---- */
	{ .command = "isosocks curl https://example.org/",
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "443"), "app=/" } },
	{ .command = "isosocks curl https://check.torproject.org/",
	  .says = { "hello from check.torproject.org" },
	  .asked = { ASKED("check.torproject.org", "443"), "app=/" } },
	{ .command = "isosocks -d curl https://example.org/",
	  .says = { "example.org:443: asking the proxy 127.0.0.1:9050",
		    "example.org:443: connected, method 97", HELLO },
	  .asked = { ASKED("example.org", "443") } },
	{ .command = "isosocks -i curl https://check.torproject.org/",
	  .says = { "hello from check.torproject.org" },
	  .asked = { ASKED("check.torproject.org", "443"), "app=/", ";token=" } },
	{ .command = "isosocks -k ISOLATION=bank firefox",
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80"), "\"ISOLATION\":\"bank\"" } },
	{ .command = "ISOSOCKS_ISOLATION=work isosocks git fetch",
	  .needs = REPOSITORY,
	  .then = "git show --stat origin/main",
	  .says = { "page | 1 +" },
	  .asked = { ASKED("example.org", "80"), "token=work" } },
	{ .command = "isosocks -x 127.0.0.1:9150 -- ssh host",
	  .needs = SSH,
	  .proxy = "--listen 127.0.0.1:9150",
	  .input = "echo spoken on the far side\n",
	  .says = { "spoken on the far side" },
	  .asked = { ASKED("host", "22"), "/ssh" } },
	{ .command = "isosocks -x 127.0.0.1:9150 -- ssh -4 host",
	  .needs = SSH,
	  .proxy = "--listen 127.0.0.1:9150",
	  .input = "echo spoken on the far side\n",
	  .says = { "spoken on the far side" },
	  .asked = { ASKED("host", "22"), "/ssh" } },
	{ .command = "isosocks -6 ssh -6 host",
	  .needs = SSH,
	  .input = "echo spoken on the far side\n",
	  .says = { "spoken on the far side" },
	  .asked = { ASKED("host", "22"), "/ssh" } },
	{ .command = "isosocks --shell",
	  .input = CURL "\n",
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80"), "/curl" } },
	{ .command = "isosocks -i --shell",
	  .input = CURL "\n",
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80"), "/curl;token=" } },
	{ .command = "isosocks --shell -- -c 'echo hello'", .says = { "hello" } },
	{ .command = "isosocks sh -c 'ISOSOCKS_ISOLATION=a curl URL'",
	  .with = "URL=http://example.org/",
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80"), "/curl;token=a\"" } },
	{ .command = "isosocks sh -c 'ISOSOCKS_ISOLATION=x curl URL'",
	  .with = "URL=http://example.org/",
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80"), "/curl;token=x\"" } },
	{ .command = "isosocks sh -c 'ISOSOCKS_ISOLATION=news curl URL; curl URL'",
	  .with = "URL=http://example.org/",
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80"), "/curl;token=news\"", "/curl\"" } },
	{ .command = "isosocks -d --log isosocks.log wget -q -O - http://example.org/",
	  .then = "cat isosocks.log",
	  .uses = "wget",
	  .says = { HELLO, "debug: ", "example.org" },
	  .asked = { ASKED("example.org", "80"), "/wget" } },
	{ .command = "isosocks -x 127.0.0.1:9150 curl https://example.org/",
	  .proxy = "--listen 127.0.0.1:9150",
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "443") } },
	{ .command = "isosocks -x 192.0.2.1:1080 curl https://example.org/",
	  .proxy = "--listen 192.0.2.1:1080 --public",
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "443") } },
	{ .command = "isosocks -x 127.0.0.1:1080 curl http://intranet.example/",
	  .needs = SSH,
	  .before = "ssh -fN -D 127.0.0.1:1080 gateway",
	  .says = { "hello from intranet.example" } },
	{ .command = "isosocks -x 127.0.0.1:1080 -k ISOLATION=work curl https://example.org/",
	  .proxy = "--listen 127.0.0.1:1080",
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "443"), "\"ISOLATION\":\"work\"" } },
	{ .command = "isosocks -x 127.0.0.1:1080 -k ISOLATION=alice curl http://example.com/",
	  .proxy = "--listen 127.0.0.1:1080",
	  .says = { "hello from example.com" },
	  .asked = { ASKED("example.com", "80"), "\"ISOLATION\":\"alice\"" } },
	{ .command = "isosocks -b session",
	  .uses = "wget",
	  .with = "session=session sh -c '" CURL "; wget -qO- http://example.org/'",
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80"), "\"ISOLATION\":\"session=" } },
	{ .command = "sudo isosocks PROGRAM",
	  .with = "PROGRAM=" CURL,
	  .needs = ROOT,
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80") } },

	/* ---- isosocks-proxy, and others' ---- */
	{ .command = "isosocks-proxy --listen 127.0.0.1:1080 --log-json - "
		     "--map example.com=127.0.0.1:8080 &",
	  .listens = 1080,
	  .then = "isosocks -x 127.0.0.1:1080 -k A=b curl -sS http://example.com/ && cat shown.log",
	  .says = { "hello from example.com", ASKED("example.com", "80"), "\"A\":\"b\"" } },
	{ .command = "isosocks-proxy --listen 127.0.0.1:1080 --upstream 127.0.0.1:9050",
	  .listens = 1080,
	  .then = AT_1080,
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80"), "\"method\":2", "\"username\":\"<torS0X>0\"",
		     "\"password\":\"A=b&ISOLATION=" } },
	{ .command = "isosocks-proxy --listen 127.0.0.1:1080 --pick rotate --pick-by key "
		     "--upstream 127.0.0.1:9050,127.0.0.1:9150",
	  .listens = 1080,
	  .then = AT_1080,
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80"), "\"password\":\"A=b&ISOLATION=" } },
	{ .command = "isosocks-proxy --listen 127.0.0.1:1080 --upstream 127.0.0.1:9050 "
		     "--log-json - &",
	  .listens = 1080,
	  .then = AT_1080,
	  .says = { HELLO, ASKED("example.org", "80"), "\"method\":151", "\"A\":\"b\"" },
	  .asked = { ASKED("example.org", "80"), "\"username\":\"<torS0X>0\"",
		     "\"password\":\"A=b&ISOLATION=" } },
	{ .command = "isosocks-proxy --fault gone.onion=reply:e0 "
		     "--fault 'flaky.test=reply:f0*2'",
	  .proxy = "",
	  .listens = 9050,
	  .then = "isosocks connect -l -f gone.onion 80; for try in 1 2; do isosocks connect -l "
		  "flaky.test 80; done",
	  .says = { "onion service not found", "connect=ENXIO", "connect=ECONNRESET",
		    "connect=0" } },
	{ .command = "isosocks-proxy --fault delay:300 --fault bytes "
		     "--fault 'glue:220 ready%0D%0A'",
	  .proxy = "",
	  .listens = 9050,
	  .then = "isosocks connect example.org 80",
	  .says = { "line=220 ready" } },
	{ .command = "isosocks-proxy --listen 127.0.0.1:1080 --log-json - --fault help",
	  .says = { "reply:XX", "auth-version:XX", "pairs-cut", "tor-badauth" } },
	{ .command = "ssh -N -D 127.0.0.1:1080 gateway &",
	  .needs = SSH,
	  .listens = 1080,
	  .then = "isosocks -x 127.0.0.1:1080 curl -sS http://intranet.example/; "
		  "isosocks -x 127.0.0.1:1080 -k A=b curl -sS http://intranet.example/",
	  .status = 7, /* it takes no keys, and one that was set must arrive */
	  .says = { "hello from intranet.example" } },
	{ .command = "SocksPort 9050 ExtendedErrors",
	  .uses = "tor",
	  .with = "Socks=echo Socks",
	  .before = "exec 3>&1 >torrc",
	  .then = "exec >&3; tor --verify-config -f torrc",
	  .says = { "Configuration was valid" } },

	/* ---- isosocksctl ---- */
	{ .command = "isosocksctl status",
	  .says = { "127.0.0.1:9050: answers", "[isolation]" },
	  .asked = { "127.0.0.1" } },
	{ .command = "isosocksctl doctor PROGRAM",
	  .with = "PROGRAM=wget",
	  .says = { "program", "speaks SOCKS5", "leash", "guard" },
	  .asked = { "127.0.0.1" } },
	{ .command = "isosocksctl doctor /usr/bin/curl",
	  .says = { "program", "speaks SOCKS5", "leash", "guard" },
	  .asked = { "127.0.0.1" } },
	{ .command = "isosocksctl explain example.org:443",
	  .says = { "example.org:443: proxy", "ISOLATION=user=" } },
	{ .command = "isosocksctl explain --program curl example.org:443",
	  .before = "mkdir -p $XDG_CONFIG_HOME; printf '[network]\\ndeny=.org\\n' "
		    ">$XDG_CONFIG_HOME/isosocks.conf",
	  .says = { "example.org:443: deny", "isosocks.conf:2: [network] deny: .org", "/curl" } },
	{ .command = "isosocksctl errors", .says = { "ENXIO", "onion service not found" } },
	{ .command = "isosocksctl why",
	  .before = "mkdir -p -m 700 $XDG_CONFIG_HOME $XDG_RUNTIME_DIR; printf '[log]\\nwhy=true\\n"
		    "[network]\\ndeny=.denied.test\\n' >$XDG_CONFIG_HOME/isosocks.conf; isosocks "
		    "connect -l x.denied.test 80",
	  .says = { "x.denied.test:80: EACCES" } },
	{ .command = "isosocksctl check",
	  .before = "mkdir -p $XDG_CONFIG_HOME; printf '[proxy]\\ntimeout=never\\n[network]\\n"
		    "bypass=10.0.0.0/8\\n' >$XDG_CONFIG_HOME/isosocks.conf",
	  .status = 1,
	  .says = { "isosocks.conf:2: [proxy] timeout", "isosocks.conf:4: [network] bypass" } },
	{ .command = "isosocksctl check isosocks.conf",
	  .before = "printf '[network]\\ndeny=10.0.0.0/8\\ndirect=10.1.0.0/16\\n' >isosocks.conf",
	  .status = 1,
	  .says = { "isosocks.conf:3: [network] direct" } },
	{ .command = "isosocksctl import FILE",
	  .with = "FILE=torsocks.conf",
	  .before = "printf 'TorAddress 127.0.0.1\\nTorPort 9150\\n' >torsocks.conf",
	  .says = { "url=socks5://127.0.0.1:9150" } },
	{ .command = "isosocksctl import /etc/proxychains4.conf > isosocks.conf",
	  .needs = ETC | ROOT,
	  .before = "printf 'strict_chain\\nproxy_dns\\n[ProxyList]\\nsocks5 127.0.0.1 9150\\n' "
		    ">/etc/proxychains4.conf",
	  .then = "isosocksctl check isosocks.conf && cat isosocks.conf",
	  .says = { "url=socks5://127.0.0.1:9150" } },
	{ .command = "isosocksctl compile",
	  .needs = ETC | ROOT,
	  .then = "LD_PRELOAD=$(dirname $(command -v isosocks))/libisosocks.so " CURL,
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80") } },
	{ .command = "eval \"$(isosocksctl env)\"",
	  .then = CURL,
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80"), "/curl" } },

	/* ---- the whole machine ---- */
	{ .command = "isosocksctl system enable",
	  .needs = INSTALLED,
	  .then = "isosocksctl system status && setpriv --reuid 1234 --clear-groups " CURL,
	  .says = { HELLO, "from number 1000 on" },
	  .asked = { ASKED("example.org", "80"), "user=1234" } },
	{ .command = "isosocksctl system disable",
	  .needs = INSTALLED,
	  .before = "isosocksctl system enable || exit 9",
	  .then = "! isosocksctl system status && ! test -e /etc/ld.so.preload",
	  .says = { "preload   off" } },
	{ .command = "isosocks-rescue disable",
	  .needs = INSTALLED,
	  .before = "isosocksctl system enable || exit 9",
	  .then = "! isosocksctl system status && ! grep isosocks /etc/ld.so.preload",
	  .says = { "preload   off" } },

	/* ---- make ---- */
	{ .command = "make", .needs = SOURCES, .then = "build/release/isosocks --version" },
	{ .command = "make help", .needs = SOURCES, .says = { "check-all", "uninstall" } },
	{ .command = "make demo", .needs = SOURCES, .says = { "ISOLATION = alice", "ENXIO" } },
	{ .command = "make install PREFIX=$HOME/.local",
	  .needs = SOURCES,
	  .then = "$HOME/.local/bin/isosocks " CURL,
	  .says = { HELLO },
	  .asked = { ASKED("example.org", "80") } },
	{ .command = "make deps", .needs = PLAN, .says = { "sh tests/support/deps.sh" } },
	{ .command = "make install", .needs = PLAN, .says = { "/lib/isosocks'", "isosocksctl" } },
	{ .command = "make check", .needs = PLAN, .says = { "--filter '!(heavy_*)/*'" } },
	{ .command = "make check-all", .needs = PLAN, .says = { "--filter 'heavy_*/*'" } },
	{ .command = "make compatibility", .needs = PLAN, .says = { ">doc/compatibility.md" } },
	{ .command = "make judges", .needs = PLAN, .says = { "tests/judges/run.sh" } },
	{ .command = "make bench", .needs = PLAN, .says = { "tests/bench/run.sh" } },
	{ .command = "make leak-report", .needs = PLAN, .says = { "tests/leak/report" } },
	{ .command = "make tor-network", .needs = PLAN, .says = { "tests/tor/network.py" } },
	/* heavy_packages builds, installs and removes them. */
	{ .command = "make deb", .needs = PLAN, .says = { "dpkg-buildpackage", "lintian" } },
};

static const struct row *find_row(const char *command)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		if (strcmp(rows[i].command, command) == 0)
			return &rows[i];
	return NULL;
}

Test(manuals, show_no_command_that_is_not_run)
{
	g_autoptr(GPtrArray) all = shown_read();

	cr_expect_geq(all->len, G_N_ELEMENTS(rows), "only %u commands are found", all->len);
	for (guint i = 0; i < all->len; i++) {
		const struct shown *shown = all->pdata[i];
		cr_expect(find_row(shown->text), "%s shows a command that has no row here: %s",
			  shown->where, shown->text);
	}
}

Test(manuals, show_every_command_of_the_rows)
{
	g_autoptr(GPtrArray) all = shown_read();

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		bool found = false;
		for (guint j = 0; j < all->len; j++) {
			const struct shown *shown = all->pdata[j];
			found = found || strcmp(shown->text, rows[i].command) == 0;
		}
		cr_expect(found, "nothing shows %s any more", rows[i].command);
	}
}

/* ---- the machine ---- */

/* Names that are to be found behind a proxy alone. */
#define FAR_NAMES                                                                                  \
	"example.org example.com check.torproject.org intranet.example host flaky.test gone.onion"

static void do_as_root(const char *script)
{
	const struct lab_result result = lab_shell(LAB_ROOT, "set -e; %s", script);

	cr_assert_eq(result.status, 0, "%s: %s%s", script, result.out, result.err);
}

/* A page for every name, and what git asks for; without and with TLS. */
static void start_web(void)
{
	const char *folder = lab_folder();
	g_autofree char *file = lab_path("nginx.conf");
	g_autofree char *text = g_strdup_printf(
		"user root; daemon off; master_process off; pid %s/nginx.pid; error_log stderr "
		"crit;\n"
		"events {} http { access_log off; client_body_temp_path %s/t0;\n"
		"proxy_temp_path %s/t1; fastcgi_temp_path %s/t2; uwsgi_temp_path %s/t3;\n"
		"scgi_temp_path %s/t4; ssl_certificate %s/certificate; ssl_certificate_key "
		"%s/key;\n"
		"server { listen 127.0.0.1:80; listen 127.0.0.1:8080; listen 127.0.0.1:443 ssl;\n"
		"root %s; location = / { return 200 \"hello from $host\\n\"; } } }\n",
		folder, folder, folder, folder, folder, folder, folder, folder, folder);
	g_autofree char *command = g_strdup_printf("exec nginx -e stderr -c %s", file);

	lab_need("nginx");
	lab_need("openssl");
	do_as_root("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
		   "-subj /CN=lab -addext "
		   "subjectAltName=DNS:example.org,DNS:check.torproject.org -keyout key -out "
		   "certificate 2>/dev/null; chmod 644 certificate");
	g_file_set_contents(file, text, -1, NULL);
	lab_daemon(command, 443);
}

static void make_repository(void)
{
	lab_need("git");
	do_as_root("export HOME=$PWD; git init -q -b main work; cd work; echo page >page; "
		   "git add page; git -c user.name=t -c user.email=t@example.test commit -q -m "
		   "page; cd ..; git clone -q --bare work repo.git; cd repo.git; "
		   "git update-server-info; chmod -R go+rX ../work .");
}

/* What is executed from here on may write to /etc and /usr/local: both are the lab's, or it ends.
 */
static void install(void)
{
	cr_assert_eq(mount("installed", "/usr/local", "tmpfs", 0, "mode=755"), 0);
	const struct lab_result made =
		lab_shell(LAB_ROOT,
			  "mountpoint -q /etc && mountpoint -q /usr/local && cd '%s' && "
			  "make -s -o all install PREFIX=/usr/local",
			  g_getenv("PWD"));
	lab_assert_status(&made, 0);
}

/* sshd lets root in, by a key that the user has; ssh is told so where every user's settings are. */
static void start_sshd(void)
{
	const char *folder = lab_folder();
	g_autofree char *command = g_strdup_printf(
		"exec %s/far $(command -v sshd || echo /usr/sbin/sshd) -D -f /dev/null -h "
		"%s/host-key -o ListenAddress=127.0.0.1 -o PermitRootLogin=yes -o "
		"AuthorizedKeysFile=%s/id.pub -o StrictModes=no -o UsePAM=no -o PidFile=none",
		folder, folder, folder);
	g_autofree char *settings = g_strdup_printf(
		"Host gateway\nHostName 127.0.0.1\nHost *\nUser root\nIdentityFile %s/id\n"
		"BatchMode yes\nStrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n"
		"LogLevel ERROR\nExitOnForwardFailure yes\n",
		folder);

	lab_need("ssh");
	do_as_root("mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N '' -f host-key; "
		   "ssh-keygen -q -t ed25519 -N '' -f id; chmod 644 id.pub; chown 65534 id");
	g_file_set_contents("/etc/ssh/ssh_config", settings, -1, NULL);
	do_as_root("chmod 644 /etc/ssh/ssh_config; rm -rf /etc/ssh/ssh_config.d");
	lab_daemon(command, 22);
}

/* Programs that a text speaks of and that need not be here; and how one is run on the far side. */
static void make_programs(void)
{
	const char *folder = lab_folder();
	g_autofree char *script = g_strdup_printf(
		"echo '127.0.0.1 localhost " FAR_NAMES "' >hosts; mkdir bin home; chmod 777 home; "
		"printf '#!/bin/sh\\nexec " CURL "\\n' >bin/firefox; "
		"printf '#!/bin/sh\\nexec \"$@\"\\n' >bin/sudo; "
		"printf '#!/bin/sh\\nexec unshare --mount --propagation private sh -c "
		"\"mount --bind %s/hosts /etc/hosts && exec \\\\\"\\\\$@\\\\\"\" sh \"$@\"\\n' "
		">far; "
		"chmod 755 far bin/*",
		folder);

	do_as_root(script);
}

static void set_environment(const struct row *row)
{
	const char *folder = lab_folder();
	g_autofree char *client = lab_program("connect");
	g_autofree char *clients = g_path_get_dirname(client);
	g_autofree char *path = g_strdup_printf(
		"%s/bin:%s%s%s/build:%s:%s", folder,
		row->needs & INSTALLED ? "/usr/local/sbin:/usr/local/bin" : "",
		row->needs & INSTALLED ? ":" : "", folder, clients, g_getenv("PATH"));
	g_autofree char *home = lab_path("home");
	g_autofree char *settings = lab_path("home/config");
	g_autofree char *runtime = lab_path("home/runtime");
	g_autofree char *certificate = lab_path("certificate");

	g_setenv("PATH", path, TRUE);
	g_setenv("HOME", home, TRUE);
	g_setenv("SHELL", "/bin/sh", TRUE);
	g_setenv("XDG_CONFIG_HOME", settings, TRUE);
	g_setenv("XDG_RUNTIME_DIR", runtime, TRUE);
	g_setenv("CURL_CA_BUNDLE", certificate, TRUE);
	/* Nothing of the make that may be running this. */
	g_unsetenv("MAKEFLAGS");
	g_unsetenv("MFLAGS");
	g_unsetenv("MAKELEVEL");
}

static char *far_maps(void)
{
	g_auto(GStrv) names = g_strsplit(FAR_NAMES, " ", -1);
	GString *maps = g_string_new(NULL);

	for (char **name = names; *name; name++)
		g_string_append_printf(maps, " --map %s=127.0.0.1", *name);
	return g_string_free(maps, FALSE);
}

static void start_proxy(const struct row *row)
{
	g_autofree char *maps = far_maps();
	g_autofree char *options =
		g_strconcat(row->proxy ? row->proxy : "--listen 127.0.0.1:9050", maps, NULL);

	do_as_root("ip addr add 192.0.2.1/32 dev lo");
	lab_proxy(options);
}

static void open_machine(const struct row *row)
{
	const char *variant = g_getenv("VARIANT");
	g_autofree char *here = g_get_current_dir();

	if (variant && strcmp(variant, "release") != 0)
		cr_skip_test("the release is what a reader has");
	g_setenv("PWD", here, TRUE);
	lab_open();
	lab_need("ip");
	lab_need("curl");
	if (row->uses)
		lab_need(row->uses);
	make_programs();
	if (row->needs & (ETC | SSH | INSTALLED))
		lab_cover_etc();
	if (row->needs & INSTALLED)
		install();
	set_environment(row);
	start_proxy(row);
	start_web();
	if (row->needs & REPOSITORY)
		make_repository();
	if (row->needs & SSH)
		start_sshd();
}

/* ---- one command ---- */

/* The command, with what the text leaves to the reader. */
static char *fill_in(const struct row *row)
{
	const bool is_server = g_str_has_suffix(row->command, " &");
	g_autofree char *plain =
		g_strndup(row->command, strlen(row->command) - (is_server ? 2 : 0));
	g_auto(GStrv) pair = row->with ? g_strsplit(row->with, "=", 2) : NULL;
	GString *text = g_string_new(plain);

	if (pair && !g_string_replace(text, pair[0], pair[1], 0))
		cr_assert_fail("there is no %s in %s", pair[0], row->command);
	if (row->needs & PLAN)
		g_string_append(text, " --dry-run");
	return g_string_free(text, FALSE);
}

/* Both outputs go to one place: a reader sees both. */
static struct lab_result run_row(const struct row *row)
{
	g_autofree char *command = fill_in(row);
	g_autofree char *input = lab_path("input");
	const bool in_sources = row->needs & (SOURCES | PLAN);
	const bool as_root = in_sources || (row->needs & (ROOT | INSTALLED));

	cr_assert(g_file_set_contents(input, row->input ? row->input : "", -1, NULL));
	chmod(input, 0644);
	return lab_shell(as_root ? LAB_ROOT : LAB_NOBODY, "exec 2>&1 <%s; cd %s; %s\n%s\n%s\n%s",
			 input, in_sources ? g_getenv("PWD") : "home",
			 row->needs & REPOSITORY ? "git init -q repo && cd repo && git remote add "
						   "origin http://example.org/repo.git"
						 : "",
			 row->before ? row->before : "", row->listens ? "" : command,
			 row->then ? row->then : "");
}

/* A server is run on the far side, where the names are. */
static void start_server(const struct row *row)
{
	g_autofree char *command = fill_in(row);
	g_autofree char *script = g_strdup_printf("cd %s && exec ./far %s %s >home/shown.log 2>&1",
						  lab_folder(), lab_lowered(), command);

	lab_daemon(script, row->listens);
}

static void assert_asked(const struct row *row)
{
	g_auto(GStrv) requests = lab_requests();
	g_autofree char *all = g_strjoinv("\n", requests);

	if (!row->asked[0])
		cr_assert_str_eq(all, "", "the proxy was asked");
	for (size_t i = 0; i < G_N_ELEMENTS(row->asked) && row->asked[i]; i++)
		cr_assert(strstr(all, row->asked[i]), "%s: no %s in\n%s", row->command,
			  row->asked[i], all);
}

ParameterizedTestParameters(manuals, show_commands_that_do_what_is_said)
{
	static size_t indices[G_N_ELEMENTS(rows)];

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
		indices[i] = i;
	return cr_make_param_array(size_t, indices, G_N_ELEMENTS(rows));
}

ParameterizedTest(size_t *index, manuals, show_commands_that_do_what_is_said)
{
	const struct row *row = &rows[*index];

	open_machine(row);
	if (row->listens)
		start_server(row);
	const struct lab_result result = run_row(row);
	cr_assert_eq(result.status, row->status, "%s: exit status %d\n%s", row->command,
		     result.status, result.out);
	for (size_t i = 0; i < G_N_ELEMENTS(row->says) && row->says[i]; i++)
		cr_assert(strstr(result.out, row->says[i]), "%s: no «%s» in\n%s", row->command,
			  row->says[i], result.out);
	assert_asked(row);
}

/* ---- settings ---- */

/* The literal blocks of isosocks.conf(5), one after the other. */
Test(manuals, show_settings_that_pass_the_check)
{
	g_autofree char *manual = NULL;
	unsigned found = 0;

	lab_open();
	cr_assert(g_file_get_contents("doc/isosocks.conf.5", &manual, NULL, NULL));
	g_auto(GStrv) parts = g_strsplit(manual, ".Bd -literal", -1);
	g_autofree char *program = lab_program("isosocksctl");
	g_autofree char *path = lab_path("shown.conf");
	for (char **part = parts + 1; *part; part++, found++) {
		char *text = strchr(*part, '\n') + 1;
		*strstr(text, ".Ed\n") = '\0';
		cr_assert(g_file_set_contents(path, text, -1, NULL));
		chmod(path, 0644);
		const struct lab_result result =
			lab_shell(LAB_NOBODY, "%s check %s", program, path);
		cr_expect_eq(result.status, 0, "%s%s\n%s", result.out, result.err, text);
		cr_expect_str_eq(result.out, "");
	}
	cr_assert_gt(found, 0u);
}
