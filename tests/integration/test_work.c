/*
 * Ordinary work under the guard: somebody at a terminal, make, manuals, packages, a version that is
 * signed and sent away. All of it works, the library reaches all the programs of it, and what goes
 * to the network goes through the proxy.
 */
#include "support/lab.h"
#include "support/sshd.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST "server.test"
#define PAGE "a page that only the proxy reaches"

static char *web;

/* The proxy leads by that name to a web server and to an SSH server. */
static void open_desk(void)
{
	lab_open();
	g_autofree char *here = g_get_current_dir();
	const struct lab_result made =
		lab_shell(LAB_ROOT,
			  "set -e; cp -r '%s/tests/programs' programs; mkdir www; echo '%s' "
			  ">www/page; cp www/page www/page.txt; "
			  "chmod -R go+rX programs www",
			  here, PAGE);
	const char *server[] = { "python3", "-u", "programs/files.py", "www", NULL };

	lab_assert_status(&made, 0);
	cr_assert_eq(chdir(lab_folder()), 0);
	web = lab_start(server);
	g_autofree char *maps = g_strdup_printf("--map " HOST ":80=127.0.0.1:%s --map " HOST
						":22=127.0.0.1:%u --fault delay:20",
						web, SSHD_PORT);
	lab_proxy(maps);
}

/* A folder of this user's own, which is home too. */
static char *make_home(enum lab_user user)
{
	char *folder = g_strdup_printf("%s/home-%d", lab_folder(), user);

	cr_assert_eq(mkdir(folder, 0777), 0);
	chmod(folder, 0777);
	return folder;
}

/* A program that it did not reach would be in the log. */
static void assert_all_reached(const char *log)
{
	g_autofree char *text = NULL;

	cr_assert(g_file_get_contents(log, &text, NULL, NULL));
	cr_assert_str_empty(text, "%s", text);
}

static void assert_proxied(unsigned least)
{
	g_auto(GStrv) requests = lab_requests();

	cr_assert_geq(g_strv_length(requests), least);
	for (char **line = requests; *line; line++) {
		lab_assert_has(*line, "\"host\":\"" HOST "\"");
		lab_assert_has(*line, "\"ISOLATION\":\"alice\"");
	}
	lab_forget();
}

/* A shell's script, with the user's home and the lab in $HOME, $LAB, as both users. */
static void assert_works(const char *script, const char *prints, unsigned requests)
{
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		g_autofree char *home = make_home(user);
		g_autofree char *log = g_strconcat(home, "/log", NULL);
		g_autofree char *options = g_strdup_printf("-k ISOLATION=alice --log %s", log);
		g_autofree char *all =
			g_strdup_printf("export ISOSOCKS_LOG=warning HOME=%s LAB=%s HOST=" HOST
					" KEY=%s/id%s; cd; set -e; %s",
					home, lab_folder(), lab_folder(),
					user == LAB_NOBODY ? "-nobody" : "", script);
		g_autofree char *quoted = g_shell_quote(all);
		const struct lab_result result =
			lab_run(user, options, "env ISOSOCKS_LOG=warning sh -c %s", quoted);
		lab_assert_status(&result, 0);
		lab_assert_out(&result, prints);
		assert_all_reached(log);
		assert_proxied(requests);
	}
}

/*
 * A browser's processes put themselves into user namespaces and under filters of their own, which
 * kill whoever makes a call that the browser itself does not. It says so where it cannot.
 */
Test(heavy_work, chromium_in_its_own_sandbox)
{
	lab_need("chromium");
	open_desk();
	g_autofree char *home = make_home(LAB_NOBODY);
	static const char command[] =
		"timeout 120 chromium --headless --disable-gpu --disable-dev-shm-usage "
		"--disable-quic --no-first-run --disable-background-networking "
		"--disable-component-update --disable-sync --dump-dom";
	struct lab_result result = lab_shell(
		LAB_NOBODY, "HOME=%s %s --user-data-dir=%s/bare about:blank", home, command, home);

	if (strstr(result.err, "No usable sandbox"))
		cr_skip_test("Chromium has no sandbox here: %s", result.err);
	lab_assert_status(&result, 0);
	result = lab_run(LAB_NOBODY, "-k ISOLATION=alice",
			 "env HOME=%s %s --user-data-dir=%s/own http://" HOST "/page.txt", home,
			 command, home);
	lab_assert_status(&result, 0);
	lab_assert_out(&result, PAGE);
	/* It asks for its maker's servers too. */
	g_auto(GStrv) requests = lab_requests();
	g_autofree char *all = g_strjoinv("\n", requests);
	lab_assert_has(all, "\"host\":\"" HOST "\"");
}

/* isosocks itself is what the terminal belongs to. */
Test(real_work, a_shell_in_a_terminal)
{
	lab_need("python3");
	lab_need("curl");
	lab_need("bash");
	open_desk();
	g_autofree char *isosocks = lab_program("isosocks");
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result result = lab_shell(
			user,
			"HOST=" HOST " SHELL=/bin/bash python3 programs/terminal.py %s -x "
			"127.0.0.1:%u -k ISOLATION=alice --shell -- --norc --noprofile -i",
			isosocks, lab_port());
		lab_assert_status(&result, 7);
		assert_proxied(2);
	}
}

Test(real_work, make)
{
	open_desk();
	assert_works("printf 'all: page a b c\\n\\tcat page\\npage:\\n\\tcurl -sS "
		     "http://$(HOST)/page >$@\\na b c:\\n\\techo $@ >$@ | cat\\n' >Makefile; "
		     "make -s -j3; ls a b c >/dev/null",
		     PAGE, 1);
}

Test(real_work, a_manual_page)
{
	lab_need("man");
	open_desk();
	assert_works("printf '.TH page 1\\n.SH NAME\\npage \\\\- a page of a manual\\n' >page.1; "
		     "gzip -k page.1; man -l page.1; man -l page.1.gz | grep -c 'of a manual'",
		     "a page of a manual", 0);
}

Test(real_work, packages_by_name_and_from_files)
{
	lab_need("apt-get");
	open_desk();
	lab_need_root();
	const struct lab_result made = lab_shell(
		LAB_ROOT,
		"set -e; mkdir -p www/apt p/DEBIAN p/usr/share/doc/page; cp www/page "
		"p/usr/share/doc/page; "
		"printf 'Package: page\\nVersion: 1\\nArchitecture: all\\nMaintainer: t "
		"<t@example.test>\\nDescription: a page\\n' >p/DEBIAN/control; "
		"chmod 755 p p/DEBIAN; dpkg-deb -b p www/apt/page_1_all.deb >/dev/null; cd "
		"www/apt; "
		"{ cat ../../p/DEBIAN/control; printf 'Filename: ./page_1_all.deb\\nSize: "
		"%%s\\nSHA256: %%s\\n' $(stat -c %%s page_1_all.deb) $(sha256sum "
		"<page_1_all.deb | cut -d' ' -f1); } >Packages; gzip -k Packages; chmod -R go+rX "
		".");
	lab_assert_status(&made, 0);
	assert_works("for from in http://$HOST/apt file:$LAB/www/apt; do d=$(mktemp -d); cd $d; "
		     "chmod 755 $d; mkdir -p l/partial a/partial; echo \"deb [trusted=yes] $from "
		     "./\" >s; "
		     "set -- -q -o Debug::NoLocking=1 -o Dir::Etc::sourcelist=$d/s -o "
		     "Dir::Etc::sourceparts=- -o Dir::State::lists=$d/l -o Dir::Cache=$d -o "
		     "Dir::Cache::archives=$d/a -o Acquire::Retries=0; apt-get \"$@\" update; "
		     "apt-get \"$@\" download page; dpkg-deb -x page_1_all.deb x; "
		     "echo $from; cat x/usr/share/doc/page/page; done",
		     PAGE, 2);
}

#define SSH                                                                                        \
	"ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o "                             \
	"UserKnownHostsFile=/dev/null -o IdentitiesOnly=no -o LogLevel=ERROR"

/* The key is with the agent alone: its file is not there when git and ssh ask for it. */
Test(real_work, a_signed_commit_pushed_and_fetched)
{
	lab_need("git");
	lab_need("ssh-agent");
	lab_need("ssh");
	open_desk();
	sshd_start();
	const struct lab_result made = lab_shell(
		LAB_ROOT, "for i in 0 1; do git init -q --bare -b main repo-$i.git; done");
	lab_assert_status(&made, 0);
	assert_works(
		"eval $(ssh-agent) >/dev/null; ssh-add -q $KEY; cp $LAB/id.pub me.pub; "
		"export GIT_SSH_COMMAND='" SSH "'; repo=root@$HOST:$LAB/repo-${HOME##*-}.git; "
		"git init -q -b main a; cd a; git config user.name t; git config user.email "
		"t@example.test; git config gpg.format ssh; git config user.signingkey "
		"$HOME/me.pub; echo \"t@example.test $(cat $HOME/me.pub)\" >$HOME/signers; "
		"git config gpg.ssh.allowedSignersFile $HOME/signers; echo '" PAGE "' >page; "
		"git add page; git commit -q -S -m page; git verify-commit HEAD 2>&1 | grep Good; "
		"git push -q $repo main; git clone -q $repo $HOME/b; cd $HOME/b; cat page; "
		"git fetch -q; [ $(git rev-parse HEAD) = $(git -C ../a rev-parse HEAD) ]; "
		"kill $SSH_AGENT_PID",
		PAGE, 3);
}
