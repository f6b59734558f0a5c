#include "site.h"

#include "compile.h"
#include "config.h"
#include "reader.h"
#include "replace.h"

#include "policy/blob.h"
#include "policy/url.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The rule that names the users of a scope, behind those of the file. */
#define USERS_LABEL "of system enable --users"
#define NOT_A_UID   0xffffffffu /* (uid_t)-1: nobody has it, and everybody is below */

void site_scope_clear(struct site_scope *scope)
{
	g_clear_pointer(&scope->users, g_array_unref);
	scope->min_uid = 0;
}

/* ---- the words of a person ---- */

static gboolean refuse(GError **error, const char *format, const char *text)
{
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, format, text);
	return FALSE;
}

static gboolean parse_uid(const char *text, uint32_t *ret_uid)
{
	guint64 value;

	if (!g_ascii_string_to_unsigned(text, 10, 0, NOT_A_UID - 1, &value, NULL))
		return FALSE;
	*ret_uid = (uint32_t)value;
	return TRUE;
}

static gboolean find_user(const char *name, uint32_t *ret_uid)
{
	const struct passwd *user = getpwnam(name);

	if (user)
		*ret_uid = user->pw_uid;
	return user || parse_uid(name, ret_uid);
}

gboolean site_parse_users(const char *list, struct site_scope *ret_scope, GError **error)
{
	g_auto(GStrv) names = g_strsplit(list, ",", -1);
	g_autoptr(GArray) users = g_array_new(FALSE, FALSE, sizeof(uint32_t));

	if (!*list)
		return refuse(error, "the list of users is empty%s", "");
	for (guint i = 0; names[i]; i++) {
		uint32_t uid;
		if (!*names[i] || !find_user(names[i], &uid))
			return refuse(error,
				      "%s is no user of this machine: give names or numbers, "
				      "with a comma between them",
				      *names[i] ? names[i] : "an empty name");
		g_array_append_val(users, uid);
	}
	*ret_scope = (struct site_scope){ .min_uid = NOT_A_UID, .users = g_steal_pointer(&users) };
	return TRUE;
}

gboolean site_parse_min_uid(const char *number, struct site_scope *ret_scope, GError **error)
{
	uint32_t uid;

	if (!parse_uid(number, &uid))
		return refuse(error, "%s is no user number: give one from 0 to 4294967294", number);
	*ret_scope = (struct site_scope){ .min_uid = uid };
	return TRUE;
}

char *site_explain(const struct site_scope *scope)
{
	GString *text = g_string_new(NULL);

	if (!scope->users) {
		g_string_printf(text, "users from number %u on", scope->min_uid);
		return g_string_free(text, FALSE);
	}
	g_string_append(text, "users");
	for (guint i = 0; i < scope->users->len; i++)
		g_string_append_printf(text, "%s %u", i ? "," : "",
				       g_array_index(scope->users, uint32_t, i));
	return g_string_free(text, FALSE);
}

/* ---- what is in force ---- */

static void take_scope(const struct config *config, struct site_scope *ret_scope)
{
	*ret_scope = (struct site_scope){ .min_uid = config->min_uid };
	for (guint i = 0; i < config->applications->len; i++) {
		const struct config_application *rule = config->applications->pdata[i];
		if (strcmp(rule->label, USERS_LABEL) == 0)
			ret_scope->users = g_array_ref(rule->users);
	}
}

gboolean site_read_scope(struct site_scope *ret_scope, GError **error)
{
	g_autoptr(GError) problem = NULL;
	g_autofree char *policy = NULL;
	CONFIG_AUTO config = NULL;
	gsize length;

	policy = reader_read(SITE_POLICY, BLOB_MAX, &length, &problem);
	if (!policy) {
		if (!g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT)) {
			g_propagate_error(error, g_steal_pointer(&problem));
			return FALSE;
		}
		*ret_scope = (struct site_scope){ .min_uid = SITE_FIRST_PERSON };
		return TRUE;
	}
	config = compile_restore(policy, length, error);
	if (!config) {
		g_prefix_error(error, SITE_POLICY ": ");
		return FALSE;
	}
	take_scope(config, ret_scope);
	return TRUE;
}

gboolean site_keep_scope(struct site_scope *ret_scope, GError **error)
{
	g_autoptr(GError) problem = NULL;

	if (site_read_scope(ret_scope, &problem))
		return TRUE;
	g_set_error(error, problem->domain, problem->code,
		    "%s; say anew whom it concerns: isosocksctl system enable --min-uid N, or "
		    "--users LIST",
		    problem->message);
	return FALSE;
}

/* ---- a new policy ---- */

static void add_users(struct config *config, const struct site_scope *scope)
{
	struct config_application *rule = config_application_new(USERS_LABEL);

	g_array_append_vals(rule->users, scope->users->data, scope->users->len);
	rule->action = BLOB_ACTION_PROXY;
	g_ptr_array_add(config->applications, rule);
}

static gboolean has_credentials(const struct config *config)
{
	for (guint i = 0; i < config->proxies->len; i++)
		if (g_array_index(config->proxies, struct url, i).has_credentials)
			return TRUE;
	return FALSE;
}

static gboolean has_keys(const struct config *config)
{
	guint count = config->pairs->len;

	for (guint i = 0; i < config->applications->len; i++)
		count += ((struct config_application *)config->applications->pdata[i])->pairs->len;
	return count > 0;
}

/* Every process of every user reads the policy: what the file keeps from them, it cannot hold. */
static gboolean check_secrets(const struct config *config, GError **error)
{
	const char *what = has_credentials(config) ? "the credentials in a url="
			   : has_keys(config)	   ? "the values of key.NAME="
						   : NULL;
	struct stat file;

	if (!what || stat(CONFIG_SYSTEM_FILE, &file) < 0 || (file.st_mode & S_IROTH))
		return TRUE;
	g_set_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
		    CONFIG_SYSTEM_FILE " has mode %04o, which keeps %s from other users, and every "
				       "user can read " SITE_POLICY
				       ": take them out, or let everybody read the file (chmod "
				       "o+r)",
		    file.st_mode & 07777, what);
	return FALSE;
}

GByteArray *site_compile(const struct site_scope *scope, GError **error)
{
	CONFIG_AUTO config = config_new();

	if (access(CONFIG_SYSTEM_FILE, F_OK) == 0 &&
	    !config_load_file(config, CONFIG_SYSTEM, CONFIG_SYSTEM_FILE, error))
		return NULL;
	if (!check_secrets(config, error))
		return NULL;
	config->min_uid = scope->min_uid;
	if (scope->users)
		add_users(config, scope);
	return compile_policy(config, error);
}

gboolean site_write(const GByteArray *policy, GError **error)
{
	return replace_file(SITE_POLICY, policy->data, policy->len, error);
}
