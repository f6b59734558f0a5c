/*
 * watch: the epoll sets a descriptor is in. While its socket is on its way the kernel's
 * registration has the application's own data, and in place of its events those of the handshake,
 * written as no program writes them (EPOLLRDNORM for EPOLLIN, EPOLLWRNORM for EPOLLOUT), so that
 * what comes of them is told apart from all else. Afterwards it has the application's events again,
 * and the kernel looks at it anew, so that level and edge, one-shot and many threads need nothing
 * else. The record is a hint: a set that no longer knows the descriptor is forgotten.
 *
 * A set is known by a number that its duplicates share. Any thread and any signal handler.
 */
#ifndef TUNNEL_WATCH_H
#define TUNNEL_WATCH_H

#include "tunnel/table.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* What a handshake asks of a set, and what it may be answered with. */
#define WATCH_SIGNS   ((uint32_t)(EPOLLRDNORM | EPOLLWRNORM))
#define WATCH_ANSWERS (WATCH_SIGNS | (uint32_t)(EPOLLERR | EPOLLHUP))

/*
 * An EPOLL_CTL_ADD or MOD of the application has gone through. before: where an EPOLL_CTL_MOD found
 * the record, and which changes it had seen; where a handshake has changed the registration
 * meanwhile, the kernel is told once more.
 */
struct watch_before {
	struct table_watch *watch; /* NULL: none */
	uint32_t version;
};
struct watch_before watch_look(int fd, int set);
void watch_put(int fd, int set, const struct epoll_event *event, struct watch_before before);

/* Its EPOLL_CTL_DEL has. */
void watch_remove(int fd, int set);

/* The descriptor is being closed: its sets forget it, and so do we. */
void watch_forget(int fd);

/* One descriptor of a set is the duplicate of another; or of something else, and no set any more.
 */
void watch_put_duplicate(int fd, int duplicate);

/*
 * Another socket takes the descriptor's number: the sets forget the old one before, and are told of
 * the new one behind it, as the application told them.
 */
void watch_withdraw(int fd);
void watch_return(int fd);

/* Whether it is in any set; whether the kernel has a handshake's events in one. */
bool watch_has_any(int fd);
bool watch_is_armed(int fd);

/*
 * The kernel gets what is due in every set the descriptor is in: the handshake's events while it
 * is under way, once for each time it is said (EPOLLET), and behind its end the application's.
 * cookie: the socket's that the descriptor has now (table_cookie).
 */
void watch_update(int fd, uint64_t cookie);

/* The application's, whatever the handshake does. */
void watch_restore(int fd);

/* epoll_ctl() itself, EPOLL_CTL_ADD or MOD, for a descriptor whose handshake may be under way.
 * -errno. */
int watch_control(int set, int op, int fd, const struct epoll_event *event, uint64_t cookie);

/*
 * Who an event may be of: the only descriptor under way with this data in a set, -1 where it is
 * not known to be the only one; and the next descriptor behind `last` (-1: the first) with it,
 * under way or not, -1 for none. set: the set's number (table_set), 0 for any.
 */
int watch_find_only(uint32_t set, uint64_t data);
int watch_next(uint32_t set, uint64_t data, int last);

/* Whether an answer made of WATCH_ANSWERS may come of what the application has asked for. */
bool watch_asks(int fd, uint64_t data, uint32_t events);

/* Whether a descriptor is in a set; whether any set was ever put into another one, or made. */
bool watch_is_in(int fd, uint32_t set);
bool watch_any_nested(void);
bool watch_any_set(void);

/* An event of this descriptor was not for the application: a one-shot registration has its shot
 * again. */
void watch_renew(int fd, uint32_t set);

#endif
