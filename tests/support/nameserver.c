#include "support/nameserver.h"
#include "support/lab.h"

#include <criterion/criterion.h>
#include <unistd.h>

static char *log_path;

void nameserver_open(void)
{
	g_autofree char *program = lab_program("nameserver");

	lab_replace("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
	log_path = lab_path("queries");
	g_free(lab_start((const char *const[]){ program, log_path, NULL }));
}

char *nameserver_queries(void)
{
	char *text = NULL;

	cr_assert(g_file_get_contents(log_path, &text, NULL, NULL));
	cr_assert_eq(truncate(log_path, 0), 0);
	return text;
}

void nameserver_assert_unasked(void)
{
	g_autofree char *text = nameserver_queries();
	cr_assert_str_empty(text, "the nameserver was asked for %s", text);
}
