#include "preload.h"

#include <criterion/criterion.h>

/* A list, what is found in it, what is left without it, and what it becomes with /l/libisosocks.so.
 */
static const struct {
	const char *list;
	const char *found;
	const char *without;
	const char *with;
} rows[] = {
	{ "", NULL, "", "/l/libisosocks.so\n" },
	{ "/l/libisosocks.so\n", "/l/libisosocks.so", "", "/l/libisosocks.so\n" },
	{ "/l/libisosocks.so", "/l/libisosocks.so", "", "/l/libisosocks.so\n" },
	{ "libisosocks.so", "libisosocks.so", "", "/l/libisosocks.so\n" },
	{ "/a.so\n", NULL, "/a.so\n", "/a.so\n/l/libisosocks.so\n" },
	{ "/a.so", NULL, "/a.so", "/a.so\n/l/libisosocks.so\n" },
	{ "/a.so /old/libisosocks.so:/b.so\n", "/old/libisosocks.so", "/a.so :/b.so\n",
	  "/a.so :/b.so\n/l/libisosocks.so\n" },
	{ "/x/libisosocks.so\n/a.so\n/y/libisosocks.so\n", "/x/libisosocks.so", "/a.so\n",
	  "/a.so\n/l/libisosocks.so\n" },
	{ "# /x/libisosocks.so\n\n/a.so # libisosocks.so\n", NULL,
	  "# /x/libisosocks.so\n\n/a.so # libisosocks.so\n",
	  "# /x/libisosocks.so\n\n/a.so # libisosocks.so\n/l/libisosocks.so\n" },
	{ "/x/libisosocks.so# why\n", "/x/libisosocks.so", "# why\n",
	  "# why\n/l/libisosocks.so\n" },
	{ "/x/notlibisosocks.so /libisosocks.so.1\n", NULL,
	  "/x/notlibisosocks.so /libisosocks.so.1\n",
	  "/x/notlibisosocks.so /libisosocks.so.1\n/l/libisosocks.so\n" },
};

Test(preload, finds_takes_out_and_puts_in)
{
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *found = preload_find(rows[i].list);
		g_autofree char *without = preload_without(rows[i].list);
		g_autofree char *with = preload_with(rows[i].list, "/l/libisosocks.so");
		g_autofree char *again = preload_with(with, "/l/libisosocks.so");

		cr_expect_eq(g_strcmp0(found, rows[i].found), 0, "%s: %s", rows[i].list, found);
		cr_expect_str_eq(without, rows[i].without, "%s", rows[i].list);
		cr_expect_str_eq(with, rows[i].with, "%s", rows[i].list);
		cr_expect_str_eq(again, with, "%s", rows[i].list);
	}
}
