#include "session/environment.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static struct environment read_block(char **block)
{
	struct environment environment;

	environ = block;
	environment_read(&environment, TRUST_EVERYTHING);
	return environment;
}

Test(session_environment, finds_each_variable)
{
	char *block[] = { "HOME=/",	     "ISOSOCKS_PROXY=a", "ISOSOCKS_LOG_FILE=b",
			  "ISOSOCKS_LOG=c",  "ISOSOCKS_KEYS=d",	 "ISOSOCKS_KEY_A=e",
			  "ISOSOCKS_POLICY", "ISOSOCKS_CONFIG=", NULL };
	const struct environment environment = read_block(block);

	cr_assert_str_eq(environment.proxy, "a");
	cr_assert_str_eq(environment.log_file, "b");
	cr_assert_str_eq(environment.log, "c");
	cr_assert_str_eq(environment.keys, "d");
	cr_assert_null(environment.policy);
	cr_assert_null(environment.unknown);
}

Test(session_environment, takes_the_first_of_two_as_getenv_does)
{
	char *block[] = { "ISOSOCKS_PROXY=first", "ISOSOCKS_PROXY=second", NULL };

	cr_assert_str_eq(read_block(block).proxy, "first");
}

Test(session_environment, finds_names_that_nobody_knows)
{
	static char *const names[] = { "ISOSOCKS_ISOLATON=x", "ISOSOCKS_=x", "ISOSOCKS_KEY=x",
				       "ISOSOCKS_PROXY2=x", "ISOSOCKS_proxy=x" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *block[] = { "ISOSOCKS_PROXY=a", names[i], "ISOSOCKSX=b", NULL };
		const struct environment environment = read_block(block);
		cr_assert_str_eq(environment.unknown, strchr(names[i], '_') + 1);
	}
}

Test(session_environment, goes_through_the_keys)
{
	char *block[] = { "ISOSOCKS_KEY_A=1", "PATH=/", "ISOSOCKS_KEY_=2", "ISOSOCKS_KEY_C", NULL };
	unsigned index = 0;

	read_block(block);
	cr_assert_str_eq(environment_next_key(&index), "A=1");
	cr_assert_str_eq(environment_next_key(&index), "=2");
	cr_assert_null(environment_next_key(&index));
}

/* ---- who is believed ---- */

static struct environment read_for_all(char **block)
{
	struct environment environment;

	environ = block;
	environment_read(&environment, TRUST_ISOLATION);
	return environment;
}

/* Every variable there is, in an environment without a word of the library. */
Test(session_environment, believes_only_what_isolates_where_nobody_asked)
{
	char *block[] = { "ISOSOCKS_POLICY=1",
			  "ISOSOCKS_NAMES=2",
			  "ISOSOCKS_CONFIG=3",
			  "ISOSOCKS_PROXY=4",
			  "ISOSOCKS_ISOLATION=5",
			  "ISOSOCKS_KEYS=6",
			  "ISOSOCKS_BY=7",
			  "ISOSOCKS_LOG=8",
			  "ISOSOCKS_LOG_FILE=9",
			  "ISOSOCKS_USERNAME=10",
			  "ISOSOCKS_PASSWORD=11",
			  "XDG_RUNTIME_DIR=/x",
			  NULL };
	const struct environment read = read_for_all(block);

	cr_assert_str_eq(read.isolation, "5");
	cr_assert_str_eq(read.keys, "6");
	cr_assert_str_eq(read.by, "7");
	cr_assert_str_eq(read.log, "8");
	cr_assert_str_eq(read.names, "2");
	cr_assert_null(read.policy);
	cr_assert_null(read.config);
	cr_assert_null(read.proxy);
	cr_assert_null(read.log_file);
	cr_assert_null(read.username);
	cr_assert_null(read.password);
	cr_assert_null(read.runtime);
	cr_assert_str_eq(read.unheeded, "POLICY=1");
}

Test(session_environment, believes_nothing_at_a_border)
{
	char *block[] = { "ISOSOCKS_ISOLATION=x", "ISOSOCKS_ISOLATON=x", "TORSOCKS_X=1", NULL };
	static const struct environment none;
	struct environment read;

	environ = block;
	environment_read(&read, TRUST_NOTHING);
	cr_assert_eq(memcmp(&read, &none, sizeof(none)), 0);
}

Test(session_environment, trusts_whom_the_dynamic_linker_trusts)
{
	static const struct {
		char *block[3];
		enum trust trust;
	} rows[] = {
		{ { "HOME=/" }, TRUST_ISOLATION },
		{ { "LD_PRELOAD=" }, TRUST_ISOLATION },
		{ { "LD_PRELOAD=/x/libother.so" }, TRUST_ISOLATION },
		{ { "LD_PRELOAD=/x/libisosocks.so" }, TRUST_EVERYTHING },
		{ { "LD_PRELOAD=a.so:libisosocks.so" }, TRUST_EVERYTHING },
		{ { "LD_PRELOAD=libisosocks.so", "LD_PRELOAD=" }, TRUST_ISOLATION },
		{ { "LD_PRELOAD=", "LD_PRELOAD=libisosocks.so" }, TRUST_EVERYTHING },
		{ { "XLD_PRELOAD=libisosocks.so" }, TRUST_ISOLATION },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		environ = (char **)rows[i].block;
		cr_expect_eq(environment_trust(), rows[i].trust, "row %zu", i);
	}
}

Test(session_environment, clears_all_that_is_ours_and_nothing_else)
{
	char *block[] = { "ISOSOCKS_A=1", "HOME=/",	"ISOSOCKS_", "ISOSOCKSX=1",
			  "ISOSOCKS_=:",  "ISOSOCKS_B", NULL };
	char *none[] = { NULL };

	environ = block;
	environment_clear();
	cr_assert_str_eq(environ[0], "HOME=/");
	cr_assert_str_eq(environ[1], "ISOSOCKSX=1");
	cr_assert_null(environ[2]);
	environ = none;
	environment_clear();
	cr_assert_null(environ[0]);
	environ = NULL;
	environment_clear();
}
