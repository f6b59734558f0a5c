#include "support/sshd.h"
#include "support/lab.h"

void sshd_start(void)
{
	lab_need_root(); /* to become whom somebody logs in as */
	const struct lab_result made = lab_shell(
		LAB_ROOT,
		"set -e; mkdir -p /run/sshd; ssh-keygen -q -t ed25519 -N '' -f host; "
		"ssh-keygen -q -t ed25519 -N '' -f id; cp id.pub authorized; chmod 644 authorized; "
		"cp id id-nobody; chmod 600 id id-nobody; chown 65534 id-nobody");
	lab_assert_status(&made, 0);
	const char *folder = lab_folder();
	g_autofree char *command = g_strdup_printf(
		"exec $(command -v sshd || echo /usr/sbin/sshd) -D -f /dev/null -h %s/host -o "
		"Port=%u "
		"-o ListenAddress=127.0.0.1 -o PermitRootLogin=yes -o "
		"AuthorizedKeysFile=%s/authorized "
		"-o StrictModes=no -o UsePAM=no -o PidFile=none -o Subsystem='sftp internal-sftp'",
		folder, SSHD_PORT, folder);
	lab_daemon(command, SSHD_PORT);
}
