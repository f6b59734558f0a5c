/*
 * Which processes know which names: a run's relatives know each other's, however a descriptor gets
 * lost on the way; other users and other runs do not.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>

static struct {
	char *lose, *connect, *names, *isosocks;
} here;

static void open_world(void)
{
	lab_open();
	lab_proxy("--fault reply:05");
	here.lose = lab_program("lose");
	here.connect = lab_program("connect");
	here.names = lab_program("names");
	here.isosocks = lab_program("isosocks");
}

/* The names that the proxy was asked for, with a blank behind each. */
static char *asked(void)
{
	g_auto(GStrv) requests = lab_requests();
	GString *names = g_string_new(NULL);

	for (char **line = requests; *line; line++) {
		const char *at = strstr(*line, "\"host\":\"") + strlen("\"host\":\"");
		g_string_append_printf(names, "%.*s ", (int)strcspn(at, "\""), at);
	}
	lab_forget();
	return g_string_free(names, FALSE);
}

static const char *const ways[] = {
	"nothing", "close", "closefrom", "close_range", "cloexec",	   "fcntl",
	"syscall", "proc",  "vfork",	 "fork_twice",	"spawn_closefrom", "spawn_close",
};

static void assert_knows(enum lab_user user, const char *options, const char *way)
{
	const struct lab_result result = lab_run(user, NULL, "%s %s %s parents.test childs.test 80",
						 here.lose, options, way);
	g_autofree char *names = asked();

	cr_assert_str_eq(names, "parents.test childs.test ", "%s %s: %s\n%s%s", options, way, names,
			 result.out, result.err);
}

Test(share, parents_and_children_know_each_others_names)
{
	open_world();
	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++)
		for (enum lab_user user = 0; user < LAB_USERS; user++)
			assert_knows(user, "", ways[i]);
}

/* A parent that has lost its own descriptor: its parent's is as good. */
Test(share, a_grandparents_descriptor_is_as_good)
{
	open_world();
	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
		const struct lab_result result = lab_run(
			i % LAB_USERS, NULL, "sh -c '%s -w %s parents.test childs.test 80; true'",
			here.lose, ways[i]);
		g_autofree char *names = asked();
		cr_assert_str_eq(names, "parents.test childs.test ", "%s: %s\n%s%s", ways[i], names,
				 result.out, result.err);
	}
}

/* ---- limits ---- */

static const char *const limits[] = { "ulimit -f 100", "ulimit -f 20",	  "ulimit -f 1",
				      "ulimit -f 0",   "ulimit -v 60000", "ulimit -f 0 -v 60000" };

/* A sanitizer has all addresses taken at the start. */
static bool can_be_met(const char *limit)
{
	return !g_getenv("SANITIZER") || !strstr(limit, "-v");
}

Test(share, programs_run_where_files_and_memory_are_limited)
{
	open_world();
	for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
		for (enum lab_user user = 0; user < LAB_USERS && can_be_met(limits[i]); user++) {
			const struct lab_result result = lab_shell(
				user, "bash -c '%s; %s -x 127.0.0.1:%u %s -l www.test 80'",
				limits[i], here.isosocks, lab_port(), here.connect);
			g_autofree char *names = asked();
			lab_assert_out(&result, "connect=ECONNREFUSED");
			cr_assert_str_eq(names, "www.test ", "%s: %s\n%s%s", limits[i], names,
					 result.out, result.err);
		}
	}
}

/* Set inside, by a program that then has children. */
Test(share, children_know_names_where_files_are_limited)
{
	open_world();
	for (size_t i = 0; i < G_N_ELEMENTS(ways); i++)
		assert_knows(i % LAB_USERS, "-s", ways[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
		if (!can_be_met(limits[i]))
			continue;
		const struct lab_result result =
			lab_run(i % LAB_USERS, NULL, "bash -c '%s; %s -l www.test 80'", limits[i],
				here.connect);
		g_autofree char *names = asked();
		cr_assert_str_eq(names, "www.test ", "%s: %s\n%s%s", limits[i], names, result.out,
				 result.err);
	}
}

/* Under a limit of memory a process has a small copy of what there was. */
Test(share, a_small_process_knows_what_was_looked_up_before)
{
	if (!can_be_met("ulimit -v 200000"))
		cr_skip_test("a sanitizer wants all addresses that there are");
	open_world();
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result result =
			lab_run(user, NULL,
				"bash -c 'a=$(%s -a gethostbyname www.test | cut -d\" \" -f2); "
				"ulimit -v 200000; %s -l $a 80'",
				here.names, here.connect);
		g_autofree char *names = asked();
		cr_assert_str_eq(names, "www.test ", "%s\n%s%s", names, result.out, result.err);
	}
}

/* ---- users ---- */

/* The child knows what was before it, and its parent's names stay as they are. */
Test(share, another_users_child_has_a_copy)
{
	static const char *const some[] = { "nothing", "closefrom", "vfork", "syscall" };

	open_world();
	lab_need_root();
	for (size_t i = 0; i < G_N_ELEMENTS(some); i++) {
		const struct lab_result result =
			lab_run(LAB_ROOT, NULL, "%s -u 65534 %s parents.test childs.test 80",
				here.lose, some[i]);
		g_autofree char *names = asked();
		cr_assert_str_eq(names, "parents.test ", "%s: %s\n%s%s", some[i], names, result.out,
				 result.err);
		lab_assert_out(&result, "parent=EHOSTUNREACH");
	}
}

/* What such a process can write of what it was given: no descriptor and no mapping is its parent's.
 */
Test(share, another_users_process_has_no_way_to_its_parents_names)
{
	static const char *const calls[] = { "setuid", "setreuid", "setresuid" };
	g_autofree char *folder = g_get_current_dir();
	g_autofree char *source = g_build_filename(folder, "tests/programs/shares.py", NULL);
	g_autofree char *text = NULL;

	open_world();
	lab_need_root();
	lab_need("/usr/bin/python3");
	g_autofree char *script = lab_path("shares.py");
	cr_assert(g_file_get_contents(source, &text, NULL, NULL));
	cr_assert(g_file_set_contents(script, text, -1, NULL));
	const struct lab_result same = lab_run(LAB_ROOT, NULL, "/usr/bin/python3 %s", script);
	lab_assert_out(&same, "shared\n");
	for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
		const struct lab_result result =
			lab_run(LAB_ROOT, NULL, "/usr/bin/python3 %s 65534 %s", script, calls[i]);
		lab_assert_out(&result, "apart\n");
	}
	const struct lab_result executed =
		lab_run(LAB_ROOT, NULL,
			"sh -c 'GIVEN=$ISOSOCKS_NAMES exec setpriv --reuid=65534 --clear-groups "
			"/usr/bin/python3 %s'",
			script);
	lab_assert_out(&executed, "apart\n");
}

/* ---- runs ---- */

/* A placeholder that somebody kept means nothing in the next run, or another one at the same time.
 */
Test(share, another_run_does_not_know_a_placeholder)
{
	open_world();
	for (enum lab_user user = 0; user < LAB_USERS; user++) {
		const struct lab_result kept =
			lab_run(user, NULL, "%s -a gethostbyname bank.test", here.names);
		g_auto(GStrv) words = g_strsplit(g_strchomp(kept.out), " ", 2);
		const struct lab_result later = lab_run(
			user, NULL, "sh -c '%s -l web.test 80; %s -l www.test 80; %s -l %s 80'",
			here.connect, here.connect, here.connect, words[1]);
		g_autofree char *names = asked();
		cr_assert_str_eq(names, "web.test www.test ", "%s: %s", words[1], names);
		lab_assert_out(&later, "connect=EHOSTUNREACH");
	}
}

/* Samba keeps addresses on disk for ten minutes, others do it in memory: in each run the same name
 * has another address, and the old one is nobody's. */
Test(share, runs_begin_at_addresses_of_their_own)
{
	g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	open_world();
	for (int i = 0; i < 8; i++) {
		const struct lab_result result =
			lab_run(i % LAB_USERS, NULL, "%s -a gethostbyname bank.test", here.names);
		g_hash_table_add(seen, result.out);
	}
	/* One chance in a hundred thousand that this is not so, for an honest start. */
	cr_assert_eq(g_hash_table_size(seen), 8u);
}
