/*
 * sets: what comes of an epoll set because of a handshake is not the application's: it drives the
 * handshake, and the application is told nothing. Looked at behind a wait, so that nothing depends
 * on what was known before it. Any thread and any signal handler.
 */
#ifndef HOOKS_SETS_H
#define HOOKS_SETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/*
 * Takes what is not the application's out of what came back from a set; returns how many are left.
 * *ret_ended: a handshake is over, and the set may have something by now.
 */
int sets_sort(int set, struct epoll_event *events, int count, bool *ret_ended);

/* Whether a set that was found readable, from outside, is so for the application. */
bool sets_is_ready(int set);

#endif
