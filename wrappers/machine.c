#include "machine.h"

#include "finding.h"

#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* Runs attempt in a child; what it returns, 0 or -errno. */
static int try_in_child(int (*attempt)(void))
{
	const pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0)
		_exit(-attempt());
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* ---- guard ---- */

/* A filter that lets everything pass, installed as isosocks installs its own. */
static int install_filter(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = { .len = 1, .filter = &allow };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &program) < 0)
		return -errno;
	return 0;
}

#if defined(__x86_64__) || defined(__aarch64__)
#define HAS_GUARD 1
#else
#define HAS_GUARD 0 /* isosocks has no filter for this machine */
#endif

int machine_try_guard(void)
{
	return HAS_GUARD ? try_in_child(install_filter) : -EOPNOTSUPP;
}

/* ---- leash ---- */

/* Root may bind to any device; the question is whether everybody may. */
static int bind_to_loopback(void)
{
	int fd, r;

	if (geteuid() == 0) {
		if (setgroups(0, NULL) < 0 && errno != EPERM)
			return -errno;
		(void)!setresgid(NOBODY, NOBODY, NOBODY);
		(void)!setresuid(NOBODY, NOBODY, NOBODY);
	}
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", sizeof("lo")) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int machine_try_leash(void)
{
	return try_in_child(bind_to_loopback);
}

/* ---- what is found ---- */

static void inspect_guard(GPtrArray *findings, gboolean enabled)
{
	const int r = machine_try_guard();

	if (r < 0)
		findings_add(findings, "guard", FINDING_PROBLEM, "unavailable",
			     "the kernel takes no seccomp filter: %s; what the library does not "
			     "reach is not stopped",
			     g_strerror(-r));
	else if (!enabled)
		findings_add(findings, "guard", FINDING_NOTE, "disabled",
			     "is off in the configuration: [guard] enabled=false");
	else
		findings_add(findings, "guard", FINDING_FINE, "available",
			     "the kernel takes the seccomp filter");
}

static void inspect_leash(GPtrArray *findings)
{
	/* The library and the filter around us let nobody touch it. */
	if (g_getenv("ISOSOCKS_POLICY")) {
		findings_add(findings, "leash", FINDING_NOTE, "not-tried",
			     "isosocksctl runs under isosocks itself: not tried");
		return;
	}
	const int r = machine_try_leash();

	if (r == 0)
		findings_add(findings, "leash", FINDING_FINE, "available",
			     "every user may bind a socket to the loopback device");
	else if (r == -EPERM)
		findings_add(findings, "leash", FINDING_PROBLEM, "unavailable",
			     "only root may bind a socket to the loopback device: that needs Linux "
			     "5.7");
	else
		findings_add(findings, "leash", FINDING_PROBLEM, "unavailable",
			     "no socket can be bound to the loopback device: %s", g_strerror(-r));
}

void machine_inspect(GPtrArray *findings, gboolean guard_enabled)
{
	struct utsname kernel;

	uname(&kernel);
	findings_add(findings, "kernel", FINDING_FINE, "release", "%s %s, %s", kernel.sysname,
		     kernel.release, kernel.machine);
	inspect_guard(findings, guard_enabled);
	inspect_leash(findings);
}
