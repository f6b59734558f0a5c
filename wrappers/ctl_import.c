/*
 * import: an isosocks.conf from the configuration of torsocks, proxychains, tsocks or dante's
 * client.
 */
#include "ctl.h"
#include "import.h"
#include "reader.h"
#include "show.h"

#include <stdio.h>

#define SIZE_MAX_OF_FILE (1024 * 1024)

int ctl_import(int argc, char **argv)
{
	g_autoptr(GPtrArray) remarks = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL, *result = NULL;
	gsize length;
	int status;

	if (!ctl_parse(&argc, argv, NULL, "FILE", 1, 1, &status))
		return status;
	text = reader_read(argv[1], SIZE_MAX_OF_FILE, &length, &error);
	if (!text)
		return ctl_fail(CTL_NO, "import", "%s", error->message);
	if (!g_utf8_validate(text, (gssize)length, NULL))
		return ctl_fail(CTL_NO, "import", "%s is no text of settings", argv[1]);
	result = import_text(text, remarks, &error);
	if (!result)
		return ctl_fail(CTL_NO, "import", "%s:%s", argv[1], error->message);
	show_lines(stdout, result);
	for (guint i = 0; i < remarks->len; i++)
		show_line(stderr, "%s:%s", argv[1], (const char *)remarks->pdata[i]);
	return CTL_YES;
}
