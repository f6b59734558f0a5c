/*
 * The Debian packages, installed in a Debian of the test's own: what a newcomer installs must do
 * what the README shows, and leave nothing behind.
 */
#include "support/lab.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
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

/* The packages and a Debian to install them in; below build/, so that they are there for the next
 * test. */
static void build_packages(void)
{
	/* One test at a time: they build in one place. The lock ends with the process. */
	const int lock = open("build/packages.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	cr_assert(lock >= 0 && flock(lock, LOCK_EX) == 0);
	if (geteuid() != 0)
		cr_skip_test("a Debian of its own needs root");
	lab_need("debootstrap");
	lab_need("lintian");
	g_free(run("make -s deb"));
	g_free(run(
		"sh tests/chroot/make.sh build/chroot here curl wget python3 libglib2.0-0 strace "
		"iproute2 openssh-server "
		"openssh-client busybox"));
	g_free(run("rm -rf build/packages && mkdir build/packages && "
		   "cp build/deb/isosocks_*.deb build/deb/isosocks-proxy_*.deb "
		   "tests/support/demo.sh build/packages"));
}

Test(heavy_packages, install_run_and_go_away)
{
	build_packages();
	g_autofree char *demo = run(IN_CHROOT "'" INSTALL "BUILD=/usr/bin sh /mnt/demo.sh'");
	cr_expect(strstr(demo, "ISOLATION = alice"), "%s", demo);
	cr_expect(strstr(demo, "ENXIO"), "%s", demo);

	g_autofree char *left = run(
		IN_CHROOT "'" INSTALL
			  "dpkg --purge isosocks isosocks-proxy >/dev/null && find / -xdev -name "
			  "\"*isosocks*\" -not -path \"/proc/*\" -not -path \"/mnt/*\"'");
	cr_expect_str_eq(left, "");
}

/* ---- the preload for the whole machine ---- */

static const char *const cases[] = {
	"goes_on_and_off",
	"keeps_what_others_preload",
	"refuses_what_is_no_list",
	"wants_root",
	"refuses_bad_words",
	"refuses_a_library_that_others_can_change",
	"refuses_a_library_that_crashes",
	"is_mended_by_the_rescue",
	"lives_without_the_library",
	"lives_with_a_broken_policy",
	"survives_a_full_disk",
	"survives_a_disk_that_cannot_be_written",
	"survives_kill_9",
	"leaves_servers_of_the_system_alone",
	"sends_a_user_through_the_proxy",
	"cannot_be_weakened_by_a_user",
	"is_taken_out_with_the_package",
};

Test(heavy_packages, preload_never_breaks_the_machine)
{
	build_packages();
	g_free(run("echo '__attribute__((constructor)) static void crash(void) { __builtin_trap(); "
		   "}' |"
		   " cc -shared -fPIC -x c -o build/packages/crash.so -"));
	g_free(run("cp tests/chroot/system.sh build/packages"));
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *script = g_strconcat(
			"sh tests/chroot/enter.sh build/chroot build/packages sh /mnt/system.sh ",
			cases[i], NULL);
		g_autofree char *said = run(script);
		cr_expect_str_eq(said, "", "%s", cases[i]);
	}
}
