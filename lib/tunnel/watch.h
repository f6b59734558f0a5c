/*
 * watch: the epoll sets a descriptor is in. While its socket is on its way the kernel's
 * registration holds the handshake's events and a marker in place of the application's data;
 * afterwards it gets the application's own back, and the kernel looks at it anew, so that level and
 * edge, one-shot and many threads need nothing else. The record is a hint: a set that no longer
 * knows the descriptor is forgotten.
 */
#ifndef TUNNEL_WATCH_H
#define TUNNEL_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* The application's EPOLL_CTL_ADD or MOD has gone through. */
void watch_put(int fd, int set, const struct epoll_event *event);

/* Its EPOLL_CTL_DEL has. */
void watch_remove(int fd, int set);

/* The descriptor is being closed: its sets forget it, and so do we. */
void watch_forget(int fd);

/* Whether it is in any. */
bool watch_has_any(int fd);

/*
 * Another socket takes the descriptor's number: the sets forget the old one before, and are told of
 * the new one behind it, as the application told them.
 */
void watch_withdraw(int fd);
void watch_return(int fd);

/* The kernel waits for events (poll(2) bits) of the handshake, in every set the descriptor is in.
 */
void watch_arm(int fd, short events);

/*
 * The same for a registration that is being made: op is EPOLL_CTL_ADD or MOD. -errno as epoll_ctl.
 */
int watch_arm_new(int fd, int set, int op, short events, const struct epoll_event *event);

/* The kernel gets the application's registrations back. */
void watch_restore(int fd);

/* Whether an event that came back is a marker, and of which descriptor. */
bool watch_is_marker(const struct epoll_event *event, int *ret_fd);

#endif
