#include "session/inheritance.h"

#include "session/session.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct inheritance *read_from(char **variables)
{
	environ = variables;
	inheritance_read();
	return inheritance_get();
}

Test(inheritance, keeps_what_is_the_users_own)
{
	char *variables[] = { "HOME=/",
			      "LD_PRELOAD=libisosocks.so",
			      "ISOSOCKS_ISOLATION=work",
			      "ISOSOCKS_POLICY=x",
			      "ISOSOCKS_KEY_A=",
			      "ISOSOCKS_NAMES=1:2",
			      "ISOSOCKS_NO_VALUE",
			      NULL };
	const struct inheritance *read = read_from(variables);
	static const char kept[] = "ISOSOCKS_ISOLATION=work\0ISOSOCKS_KEY_A=\0";

	cr_assert_eq(memcmp(read->variables, kept, sizeof(kept)), 0);
	cr_assert_str_eq(read->names, "1:2");
	cr_assert(read->has_policy);
	cr_assert_not(read->is_cut);
}

/* Which is what a user put there, and what the library took no notice of. */
Test(inheritance, hands_on_no_policy_where_nobody_asked_for_the_library)
{
	char *variables[] = { "ISOSOCKS_POLICY=x", "ISOSOCKS_KEY_A=1", NULL };
	const struct inheritance *read = read_from(variables);

	cr_assert_not(read->has_policy);
	cr_assert_str_eq(read->variables, "ISOSOCKS_KEY_A=1");
}

Test(inheritance, is_nothing_in_an_empty_environment)
{
	char *none[] = { NULL };
	const struct inheritance *read = read_from(none);

	cr_assert_str_empty(read->variables);
	cr_assert_str_empty(read->names);
	cr_assert_not(read->has_policy);
	cr_assert_null(read->library);
	cr_assert_not_null(read->loader);
	cr_assert_eq(access(read->loader, R_OK), 0);
}

Test(inheritance, says_when_there_is_more_than_it_keeps)
{
	static char large[60000];
	char *variables[] = { "ISOSOCKS_BY=user", large, NULL };

	memset(large, 'x', sizeof(large) - 1);
	memcpy(large, "ISOSOCKS_KEYS=", 14);
	const struct inheritance *read = read_from(variables);
	cr_assert_str_eq(read->variables, "ISOSOCKS_BY=user");
	cr_assert(read->is_cut);
}

Test(inheritance, takes_no_names_that_are_too_long)
{
	char *variables[] = { "ISOSOCKS_NAMES=1234567890:123456789012345678901234567890", NULL };

	cr_assert_str_empty(read_from(variables)->names);
}

Test(inheritance, has_a_policy_that_no_child_accepts_when_it_was_bad)
{
	struct session session = { .error = 0 };

	cr_assert_str_eq(inheritance_policy(&session), "ISOSOCKS_POLICY=");
}

Test(inheritance, gives_the_policy_back_as_it_was_given)
{
	unsetenv("ISOSOCKS_POLICY");
	setenv("LD_PRELOAD", "libisosocks.so", 1); /* somebody asked for the library */
	const struct session *session = session_get();
	char *text = strdup(inheritance_policy(session));

	cr_assert_eq(session->error, 0);
	cr_assert_eq(strncmp(text, "ISOSOCKS_POLICY=", 16), 0);
	cr_assert_str_eq(inheritance_policy(session), text);
	cr_assert_gt(strlen(text), 16u);
	free(text);
}
