/*
 * compile: the machine's configuration becomes the policy that every process reads which nobody
 * started with isosocks. Whom it concerns stays as `system enable` said.
 */
#include "ctl.h"
#include "replace.h"
#include "site.h"

static int compile(void)
{
	SITE_SCOPE_AUTO scope = { 0 };
	g_autoptr(GError) error = NULL;
	g_autoptr(GByteArray) policy = NULL;

	replace_begin();
	if (site_keep_scope(&scope, &error))
		policy = site_compile(&scope, &error);
	if (!policy || !site_write(policy, &error))
		return ctl_fail(CTL_NO, "compile", "%s", error->message);
	return CTL_YES;
}

int ctl_compile(int argc, char **argv)
{
	int status;

	return ctl_parse(&argc, argv, NULL, NULL, 0, 0, &status) ? compile() : status;
}
