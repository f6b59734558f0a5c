/*
 * The variables mean the same to the command and to the library inside: each row is read by both,
 * in a process of its own.
 */
#include "compile.h"
#include "environment.h"
#include "session/session.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What rows may contain. */
#define LONG	   "LONG"  /* 8193 bytes */
#define EXACT	   "EXACT" /* 8192 */
#define LONG_NAME  "NAME_OF_256"
#define EXACT_NAME "NAME_OF_255"

/* As in a program for which somebody asked for the library. */
static void ask_for_library(void)
{
	g_setenv("LD_PRELOAD", "libisosocks.so", TRUE);
}

TestSuite(environment_twice, .init = ask_for_library);

static const char *const refused[] = {
	"ISOSOCKS_PROXY=",
	"ISOSOCKS_PROXY=me:@127.0.0.1",
	"ISOSOCKS_PROXY=:secret@127.0.0.1",
	"ISOSOCKS_PROXY=http://127.0.0.1",
	"ISOSOCKS_USERNAME=me",
	"ISOSOCKS_PASSWORD=secret",
	"ISOSOCKS_USERNAME= ISOSOCKS_PASSWORD=",
	"ISOSOCKS_USERNAME=me ISOSOCKS_PASSWORD=",
	"ISOSOCKS_USERNAME= ISOSOCKS_PASSWORD=secret",
	"ISOSOCKS_USERNAME=NAME_OF_256 ISOSOCKS_PASSWORD=x",
	"ISOSOCKS_USERNAME=x ISOSOCKS_PASSWORD=NAME_OF_256",
	"ISOSOCKS_KEY_lower=x",
	"ISOSOCKS_KEY_=x",
	"ISOSOCKS_KEY_USERNAME=x",
	"ISOSOCKS_KEY_A=LONG",
	"ISOSOCKS_KEY_A=1 ISOSOCKS_KEYS=A=2",
	"ISOSOCKS_KEYS=a=1&a=2",
	"ISOSOCKS_KEYS=a",
	"ISOSOCKS_KEYS=a=EXACT",
	"ISOSOCKS_KEYS=a=LONG",
	"ISOSOCKS_KEYS=NAME_OF_256=x",
	"ISOSOCKS_ISOLATION=",
	"ISOSOCKS_ISOLATION=LONG",
	"ISOSOCKS_BY=",
	"ISOSOCKS_BY=host",
	"ISOSOCKS_LOG=",
	"ISOSOCKS_LOG=loud",
	"ISOSOCKS_ISOLATON=x",
	"ISOSOCKS_KEY=x",
	"ISOSOCKS_=",
};

static const char *const accepted[] = {
	"ISOSOCKS_PROXY=me:secret@127.0.0.1",
	"ISOSOCKS_USERNAME=NAME_OF_255 ISOSOCKS_PASSWORD=NAME_OF_255",
	"ISOSOCKS_KEY_A=",
	"ISOSOCKS_KEY_A=1 ISOSOCKS_KEYS=a=2",
	"ISOSOCKS_KEYS=",
	"ISOSOCKS_KEYS=NAME_OF_255=x",
	"ISOSOCKS_ISOLATION=x",
	"ISOSOCKS_BY=none",
	"ISOSOCKS_LOG=none",
	"ISOSOCKS_LOG_FILE=",
	"ISOSOCKS_CONFIG=/nonexistent",
};

static void expand(GString *text, const char *word, gsize length)
{
	g_autofree char *value = g_strnfill(length, 'v');

	g_string_replace(text, word, value, 0);
}

static void set_variables(const char *row)
{
	g_autoptr(GString) text = g_string_new(row);
	g_auto(GStrv) words = NULL;

	expand(text, LONG_NAME, 256);
	expand(text, EXACT_NAME, 255);
	expand(text, LONG, 8193);
	expand(text, EXACT, 8192);
	words = g_strsplit(text->str, " ", -1);
	for (guint i = 0; words[i]; i++) {
		g_auto(GStrv) parts = g_strsplit(words[i], "=", 2);
		g_setenv(parts[0], parts[1], TRUE);
	}
}

static gboolean command_takes(GError **error)
{
	g_auto(GStrv) block = g_get_environ();
	CONFIG_AUTO config = config_new();

	return environment_take(config, block, error);
}

ParameterizedTestParameters(environment_twice, is_refused_by_both)
{
	static size_t rows[G_N_ELEMENTS(refused)];

	for (size_t i = 0; i < G_N_ELEMENTS(refused); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, G_N_ELEMENTS(refused));
}

ParameterizedTest(size_t *row, environment_twice, is_refused_by_both)
{
	g_autoptr(GError) error = NULL;

	set_variables(refused[*row]);
	cr_expect_not(command_takes(&error), "%s", refused[*row]);
	/* What the library says of it is no word of the test's. */
	dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
	cr_expect_eq(session_get()->error, -EACCES, "%s", refused[*row]);
}

ParameterizedTestParameters(environment_twice, is_accepted_by_both)
{
	static size_t rows[G_N_ELEMENTS(accepted)];

	for (size_t i = 0; i < G_N_ELEMENTS(accepted); i++)
		rows[i] = i;
	return cr_make_param_array(size_t, rows, G_N_ELEMENTS(accepted));
}

ParameterizedTest(size_t *row, environment_twice, is_accepted_by_both)
{
	g_autoptr(GError) error = NULL;

	set_variables(accepted[*row]);
	cr_expect(command_takes(&error), "%s: %s", accepted[*row], error ? error->message : "");
	cr_expect_eq(session_get()->error, 0, "%s", accepted[*row]);
}

/* ---- over a policy ---- */

/* The session of a process whose policy has these, with variables said inside. */
static struct session *read_over(struct config *config, const char *variables)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *policy = compile_text(config, &error);

	cr_assert(policy, "%s", error ? error->message : "");
	g_setenv("ISOSOCKS_POLICY", policy, TRUE);
	set_variables(variables);
	struct session *session = session_get();
	cr_assert_eq(session->error, 0, "%s", variables);
	return session;
}

static bool sends(const struct session *session, const char *text)
{
	return memmem(session->keys.wire, session->keys.length, text, strlen(text));
}

Test(environment_twice, gives_a_token_inside_its_place_over_a_whole_value_outside)
{
	CONFIG_AUTO config = config_new();

	cr_assert(config_set_pair(config, CONFIG_COMMAND_LINE, "ISOLATION", "whole", 5, NULL));
	const struct session *session = read_over(config, "ISOSOCKS_ISOLATION=work");
	cr_assert(sends(session, ";token=work"));
	cr_assert_not(sends(session, "whole"));
	cr_assert(session->keys_must_arrive);
}

Test(environment_twice, gives_a_whole_value_its_place_over_a_token)
{
	CONFIG_AUTO config = config_new();
	const struct session *session =
		read_over(config, "ISOSOCKS_ISOLATION=work ISOSOCKS_KEY_ISOLATION=whole");

	cr_assert(sends(session, "whole"));
	cr_assert_not(sends(session, "token=work"));
}

/* They were for the proxy that the run was started with. */
Test(environment_twice, takes_no_credentials_along_to_another_proxy)
{
	CONFIG_AUTO config = config_new();

	cr_assert(config_set_credentials(config, "me", "secret", NULL));
	cr_assert_not(read_over(config, "ISOSOCKS_PROXY=127.0.0.1:1")->has_credentials);
}

Test(environment_twice, keeps_credentials_that_come_beside_another_proxy)
{
	CONFIG_AUTO config = config_new();
	const struct session *session =
		read_over(config, "ISOSOCKS_PROXY=127.0.0.1:1 ISOSOCKS_USERNAME=me "
				  "ISOSOCKS_PASSWORD=secret");

	cr_assert(session->has_credentials);
	cr_assert_eq(session->proxy.port, 1);
}
