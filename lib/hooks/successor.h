/*
 * successor: a socket off the leash in the place of one that is on it, for what the policy lets go
 * elsewhere. An unprivileged process cannot take the leash off (hooks/leash.h), so a new socket
 * takes over: options, flags, address and peer, the numbers that this process has for the old one,
 * and its registrations in epoll sets. What another process has of the old one stays as it is. Any
 * thread; async-signal-safe.
 */
#ifndef HOOKS_SUCCESSOR_H
#define HOOKS_SUCCESSOR_H

/* 0: the socket is off the leash, or was. Otherwise -errno, and it is as it was. */
int successor_put(int fd);

/* How many there have been. A thread that waits on a datagram socket is woken with nothing when
 * another takes its place, and has to wait on that one. */
unsigned successor_count(void);

#endif
