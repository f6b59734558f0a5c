#include "site.h"

#include "compile.h"
#include "config.h"

#include <criterion/criterion.h>
#include <string.h>

Test(site, takes_users_by_name_and_number)
{
	SITE_SCOPE_AUTO scope = { 0 };
	g_autoptr(GError) error = NULL;

	cr_assert(site_parse_users("root,1234", &scope, &error));
	g_autofree char *words = site_explain(&scope);
	cr_assert_str_eq(words, "users 0, 1234");
}

Test(site, takes_a_lowest_number)
{
	SITE_SCOPE_AUTO scope = { 0 };

	cr_assert(site_parse_min_uid("4294967294", &scope, NULL));
	g_autofree char *words = site_explain(&scope);
	cr_assert_str_eq(words, "users from number 4294967294 on");
}

Test(site, refuses_what_is_no_user)
{
	static const char *const lists[] = { "",   ",",		 "root,", "no such user",
					     "-1", "4294967295", "1 2" };
	static const char *const numbers[] = { "", "-1", "+1", "x", "1x", "4294967295", "1e3" };
	struct site_scope scope = { 0 };

	for (size_t i = 0; i < G_N_ELEMENTS(lists); i++) {
		g_autoptr(GError) error = NULL;
		cr_expect_not(site_parse_users(lists[i], &scope, &error), "%s", lists[i]);
		cr_expect_not_null(error);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++) {
		g_autoptr(GError) error = NULL;
		cr_expect_not(site_parse_min_uid(numbers[i], &scope, &error), "%s", numbers[i]);
		cr_expect_not_null(error);
	}
	cr_expect_null(scope.users);
}

/* The scope stands in the policy, and is found there again. */
Test(site, compiles_the_scope_behind_the_rules_of_the_file)
{
	SITE_SCOPE_AUTO scope = { 0 };
	g_autoptr(GError) error = NULL;

	cr_assert(site_parse_users("7,8", &scope, &error));
	g_autoptr(GByteArray) policy = site_compile(&scope, &error);
	cr_assert_not_null(policy, "%s", error ? error->message : "");
	CONFIG_AUTO config = compile_restore(policy->data, policy->len, &error);
	cr_assert_not_null(config);
	cr_assert_eq(config->min_uid, 0xffffffffu);
	const struct config_application *last =
		config->applications->pdata[config->applications->len - 1];
	cr_assert_eq(last->users->len, 2);
	cr_assert_eq(g_array_index(last->users, uint32_t, 1), 8);
}
