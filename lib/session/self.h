/*
 * self: what tells the connections of this process from those of others: the user that it acts for,
 * and itself. Any thread, any child of fork(2) or vfork(2); async-signal-safe, allocation-free.
 */
#ifndef SESSION_SELF_H
#define SESSION_SELF_H

#include "keys/keys.h"

struct session;

/*
 * The user's part of ISOLATION, where the user is another than when the keys were written: 0 when
 * it is the same. It is the effective one, since that is who may do what this process does, now: a
 * daemon becomes its users one after the other without executing anything.
 */
size_t self_put_user(const struct session *session, char text[KEYS_USER_MAX]);

/* The process part: no other process of the machine has it, and none that this one forks. -EACCES
 * when the kernel gives no random bytes. */
int self_process(uint8_t ret_process[KEYS_PROCESS_SIZE]);

#endif
