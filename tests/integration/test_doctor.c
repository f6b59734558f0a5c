/*
 * isosocksctl doctor: each program, proxy and kernel that isosocks cannot work with, or not quite,
 * is named by its word, with the exit status that goes with it.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static unsigned proxy;

static struct lab_result doctor_as(enum lab_user user, const char *arguments)
{
	g_autofree char *program = lab_program("isosocksctl");

	return lab_shell(user, "%s doctor --json %s", program, arguments);
}

/* With the proxy of open_clinic. */
static struct lab_result doctor(const char *format, ...) G_GNUC_PRINTF(1, 2);

static struct lab_result doctor(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *rest = g_strdup_vprintf(format, arguments);
	va_end(arguments);
	g_autofree char *all = g_strdup_printf("-x 127.0.0.1:%u %s", proxy, rest);
	return doctor_as(LAB_NOBODY, all);
}

static void open_clinic(const char *proxy_options)
{
	lab_open();
	proxy = lab_proxy(proxy_options);
}

static void assert_finding(const struct lab_result *result, int status, const char *about,
			   const char *level, const char *what)
{
	g_autofree char *finding = g_strdup_printf(
		"{\"about\":\"%s\",\"level\":\"%s\",\"what\":\"%s\",", about, level, what);

	lab_assert_status(result, status);
	lab_assert_out(result, finding);
}

static void prepare(const char *command)
{
	const struct lab_result result = lab_shell(LAB_ROOT, "%s", command);
	lab_assert_status(&result, 0);
}

Test(doctor, finds_nothing_wrong_with_an_ordinary_program)
{
	open_clinic(NULL);
	const struct lab_result result = doctor("cat");
	assert_finding(&result, 0, "program", "fine", "dynamic");
	assert_finding(&result, 0, "proxy", "fine", "reachable");
	assert_finding(&result, 0, "proxy", "fine", "resolve");
	assert_finding(&result, 0, "guard", "fine", "available");
	assert_finding(&result, 0, "leash", "fine", "available");
	assert_finding(&result, 0, "library", "fine", "found");
	cr_assert_null(strstr(result.out, "\"problem\""), "%s", result.out);
}

Test(doctor, asks_no_more_of_the_proxy_than_a_literal)
{
	open_clinic(NULL);
	doctor("cat");
	g_auto(GStrv) requests = lab_requests();
	cr_assert_eq(g_strv_length(requests), 3);
	for (guint i = 0; i < 3; i++) {
		lab_assert_has(requests[i], "\"cmd\":240");
		lab_assert_has(requests[i], "\"host\":\"127.0.0.1\"");
	}
}

Test(doctor, speaks_to_people_without_json)
{
	open_clinic(NULL);
	g_autofree char *program = lab_program("isosocksctl");
	const struct lab_result result =
		lab_shell(LAB_NOBODY, "%s doctor -x 127.0.0.1:%u cat", program, proxy);
	lab_assert_status(&result, 0);
	lab_assert_out(&result, "program  fine     /");
	lab_assert_out(&result, "kernel   fine     Linux ");
}

/* ---- programs ---- */

Test(doctor, names_a_static_program)
{
	open_clinic(NULL);
	const struct lab_result result = doctor("build/tests/leak/plain-static");
	assert_finding(&result, 1, "program", "problem", "static");
}

Test(doctor, names_what_a_script_is_run_by)
{
	open_clinic(NULL);
	g_autofree char *make = g_strdup_printf(
		"printf '#!/bin/sh\\n' >good; printf '#!%s/build/tests/leak/plain-static\\n' >bad; "
		"printf '#!/none\\n' >lost;"
		"printf '#!%s/loop\\n' >loop; chmod 755 good bad lost loop",
		lab_folder(), lab_folder());
	prepare(make);
	const struct lab_result good = doctor("./good"), bad = doctor("./bad"),
				lost = doctor("./lost"), loop = doctor("./loop");
	assert_finding(&good, 0, "program", "fine", "dynamic");
	assert_finding(&bad, 1, "program", "problem", "static");
	assert_finding(&lost, 1, "program", "problem", "unreadable");
	assert_finding(&loop, 1, "program", "problem", "script");
}

Test(doctor, names_another_word_size_and_another_libc)
{
	lab_need("musl-gcc");
	open_clinic(NULL);
	/* The head of a 32-bit file is enough to tell it. */
	prepare("echo 'int main(void) { return 0; }' >x.c && musl-gcc -o musl x.c;"
		"printf '\\177ELF\\1\\1\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\2\\0\\3\\0' >short;"
		"chmod 755 short");
	const struct lab_result musl = doctor("./musl"), word = doctor("./short");
	assert_finding(&musl, 1, "program", "problem", "musl");
	assert_finding(&word, 1, "program", "problem", "32-bit");
}

Test(doctor, names_privileges_and_what_the_guard_makes_of_them)
{
	open_clinic(NULL);
	prepare("cp /bin/cat setuid && chmod 4755 setuid;"
		"printf '[guard]\\nenabled=false\\n' >bare.conf");
	if (lab_shell(LAB_NOBODY, "[ -u setuid ] && [ $(id -u) != 0 ]").status != 0)
		cr_skip_test("there is one user only");
	const struct lab_result result = doctor("./setuid"), bare = doctor("-c bare.conf ./setuid");
	assert_finding(&result, 0, "program", "note", "setuid");
	assert_finding(&bare, 1, "program", "problem", "setuid");
}

/* Root gains nothing, and asks for those who do. */
Test(doctor, names_privileges_that_only_others_gain)
{
	open_clinic(NULL);
	prepare("cp /bin/cat setuid && chmod 4755 setuid;"
		"printf '[guard]\\nenabled=false\\n' >bare.conf");
	g_autofree char *guarded = g_strdup_printf("-x 127.0.0.1:%u ./setuid", proxy);
	g_autofree char *bare = g_strdup_printf("-x 127.0.0.1:%u -c bare.conf ./setuid", proxy);

	for (const char *const *options = (const char *const[]){ guarded, bare, NULL }; *options;
	     options++) {
		const struct lab_result result = doctor_as(LAB_ROOT, *options);
		assert_finding(&result, 0, "program", "note", "setuid");
		cr_expect(strstr(result.out, "for all users but this one"), "%s", result.out);
	}
}

Test(doctor, names_file_capabilities)
{
	lab_need("setcap");
	open_clinic(NULL);
	prepare("cp /bin/cat capable");
	if (lab_shell(LAB_ROOT, "setcap cap_net_raw+ep capable").status != 0 ||
	    lab_shell(LAB_NOBODY, "[ $(id -u) != 0 ]").status != 0)
		cr_skip_test("no file capabilities here");
	const struct lab_result result = doctor("./capable");
	assert_finding(&result, 0, "program", "note", "capabilities");
}

Test(doctor, names_a_resolver_of_its_own)
{
	lab_need("dig");
	open_clinic(NULL);
	const struct lab_result result = doctor("dig");
	assert_finding(&result, 0, "program", "note", "resolver");
}

/* Libraries that leave a file where they are loaded, in every way in which a program may name one:
 * nobody who asks about a program wants anything of it to happen. */
Test(doctor, executes_and_loads_nothing_of_what_it_is_asked_about)
{
	static const char *const flags[] = {
		"-Wl,--audit=$PWD/evil.so",	 "-Wl,--depaudit=$PWD/evil.so",
		"./evil.so -Wl,-rpath,$PWD",	 "./evil.so -Wl,-rpath,'$ORIGIN'",
		"-Wl,-dynamic-linker,$PWD/evil", "-L. -lmiddle -Wl,-rpath,$PWD",
	};

	lab_need("cc");
	open_clinic(NULL);
	prepare("chmod 777 .; cat >evil.c <<'END'\n"
		"#include <fcntl.h>\n#include <unistd.h>\n"
		"unsigned la_version(unsigned v) { creat(\"it-ran\", 0666); return v; }\n"
		"__attribute__((constructor)) static void run(void) "
		"{ creat(\"it-ran\", 0666); }\n"
		"int main(void) { creat(\"it-ran\", 0666); return 0; }\nEND\n"
		"cc -shared -fPIC -o evil.so evil.c -Wl,-soname,evil.so; cc -o evil evil.c; "
		"echo >none.c; cc -shared -fPIC -Wl,--no-as-needed,--audit=$PWD/evil.so "
		"-o libmiddle.so none.c ./evil.so; echo 'int main(void) { return 0; }' >main.c");
	for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
		g_autofree char *build = g_strdup_printf(
			"cc -Wl,--no-as-needed -o p main.c %s -Wl,--allow-shlib-undefined",
			flags[i]);
		prepare(build);
		const struct lab_result result = doctor("./p");
		lab_assert_out(&result, "{\"about\":\"program\",");
		const struct lab_result ran = lab_shell(LAB_ROOT, "ls it-ran /it-ran 2>&1 | "
								  "grep -v cannot");
		cr_expect_str_eq(ran.out, "", "%s", flags[i]);
	}
	prepare("printf '#!%s/evil\n' \"$PWD\" >script; chmod 755 script");
	doctor("./script");
	const struct lab_result ran = lab_shell(LAB_ROOT, "test -e it-ran");
	cr_expect_neq(ran.status, 0, "the interpreter ran");
}

/* By the folder that the program itself has in it, and through a library that has another one. */
Test(doctor, finds_the_libraries_of_a_relative_path)
{
	static const char *const flags[] = {
		"-L. -lcares -Wl,-rpath,'$ORIGIN'",
		"-L. -lcares -Wl,-rpath,'${ORIGIN}/../sub',--disable-new-dtags",
		"-L. -lmiddle -Wl,-rpath,'$ORIGIN',--enable-new-dtags",
		"-L. -lmiddle -Wl,-rpath,'$ORIGIN',--disable-new-dtags",
	};

	lab_need("cc");
	open_clinic(NULL);
	prepare("mkdir -m 777 sub sub/deep; cd sub; echo 'int main(void) { return 0; }' >main.c; "
		"echo >none.c; cc -shared -fPIC -Wl,-soname,libcares.so.2 -o libcares.so.2 none.c; "
		"ln -s libcares.so.2 libcares.so; cc -shared -fPIC -Wl,--no-as-needed "
		"-o libmiddle.so none.c -L. -lcares -Wl,-rpath,'$ORIGIN'");
	for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
		g_autofree char *build = g_strdup_printf(
			"cd sub; cc -Wl,--no-as-needed -o p main.c %s -Wl,--allow-shlib-undefined",
			flags[i]);
		prepare(build);
		const struct lab_result here = doctor("sub/p"), above = doctor("./sub/deep/../p");
		assert_finding(&here, 0, "program", "note", "resolver");
		assert_finding(&above, 0, "program", "note", "resolver");
	}
}

Test(doctor, names_a_sanitizer)
{
	lab_need("cc");
	open_clinic(NULL);
	const struct lab_result built = lab_shell(
		LAB_ROOT, "echo 'int main(void) { return 0; }' >x.c && cc -fsanitize=address x.c");
	if (built.status != 0)
		cr_skip_test("no AddressSanitizer: %s", built.err);
	const struct lab_result result = doctor("./a.out");
	assert_finding(&result, 0, "program", "note", "sanitizer");
	const struct lab_result again = lab_shell(LAB_ROOT, "cc -fsanitize=thread x.c");
	if (again.status != 0)
		cr_skip_test("no ThreadSanitizer: %s", again.err);
	const struct lab_result thread = doctor("./a.out");
	assert_finding(&thread, 0, "program", "note", "thread-sanitizer");
}

Test(heavy_doctor, names_go_programs)
{
	lab_need("go");
	open_clinic(NULL);
	prepare("mkdir plain c && printf 'package main\\nfunc main() {}\\n' >plain/main.go && "
		"printf "
		"'package main\\nimport \"C\"\\nfunc main() {}\\n' >c/main.go && export HOME=$PWD "
		"GOCACHE=$PWD/cache && CGO_ENABLED=0 go build -o go plain/main.go && CGO_ENABLED=1 "
		"go "
		"build -o cgo c/main.go");
	const struct lab_result plain = doctor("./go"), c = doctor("./cgo");
	assert_finding(&plain, 1, "program", "problem", "go");
	assert_finding(&c, 1, "program", "problem", "cgo");
}

Test(doctor, names_containers_by_their_paths)
{
	open_clinic(NULL);
	prepare("mkdir -p flatpak/exports/bin && printf '#!/bin/sh\\n' >flatpak/exports/bin/org.x "
		"&&"
		"chmod 755 flatpak/exports/bin/org.x && mkdir bin && cp /bin/cat bin/snap &&"
		"ln -s bin/snap player");
	const struct lab_result flatpak = doctor("./flatpak/exports/bin/org.x"),
				snap = doctor("./player");
	assert_finding(&flatpak, 1, "program", "problem", "flatpak");
	assert_finding(&snap, 1, "program", "problem", "snap");
}

Test(doctor, names_a_rule_about_the_program)
{
	open_clinic(NULL);
	prepare("printf '[application a]\\nmatch=/usr/bin/cat;/bin/cat\\naction=direct\\n"
		"[application b]\\nmatch=*/sort\\naction=deny\\n"
		"[application c]\\nmatch=*/comm\\nurl=127.0.0.1:1\\n' >rules.conf");
	const struct lab_result direct = doctor("-c rules.conf cat"),
				denied = doctor("-c rules.conf sort"),
				other = doctor_as(LAB_NOBODY, "-c rules.conf comm"),
				none = doctor("-c rules.conf ls");
	assert_finding(&direct, 0, "program", "note", "direct");
	assert_finding(&denied, 1, "program", "problem", "denied");
	assert_finding(&other, 3, "proxy", "problem", "unreachable");
	lab_assert_status(&none, 0);
	cr_assert_null(strstr(none.out, "[application"), "%s", none.out);
}

Test(doctor, names_who_leaves_work_to_a_daemon_and_who_needs_datagrams)
{
	open_clinic(NULL);
	prepare("cp /bin/cat gpg; cp /bin/cat ping; ln -s gpg gpg2; "
		"cp \"$(ldd /bin/sh | grep -o '/[^ ]*/ld[^ ]*')\" loader; chmod 755 loader");
	const struct lab_result gpg = doctor("./gpg"), gpg2 = doctor("./gpg2"),
				ping = doctor("./ping"), loader = doctor("./loader");
	assert_finding(&gpg, 0, "program", "note", "daemon");
	assert_finding(&gpg2, 0, "program", "note", "daemon");
	assert_finding(&ping, 0, "program", "note", "datagrams");
	assert_finding(&loader, 0, "program", "note", "loader");
}

Test(doctor, names_an_image)
{
	open_clinic(NULL);
	prepare("cp /bin/cat image && printf 'AI\\2' | dd of=image bs=1 seek=8 conv=notrunc "
		"2>/dev/null");
	const struct lab_result result = doctor("./image");
	lab_assert_out(&result, "\"what\":\"appimage\"");
}

Test(doctor, names_an_instance_that_runs_outside)
{
	open_clinic(NULL);
	prepare("cp /bin/cat firefox");
	const struct lab_result before = doctor("./firefox");
	/* It has written its line, so it runs under its own name; its input stays open. */
	const struct lab_result during = lab_shell(
		LAB_NOBODY,
		"mkfifo pipe; ./firefox pipe >out & exec 3>pipe; echo x >&3;"
		"until [ -s out ]; do :; done;"
		"build/isosocksctl doctor --json -x 127.0.0.1:%u ./firefox; s=$?; exec 3>&-; wait;"
		"exit $s",
		proxy);
	assert_finding(&before, 0, "program", "fine", "dynamic");
	assert_finding(&during, 1, "program", "problem", "running");
}

Test(doctor, names_a_program_that_is_not_there)
{
	open_clinic(NULL);
	const struct lab_result result = doctor("no-such-program");
	assert_finding(&result, 1, "program", "problem", "not-found");
}

/* ---- the proxy ---- */

Test(doctor, tells_a_proxy_that_is_down_from_one_that_is_none)
{
	lab_open();
	g_autofree char *other =
		g_strdup_printf("-x 127.0.0.1:%u cat", lab_serve("something else"));
	const struct lab_result down = doctor_as(LAB_NOBODY, "-x 127.0.0.1:1 cat"),
				none = doctor_as(LAB_ROOT, other);
	assert_finding(&down, 3, "proxy", "problem", "unreachable");
	assert_finding(&none, 3, "proxy", "problem", "not-socks5");
}

Test(doctor, tells_whether_what_must_arrive_can_go)
{
	open_clinic("--methods none --fault reply:07");
	const struct lab_result derived = doctor("cat");
	assert_finding(&derived, 0, "proxy", "note", "no-keys");
	assert_finding(&derived, 0, "proxy", "note", "no-resolve");
	prepare("printf '[isolation]\\nkey.a=b\\n' >keys.conf");
	const struct lab_result explicit_key = doctor("-c keys.conf cat");
	assert_finding(&explicit_key, 3, "proxy", "problem", "unsuitable");
}

Test(doctor, tells_whether_the_keys_of_a_rule_can_go)
{
	open_clinic("--methods none");
	prepare("printf '[application a]\\nmatch=*/cat\\nkey.a=b\\n' >rule.conf;"
		"printf '[isolation]\\nrequire=always\\nby=none\\n' >none.conf");
	const struct lab_result cat = doctor("-c rule.conf cat"), ls = doctor("-c rule.conf ls"),
				none = doctor("-c none.conf ls");
	assert_finding(&cat, 3, "proxy", "problem", "unsuitable");
	assert_finding(&ls, 0, "proxy", "note", "no-keys");
	assert_finding(&none, 0, "proxy", "note", "no-keys");
}

Test(doctor, tells_wrong_credentials)
{
	open_clinic("--user me:secret");
	g_autofree char *right = g_strdup_printf("-x me:secret@127.0.0.1:%u cat", proxy);
	g_autofree char *wrong = g_strdup_printf("-x me:wrong@127.0.0.1:%u cat", proxy);
	const struct lab_result good = doctor_as(LAB_NOBODY, right),
				bad = doctor_as(LAB_NOBODY, wrong);
	assert_finding(&good, 0, "proxy", "fine", "extended");
	assert_finding(&bad, 3, "proxy", "problem", "unsuitable");
	cr_assert_null(strstr(bad.out, "wrong"), "%s", bad.out);
}

/* ---- the machine ---- */

Test(doctor, tells_a_kernel_without_guard_or_leash)
{
	open_clinic(NULL);
	g_autofree char *deny = lab_program("deny");
	static const char *const kinds[] = { "seccomp", "leash" };

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
		for (enum lab_user user = 0; user < LAB_USERS; user++) {
			const struct lab_result result = lab_shell(
				user,
				"%s %s %s/build/isosocksctl doctor --json -x 127.0.0.1:%u cat",
				deny, kinds[i], lab_folder(), proxy);
			assert_finding(&result, 4, i == 0 ? "guard" : "leash", "problem",
				       "unavailable");
		}
	}
}

/* ---- settings ---- */

/* As isosocks has them: the system's file, the user's own in place of which another may be named,
 * the environment. */
Test(doctor, has_the_settings_of_the_command)
{
	lab_open();
	lab_cover_etc();
	const unsigned up = lab_proxy(NULL);
	g_autofree char *make = g_strdup_printf(
		"mkdir config; printf '[proxy]\\nurl=127.0.0.1:%u\\n' >config/isosocks.conf; "
		"printf '[proxy]\\nurl=127.0.0.1:1\\n' >/etc/isosocks.conf; printf "
		"'[proxy]\\nurl=127.0.0.1:2\\n' >other.conf; chmod -R go+rX config other.conf "
		"/etc/isosocks.conf",
		up);
	static const struct {
		const char *variables, *arguments, *url;
		int status;
	} rows[] = {
		{ "", "cat", "127.0.0.1:1", 3 },
		{ "XDG_CONFIG_HOME=$PWD/config", "cat", "", 0 },
		{ "XDG_CONFIG_HOME=$PWD/config", "-c other.conf cat", "127.0.0.1:2", 3 },
		{ "XDG_CONFIG_HOME=$PWD/config ISOSOCKS_CONFIG=other.conf", "cat", "127.0.0.1:2",
		  3 },
		{ "XDG_CONFIG_HOME=$PWD/config ISOSOCKS_PROXY=127.0.0.1:3", "cat", "127.0.0.1:3",
		  3 },
		{ "XDG_CONFIG_HOME=$PWD/config ISOSOCKS_PROXY=127.0.0.1:3", "-x 127.0.0.1:4 cat",
		  "127.0.0.1:4", 3 },
	};

	prepare(make);
	g_autofree char *ctl = lab_program("isosocksctl");
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		for (enum lab_user user = 0; user < LAB_USERS; user++) {
			const struct lab_result result =
				lab_shell(user, "%s %s doctor --json %s", rows[i].variables, ctl,
					  rows[i].arguments);
			lab_assert_status(&result, rows[i].status);
			lab_assert_out(&result, rows[i].url);
		}
	}
	prepare("printf '[proxy]\\nurl=nonsense:\\n' >/etc/isosocks.conf");
	const struct lab_result bad = lab_shell(LAB_NOBODY, "%s doctor cat", ctl);
	lab_assert_status(&bad, 2);
	cr_assert_not_null(strstr(bad.err, "/etc/isosocks.conf:2: "), "%s", bad.err);
}

Test(doctor, says_what_is_wrong_with_settings)
{
	lab_open();
	const struct lab_result result = doctor_as(LAB_NOBODY, "-x http://127.0.0.1:1");
	lab_assert_status(&result, 2);
	cr_assert_not_null(strstr(result.err, "isosocksctl doctor: --proxy: "), "%s", result.err);
}
