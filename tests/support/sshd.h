/*
 * sshd: an SSH server of the lab, on 127.0.0.1:2222, that lets everybody with the key in as the
 * user it runs as. What git fetches from it is in the lab's folder, as is the key: `id` is root's,
 * `id-nobody` the other user's copy, `id.pub` both's.
 */
#ifndef SUPPORT_SSHD_H
#define SUPPORT_SSHD_H

#define SSHD_PORT 2222

/* Behind lab_open. */
void sshd_start(void);

#endif
