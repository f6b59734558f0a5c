#include "habit.h"

#include "finding.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *names; /* with blanks between and around them */
	const char *what;
	const char *text;
} habits[] = {
	{ " gpg gpg2 gpgsm dirmngr-client gpg-connect-agent ", "daemon",
	  "asks key servers by dirmngr, which stays when the program has ended: one that runs "
	  "already goes on as it was started, with the first run's keys or outside of isosocks; "
	  "gpgconf --kill dirmngr ends it" },
	{ " docker podman nerdctl flatpak machinectl ", "daemon",
	  "starts programs in containers, in which the library is not" },
	{ " systemctl systemd-run busctl gdbus dbus-send gio xdg-open at batch ", "daemon",
	  "has others start programs for it, which are outside of isosocks" },
	{ " tmux screen abduco dtach ", "daemon",
	  "starts its programs by a server that stays: one that runs already starts them as it was "
	  "started" },
	{ " adb ", "daemon",
	  "works by a server that stays: one that runs already goes on as it was started; "
	  "adb kill-server ends it" },
	{ " ssh scp sftp ", "daemon",
	  "uses the connection of an earlier one where its configuration has ControlMaster, with "
	  "the keys of that one" },
	{ " ping ping6 arping fping hping3 traceroute traceroute6 tracepath mtr tcpdump dhclient "
	  "ntpdate ntpd chronyd mosh mosh-client wg-quick avahi-browse avahi-resolve ",
	  "datagrams",
	  "works by datagrams or packets of its own, which no SOCKS5 proxy takes here: they are "
	  "refused" },
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static gboolean add(GPtrArray *findings, const char *path, const char *name)
{
	g_autofree char *word = g_strdup_printf(" %s ", name);

	for (gsize i = 0; i < G_N_ELEMENTS(habits); i++) {
		if (!strstr(habits[i].names, word))
			continue;
		findings_add(findings, "program", FINDING_NOTE, habits[i].what, "%s %s", path,
			     habits[i].text);
		return TRUE;
	}
	return FALSE;
}

void habit_inspect(GPtrArray *findings, const char *path)
{
	g_autofree char *real = realpath(path, NULL);

	if (!add(findings, path, last_part(path)) && real)
		add(findings, path, last_part(real));
}
