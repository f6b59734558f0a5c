/*
 * conn: one client, from accept to close: the handshake step by step, the request carried out, the
 * relay. Owns itself and both sockets; tells its server when it is gone. One thread, the main
 * loop's.
 */
#ifndef PROXY_CONN_H
#define PROXY_CONN_H

#include <glib.h>

struct conn;
struct shared;

/*
 * Takes over the client's socket. `gone` is called from the main loop once the connection has ended
 * and may be freed.
 */
struct conn *conn_new(struct shared *shared, int client, guint64 number,
		      void (*gone)(void *data, struct conn *conn), void *data);

/* Begins; the client may be heard from here on. `peer` is its address, for the log. */
void conn_start(struct conn *conn, const char *peer);

/* Ends it at once if it is still there. */
void conn_free(struct conn *conn);

#endif
