#include "session/environment.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

static struct environment read_block(char **block)
{
	struct environment environment;

	environ = block;
	environment_read(&environment);
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
