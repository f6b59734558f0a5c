/*
 * hop: one proxy on the way to a target: what it speaks, where it is, what it wants to see. Made
 * from the command line, then only read but for the time until which it counts as dead. One thread.
 */
#ifndef PROXY_HOP_H
#define PROXY_HOP_H

#include "message.h"

enum hop_kind {
	HOP_SOCKS5,
	HOP_SOCKS4A,
	HOP_HTTP, /* CONNECT */
};

struct hop {
	enum hop_kind kind;
	struct address place;	   /* as a proxy in front of it is asked for it */
	GSocketAddress *address;   /* to connect to; NULL for a name, which only others can reach */
	struct credentials *login; /* its own; NULL: none */
	char *text;		   /* KIND://ADDR:PORT, without the login */
	gint64 dead_until;	   /* monotonic */
};

/*
 * ADDR:PORT or [KIND://][USER:PASS@]ADDR:PORT, KIND being socks5, socks4a or http; unix:PATH is a
 * SOCKS5 proxy on a socket of this machine. In USER and PASS %XX stands for any byte.
 */
struct hop *hop_parse(const char *option, const char *text, GError **error);
void hop_free(struct hop *hop);

#endif
