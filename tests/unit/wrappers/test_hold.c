#include "hold.h"

#include "config.h"
#include "policy/blob.h"

#include <criterion/criterion.h>
#include <string.h>

static struct config *read_text(enum config_source source, const char *path, const char *text)
{
	struct config *config = config_new();
	g_autoptr(GError) error = NULL;

	cr_assert(config_load_text(config, source, path, text, strlen(text), &error), "%s",
		  error ? error->message : "");
	return config;
}

static guint count_denied(const struct config *config)
{
	guint count = 0;

	for (guint i = 0; i < config->rules->len; i++)
		count += g_array_index(config->rules, struct config_rule, i).action ==
			 BLOB_ACTION_DENY;
	return count;
}

#define DEMANDS                                                                                    \
	"[isolation]\nrequire=always\n[network]\ndeny=10.0.0.0/8;.a.test:80\n"                     \
	"direct=192.0.2.1\n[application a]\nmatch=/a\naction=proxy\n"                              \
	"[application b]\nmatch=/b\nuser=7\naction=deny\n"

Test(hold, adds_what_is_denied_and_nothing_else)
{
	CONFIG_AUTO machine = read_text(CONFIG_SYSTEM, "/m", DEMANDS);
	CONFIG_AUTO config = read_text(CONFIG_OUTER, "/o",
				       "[isolation]\nrequire=never\n[network]\ndeny=.b.test\n"
				       "[application c]\nmatch=*\naction=direct\n");

	hold_demands(config, machine);
	cr_assert_eq(count_denied(config), 3);
	cr_assert_eq(config->rules->len, 3, "a direct rule came along");
	cr_assert_eq(config->require, BLOB_REQUIRE_ALWAYS);
	cr_assert_eq(config->applications->len, 2);
	const struct config_application *first = config->applications->pdata[0];
	cr_assert_str_eq(first->label, "b");
	cr_assert_eq(first->action, BLOB_ACTION_DENY);
	cr_assert_str_eq(first->match->pdata[0], "/b");
	cr_assert_eq(g_array_index(first->users, uint32_t, 0), 7);
	cr_assert_str_eq(config->origins->pdata[first->origin], "/m");
}

Test(hold, adds_nothing_twice)
{
	CONFIG_AUTO machine = read_text(CONFIG_SYSTEM, "/m", DEMANDS);
	CONFIG_AUTO config = read_text(CONFIG_SYSTEM, "/m", DEMANDS);

	hold_demands(config, machine);
	hold_demands(config, machine);
	cr_assert_eq(count_denied(config), 2);
	cr_assert_eq(config->applications->len, 2);
	cr_assert_eq(config->origins->len, 1);
}

Test(hold, leaves_what_is_stricter)
{
	CONFIG_AUTO machine = read_text(CONFIG_SYSTEM, "/m", "[isolation]\nrequire=never\n");
	CONFIG_AUTO silent = read_text(CONFIG_SYSTEM, "/m", "");
	CONFIG_AUTO config = read_text(CONFIG_OUTER, "/o", "[isolation]\nrequire=always\n");
	CONFIG_AUTO lax = read_text(CONFIG_OUTER, "/o", "[isolation]\nrequire=never\n");

	hold_demands(config, machine);
	cr_assert_eq(config->require, BLOB_REQUIRE_ALWAYS);
	hold_demands(lax, silent);
	cr_assert_eq(lax->require, BLOB_REQUIRE_NEVER);
}

/* The other policy may have another alias, or none. */
Test(hold, means_the_name_behind_an_alias)
{
	CONFIG_AUTO machine =
		read_text(CONFIG_SYSTEM, "/m", "[names]\nalias=.tor\n[network]\ndeny=.x.tor\n");
	CONFIG_AUTO config = read_text(CONFIG_OUTER, "/o", "");

	hold_demands(config, machine);
	cr_assert_eq(config->rules->len, 1);
	cr_assert_str_eq(g_array_index(config->rules, struct config_rule, 0).suffix, ".x.onion");
}
