/*
 * netent: names of networks. libc looks them up in /etc/networks, and asks the nameserver too where
 * nsswitch.conf(5) says so: this process then has the file alone.
 */
#include "hooks/hook.h"
#include "session/session.h"

#include <nss.h>
#include <stdatomic.h>

static void keep_to_files(void)
{
	static _Atomic bool done;
	const int saved = errno;

	if (!session_get()->passive && !atomic_exchange(&done, true))
		__nss_configure_lookup("networks", "files");
	errno = saved;
}

HOOK struct netent *getnetbyname(const char *name)
{
	keep_to_files();
	return libc()->getnetbyname(name);
}

HOOK int getnetbyname_r(const char *restrict name, struct netent *restrict entry,
			char *restrict buffer, size_t size, struct netent **restrict result,
			int *restrict problem)
{
	keep_to_files();
	return libc()->getnetbyname_r(name, entry, buffer, size, result, problem);
}

HOOK struct netent *getnetbyaddr(uint32_t number, int family)
{
	keep_to_files();
	return libc()->getnetbyaddr(number, family);
}

HOOK int getnetbyaddr_r(uint32_t number, int family, struct netent *restrict entry,
			char *restrict buffer, size_t size, struct netent **restrict result,
			int *restrict problem)
{
	keep_to_files();
	return libc()->getnetbyaddr_r(number, family, entry, buffer, size, result, problem);
}
