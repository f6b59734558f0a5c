/*
 * Whom the library believes, in every process of a machine: the rows of isosocks(7), SECURITY. The
 * hostile user sets all that a variable could do harm by; programs with privileges are copies of
 * `border` and `connect` on a file system of the lab's own.
 */
#include "compile.h"
#include "support/lab.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POLICY	   "/etc/isosocks.policy"
#define DIRECT	   "connect=ENETUNREACH"
#define BY_PROXY   "line=this is the neighbour"
#define NOWHERE	   "-l 203.0.113.5 80"
#define FOR_NOBODY "-l 198.51.100.1 80"

static struct {
	char *connect, *border, *border_static; /* the last with what executes it */
	char *hostile;				/* variables, for env(1) */
	unsigned neighbour;
} given;

static char *compile(const char *text, GByteArray **ret_policy)
{
	CONFIG_AUTO config = config_new();
	g_autofree char *url = g_strdup_printf("127.0.0.1:%u", lab_port());
	g_autoptr(GError) error = NULL;

	cr_assert(config_load_text(config, CONFIG_SYSTEM, "/etc/isosocks.conf", text, strlen(text),
				   &error) &&
			  config_set(config, CONFIG_COMMAND_LINE, "proxy", "url", url, &error),
		  "%s", error ? error->message : "");
	config->min_uid = 1000;
	if (ret_policy)
		*ret_policy = compile_policy(config, &error);
	return compile_text(config, &error);
}

static void write_policy(const char *text)
{
	g_autoptr(GByteArray) policy = NULL;
	g_autofree char *armored = compile(text, &policy);

	cr_assert(g_file_set_contents(POLICY, (const char *)policy->data, policy->len, NULL));
	chmod(POLICY, 0644);
}

/* A copy of a built program, with these bits or capabilities of its file. */
static char *copy(const char *program, const char *name, mode_t mode, const char *capabilities)
{
	g_autofree char *from = lab_program(program);
	char *to = g_strdup_printf("/opt/%s", name);
	struct lab_result result =
		lab_shell(LAB_ROOT, "cp %s %s && chmod %o %s%s%s %s", from, to, (unsigned)mode, to,
			  capabilities ? " && setcap " : "", capabilities ? capabilities : "",
			  capabilities ? to : "");
	lab_assert_status(&result, 0);
	return to;
}

/* All that a variable could do harm by. */
static void arm(void)
{
	g_autofree char *policy = compile("[network]\ndirect=0.0.0.0/0\n", NULL);

	given.hostile =
		g_strdup_printf("ISOSOCKS_POLICY=%s ISOSOCKS_LOG=debug ISOSOCKS_LOG_FILE=%s/"
				"victim ISOSOCKS_PROXY=127.0.0.1:9 ISOSOCKS_USERNAME=u "
				"ISOSOCKS_PASSWORD=p ISOSOCKS_KEY_A=hostile "
				"ISOSOCKS_BY=none XDG_RUNTIME_DIR=%s",
				policy, lab_folder(), lab_folder());
}

static void open_machine(const char *policy)
{
	lab_open();
	lab_cover_etc();
	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer's runtime does not come before ld.so.preload");
	struct lab_result mounted = lab_shell(LAB_ROOT, "mount -t tmpfs -o mode=755 none /opt");
	lab_assert_status(&mounted, 0);
	given.neighbour = lab_serve("the neighbour");
	g_autofree char *map = g_strdup_printf("--map example.test=127.0.0.1:%u "
					       "--map 203.0.113.5=127.0.0.1:%u",
					       given.neighbour, given.neighbour);
	lab_proxy(map);
	given.connect = copy("connect", "connect", 0755, NULL);
	given.border = copy("border", "border", 04755, NULL);
	g_autofree char *is_static = copy("border-static", "border-static", 04755, NULL);
	g_autofree char *execute = copy("execute", "execute", 0755, NULL);
	/* The library's own exec does not start what it does not reach. */
	given.border_static = g_strdup_printf("%s raw %s", execute, is_static);
	write_policy(policy);
	g_autofree char *line = g_strdup_printf("%s/build/libisosocks.so\n", lab_folder());
	cr_assert(g_file_set_contents("/etc/ld.so.preload", line, -1, NULL));
	chmod("/etc/ld.so.preload", 0644);
	arm();
}

/* A command of this user's, in an environment with these variables. */
static struct lab_result run_as(unsigned user, const char *variables, const char *command)
{
	return lab_shell(LAB_ROOT,
			 "setpriv --reuid=%u --regid=%u --clear-groups --inh-caps=-all -- "
			 "env %s %s",
			 user, user, variables, command);
}

static void assert_says(unsigned user, const char *variables, const char *command,
			const char *expected)
{
	struct lab_result result = run_as(user, variables, command);

	cr_expect_not_null(strstr(result.out, expected), "user %u, %s: no %s in\n%s%s", user,
			   command, expected, result.out, result.err);
}

static void assert_no_victim(void)
{
	g_autofree char *victim = lab_path("victim");
	g_autofree char *why = lab_path("isosocks-why");

	cr_expect_neq(access(victim, F_OK), 0, "%s is there", victim);
	cr_expect_neq(access(why, F_OK), 0, "%s is there", why);
}

static void assert_direct(unsigned user, const char *variables, const char *before)
{
	g_autofree char *command =
		g_strdup_printf("%s%s%s %s", before, *before ? " " : "", given.connect, NOWHERE);

	assert_says(user, variables, command, DIRECT);
}

/* Through the machine's proxy; the only request in its log, to be freed. */
static char *assert_proxied(unsigned user, const char *variables, const char *command)
{
	g_autofree char *whole = g_strdup_printf("%s 203.0.113.5 80", command);

	assert_says(user, variables, whole, BY_PROXY);
	return lab_only_request();
}

static void assert_lacks(const char *line, const char *text)
{
	cr_expect_null(strstr(line, text), "%s is in %s", text, line);
}

/* ---- programs that become root ---- */

/* The helper is root's as a whole: no border lies before it, and its environment is a user's. */
Test(trust, a_helper_of_a_setuid_program_obeys_no_variable)
{
	open_machine("[log]\nwhy=true\n");
	g_autofree char *helper = g_strdup_printf("%s -r", given.border);
	g_autofree char *unseen = g_strdup_printf("%s -r /usr/bin/env", given.border);

	assert_direct(1000, given.hostile, helper);
	assert_direct(1000, "ISOSOCKS_POLICY=x", helper);
	assert_direct(1000, "ISOSOCKS_:/opt/e.so:=1 ISOSOCKS_LOG_FILE=/etc/ld.so.preload", helper);
	assert_no_victim();
	const struct lab_result seen = run_as(1000, given.hostile, unseen);
	assert_lacks(seen.out, "ISOSOCKS_");
	g_autofree char *list = NULL;
	cr_assert(g_file_get_contents("/etc/ld.so.preload", &list, NULL, NULL));
	assert_lacks(list, "error");
}

Test(trust, a_setuid_program_has_none_of_our_variables)
{
	open_machine("");
	g_autofree char *itself = g_strdup_printf("%s -e -E /bin/true", given.border);
	const struct lab_result result = run_as(1000, given.hostile, itself);

	lab_assert_status(&result, 0);
	cr_assert_str_empty(result.out);
	assert_direct(1000, given.hostile, given.border);
	assert_no_victim();
}

/* Nobody takes the variables out of it, so the helper has them. */
Test(trust, a_helper_of_a_static_setuid_program_obeys_no_variable)
{
	open_machine("[log]\nwhy=true\n");
	g_autofree char *helper = g_strdup_printf("%s -r", given.border_static);
	g_autofree char *seen = g_strdup_printf("%s -r /usr/bin/env", given.border_static);

	assert_says(1000, given.hostile, seen, "ISOSOCKS_LOG_FILE=");
	assert_direct(1000, given.hostile, helper);
	assert_direct(1000, "ISOSOCKS_POLICY=x", helper);
	assert_no_victim();
}

/* One person's program that becomes another's: what isolates is at most too much. */
Test(trust, a_program_of_another_person_writes_no_file_of_his)
{
	open_machine("[log]\nwhy=true\n");
	g_autofree char *other =
		g_strdup_printf("%s -u 1001 %s", given.border_static, given.connect);
	g_autofree char *line = assert_proxied(1000, given.hostile, other);

	lab_assert_has(line, "\"user=1001;app=/opt/connect\"");
	assert_no_victim();
}

Test(trust, su_leaves_the_variables_of_a_user_behind)
{
	lab_need("su");
	open_machine("");
	const struct lab_result opened = lab_shell(
		LAB_ROOT,
		"sed -i 's/^root:[^:]*:/root::/' /etc/shadow /etc/passwd && "
		"printf 'auth sufficient pam_permit.so\\naccount sufficient pam_permit.so\\n"
		"session optional pam_permit.so\\n' >/etc/pam.d/su");
	lab_assert_status(&opened, 0);
	g_autofree char *command =
		g_strdup_printf("su -s /bin/sh root -c 'env; %s %s'", given.connect, NOWHERE);
	const struct lab_result result = run_as(1000, given.hostile, command);

	lab_assert_out(&result, DIRECT);
	assert_lacks(result.out, "ISOSOCKS_");
	assert_no_victim();
}

/* ---- root, and the machine's own users ---- */

Test(trust, nobody_spared_reads_a_variable)
{
	open_machine("[log]\nwhy=true\n");
	for (unsigned user = 0; user < 1000; user += 999) {
		assert_direct(user, given.hostile, "");
		assert_direct(user, "ISOSOCKS_POLICY=x", "");
		assert_direct(user, "ISOSOCKS_ISOLATON=x", "");
		assert_direct(user, "ISOSOCKS_BY=x", "");
	}
	assert_no_victim();
}

/* What LD_PRELOAD names could do anything in the process anyhow. */
Test(trust, roots_own_run_obeys_its_variables)
{
	open_machine("");
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *inside = g_strdup_printf("%s -x 127.0.0.1:%u env ISOSOCKS_KEY_A=mine %s",
						  isosocks, lab_port(), given.connect);
	g_autofree char *line = assert_proxied(0, "HOME=/", inside);

	lab_assert_has(line, "\"A\":\"mine\"");
}

/* ---- people ---- */

Test(trust, a_persons_program_obeys_what_isolates)
{
	open_machine("[log]\nwhy=true\n");
	g_autofree char *line = assert_proxied(1000, given.hostile, given.connect);

	lab_assert_has(line, "\"A\":\"hostile\"");
	lab_assert_has(line, "\"ISOLATION\":\"user=1000;app=/opt/connect\"");
	g_autofree char *more =
		assert_proxied(1000, "ISOSOCKS_BY=destination ISOSOCKS_ISOLATION=x", given.connect);
	lab_assert_has(more, "\"user=1000;app=/opt/connect;dest=203.0.113.5:80;token=x\"");
	assert_no_victim();
}

Test(trust, a_persons_mistake_still_stops_him)
{
	open_machine("");
	g_autofree char *command = g_strdup_printf("%s %s", given.connect, NOWHERE);

	assert_says(1000, "ISOSOCKS_ISOLATON=x", command, "connect=EACCES");
	assert_says(1000, "ISOSOCKS_BY=x", command, "connect=EACCES");
}

/* ---- programs with privileges that act for a person ---- */

static void assert_covered(const char *program)
{
	g_autofree char *line = assert_proxied(1000, given.hostile, program);

	assert_lacks(line, "hostile");
	lab_assert_has(line, "\"offered\":[151,2,0]");
	cr_expect_not_null(strstr(line, "user=1000;app="), "%s", line);
	assert_no_victim();
}

Test(trust, a_setgid_program_goes_by_the_machines_policy)
{
	open_machine("[log]\nwhy=true\n");
	g_autofree char *program = copy("connect", "setgid", 02755, NULL);

	assert_covered(program);
	assert_direct(999, given.hostile, "");
}

Test(trust, a_program_with_file_capabilities_goes_by_the_machines_policy)
{
	lab_need("setcap");
	open_machine("[log]\nwhy=true\n");
	g_autofree char *program = copy("connect", "capable", 0755, "cap_net_raw+ep");

	assert_covered(program);
}

Test(trust, a_program_that_is_setuid_to_a_person_goes_by_the_machines_policy)
{
	open_machine("");
	g_autofree char *program = copy("connect", "other", 0755, NULL);
	cr_assert_eq(chown(program, 1001, 1001), 0);
	cr_assert_eq(chmod(program, 04755), 0);
	g_autofree char *line = assert_proxied(1000, given.hostile, program);

	lab_assert_has(line, "\"user=1001;app=/opt/other\"");
	assert_lacks(line, "hostile");
}

/* ---- user namespaces ---- */

static void need_user_namespaces(void)
{
	const struct lab_result result = run_as(1000, "", "unshare -Ur true");

	if (result.status != 0)
		cr_skip_test("people may make no user namespace here");
}

Test(trust, root_of_a_persons_namespace_goes_by_the_proxy)
{
	static const char *const ways[] = { "unshare -Ur", "unshare -U --map-user=8", "unshare -U",
					    "unshare -Ur unshare -Ur",
					    "unshare -Urm sh -c 'mount -t tmpfs none /proc && "
					    "\"$@\"' sh" };

	open_machine("");
	need_user_namespaces();
	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
		g_autofree char *command = g_strdup_printf("%s %s", ways[i], given.connect);
		free(assert_proxied(1000, "", command));
	}
}

Test(trust, root_of_a_persons_namespace_is_that_person)
{
	open_machine("");
	need_user_namespaces();
	g_autofree char *one = g_strdup_printf("unshare -Ur %s", given.connect);
	g_autofree char *as_system = g_strdup_printf("unshare -U --map-user=8 %s", given.connect);
	g_autofree char *unmapped = g_strdup_printf("unshare -U %s", given.connect);

	for (unsigned user = 1000; user <= 1001; user++) {
		g_autofree char *expected = g_strdup_printf("\"user=%u;app=/opt/connect\"", user);
		g_autofree char *line = assert_proxied(user, "", one);
		lab_assert_has(line, expected);
		g_autofree char *second = assert_proxied(user, "", as_system);
		lab_assert_has(second, expected);
		free(assert_proxied(user, "", unmapped));
	}
}

/* The value, between the quotes behind ISOLATION. */
static char *isolation_of(const char *line)
{
	const char *at = strstr(line, "\"ISOLATION\":\"");

	cr_assert(at, "%s", line);
	at += strlen("\"ISOLATION\":\"");
	return g_strndup(at, strcspn(at, "\""));
}

Test(trust, no_two_people_are_one_in_namespaces_inside_others)
{
	open_machine("");
	need_user_namespaces();
	g_autofree char *nested = g_strdup_printf("unshare -Ur unshare -Ur %s", given.connect);
	g_autofree char *a = assert_proxied(1000, "", nested);
	g_autofree char *b = assert_proxied(1001, "", nested);
	g_autofree char *of_a = isolation_of(a), *of_b = isolation_of(b);

	cr_assert_str_neq(of_a, of_b);
}

Test(trust, root_of_a_namespace_of_roots_is_spared)
{
	open_machine("");
	assert_direct(0, "", "unshare -Ur");
	assert_direct(0, "", "unshare -U --map-root-user --map-user=0");
}

Test(trust, without_a_policy_nobody_of_a_persons_namespace_goes_past)
{
	open_machine("");
	need_user_namespaces();
	unlink(POLICY);
	g_autofree char *command = g_strdup_printf("unshare -Ur %s %s", given.connect, NOWHERE);
	g_autofree char *setgid = copy("connect", "setgid", 02755, NULL);
	g_autofree char *other = g_strdup_printf("%s %s", setgid, NOWHERE);

	assert_says(1000, "", command, "connect=EACCES");
	assert_says(1000, "", other, "connect=EACCES");
	assert_direct(0, "", "unshare -Ur");
	assert_direct(1000, given.hostile, given.border);
}

/* ---- whom a connection is of ---- */

/* A lab with a proxy and nothing preloaded: what follows is of isosocks itself. */
static void open_lab(void)
{
	lab_open();
	lab_need_root();
	given.neighbour = lab_serve("the neighbour");
	g_autofree char *map = g_strdup_printf("--map 203.0.113.5=127.0.0.1:%u", given.neighbour);
	lab_proxy(map);
	given.connect = lab_program("connect");
}

static void assert_users(const char *options, const char *command, const char *const *users)
{
	const struct lab_result result = lab_run(LAB_ROOT, options, "%s", command);
	g_auto(GStrv) lines = lab_requests();

	lab_assert_status(&result, 0);
	cr_assert_eq(g_strv_length(lines), g_strv_length((char **)users), "%s: %u requests",
		     command, g_strv_length(lines));
	for (guint i = 0; users[i]; i++) {
		cr_expect_not_null(strstr(lines[i], users[i]), "%s: no %s in %s", command, users[i],
				   lines[i]);
	}
	lab_forget();
}

Test(trust, a_daemon_is_each_of_its_users_in_turn)
{
	static const char *const users[] = { "user=0\"", "user=1001\"", "user=4000000000\"",
					     "user=0\"", NULL };
	static const char *const more[] = { "user=1001;dest=203.0.113.5:80;token=t",
					    "user=4000000000;dest=203.0.113.5:80;token=t", NULL };

	open_lab();
	g_autofree char *daemon = lab_program("daemon");
	g_autofree char *children =
		g_strdup_printf("%s 203.0.113.5 80 0 1001 4000000000 0", daemon);
	g_autofree char *turns =
		g_strdup_printf("%s -e 203.0.113.5 80 0 1001 4000000000 0", daemon);
	g_autofree char *vary =
		g_strdup_printf("env ISOSOCKS_ISOLATION=t %s -e 203.0.113.5 80 1001 "
				"4000000000",
				daemon);

	assert_users("-b user", children, users);
	assert_users("-b user", turns, users);
	assert_users("-b 'user;destination'", vary, more);
}

/* Proposal 351's password is written once where it stays the same. */
Test(trust, a_daemon_is_each_of_its_users_by_password_too)
{
	static const char *const users[] = { "user%3D0\"", "user%3D1001\"", "user%3D1002\"",
					     "user%3D0\"", NULL };

	open_lab();
	g_autofree char *map = g_strdup_printf("--methods password --map 203.0.113.5=127.0.0.1:%u",
					       given.neighbour);
	lab_proxy(map);
	g_autofree char *daemon = lab_program("daemon");
	g_autofree char *turns = g_strdup_printf("%s -e 203.0.113.5 80 0 1001 1002 0", daemon);

	assert_users("-b user", turns, users);
}

/* Its own filter would kill it for the question who it is. */
Test(trust, a_program_that_forbids_the_question_is_who_it_was)
{
	static const char *const root[] = { "user=0\"", NULL };

	if (g_getenv("SANITIZER"))
		cr_skip_test("a sanitizer makes calls of its own");
	open_lab();
	g_autofree char *daemon = lab_program("daemon");
	g_autofree char *run = g_strdup_printf("%s -s 203.0.113.5 80", daemon);

	assert_users("-b user", run, root);
}

Test(trust, two_users_with_namespaces_of_their_own_are_two)
{
	open_lab();
	for (unsigned user = 1000; user <= 1001; user++) {
		g_autofree char *expected = g_strdup_printf("\"ISOLATION\":\"user=%u\"", user);
		g_autofree char *isosocks = lab_program("isosocks");
		g_autofree char *run = g_strdup_printf("%s -x 127.0.0.1:%u -b user unshare -Ur %s",
						       isosocks, lab_port(), given.connect);
		g_autofree char *line = assert_proxied(user, "", run);
		lab_assert_has(line, expected);
	}
}

/* The values of proc= so far, each once; how many lines had one is in *ret_lines. */
static GHashTable *find_processes(guint *ret_lines)
{
	GHashTable *found = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_auto(GStrv) lines = lab_requests();

	*ret_lines = g_strv_length(lines);
	for (guint i = 0; lines[i]; i++) {
		const char *at = strstr(lines[i], "proc=");
		cr_assert(at, "%s", lines[i]);
		g_hash_table_add(found, g_strndup(at, strlen("proc=") + 16));
	}
	lab_forget();
	return found;
}

/* Each is number 1 of its namespace, and all begin at once. */
Test(trust, no_two_processes_are_one_in_pid_namespaces)
{
	guint lines;

	open_lab();
	const struct lab_result result = lab_run(
		LAB_ROOT, "-b process",
		"sh -c 'for i in $(seq 40); do unshare -pf %s -l 203.0.113.5 80 & done; wait'",
		given.connect);
	lab_assert_status(&result, 0);
	g_autoptr(GHashTable) found = find_processes(&lines);
	cr_assert_eq(lines, 40);
	cr_assert_eq(g_hash_table_size(found), 40);
}

/* Neither by fork() nor by vfork(), whose child has its parent's memory; and each stays itself. */
Test(trust, a_child_is_another_process)
{
	guint lines;

	open_lab();
	g_autofree char *daemon = lab_program("daemon");
	const struct lab_result forked =
		lab_run(LAB_ROOT, "-b process", "%s -f -v 203.0.113.5 80", daemon);
	lab_assert_status(&forked, 0);
	g_autoptr(GHashTable) three = find_processes(&lines);
	cr_assert_eq(lines, 3);
	cr_assert_eq(g_hash_table_size(three), 3);
	const struct lab_result turns =
		lab_run(LAB_ROOT, "-b process", "%s -e 203.0.113.5 80 0 0 0", daemon);
	lab_assert_status(&turns, 0);
	g_autoptr(GHashTable) one = find_processes(&lines);
	cr_assert_eq(lines, 3);
	cr_assert_eq(g_hash_table_size(one), 1);
}

/* ---- environments that are cleared ---- */

static void assert_keys(const char *variables, const char *command, const char *expected)
{
	g_autofree char *line = assert_proxied(1000, variables, command);

	cr_expect_not_null(strstr(line, expected), "%s %s: no %s in %s", variables, command,
			   expected, line);
}

Test(trust, keys_come_through_a_cleared_environment)
{
	static const char *const ways[] = {
		"env -i",
		"env -i PATH=/bin HOME=/",
		"env -i env -i",
		"/opt/execute -c execve",
		"/opt/execute -0 execve",
		"/opt/execute -c posix_spawn",
		"/opt/execute -c system",
		"/opt/execute -c popen",
		"/opt/execute -v -c execve",
		"env -i sh -c '\"$@\"' sh",
		"env -i sh -c 'env -i \"$@\"; :' sh",
	};

	open_machine("");
	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
		g_autofree char *command = g_strdup_printf("%s %s", ways[i], given.connect);
		assert_keys("ISOSOCKS_ISOLATION=work", command, ";token=work\"");
		assert_keys("ISOSOCKS_KEY_TAB=7", command, "\"TAB\":\"7\"");
		assert_keys("ISOSOCKS_KEYS=a=b", command, "\"a\":\"b\"");
	}
}

Test(trust, keys_that_were_changed_stay_so)
{
	open_machine("");
	g_autofree char *other =
		g_strdup_printf("env -i ISOSOCKS_ISOLATION=play %s", given.connect);
	g_autofree char *one = g_strdup_printf("env -u ISOSOCKS_KEY_A %s", given.connect);

	assert_keys("ISOSOCKS_ISOLATION=work", other, ";token=play\"");
	assert_keys("ISOSOCKS_KEY_A=1 ISOSOCKS_ISOLATION=work", one,
		    "\"pairs\":{\"ISOLATION\":\"user=1000;app=/opt/connect;token=work\"}");
}

/* What a user hands to a program of root's is not kept for those behind it. */
Test(trust, a_border_hands_no_keys_on)
{
	open_machine("");
	g_autofree char *setgid = copy("border", "setgid", 02755, NULL);
	g_autofree char *cleared = g_strdup_printf("%s /usr/bin/env -i %s", setgid, given.connect);
	g_autofree char *line = assert_proxied(1000, "ISOSOCKS_ISOLATION=work", cleared);
	assert_lacks(line, "work");
}

/* ---- what the machine demands ---- */

#define DEMANDS "[isolation]\nrequire=always\n[network]\ndeny=203.0.113.0/24;.denied.test\n"

/* Under such a policy all that DEMANDS refuses would be let through, or go directly. */
static char *forge(void)
{
	return compile("[isolation]\nrequire=never\n[network]\ndirect=203.0.113.0/24\n", NULL);
}

/* A proxy that takes no keys, so that what must arrive does not. */
static void open_demands(void)
{
	open_lab();
	lab_cover_etc();
	lab_proxy("--methods none");
	cr_assert(g_file_set_contents("/etc/isosocks.conf", DEMANDS, -1, NULL));
	chmod("/etc/isosocks.conf", 0644);
}

static void assert_demands(const char *before)
{
	static const struct {
		const char *target, *expected;
	} rows[] = {
		{ "-l 203.0.113.5 80", "connect=EACCES" },
		{ "-l -u 203.0.113.5 80", "connect=EACCES" },
		{ "-l ::ffff:203.0.113.5 80", "connect=EACCES" },
		{ "-l www.denied.test 80", "connect=EACCES" },
		{ "-l WWW.Denied.Test. 80", "connect=EACCES" },
		{ "-l 198.51.100.1 80", "connect=EPROTONOSUPPORT" },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *command =
			g_strdup_printf("%s %s %s", before, given.connect, rows[i].target);
		assert_says(1000, "HOME=/", command, rows[i].expected);
	}
	lab_forget();
}

Test(trust, no_policy_takes_back_what_the_machine_demands_of_isosocks)
{
	open_demands();
	g_autofree char *forged = forge();
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *own = lab_config("[isolation]\nrequire=never\n[network]\n"
					  "direct=203.0.113.0/24\n[application own]\nmatch=*\n"
					  "action=proxy\n");
	g_autofree char *before = g_strdup_printf("env ISOSOCKS_POLICY=%s %s", forged, isosocks);
	g_autofree char *plain =
		g_strdup_printf("%s --no-guard -x 127.0.0.1:%u", isosocks, lab_port());
	g_autofree char *nested = g_strdup_printf("%s %s", plain, before);
	g_autofree char *twice = g_strdup_printf("%s %s", before, isosocks);
	g_autofree char *with_file = g_strdup_printf("%s %s", before, own);
	g_autofree char *unguarded = g_strdup_printf("%s --no-guard %s", nested, own);
	const char *const ways[] = { plain, before, nested, twice, with_file, unguarded };

	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++)
		assert_demands(ways[i]);
}

/* The library reads what is compiled, whatever policy it is given. */
Test(trust, no_policy_takes_back_what_is_compiled)
{
	open_demands();
	write_policy(DEMANDS);
	unlink("/etc/isosocks.conf");
	g_autofree char *forged = forge();
	g_autofree char *library = lab_program("libisosocks.so");
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *by_hand =
		g_strdup_printf("env LD_PRELOAD=%s%s%s ISOSOCKS_POLICY=%s",
				g_getenv("SANITIZER") ? g_getenv("SANITIZER") : "",
				g_getenv("SANITIZER") ? ":" : "", library, forged);
	g_autofree char *run =
		g_strdup_printf("%s --no-guard -x 127.0.0.1:%u", isosocks, lab_port());
	g_autofree char *inside = g_strdup_printf("%s env ISOSOCKS_POLICY=%s", run, forged);
	const char *const ways[] = { by_hand, run, inside };

	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++)
		assert_demands(ways[i]);
	cr_assert(g_file_set_contents(POLICY, "damaged", -1, NULL));
	chmod(POLICY, 0644);
	g_autofree char *command = g_strdup_printf("%s %s -l 198.51.100.1 80", run, given.connect);
	assert_says(1000, "HOME=/", command, "connect=EACCES");
}

Test(trust, no_policy_takes_back_that_a_program_is_denied)
{
	static const char demands[] = "[application one]\nmatch=*/connect\nuser=1000\n"
				      "action=deny\n";

	open_demands();
	g_autofree char *forged = forge();
	g_autofree char *isosocks = lab_program("isosocks");
	g_autofree char *run = g_strdup_printf("%s --no-guard", isosocks);
	g_autofree char *command = g_strdup_printf(
		"env ISOSOCKS_POLICY=%s %s %s -l 198.51.100.1 80", forged, run, given.connect);
	g_autofree char *apart = g_strdup_printf("env ISOSOCKS_POLICY=%s %s unshare -Ur %s -l "
						 "198.51.100.1 80",
						 forged, run, given.connect);

	for (int i = 0; i < 2; i++) {
		cr_assert(
			g_file_set_contents("/etc/isosocks.conf", i == 0 ? demands : "", -1, NULL));
		if (i == 1)
			write_policy(demands);
		assert_says(1000, "HOME=/", command, "connect=EACCES");
		assert_says(1000, "HOME=/", apart, "connect=EACCES");
		assert_says(1001, "HOME=/", command, DIRECT);
	}
}
