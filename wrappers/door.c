#include "door.h"

#include "finding.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct door {
	const char *what;
	const char *variable; /* whose presence says that it is there, or NULL */
	const char *path;     /* of a socket, %U the user's number; or NULL */
	const char *text;
};

static const struct door doors[] = {
	{ "dbus-session", "DBUS_SESSION_BUS_ADDRESS", "/run/user/%U/bus",
	  "the session's D-Bus starts services on demand, which go to the network by themselves" },
	{ "dbus-system", NULL, "/run/dbus/system_bus_socket",
	  "the system's D-Bus starts services on demand, which go to the network by themselves" },
	{ "systemd", NULL, "/run/user/%U/systemd/private",
	  "systemd-run and systemctl --user start programs outside of isosocks" },
	{ "docker", "DOCKER_HOST", "/run/docker.sock",
	  "docker's containers have a network of their own" },
	{ "podman", "CONTAINER_HOST", "/run/user/%U/podman/podman.sock",
	  "podman's containers have a network of their own" },
	{ "tmux", "TMUX", "/tmp/tmux-%U/default",
	  "a tmux server that runs already starts its programs outside of isosocks" },
	{ "screen", "STY", NULL,
	  "a screen that runs already starts its programs outside of isosocks" },
	{ "ssh-agent", "SSH_AUTH_SOCK", NULL,
	  "an ssh agent may be the other end of a connection: a forwarded one is" },
	{ "gpg-agent", NULL, "/run/user/%U/gnupg/S.dirmngr",
	  "gpg asks key servers by dirmngr, which runs outside of isosocks" },
	{ "resolved", NULL, "/run/systemd/resolve/io.systemd.Resolve",
	  "systemd-resolved asks nameservers for whoever asks it" },
	{ "avahi", NULL, "/run/avahi-daemon/socket",
	  "avahi asks the local network for whoever asks it" },
	{ "nscd", NULL, "/run/nscd/socket", "nscd asks nameservers for whoever asks it" },
	{ "tor-control", NULL, "/run/tor/control",
	  "who may write to Tor's control socket can make Tor do anything" },
};

/* Services on loopback, which is direct unless the policy says otherwise. */
static const struct {
	const char *what;
	uint16_t port;
	const char *text;
} listeners[] = {
	{ "tor-control", 9051, "who may use Tor's control port can make Tor do anything" },
	{ "tor-control", 9151, "who may use Tor's control port can make Tor do anything" },
	{ "privoxy", 8118, "a forwarder on loopback takes connections without our keys" },
	{ "squid", 3128, "a forwarder on loopback takes connections without our keys" },
	{ "http-proxy", 8080, "a forwarder on loopback may take connections without our keys" },
};

static gboolean is_open(const struct door *door, const char *root, char **environment)
{
	g_autofree char *user = g_strdup_printf("%u", (unsigned)getuid());
	g_autofree char *path = NULL;
	g_auto(GStrv) parts = NULL;
	struct stat file;

	if (door->variable && g_environ_getenv(environment, door->variable))
		return TRUE;
	if (!door->path)
		return FALSE;
	parts = g_strsplit(door->path, "%U", -1);
	path = g_strjoinv(user, parts);
	g_autofree char *whole = g_strconcat(root, path, NULL);
	return stat(whole, &file) == 0 && S_ISSOCK(file.st_mode) && access(whole, W_OK) == 0;
}

/* Loopback answers at once, with a connection or a reset. */
static gboolean listens(uint16_t port)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
					.sin_port = htons(port),
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const gboolean open = fd >= 0 && connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0;
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	const gboolean connected =
		open || (fd >= 0 && getpeername(fd, (struct sockaddr *)&peer, &length) == 0);

	if (fd >= 0)
		close(fd);
	return connected;
}

void door_inspect(GPtrArray *findings, const char *root, char **environment)
{
	for (gsize i = 0; i < G_N_ELEMENTS(doors); i++)
		if (is_open(&doors[i], root, environment))
			findings_add(findings, "door", FINDING_NOTE, doors[i].what, "%s",
				     doors[i].text);
	for (gsize i = 0; i < G_N_ELEMENTS(listeners); i++)
		if (listens(listeners[i].port))
			findings_add(findings, "door", FINDING_NOTE, listeners[i].what,
				     "port %u: %s", listeners[i].port, listeners[i].text);
}
