#include "support/tornet.h"

#include "support/control.h"
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>

static char *facts;

void tornet_start(void)
{
	char *folder = lab_path("tornet");
	const char *argv[] = { "tests/tor/network.py", "--folder", folder, NULL };

	lab_need("tor");
	lab_need("tor-gencert");
	facts = lab_start(argv);
	g_free(folder);
	control_open(TORNET_CONTROL);
}

const char *tornet_get(const char *name)
{
	char *head = g_strdup_printf("\"%s\": \"", name);
	const char *at = strstr(facts, head);

	cr_assert(at, "no %s in %s", name, facts);
	at += strlen(head);
	g_free(head);
	/* A test asks for few of them, and ends. */
	return g_strndup(at, strcspn(at, "\""));
}
