#include "hooks/doors.h"
#include "base/error.h"
#include "hooks/route.h"

#include <string.h>
#include <sys/un.h>

/*
 * systemd-resolved by its Varlink interface (nss-resolve), Avahi (nss-mdns), and the name service
 * cache. Their D-Bus interfaces have one socket with all of D-Bus.
 */
static const char *const doors[] = {
	"/run/systemd/resolve/io.systemd.Resolve",
	"/run/avahi-daemon/socket",
	"/run/nscd/socket",
};

/* /var/run is a link to /run. */
static const char *skip_var(const char *path)
{
	return strncmp(path, "/var/run/", 9) == 0 ? path + 4 : path;
}

static int check_path(const char *path)
{
	path = skip_var(path);
	for (size_t i = 0; i < sizeof(doors) / sizeof(*doors); i++) {
		if (strcmp(path, doors[i]) == 0)
			return -ECONNREFUSED;
	}
	return 0;
}

int doors_check(const struct session *session, const struct sockaddr *addr, socklen_t length)
{
	struct sockaddr_un local;
	char path[sizeof(local.sun_path) + 1] = "";

	if (session->passive || !route_is_readable(addr, length) || addr->sa_family != AF_UNIX ||
	    length > sizeof(local))
		return 0;
	memcpy(path, (const char *)addr + offsetof(struct sockaddr_un, sun_path),
	       length - offsetof(struct sockaddr_un, sun_path));
	return check_path(path);
}
