/*
 * actions: what the file actions of posix_spawn() do with sockets. A child has a descriptor that
 * they duplicate, FD_CLOEXEC or not, and they are libc's to read: so it is noted here when one is
 * added. Any thread.
 */
#ifndef HOOKS_ACTIONS_H
#define HOOKS_ACTIONS_H

#include <spawn.h>

/* What these duplicate is about to go to another program: waits until it is no longer on its way.
 */
void actions_hand_over(const posix_spawn_file_actions_t *actions);

#endif
