/*
 * isosocks-rescue, on an /etc of the lab's own.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <string.h>

struct row {
	char name[48];
	char before[160]; /* /etc/ld.so.preload, as printf(1) %b takes it */
	char after[160];
	char says[48];
};

/* Runs a script as root, with an empty /etc of `size` bytes. */
static struct lab_result in_etc(const char *size, const char *script)
{
	g_autofree char *rescue = lab_program("isosocks-rescue");

	return lab_shell(
		LAB_ROOT,
		"rescue=%s; f=/etc/ld.so.preload; mount -t tmpfs -o size=%s etc /etc && { %s; }",
		rescue, size, script);
}

ParameterizedTestParameters(rescue, disables)
{
	static struct row rows[] = {
		{ "alone", "/usr/lib/isosocks/libisosocks.so\\n",
		  "                                \\n", "removed" },
		{ "without a newline", "/opt/libisosocks.so", "                   ", "removed" },
		{ "among others", "/a.so /x/libisosocks.so:/b.so\\n",
		  "/a.so                  :/b.so\\n", "removed" },
		{ "twice", "/x/libisosocks.so\\n/y/libisosocks.so\\n",
		  "                 \\n                 \\n", "removed" },
		{ "a comment stays", "/a.so # /x/libisosocks.so\\n", "/a.so # /x/libisosocks.so\\n",
		  "is not in" },
		{ "by its name alone", "libisosocks.so\\n", "              \\n", "removed" },
		{ "another library", "/x/notlibisosocks.so /libisosocks.so.1\\n",
		  "/x/notlibisosocks.so /libisosocks.so.1\\n", "is not in" },
		{ "an empty file", "", "", "is not in" },
	};
	return cr_make_param_array(struct row, rows, sizeof(rows) / sizeof(rows[0]));
}

ParameterizedTest(struct row *row, rescue, disables)
{
	lab_open();
	g_autofree char *script = g_strdup_printf("printf %%b '%s' >$f; umask 077; $rescue disable "
						  "&& printf %%b '%s' | cmp - $f && stat -c %%a $f",
						  row->before, row->after);
	struct lab_result result = in_etc("64k", script);

	cr_assert_eq(result.status, 0, "%s: %s%s", row->name, result.out, result.err);
	lab_assert_out(&result, row->says);
	lab_assert_out(&result,
		       "644\n"); /* everybody must be able to read it, whatever the umask */
}

Test(rescue, says_whether_the_library_is_there)
{
	lab_open();
	struct lab_result result = in_etc(
		"64k",
		"$rescue status; echo $?; echo /x/libisosocks.so >$f; $rescue status; echo $?");

	cr_assert_str_eq(result.out, "libisosocks.so is not in /etc/ld.so.preload\n1\n"
				     "libisosocks.so is in /etc/ld.so.preload\n0\n");
}

Test(rescue, needs_no_file)
{
	lab_open();
	struct lab_result result = in_etc("64k", "$rescue disable");

	lab_assert_status(&result, 0);
}

/* There is no room for a new file, so the old one is written over. */
Test(rescue, works_on_a_full_disk)
{
	lab_open();
	struct lab_result result = in_etc(
		"8k", "echo '/a.so /x/libisosocks.so' >$f; cat /dev/zero >/etc/full 2>/dev/null; "
		      "$rescue disable && cat $f && ls -A /etc");

	lab_assert_status(&result, 0);
	lab_assert_out(&result, "/a.so                  \nfull\nld.so.preload\n");
}

/* Another file cannot be put in a mounted one's place. */
Test(rescue, works_on_a_mounted_file)
{
	lab_open();
	struct lab_result result = in_etc(
		"64k", "echo /x/libisosocks.so >/etc/other; : >$f; mount --bind /etc/other $f; "
		       "$rescue disable && grep -c '^ *$' /etc/other");

	lab_assert_status(&result, 0);
	lab_assert_out(&result, "1\n");
}

Test(rescue, says_what_keeps_it_from_working)
{
	lab_open();
	lab_need_root();
	struct lab_result result =
		in_etc("64k", "echo /x/libisosocks.so >$f; mount -o remount,ro /etc; "
			      "$rescue disable; echo $?; cat $f; $rescue; echo $?");

	lab_assert_out(&result, "1\n/x/libisosocks.so\n2\n");
	cr_assert(strstr(result.err, "isosocks-rescue: cannot write /etc/ld.so.preload: Read-only "
				     "file system\n"),
		  "%s", result.err);
	cr_assert(strstr(result.err, "usage: isosocks-rescue status | disable\n"), "%s",
		  result.err);
}
