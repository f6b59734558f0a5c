/*
 * server: the listeners and the connections they take, until it is freed. Borrows its settings. One
 * thread, the default main context's.
 */
#ifndef PROXY_SERVER_H
#define PROXY_SERVER_H

#include <gio/gio.h>

struct server;
struct settings;

/* Listens on all of the settings' addresses, or on none. */
struct server *server_new(const struct settings *settings, GError **error);

/* Ends all connections at once. */
void server_free(struct server *server);

/* How many listeners there are, and the port of each. */
guint server_listeners(const struct server *server);
guint16 server_port(const struct server *server, guint index);

/* Raises this process's soft limit of open files to the hard one: each client takes two. */
void server_raise_limits(void);

#endif
