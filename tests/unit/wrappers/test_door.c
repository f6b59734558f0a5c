#include "door.h"

#include "finding.h"

#include <criterion/criterion.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static gboolean has(GPtrArray *findings, const char *what)
{
	for (guint i = 0; i < findings->len; i++) {
		const struct finding *finding = findings->pdata[i];
		if (strcmp(finding->what, what) == 0)
			return finding->level == FINDING_NOTE &&
			       strcmp(finding->about, "door") == 0;
	}
	return FALSE;
}

static void make_socket(const char *root, const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	g_autofree char *whole = g_strconcat(root, path, NULL);
	g_autofree char *folder = g_path_get_dirname(whole);
	cr_assert_eq(g_mkdir_with_parents(folder, 0755), 0);
	g_strlcpy(at.sun_path, whole, sizeof(at.sun_path));
	cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
}

Test(door, names_those_that_are_there)
{
	g_autoptr(GPtrArray) none = findings_new(), some = findings_new();
	g_autofree char *root = g_dir_make_tmp("isosocks-XXXXXX", NULL);
	g_autofree char *bus = g_strdup_printf("/run/user/%u/bus", (unsigned)getuid());
	g_autofree char *remove = g_strdup_printf("rm -r %s", root);
	char *bare[] = { NULL }, *inside[] = { (char *)"TMUX=/tmp/x,1,0", NULL };

	door_inspect(none, root, bare);
	make_socket(root, "/run/docker.sock");
	make_socket(root, bus);
	door_inspect(some, root, inside);
	cr_assert_eq(g_spawn_command_line_sync(remove, NULL, NULL, NULL, NULL), TRUE);
	cr_assert_not(has(none, "docker") || has(none, "tmux") || has(none, "dbus-session"));
	cr_assert(has(some, "docker") && has(some, "tmux") && has(some, "dbus-session"));
	cr_assert_not(has(some, "podman"));
}
