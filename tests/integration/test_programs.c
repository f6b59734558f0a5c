/*
 * Real programs against real servers, a row for each program. The servers are where only the proxy
 * leads, under a name and under an address, so each program fails without isosocks; and what it
 * fetched is shown to have come through the proxy, with its keys, by the proxy's log. Then the
 * proxy refuses, and the program has to say what happened.
 */
#include "support/lab.h"
#include "support/sshd.h"

#include <criterion/alloc.h>
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE "a page that only the proxy reaches\n"

enum server {
	HTTP = 1u << 0,
	GIT = 1u << 1,
	SSH = 1u << 2,
	REDIS = 1u << 3,
	POSTGRES = 1u << 4,
};

struct program {
	const char *name;
	const char *need; /* a program that must be there */
	const char
		*command; /* of sh; $HOST is the server, $DIR a folder of its own, $LAB the lab's */
	const char *refused; /* what it says when the proxy says «connection refused» */
	unsigned servers;
	const char *version; /* a command that prints it; NULL: need --version */
	const char *package; /* of whose version it is, where it says none by itself */
};

#define SSH_OPTIONS                                                                                \
	"-F none -i $ID -o BatchMode=yes -o StrictHostKeyChecking=no -o "                          \
	"UserKnownHostsFile=/dev/null -o LogLevel=ERROR"
#define PYTHON "/usr/bin/python3"

static const struct program light[] = {
	{ "curl", "curl", "curl -sS http://$HOST/page", "curl: (7)", HTTP, NULL, NULL },
	{ "curl -4", "curl", "curl -sS -4 http://$HOST/page", "curl: (7)", HTTP, NULL, NULL },
	{ "curl -Z", "curl",
	  "curl -sS -Z --parallel-immediate $(for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 "
	  "18 19 20; "
	  "do echo -o $DIR/$i http://$HOST/page; done) && cat $DIR/20",
	  "curl: (7)", HTTP, NULL, NULL },
	{ "curl --tcp-fastopen", "curl", "curl -sS --tcp-fastopen http://$HOST/page", "curl: (7)",
	  HTTP, NULL, NULL },
	{ "curl --interface lo", "curl", "curl -sS --interface lo http://$HOST/page", "curl: (7)",
	  HTTP, NULL, NULL },
	{ "curl --interface DEVICE", "curl", "curl -sS --interface near http://$HOST/page",
	  "curl: (7)", HTTP, NULL, NULL },
	{ "curl --interface ADDRESS", "curl", "curl -sS --interface 10.9.0.1 http://$HOST/page",
	  "curl: (7)", HTTP, NULL, NULL },
	{ "wget", "wget", "wget -qO- http://$HOST/page", NULL, HTTP, NULL, NULL },
	{ "wget -T", "wget", "wget -nv -t 1 -T 20 -O- http://$HOST/page", "Connection refused",
	  HTTP, NULL, NULL },
	{ "wget --bind-address", "wget",
	  "wget -nv -t 1 --bind-address=10.9.0.1 -O- http://$HOST/page", "Connection refused", HTTP,
	  NULL, NULL },
	{ "git, http", "git", "git clone -q http://$HOST/repo.git $DIR/a && cat $DIR/a/page",
	  "Failed to connect", HTTP | GIT, NULL, NULL },
	{ "git, git", "git", "git clone -q git://$HOST/repo.git $DIR/b && cat $DIR/b/page",
	  "Connection refused", GIT, NULL, NULL },
	{ "git, ssh", "git",
	  "GIT_SSH_COMMAND=\"ssh " SSH_OPTIONS "\" git clone -q root@$HOST:$LAB/repo.git $DIR/c && "
	  "cat $DIR/c/page",
	  "Connection refused", GIT | SSH, NULL, NULL },
	{ "ssh", "ssh", "ssh " SSH_OPTIONS " root@$HOST cat $LAB/page", "Connection refused", SSH,
	  "ssh -V 2>&1", NULL },
	{ "ssh -b", "ssh", "ssh " SSH_OPTIONS " -b 10.9.0.1 root@$HOST cat $LAB/page",
	  "Connection refused", SSH, "ssh -V 2>&1", NULL },
	{ "ssh, ConnectTimeout", "ssh",
	  "ssh " SSH_OPTIONS " -o ConnectTimeout=20 root@$HOST cat $LAB/page", "Connection refused",
	  SSH, "ssh -V 2>&1", NULL },
	{ "scp", "scp", "scp " SSH_OPTIONS " root@$HOST:$LAB/page $DIR/d && cat $DIR/d",
	  "Connection refused", SSH, "ssh -V 2>&1", NULL },
	{ "rsync", "rsync",
	  "rsync -q -e \"ssh " SSH_OPTIONS "\" root@$HOST:$LAB/page $DIR/e && cat $DIR/e",
	  "Connection refused", SSH, NULL, NULL },
	{ "python3 urllib", "python3",
	  "python3 -c 'import os, urllib.request as u; "
	  "print(u.urlopen(\"http://\" + os.environ[\"HOST\"] + \"/page\").read().decode(), "
	  "end=\"\")'",
	  "Connection refused", HTTP, NULL, NULL },
	{ "python3, MPTCP", "python3",
	  "python3 -c 'import os, socket; s = socket.socket(2, 1, 262); "
	  "s.connect((os.environ[\"HOST\"], "
	  "80)); s.sendall(b\"GET /page HTTP/1.0\\r\\n\\r\\n\"); print(s.makefile().read())'",
	  "Connection refused", HTTP, NULL, NULL },
	{ "python3 threads", "python3", "python3 $PROGRAMS/threads.py", "Connection refused", HTTP,
	  NULL, NULL },
	{ "python3 fork, subprocess", "python3", "python3 $PROGRAMS/processes.py",
	  "Connection refused", HTTP, NULL, NULL },
	{ "python3 asyncio", "python3", "python3 $PROGRAMS/loop.py", "Connect call failed", HTTP,
	  NULL, NULL },
	{ "perl IO::Socket::INET", "perl",
	  "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(\"$ENV{HOST}:80\") or die $@; "
	  "print $s \"GET /page HTTP/1.0\\r\\n\\r\\n\"; print <$s>'",
	  "Connection refused", HTTP, "perl -e 'print $^V'", NULL },
	{ "perl IO::Socket::IP", "perl",
	  "perl -MIO::Socket::IP -e '$s = IO::Socket::IP->new(PeerAddr => \"$ENV{HOST}:80\") or "
	  "die $@; "
	  "print $s \"GET /page HTTP/1.0\\r\\n\\r\\n\"; print <$s>'",
	  "Connection refused", HTTP, "perl -e 'print $^V'", NULL },
	{ "bash /dev/tcp", "bash",
	  "bash -c 'exec 3<>/dev/tcp/$HOST/80 && printf \"GET /page HTTP/1.0\\r\\n\\r\\n\" >&3 && "
	  "cat <&3'",
	  "Connection refused", HTTP, NULL, NULL },
	{ "nginx, proxy_pass", "nginx",
	  "for i in 1 2 3 4 5; do echo client_body_temp proxy_temp fastcgi_temp uwsgi_temp "
	  "scgi_temp | cut -d ' ' -f $i | sed \"s,.*,&_path $DIR/&;,\"; done >$DIR/paths; "
	  "echo \"user root; pid $DIR/pid; error_log $DIR/log; events {} http { access_log off; "
	  "include $DIR/paths; server { listen unix:$DIR/near; location / { "
	  "proxy_pass http://$HOST:80; } } }\" >$DIR/conf; "
	  "nginx -e $DIR/log -c $DIR/conf && curl -sSf --unix-socket $DIR/near http://near/page; "
	  "got=$?; kill $(cat $DIR/pid); cat $DIR/log >&2; exit $got",
	  "Connection refused", HTTP, "nginx -v 2>&1", NULL },
};

static const struct program heavy[] = {
	{ "aria2c", "aria2c", "aria2c -q -x 4 -d $DIR -o f http://$HOST/page && cat $DIR/f", NULL,
	  HTTP, NULL, NULL },
	{ "nc (OpenBSD)", "nc.openbsd",
	  "printf 'GET /page HTTP/1.0\\r\\n\\r\\n' | nc.openbsd $HOST 80", NULL, HTTP, NULL,
	  "netcat-openbsd" },
	{ "nc -v (OpenBSD)", "nc.openbsd",
	  "printf 'GET /page HTTP/1.0\\r\\n\\r\\n' | nc.openbsd -v $HOST 80", "Connection refused",
	  HTTP, NULL, "netcat-openbsd" },
	{ "ncat", "ncat", "printf 'GET /page HTTP/1.0\\r\\n\\r\\n' | ncat $HOST 80",
	  "Connection refused", HTTP, "ncat --version 2>&1", NULL },
	{ "socat", "socat", "printf 'GET /page HTTP/1.0\\r\\n\\r\\n' | socat -t 20 - TCP:$HOST:80",
	  "Connection refused", HTTP, "socat -V | sed -n 2p", NULL },
	{ "telnet", "telnet",
	  "mkfifo $DIR/f; telnet $HOST 80 <$DIR/f 2>&1 & exec 3>$DIR/f; "
	  "printf 'GET /page HTTP/1.0\\n\\n' >&3; wait",
	  "Connection refused", HTTP, NULL, "inetutils-telnet" },
	{ "lynx", "lynx", "lynx -dump -nolist http://$HOST/page | sed 's/^ *//'",
	  "Unable to connect", HTTP, NULL, NULL },
	{ "w3m", "w3m", "w3m -dump http://$HOST/page", NULL, HTTP, "w3m -version", NULL },
	{ "links", "links", "links -dump http://$HOST/page | sed 's/^ *//'", "onnection refused",
	  HTTP, "links -version", NULL },
	{ "elinks", "elinks", "elinks -dump http://$HOST/page | sed 's/^ *//'", "onnection refused",
	  HTTP, NULL, NULL },
	{ "lftp", "lftp", "lftp -c 'set net:max-retries 1; cat http://'$HOST'/page'", NULL, HTTP,
	  NULL, NULL },
	{ "httpie", "http", "http --ignore-stdin -b http://$HOST/page", "Connection refused", HTTP,
	  NULL, NULL },
	{ "python3 requests", PYTHON,
	  PYTHON
	  " -c 'import os, requests; "
	  "print(requests.get(\"http://\" + os.environ[\"HOST\"] + \"/page\").text, end=\"\")'",
	  "Connection refused", HTTP, NULL, "python3-requests" },
	{ "python3 aiohttp", PYTHON, PYTHON " $PROGRAMS/aiohttp_client.py", "Connect call failed",
	  HTTP, NULL, "python3-aiohttp" },
	{ "python3 twisted", PYTHON, PYTHON " $PROGRAMS/twisted_client.py", "refused", HTTP, NULL,
	  "python3-twisted" },
	{ "node", "node", "node $PROGRAMS/fetch.js", "ECONNREFUSED", HTTP, NULL, NULL },
	{ "node dns.resolve", "node",
	  "node -e 'const host = process.env.HOST; (require(\"net\").isIP(host) ? "
	  "Promise.resolve([host]) : require(\"dns\").promises.resolve4(host))"
	  ".then(all => fetch(\"http://\" + all[0] + \"/page\")).then(r => r.text())"
	  ".then(text => process.stdout.write(text)).catch(e => { "
	  "console.error((e.cause || e).message); process.exit(1); })'",
	  "ECONNREFUSED", HTTP, NULL, NULL },
	{ "node, UV_USE_IO_URING=1", "node", "UV_USE_IO_URING=1 node $PROGRAMS/fetch.js",
	  "ECONNREFUSED", HTTP, NULL, NULL },
	{ "java", "java", "java -Xshare:auto -XX:TieredStopAtLevel=1 $PROGRAMS/Fetch.java",
	  "Connection refused", HTTP, NULL, NULL },
	{ "erlang", "erl",
	  "HOME=$DIR erl -noshell -eval 'case gen_tcp:connect(os:getenv(\"HOST\"), 80, [{active, "
	  "false}]) of {ok, S} -> gen_tcp:send(S, \"GET /page HTTP/1.0\\r\\n\\r\\n\"), {ok, L} = "
	  "gen_tcp:recv(S, 0), io:put_chars(L); {error, E} -> io:format(\"~p~n\", [E]) end, "
	  "halt().'",
	  "econnrefused", HTTP, NULL, NULL },
	{ "ruby Net::HTTP", "ruby",
	  "ruby -rnet/http -e 'print Net::HTTP.get(ENV[\"HOST\"], \"/page\")'", "refused", HTTP,
	  NULL, NULL },
	{ "ruby TCPSocket", "ruby",
	  "ruby -rsocket -e 's = Socket.tcp(ENV[\"HOST\"], 80, connect_timeout: 20); "
	  "s.write \"GET /page HTTP/1.0\\r\\n\\r\\n\"; print s.read'",
	  "refused", HTTP, NULL, NULL },
	{ "php", "php",
	  "php -r 'echo file_get_contents(\"http://\" . getenv(\"HOST\") . \"/page\");'",
	  "Connection refused", HTTP, NULL, NULL },
	{ "php, curl", "php",
	  "php -r '$c = curl_init(\"http://\" . getenv(\"HOST\") . \"/page\"); "
	  "if (!curl_exec($c)) echo curl_error($c);'",
	  "connect to server", HTTP, NULL, "php-curl" },
	{ "php, asynchronous", "php",
	  "php -r '$s = stream_socket_client(\"tcp://\" . getenv(\"HOST\") . \":80\", $e, $m, 20, "
	  "STREAM_CLIENT_CONNECT | STREAM_CLIENT_ASYNC_CONNECT); $r = null; $w = [$s]; $x = null; "
	  "stream_select($r, $w, $x, 20); $n = @fwrite($s, \"GET /page HTTP/1.0\\r\\n\\r\\n\"); "
	  "if ($n) echo stream_get_contents($s); else echo \"not connected\";'",
	  "not connected", HTTP, NULL, NULL },
	{ "ab", "ab", "ab -q -n 100 -c 20 http://$HOST/page && cat $LAB/page", "Connection refused",
	  HTTP, "ab -V", NULL },
	{ "wrk", "wrk",
	  "wrk -t 2 -c 20 -d 1s http://$HOST/page | grep -q 'requests in' && cat $LAB/page", NULL,
	  HTTP, "wrk -v 2>&1 | head -1", NULL },
	{ "libevent", "event", "event", "Connection refused", HTTP, NULL, "libevent-dev" },
	{ "libevent, poll", "event", "event epoll", "Connection refused", HTTP, NULL,
	  "libevent-dev" },
	{ "libevent, select", "event", "event epoll poll", "Connection refused", HTTP, NULL,
	  "libevent-dev" },
	{ "libuv", "uv", "uv", "connection refused", HTTP, NULL, "libuv1-dev" },
	{ "redis-cli", "redis-cli", "redis-cli -h $HOST -p 6379 get page", "Connection refused",
	  REDIS, NULL, NULL },
	{ "psql", "psql",
	  "psql -At -h $HOST -p 5432 -U postgres -c \"select pg_read_file('$LAB/page')\" postgres",
	  "Connection refused", POSTGRES, NULL, NULL },
	{ "apt-get", "apt-get",
	  "mkdir -p $DIR/l/partial && echo \"deb [trusted=yes] http://$HOST/apt ./\" >$DIR/s; "
	  "set -- -q -o APT::Sandbox::User= -o Debug::NoLocking=1 -o Dir::Etc::sourcelist=$DIR/s "
	  "-o Dir::Etc::sourceparts=- -o Dir::State::lists=$DIR/l -o Dir::Cache=$DIR -o "
	  "Acquire::Retries=0; apt-get \"$@\" update; apt-cache \"$@\" show page",
	  "Connection refused", HTTP, NULL, NULL },
	{ "chromium", "chromium",
	  "chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-quic "
	  "--no-first-run --disable-background-networking --disable-component-update "
	  "--disable-sync --user-data-dir=$DIR/c --dump-dom http://$HOST/page",
	  NULL, HTTP, NULL, NULL },
};

/* ---- the servers ---- */

/* The page, and a list of packages for apt that is the page as well. */
static void make_page(void)
{
	const struct lab_result made = lab_shell(
		LAB_ROOT,
		"printf %%s '%s' >page; mkdir apt; "
		"printf 'Package: page\\nVersion: 1\\nArchitecture: all\\nDescription: %s\\n' "
		">apt/Packages",
		PAGE, g_strchomp(g_strdup(PAGE)));
	lab_assert_status(&made, 0);
}

static void start_nginx(void)
{
	const char *folder = lab_folder();
	g_autofree char *file = lab_path("nginx.conf");
	g_autofree char *text = g_strdup_printf(
		"user root; daemon off; master_process off; pid %s/nginx.pid; error_log stderr "
		"crit;\n"
		"events {} http { access_log off; client_body_temp_path %s/nginx-body;\n"
		"proxy_temp_path %s/t1; fastcgi_temp_path %s/t2; uwsgi_temp_path %s/t3;\n"
		"scgi_temp_path %s/t4; server { listen 127.0.0.1:8080; root %s; } }\n",
		folder, folder, folder, folder, folder, folder, folder);
	g_autofree char *command = g_strdup_printf("nginx -e stderr -c %s", file);

	g_file_set_contents(file, text, -1, NULL);
	lab_daemon(command, 8080);
}

static void start_git(void)
{
	const char *folder = lab_folder();
	const struct lab_result made = lab_shell(
		LAB_ROOT,
		"set -e; export HOME=%s; git init -q -b main work; cd work; cp ../page .; git add "
		"page; "
		"git -c user.name=t -c user.email=t@example.test commit -q -m page; cd ..; "
		"git clone -q --bare work repo.git; cd repo.git; git update-server-info; "
		"chmod -R go+rX ../work ../page .",
		folder);
	lab_assert_status(&made, 0);
	g_autofree char *command = g_strdup_printf(
		"HOME=%s exec git daemon --listen=127.0.0.1 --port=9418 --export-all "
		"--base-path=%s %s 2>%s/git-daemon.log",
		folder, folder, folder, folder);
	lab_daemon(command, 9418);
}

static void start_redis(void)
{
	lab_need("redis-server");
	lab_daemon("exec redis-server --port 6379 --bind 127.0.0.1 --save '' --appendonly no "
		   "--daemonize no >/dev/null",
		   6379);
	const struct lab_result set = lab_shell(LAB_ROOT, "redis-cli -x set page <page");
	lab_assert_status(&set, 0);
}

/* PostgreSQL does not run as root. */
static void start_postgres(void)
{
	const struct lab_result made =
		lab_shell(LAB_ROOT, "set -e; bin=$(ls -d /usr/lib/postgresql/*/bin | tail -1); "
				    "mkdir db; chown postgres db; "
				    "setpriv --reuid postgres --regid postgres --clear-groups "
				    "$bin/initdb -A trust -U postgres "
				    "-N -D db >/dev/null");
	lab_assert_status(&made, 0);
	g_autofree char *command =
		g_strdup_printf("exec setpriv --reuid postgres --regid postgres --clear-groups "
				"$(ls -d /usr/lib/postgresql/*/bin | tail -1)/postgres -D %s/db -F "
				"-h 127.0.0.1 -k '' "
				">/dev/null 2>&1",
				lab_folder());
	lab_daemon(command, 5432);
}

/* The sources of tests/programs, and what was built of them, where every user can read them. */
static void lay_out_programs(void)
{
	g_autofree char *here = g_get_current_dir();
	const struct lab_result copied = lab_shell(
		LAB_ROOT, "cp -r '%s/tests/programs' programs && chmod -R go+rX programs", here);
	g_autofree char *client = lab_program("serve");
	g_autofree char *built = g_path_get_dirname(client);
	g_autofree char *path = g_strconcat(built, ":", g_getenv("PATH"), NULL);

	lab_assert_status(&copied, 0);
	g_setenv("PATH", path, TRUE);
}

static void start(const struct program *program)
{
	static const struct {
		enum server server;
		void (*start)(void);
	} rows[] = {
		{ HTTP, start_nginx },	{ GIT, start_git },	      { SSH, sshd_start },
		{ REDIS, start_redis }, { POSTGRES, start_postgres },
	};

	lab_open();
	lay_out_programs();
	lab_need(program->need);
	lab_need("ip");
	/*
	 * A device that the proxy is not on, for the programs that ask for one. aria2 asks for no
	 * name on a machine without. It gives itself no address: one that comes up two seconds
	 * later, when it is known to be unique, makes Chromium give up what it is loading.
	 */
	const struct lab_result device =
		lab_shell(LAB_ROOT, "ip link add near type veth peer name beyond && "
				    "ip link set near addrgenmode none && "
				    "ip link set beyond addrgenmode none && "
				    "ip addr add 10.9.0.1/24 dev near && ip link set near up && "
				    "ip link set beyond up");
	lab_assert_status(&device, 0);
	make_page();
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (program->servers & rows[i].server)
			rows[i].start();
	}
}

/* One name and one address for all the servers, by their usual ports; and a host that refuses. */
#define NAME	"server.test"
#define ADDRESS "203.0.113.8"
#define REFUSED "refused.test"
#define MAP(host)                                                                                  \
	" --map " host ":80=127.0.0.1:8080 --map " host ":22=127.0.0.1:2222 --map " host           \
	":9418=127.0.0.1:9418 --map " host ":6379=127.0.0.1:6379 --map " host                      \
	":5432=127.0.0.1:5432"

/* ---- running ---- */

/* The command, with what both users have of their own. */
static char *in_context(const char *command, enum lab_user user, const char *host)
{
	const char *lab = lab_folder();
	g_autofree char *folder = g_strdup_printf("%s/own-%d-%s-XXXXXX", lab, user, host);

	cr_assert_not_null(g_mkdtemp_full(folder, 0777));
	chmod(folder, 0777);
	return g_strdup_printf("export HOME=%s XDG_CONFIG_HOME=%s/config DIR=%s LAB=%s ID=%s/%s "
			       "HOST=%s PROGRAMS=%s/programs; %s",
			       folder, folder, folder, lab, lab,
			       user == LAB_NOBODY ? "id-nobody" : "id", host, lab, command);
}

static void assert_asked_for(const char *name, const char *host)
{
	g_auto(GStrv) requests = lab_requests();
	g_autofree char *member = g_strdup_printf("\"host\":\"%s\"", host);
	g_autofree char *all = g_strjoinv("\n", requests);
	unsigned found = 0;

	for (char **line = requests; *line; line++)
		found += strstr(*line, member) && strstr(*line, "\"method\":151") &&
			 strstr(*line, "\"ISOLATION\":\"alice\"");
	cr_assert_gt(found, 0u, "%s: the proxy was not asked for %s with the keys:\n%s", name, host,
		     all);
}

static struct lab_result run_shimmed(const struct program *program, enum lab_user user,
				     const char *host)
{
	g_autofree char *command = in_context(program->command, user, host);
	g_autofree char *quoted = g_shell_quote(command);

	lab_forget();
	const struct lab_result result =
		lab_run(user, "-k ISOLATION=alice", "timeout 120 sh -c %s", quoted);
	assert_asked_for(program->name, host);
	return result;
}

static bool has_page(const struct lab_result *result)
{
	g_autofree char *page = g_strchomp(g_strdup(PAGE));
	return strstr(result->out, page) != NULL;
}

static void assert_fetches(const struct program *program, enum lab_user user, const char *host)
{
	g_autofree char *bare = in_context(program->command, user, host);
	g_autofree char *quoted = g_shell_quote(bare);
	/* Some try for ever to find a name. */
	struct lab_result result = lab_shell(user, "timeout -k 1 5 sh -c %s", quoted);

	cr_assert(result.status != 0 || !has_page(&result), "%s: it works without isosocks",
		  program->name);
	result = run_shimmed(program, user, host);
	cr_assert(result.status == 0 && has_page(&result),
		  "%s, %s: exit status %d\nstdout: %s\nstderr: %s", program->name, host,
		  result.status, result.out, result.err);
}

static void assert_refused(const struct program *program)
{
	const struct lab_result result = run_shimmed(program, LAB_NOBODY, REFUSED);
	g_autofree char *said = g_strconcat(result.out, result.err, NULL);

	cr_assert(!has_page(&result) || strstr(program->command, "cat $LAB/page"), "%s", said);
	if (program->refused)
		cr_assert(strstr(said, program->refused), "%s does not say «%s»: %s", program->name,
			  program->refused, said);
}

/* ---- what doc/compatibility.md says ---- */

static char *find_version(const struct program *program)
{
	g_autofree char *command =
		program->package
			? g_strdup_printf("dpkg-query -W -f '${Version}' %s", program->package)
			: g_strdup(program->version ? program->version : "");
	const struct lab_result result =
		*command ? lab_shell(LAB_ROOT, "{ %s; } 2>/dev/null", command)
			 : lab_shell(LAB_ROOT, "%s --version 2>/dev/null", program->need);
	g_autoptr(GRegex) number = g_regex_new("[0-9]+[.][0-9.]*[0-9a-z]*", 0, 0, NULL);
	g_autoptr(GMatchInfo) match = NULL;

	return g_regex_match(number, result.out, 0, &match) ? g_match_info_fetch(match, 0)
							    : g_strdup("?");
}

/* A row of the table, when `make compatibility` asks for it. */
static void write_down(const struct program *program)
{
	const char *folder = g_getenv("COMPATIBILITY");
	g_autofree char *version = folder ? find_version(program) : NULL;
	g_autofree char *file = folder ? g_build_filename(folder, program->name, NULL) : NULL;
	g_autofree char *row = NULL;

	if (!folder)
		return;
	g_strdelimit(file + strlen(folder) + 1, "/ ", '_');
	row = g_strdup_printf("| %s | %s | works | works | %s |\n", program->name, version,
			      program->refused ? program->refused : "fails");
	g_file_set_contents(file, row, -1, NULL);
}

static void assert_stands(const char *document, const struct program *program)
{
	g_autofree char *row = g_strdup_printf("\n| %s | ", program->name);
	cr_expect(strstr(document, row), "%s is not in doc/compatibility.md: make compatibility",
		  program->name);
}

Test(real_programs, stand_in_the_document)
{
	g_autofree char *document = NULL;
	unsigned rows = 0;

	cr_assert(g_file_get_contents("doc/compatibility.md", &document, NULL, NULL));
	for (size_t i = 0; i < G_N_ELEMENTS(light); i++)
		assert_stands(document, &light[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(heavy); i++)
		assert_stands(document, &heavy[i]);
	for (const char *at = document; (at = strstr(at, "| works | works |")); at++)
		rows++;
	cr_expect_eq(rows, G_N_ELEMENTS(light) + G_N_ELEMENTS(heavy),
		     "doc/compatibility.md has another number of programs: make compatibility");
}

static void try_program(const struct program *program)
{
	start(program);
	lab_proxy(MAP(NAME) MAP(ADDRESS) " --fault delay:50 --fault " REFUSED "=reply:05");
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		assert_fetches(program, user, NAME);
		assert_fetches(program, user, ADDRESS);
	}
	assert_refused(program);
	write_down(program);
}

/* A test for each row. Criterion copies parameters to another process, where tables are, but not
 * what was written to them. */
static struct criterion_test_params make_indices(size_t count)
{
	size_t *indices = cr_malloc(count * sizeof(*indices));

	for (size_t i = 0; i < count; i++)
		indices[i] = i;
	return cr_make_param_array(size_t, indices, count);
}

ParameterizedTestParameters(real_programs, work)
{
	return make_indices(G_N_ELEMENTS(light));
}

ParameterizedTest(size_t *index, real_programs, work)
{
	try_program(&light[*index]);
}

ParameterizedTestParameters(heavy_programs, work)
{
	return make_indices(G_N_ELEMENTS(heavy));
}

ParameterizedTest(size_t *index, heavy_programs, work)
{
	try_program(&heavy[*index]);
}

/* ---- a program that forwards ---- */

#define FORWARDED 40

/* nginx with two workers under isosocks, in front of servers that only the proxy reaches. */
static void start_forwarder(enum lab_user user, unsigned port)
{
	const char *lab = lab_folder();
	g_autofree char *folder = g_strdup_printf("%s/forwarder-%d", lab, user);
	g_autofree char *file = g_build_filename(folder, "nginx.conf", NULL);
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *text = g_strdup_printf(
		"user root; daemon off; worker_processes 2; pid %s/pid; error_log %s/errors;\n"
		"events {} http { access_log off; client_body_temp_path %s/1;\n"
		"proxy_temp_path %s/2; fastcgi_temp_path %s/3; uwsgi_temp_path %s/4;\n"
		"scgi_temp_path %s/5; server { listen 127.0.0.1:%u reuseport;\n"
		"add_header X-Worker $pid always;\n"
		"location /by-name/ { proxy_pass http://" NAME "/; }\n"
		"location /by-address/ { proxy_pass http://" ADDRESS "/; }\n"
		"location /refused/ { proxy_pass http://" REFUSED "/; } } }\n",
		folder, folder, folder, folder, folder, folder, folder, port);
	g_autofree char *command = g_strdup_printf(
		"exec %s %s -x 127.0.0.1:%u -k ISOLATION=alice -- nginx -e stderr -c %s 2>%s/said",
		user == LAB_NOBODY ? lab_lowered() : "", isosocks, lab_port(), file, folder);

	cr_assert_eq(mkdir(folder, 0777), 0);
	chmod(folder, 0777);
	g_file_set_contents(file, text, -1, NULL);
	lab_daemon(command, port);
}

/* So many at once; the answers with their headers. */
static struct lab_result ask_forwarder(unsigned port, const char *where)
{
	return lab_shell(LAB_ROOT,
			 "curl -sSi -Z --parallel-immediate --parallel-max %u "
			 "'http://127.0.0.1:%u/%s/page?[1-%u]'",
			 FORWARDED, port, where, FORWARDED);
}

static unsigned count_workers(const char *answers)
{
	g_autoptr(GHashTable) workers =
		g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_auto(GStrv) lines = g_strsplit(answers, "\r\n", -1);

	for (char **line = lines; *line; line++) {
		if (g_str_has_prefix(*line, "X-Worker: "))
			g_hash_table_add(workers, g_strdup(*line));
	}
	return g_hash_table_size(workers);
}

static unsigned count_texts(const char *text, const char *part)
{
	g_auto(GStrv) parts = g_strsplit(text, part, -1);
	return g_strv_length(parts) - 1;
}

static void assert_forwards(unsigned port, const char *where, const char *host)
{
	lab_forget();
	const struct lab_result result = ask_forwarder(port, where);
	g_auto(GStrv) requests = lab_requests();

	lab_assert_status(&result, 0);
	cr_expect_eq(count_texts(result.out, "HTTP/1.1 200 "), FORWARDED, "%s", result.out);
	cr_expect_eq(count_texts(result.out, PAGE), FORWARDED, "%s", result.out);
	cr_expect_eq(count_workers(result.out), 2, "%s", result.out);
	cr_expect_eq(g_strv_length(requests), FORWARDED);
	assert_asked_for("nginx", host);
}

static void assert_forwards_refusals(unsigned port)
{
	lab_forget();
	const struct lab_result result = ask_forwarder(port, "refused");

	cr_expect_eq(count_texts(result.out, "HTTP/1.1 502 "), FORWARDED, "%s", result.out);
	assert_asked_for("nginx", REFUSED);
}

static void assert_says_refused(enum lab_user user)
{
	g_autofree char *name = g_strdup_printf("forwarder-%d/errors", user);
	g_autofree char *file = lab_path(name), *errors = NULL;

	cr_assert(g_file_get_contents(file, &errors, NULL, NULL));
	cr_expect_eq(count_texts(errors, "connect() failed (111: Connection refused)"), FORWARDED,
		     "%s", errors);
}

Test(real_programs, nginx_forwards_with_two_workers)
{
	lab_open();
	lab_need("nginx");
	lab_need("curl");
	make_page();
	start_nginx();
	lab_proxy(MAP(NAME) MAP(ADDRESS) " --fault delay:100 --fault " REFUSED "=reply:05");
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const unsigned port = 8081 + user;
		start_forwarder(user, port);
		assert_forwards(port, "by-name", NAME);
		assert_forwards(port, "by-address", ADDRESS);
		assert_forwards_refusals(port);
		assert_says_refused(user);
	}
}

/* ---- errors ---- */

Test(real_programs, say_what_happened)
{
	lab_need("curl");
	lab_open();
	lab_proxy("--fault refused.test=reply:05 --fault gone.test=reply:e0 --fault "
		  "down.test=reply:e1");
	struct lab_result result = lab_run(LAB_NOBODY, NULL, "curl -sS http://refused.test/");
	lab_assert_status(&result, 7);
	result = lab_run(
		LAB_NOBODY, NULL,
		"python3 -c \"import socket; socket.create_connection(('gone.test', 80))\"");
	cr_assert(strstr(result.err, "No such device or address"), "%s", result.err);
	result = lab_run(LAB_NOBODY, NULL, "bash -c 'exec 3<>/dev/tcp/down.test/80'");
	cr_assert(strstr(result.err, "Host is down"), "%s", result.err);
}
