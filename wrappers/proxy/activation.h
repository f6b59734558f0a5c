/*
 * activation: listening sockets that whoever started this process has opened for it, as systemd
 * does; sd_listen_fds(3). Asked once, at the start; one thread.
 */
#ifndef PROXY_ACTIVATION_H
#define PROXY_ACTIVATION_H

#include <gio/gio.h>

/* Descriptors from this number on. */
#define ACTIVATION_FIRST 3

/* How many there are; 0: none, or they are meant for another process. Nobody who is started later
 * takes them for its own. */
guint activation_take(void);

/* One of them. The error says which it is and what is wrong with it. */
GSocket *activation_open(guint index, GError **error);

#endif
