/*
 * Real programs against real servers. The servers listen on loopback under names that only the
 * proxy knows, so each program fails without isosocks, and what it fetched is shown to have come
 * through the proxy by the proxy's log.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE "a page that only the proxy reaches\n"

static void make_page(void)
{
	char *page = lab_path("page");
	g_file_set_contents(page, PAGE, -1, NULL);
	g_free(page);
}

static void start_nginx(void)
{
	const char *folder = lab_folder();
	char *file = lab_path("nginx.conf");
	char *text = g_strdup_printf(
		"daemon off; master_process off; pid %s/nginx.pid; error_log stderr crit;\n"
		"events {} http { access_log off; client_body_temp_path %s/nginx-body;\n"
		"proxy_temp_path %s/t1; fastcgi_temp_path %s/t2; uwsgi_temp_path %s/t3;\n"
		"scgi_temp_path %s/t4; server { listen 127.0.0.1:8080; root %s; } }\n",
		folder, folder, folder, folder, folder, folder, folder);
	char *command = g_strdup_printf("nginx -e stderr -c %s", file);

	g_file_set_contents(file, text, -1, NULL);
	lab_daemon(command, 8080);
	g_free(command);
	g_free(text);
	g_free(file);
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
		"chmod -R go+rX ..",
		folder);
	lab_assert_status(&made, 0);
	char *command = g_strdup_printf(
		"HOME=%s exec git daemon --listen=127.0.0.1 --port=9418 --export-all "
		"--base-path=%s %s",
		folder, folder, folder);
	lab_daemon(command, 9418);
	g_free(command);
}

/* sshd as root lets root in by a key that nobody has too. */
static void start_sshd(void)
{
	const struct lab_result made = lab_shell(
		LAB_ROOT,
		"set -e; mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N '' -f host; "
		"ssh-keygen -q -t ed25519 -N '' -f id; cp id.pub authorized; chmod 644 authorized; "
		"cp id id-nobody; chmod 600 id id-nobody; chown 65534 id-nobody");
	lab_assert_status(&made, 0);
	const char *folder = lab_folder();
	char *command = g_strdup_printf(
		"exec $(command -v sshd || echo /usr/sbin/sshd) -D -f /dev/null -h %s/host -o "
		"Port=2222 "
		"-o ListenAddress=127.0.0.1 -o PermitRootLogin=yes -o "
		"AuthorizedKeysFile=%s/authorized "
		"-o StrictModes=no -o UsePAM=no -o PidFile=none -o Subsystem='sftp internal-sftp'",
		folder, folder);
	lab_daemon(command, 2222);
	g_free(command);
}

static void start_everything(void)
{
	static const char *const needed[] = { "nginx", "git", "ssh-keygen", "setpriv" };

	for (size_t i = 0; i < G_N_ELEMENTS(needed); i++)
		lab_need(needed[i]);
	lab_open();
	/* A device that the proxy is not on, for the programs that ask for one. */
	const struct lab_result device =
		lab_shell(LAB_ROOT, "ip link add near type veth peer name beyond && "
				    "ip addr add 10.9.0.1/24 dev near && ip link set near up && "
				    "ip link set beyond up");
	lab_assert_status(&device, 0);
	make_page();
	start_nginx();
	start_git();
	start_sshd();
	lab_proxy("--map www.test=127.0.0.1:8080 --map git.test=127.0.0.1:9418 --map "
		  "ssh.test=127.0.0.1:2222 "
		  "--map 203.0.113.8=127.0.0.1:8080");
}

#define SSH                                                                                        \
	"ssh -F none -p 22 -i $ID -o BatchMode=yes -o StrictHostKeyChecking=no -o "                \
	"UserKnownHostsFile=/dev/null -o LogLevel=ERROR"

static const struct {
	const char *need;
	const char *command; /* of sh; $ID is the user's key, $DIR a folder of its own */
	const char *output;
	const char *host; /* that the proxy must have been asked for */
} programs[] = {
	{ "curl", "curl -sS http://www.test/page", PAGE, "www.test" },
	{ "curl", "curl -sS http://203.0.113.8/page", PAGE, "203.0.113.8" },
	{ "curl", "curl -sS -4 http://www.test/page", PAGE, "www.test" },
	{ "curl", "curl -sS --tcp-fastopen http://www.test/page", PAGE, "www.test" },
	{ "curl", "curl -sS --interface lo http://www.test/page", PAGE, "www.test" },
	{ "curl", "curl -sS --interface near http://www.test/page", PAGE, "www.test" },
	{ "curl", "curl -sS --interface 10.9.0.1 http://www.test/page", PAGE, "www.test" },
	{ "wget", "wget -qO- http://www.test/page", PAGE, "www.test" },
	{ "wget", "wget -qO- --bind-address=10.9.0.1 http://www.test/page", PAGE, "www.test" },
	{ "wget", "wget -T 20 -qO- http://www.test/page", PAGE, "www.test" },
	{ "git", "git clone -q http://www.test/repo.git $DIR/a && cat $DIR/a/page", PAGE,
	  "www.test" },
	{ "git", "git clone -q git://git.test/repo.git $DIR/b && cat $DIR/b/page", PAGE,
	  "git.test" },
	{ "git",
	  "GIT_SSH_COMMAND='" SSH
	  "' git clone -q root@ssh.test:$LAB/repo.git $DIR/c && cat $DIR/c/page",
	  PAGE, "ssh.test" },
	{ "ssh", SSH " root@ssh.test cat $LAB/page", PAGE, "ssh.test" },
	{ "ssh", SSH " -b 10.9.0.1 root@ssh.test cat $LAB/page", PAGE, "ssh.test" },
	{ "ssh", SSH " -o ConnectTimeout=20 root@ssh.test cat $LAB/page", PAGE, "ssh.test" },
	{ "scp",
	  "scp -q -F none -i $ID -o BatchMode=yes -o StrictHostKeyChecking=no "
	  "-o UserKnownHostsFile=/dev/null root@ssh.test:$LAB/page $DIR/d && cat $DIR/d",
	  PAGE, "ssh.test" },
	{ "rsync", "rsync -q -e \"" SSH "\" root@ssh.test:$LAB/page $DIR/e && cat $DIR/e", PAGE,
	  "ssh.test" },
	{ "python3",
	  "python3 -c \"import urllib.request as u; "
	  "print(u.urlopen('http://www.test/page').read().decode(), end='')\"",
	  PAGE, "www.test" },
	{ "python3",
	  "python3 -c \"\n"
	  "import socket\n"
	  "s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)\n" /* IPPROTO_MPTCP */
	  "s.connect(('www.test', 80)); s.sendall(b'GET /page HTTP/1.0\\r\\n\\r\\n')\n"
	  "print(s.makefile().read())\"",
	  PAGE, "www.test" },
	{ "python3",
	  "python3 -c \"\n"
	  "import threading, urllib.request as u\n"
	  "pages = []\n"
	  "def get(): pages.append(u.urlopen('http://www.test/page').read())\n"
	  "threads = [threading.Thread(target=get) for i in range(20)]\n"
	  "[t.start() for t in threads]; [t.join() for t in threads]\n"
	  "print(len(pages), len(set(pages)))\n\"",
	  "20 1\n", "www.test" },
	{ "python3",
	  "python3 -c \"\n"
	  "import os, socket, urllib.request as u\n"
	  "address = socket.getaddrinfo('www.test', 80)[0][4]\n"
	  "for i in range(3):\n"
	  "    if os.fork() == 0:\n"
	  "        s = socket.create_connection(address); s.sendall(b'GET /page "
	  "HTTP/1.0\\r\\n\\r\\n')\n"
	  "        os._exit(0 if b'only the proxy' in s.makefile('rb').read() else 1)\n"
	  "print([os.waitstatus_to_exitcode(os.wait()[1]) for i in range(3)])\n\"",
	  "[0, 0, 0]\n", "www.test" },
	{ "perl",
	  "perl -MIO::Socket::INET -e '"
	  "$s = IO::Socket::INET->new(\"www.test:80\") or die $@; "
	  "print $s \"GET /page HTTP/1.0\\r\\n\\r\\n\"; print <$s>'",
	  PAGE, "www.test" },
	{ "perl",
	  "perl -MIO::Socket::IP -e '"
	  "$s = IO::Socket::IP->new(PeerAddr => \"www.test:80\") or die $@; "
	  "print $s \"GET /page HTTP/1.0\\r\\n\\r\\n\"; print <$s>'",
	  PAGE, "www.test" },
	{ "bash",
	  "bash -c 'exec 3<>/dev/tcp/www.test/80; printf \"GET /page HTTP/1.0\\r\\n\\r\\n\" >&3; "
	  "cat <&3'",
	  PAGE, "www.test" },
};

/* The command, with what both users have of their own. */
static char *in_context(const char *command, enum lab_user user, size_t row)
{
	const char *lab = lab_folder();
	char *folder = g_strdup_printf("%s/own-%d-%zu", lab, user, row);

	g_assert_cmpint(mkdir(folder, 0777), ==, 0);
	chmod(folder, 0777);
	char *all = g_strdup_printf("export HOME=%s DIR=%s LAB=%s ID=%s/%s; %s", folder, folder,
				    lab, lab, user == LAB_NOBODY ? "id-nobody" : "id", command);
	g_free(folder);
	return all;
}

static void assert_asked_for(const char *command, const char *host)
{
	char **requests = lab_requests();
	char *member = g_strdup_printf("\"host\":\"%s\"", host);
	unsigned found = 0;

	for (char **line = requests; *line; line++)
		found += strstr(*line, member) && strstr(*line, "\"method\":151") &&
			 strstr(*line, "\"reply\":0,") && strstr(*line, "\"ISOLATION\":\"alice\"");
	char *all = g_strjoinv("\n", requests);
	cr_assert_gt(found, 0u, "%s: the proxy was not asked for %s with the keys:\n%s", command,
		     host, all);
	g_free(all);
	g_free(member);
	g_strfreev(requests);
}

static void run_program(enum lab_user user, size_t i)
{
	char *command = in_context(programs[i].command, user, i);
	char *quoted = g_shell_quote(command);

	lab_forget();
	const struct lab_result bare = lab_shell(user, "%s", command);
	cr_assert(!strstr(bare.out, programs[i].output), "%s: it works without isosocks",
		  programs[i].command);
	const struct lab_result result = lab_run(user, "-k ISOLATION=alice", "sh -c %s", quoted);
	lab_assert_status(&result, 0);
	cr_assert(strstr(result.out, programs[i].output), "%s\nstdout: %s\nstderr: %s",
		  programs[i].command, result.out, result.err);
	assert_asked_for(programs[i].command, programs[i].host);
	g_free(quoted);
	g_free(command);
}

Test(real_programs, reach_their_servers_by_name_and_by_address)
{
	start_everything();
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		for (size_t i = 0; i < G_N_ELEMENTS(programs); i++) {
			lab_need(programs[i].need);
			run_program(user, i);
		}
	}
}

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
