/*
 * system: the preload for the whole machine, on, off, and how it stands. What is written is written
 * whole and in an order in which every step leaves a machine that works: the policy before the
 * list that makes programs read it, and the other way round.
 */
#include "census.h"
#include "ctl.h"
#include "json.h"
#include "elf/preload.h"
#include "library.h"
#include "preload.h"
#include "rehearsal.h"
#include "replace.h"
#include "show.h"
#include "site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKUP PRELOAD_FILE ".before-isosocks"

static int fail(const char *format, const char *a, const char *b)
{
	g_autofree char *text = g_strdup_printf(format, a, b);

	return ctl_fail(CTL_NO, "system", "%s", text);
}

/* ---- what must hold before anything is written ---- */

/*
 * Every process of the machine will load this file and believe it, so only root may be able to
 * change it or what lies on the way to it. NULL: it is fit.
 */
static char *find_fault(const char *library)
{
	g_autofree char *at = g_strdup(library);
	struct stat status;

	if (!g_str_has_suffix(library, "/isosocks/" PRELOAD_LIBRARY))
		return g_strdup_printf("%s is built, but not installed", library);
	for (;;) {
		g_autofree char *folder = NULL;
		if (stat(at, &status) < 0)
			return g_strdup_printf("%s cannot be looked at: %s", at, g_strerror(errno));
		if (status.st_uid != 0 || (status.st_mode & (S_IWGRP | S_IWOTH)))
			return g_strdup_printf("%s could be changed by users other than root", at);
		if (!(status.st_mode & S_IROTH) ||
		    (S_ISDIR(status.st_mode) && !(status.st_mode & S_IXOTH)))
			return g_strdup_printf("%s cannot be read by every user", at);
		if (strcmp(at, "/") == 0)
			return NULL;
		folder = g_path_get_dirname(at);
		g_free(at);
		at = g_steal_pointer(&folder);
	}
}

static char *find_library(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *library = library_find_own(&error);
	g_autofree char *fault = library ? find_fault(library) : g_strdup(error->message);

	if (!fault)
		return g_steal_pointer(&library);
	fail("%s; install isosocks first (make install as root, or the package), and run the "
	     "installed "
	     "isosocksctl%s",
	     fault, "");
	return NULL;
}

/* The way back, which has to be there before it is needed. */
static char *find_rescue(void)
{
	g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
	g_autofree char *folder = g_path_get_dirname(self ? self : "/");
	g_autofree char *rescue = g_build_filename(folder, "isosocks-rescue", NULL);
	const char *argv[] = { rescue, "status", NULL };
	int status;

	if (g_spawn_sync(NULL, (char **)argv, NULL,
			 G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, NULL,
			 NULL, &status, NULL) &&
	    WIFEXITED(status) && WEXITSTATUS(status) <= 1)
		return g_steal_pointer(&rescue);
	fail("%s does not run; without it nothing could mend a machine on which no program "
	     "starts%s",
	     rescue, "");
	return NULL;
}

static gboolean is_root(void)
{
	if (geteuid() == 0)
		return TRUE;
	fail("the whole machine is changed by root alone: sudo isosocksctl system ...%s%s", "", "");
	return FALSE;
}

/* ---- enable ---- */

static gboolean choose_scope(const char *min_uid, const char *users, struct site_scope *ret_scope,
			     GError **error)
{
	if (users)
		return site_parse_users(users, ret_scope, error);
	if (min_uid)
		return site_parse_min_uid(min_uid, ret_scope, error);
	return site_keep_scope(ret_scope, error);
}

/* The list as it was before isosocks first came into it. */
static gboolean keep_backup(const char *before, GError **error)
{
	g_autofree char *ours = preload_find(before);

	return ours || !*before || replace_file(BACKUP, before, strlen(before), error);
}

static gboolean enable(const char *library, const struct site_scope *scope, GError **error)
{
	g_autofree char *before = preload_read(error);
	g_autofree char *without = before ? preload_without(before) : NULL;
	g_autofree char *after = before ? preload_with(before, library) : NULL;
	g_autoptr(GByteArray) policy = after ? site_compile(scope, error) : NULL;

	return policy && rehearsal_run(without, after, policy->data, policy->len, error) &&
	       site_write(policy, error) && keep_backup(before, error) &&
	       (strcmp(before, after) == 0 || preload_write(after, error));
}

static int run_enable(int argc, char **argv)
{
	g_autofree char *min_uid = NULL, *users = NULL, *library = NULL, *rescue = NULL;
	g_autofree char *whom = NULL;
	SITE_SCOPE_AUTO scope = { 0 };
	g_autoptr(GError) error = NULL;
	const GOptionEntry entries[] = {
		{ "min-uid", 0, 0, G_OPTION_ARG_STRING, &min_uid,
		  "concern users from this number on (1000)", "N" },
		{ "users", 0, 0, G_OPTION_ARG_STRING, &users, "concern these users alone",
		  "NAME,NAME" },
		{ 0 },
	};
	int status;

	if (!ctl_parse(&argc, argv, entries, NULL, 0, 0, &status))
		return status;
	if (min_uid && users)
		return ctl_fail(CTL_USAGE, "system", "give --min-uid or --users, not both");
	if (!is_root() || !(library = find_library()) || !(rescue = find_rescue()))
		return CTL_NO;
	replace_begin();
	if (!choose_scope(min_uid, users, &scope, &error) || !enable(library, &scope, &error))
		return fail("%s; the machine is as it was%s", error->message, "");
	whom = site_explain(&scope);
	show_line(stdout, "%s is preloaded for the whole machine, for %s.", library, whom);
	puts("Programs started from now on have it. If the machine does not work any more:");
	show_line(stdout, "  %s disable", rescue);
	return CTL_YES;
}

/* ---- disable ---- */

static gboolean disable(GError **error)
{
	g_autofree char *before = preload_read(error);
	g_autofree char *after = before ? preload_without(before) : NULL;

	if (!after || (strcmp(before, after) != 0 && !preload_write(after, error)))
		return FALSE;
	return replace_remove(SITE_POLICY, error) && replace_remove(BACKUP, error);
}

static int run_disable(int argc, char **argv)
{
	g_autoptr(GError) error = NULL;
	int status;

	if (!ctl_parse(&argc, argv, NULL, NULL, 0, 0, &status))
		return status;
	if (!is_root())
		return CTL_NO;
	replace_begin();
	if (!disable(&error))
		return fail("%s; the machine is as it was%s", error->message, "");
	puts("No program started from now on has the library. Those that run keep it until they "
	     "end.");
	return CTL_YES;
}

/* ---- status ---- */

struct standing {
	char *library;	      /* in the list, or NULL */
	char *fault;	      /* of that library, or NULL */
	char *scope;	      /* in words, or NULL when there is no policy to be read */
	char *problem;	      /* with the policy */
	struct census census; /* where there is a scope */
};

static void standing_clear(struct standing *standing)
{
	g_free(standing->library);
	g_free(standing->fault);
	g_free(standing->scope);
	g_free(standing->problem);
}
#define STANDING_AUTO __attribute__((cleanup(standing_clear))) struct standing

static gboolean look(struct standing *ret, GError **error)
{
	g_autofree char *text = preload_read(error);
	SITE_SCOPE_AUTO scope = { 0 };
	g_autoptr(GError) problem = NULL;

	if (!text)
		return FALSE;
	ret->library = preload_find(text);
	if (ret->library)
		ret->fault = find_fault(ret->library);
	if (access(SITE_POLICY, F_OK) < 0)
		ret->problem = g_strdup("there is none: users from number 1000 on reach nothing");
	else if (site_read_scope(&scope, &problem))
		ret->scope = site_explain(&scope);
	else
		ret->problem = g_strdup(problem->message);
	if (ret->library && ret->scope)
		census_take(&scope, &ret->census);
	return TRUE;
}

static void print_standing(const struct standing *s)
{
	if (!s->library) {
		puts("preload   off");
		return;
	}
	show_line(stdout, "preload   %s%s%s", s->library, s->fault ? ": " : "",
		  s->fault ? s->fault : "");
	show_line(stdout, "policy    " SITE_POLICY "%s%s", s->problem ? ": " : "",
		  s->problem ? s->problem : "");
	if (!s->scope)
		return;
	show_line(stdout, "concerns  %s", s->scope);
	show_line(stdout, "past it   %u of their %u processes run without the library",
		  s->census.past, s->census.concerned);
	if (s->census.unknown)
		show_line(stdout, "          %u could not be looked at, root may",
			  s->census.unknown);
	show_line(stdout, "          %u set-user-ID programs act for their owners",
		  s->census.setuid);
}

static void print_standing_json(const struct standing *s)
{
	g_autoptr(GString) json = g_string_new("{");

	json_add_bool(json, "enabled", s->library != NULL);
	json_add_text(json, "library", s->library);
	json_add_text(json, "fault", s->fault);
	json_add_text(json, "concerns", s->scope);
	json_add_text(json, "problem", s->library ? s->problem : NULL);
	json_add_number(json, "processes", s->census.concerned);
	json_add_number(json, "past", s->census.past);
	json_add_number(json, "unknown", s->census.unknown);
	json_add_number(json, "setuid", s->census.setuid);
	puts(g_string_append_c(json, '}')->str);
}

static int run_status(int argc, char **argv)
{
	STANDING_AUTO standing = { 0 };
	g_autoptr(GError) error = NULL;
	gboolean as_json = FALSE;
	const GOptionEntry entries[] = {
		{ "json", 0, 0, G_OPTION_ARG_NONE, &as_json, "for a program to read", NULL },
		{ 0 },
	};
	int status;

	if (!ctl_parse(&argc, argv, entries, NULL, 0, 0, &status))
		return status;
	if (!look(&standing, &error))
		return fail("%s%s", error->message, "");
	if (as_json)
		print_standing_json(&standing);
	else
		print_standing(&standing);
	return standing.library && !standing.fault && !standing.problem ? CTL_YES : CTL_NO;
}

/* ---- the three ---- */

static const struct {
	const char *name;
	ctl_function *run;
} verbs[] = {
	{ "enable", run_enable },
	{ "disable", run_disable },
	{ "status", run_status },
};

int ctl_system(int argc, char **argv)
{
	for (gsize i = 0; argc > 1 && i < G_N_ELEMENTS(verbs); i++) {
		g_autofree char *name = NULL;
		if (strcmp(argv[1], verbs[i].name) != 0)
			continue;
		name = g_strconcat("system ", argv[1], NULL);
		argv[1] = name;
		return verbs[i].run(argc - 1, argv + 1);
	}
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		puts("Usage: isosocksctl system enable [--min-uid N | --users NAME,NAME]\n"
		     "       isosocksctl system disable\n"
		     "       isosocksctl system status [--json]");
		return CTL_YES;
	}
	return ctl_fail(CTL_USAGE, "system", "%s%sgive enable, disable or status",
			argc > 1 ? argv[1] : "", argc > 1 ? ": " : "");
}
