/*
 * world: a proxy that runs inside the test on a thread of its own, and the sockets of its clients
 * and targets, which block. A test may open several; they share the main loop. Everything waits for
 * events, at most PATIENCE.
 */
#ifndef TESTS_PROXY_WORLD_H
#define TESTS_PROXY_WORLD_H

#include "proxy/settings.h"

#include <gio/gio.h>

struct world {
	struct settings settings;
	struct server *server;
	guint16 port;
	char *log;
};

/* Servers with these options (printf), listening on any port and logging; all before world_run. */
void world_open(struct world *world, const char *options, ...) G_GNUC_PRINTF(2, 3);
void world_run(void);

/* Stops the loop; then world_close for each. */
void world_stop(void);
void world_close(struct world *world);

/* The whole log so far. */
char *world_log(const struct world *world);

/* A connected client, and a listener standing for a target. */
int world_connect(const struct world *world);
int world_listen(guint16 *ret_port);
int world_accept(int listener);

void world_send(int fd, const void *bytes, gsize length);

/* Exactly these bytes must come next; or these and then the end; or a reset. */
void world_expect(int fd, const void *bytes, gsize length);
void world_expect_end(int fd, const void *bytes, gsize length);
void world_expect_reset(int fd);

#endif
