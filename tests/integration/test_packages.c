/*
 * The Debian packages, installed in a Debian of the test's own: what a newcomer installs must do
 * what the README shows, and leave nothing behind.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the script prints, both outputs; the test fails unless it ends with 0. */
static char *run(const char *script)
{
	const char *argv[] = { "bash", "-c", script, NULL };
	g_auto(GStrv) block = g_get_environ();
	g_autofree char *out = NULL, *err = NULL;
	g_autoptr(GError) error = NULL;
	int status;

	block = g_environ_unsetenv(block, "MAKEFLAGS");
	block = g_environ_unsetenv(block, "MFLAGS");
	block = g_environ_unsetenv(block, "MAKELEVEL");
	cr_assert(g_spawn_sync(NULL, (char **)argv, block, G_SPAWN_SEARCH_PATH, NULL, NULL, &out,
			       &err, &status, &error),
		  "%s", error ? error->message : "");
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s\n%s%s", script, out, err);
	return g_strconcat(out, err, NULL);
}

#define IN_CHROOT "sh tests/chroot/enter.sh build/chroot build/packages sh -c "
#define INSTALL	  "dpkg -i /mnt/*.deb >/dev/null && "

Test(heavy_packages, install_run_and_go_away)
{
	if (geteuid() != 0)
		cr_skip_test("a Debian of its own needs root");
	lab_need("debootstrap");
	lab_need("lintian");
	g_free(run("make -s deb"));
	g_free(run("sh tests/chroot/make.sh build/chroot curl wget python3 libglib2.0-0"));
	g_free(run("rm -rf build/packages && mkdir build/packages && "
		   "cp build/deb/isosocks_*.deb build/deb/isosocks-proxy_*.deb "
		   "tests/support/demo.sh build/packages"));

	g_autofree char *demo = run(IN_CHROOT "'" INSTALL "BUILD=/usr/bin sh /mnt/demo.sh'");
	cr_expect(strstr(demo, "ISOLATION = alice"), "%s", demo);
	cr_expect(strstr(demo, "ENXIO"), "%s", demo);

	g_autofree char *left = run(
		IN_CHROOT "'" INSTALL
			  "dpkg --purge isosocks isosocks-proxy >/dev/null && find / -xdev -name "
			  "\"*isosocks*\" -not -path \"/proc/*\" -not -path \"/mnt/*\"'");
	cr_expect_str_eq(left, "");
}
