/*
 * settings: what the command line asks of the server. Filled once by options_parse, or by a test,
 * then only read, but for the faults, which count down. Owned by whoever made it and outlives the
 * server.
 */
#ifndef PROXY_SETTINGS_H
#define PROXY_SETTINGS_H

#include "message.h"

struct faults;
struct jsonlog;
struct map;
struct route;

#define SETTINGS_METHODS_MAX	   3
#define SETTINGS_HANDSHAKE_SECONDS 30
#define SETTINGS_HOP_SECONDS	   120

struct settings {
	GPtrArray *listen; /* GSocketAddress */
	guint inherited;   /* listeners from activation.h, before those */
	gboolean print_port;
	gboolean show_version;
	gboolean show_faults;
	struct route *route;		      /* without a stage: connect directly */
	guint8 methods[SETTINGS_METHODS_MAX]; /* in the order of preference */
	gsize method_count;
	char *user; /* NULL: any credentials will do */
	char *password;
	struct faults *faults;
	struct map *map;
	struct jsonlog *log;	 /* NULL: none */
	guint handshake_seconds; /* for a client to say what it wants; 0: no end */
	guint hop_seconds;	 /* for each proxy, and for a target; 0: the kernel's */
	guint clients_max;	 /* at once; 0: as many as there are descriptors for */
};

/* With the built-in defaults: all three methods, nowhere to listen. */
void settings_init(struct settings *settings);
void settings_clear(struct settings *settings);

#endif
