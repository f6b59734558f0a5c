/*
 * record: what a client has told in its handshake so far, and its lines in the log. Embedded in a
 * connection, which fills it in; zero is a good start. One thread.
 */
#ifndef PROXY_RECORD_H
#define PROXY_RECORD_H

#include "fault.h"
#include "message.h"

struct jsonlog;
struct pairs;

struct record {
	guint64 number; /* of the connection */
	guint reads;	/* until now */
	struct greeting greeting;
	gboolean greeted;
	guint8 method;
	gboolean has_method;
	struct pairs *pairs;	   /* method 97's; NULL before */
	struct credentials *login; /* method 02's; NULL before */
	struct request request;
	char *host;	   /* the request's; NULL before it */
	const char *fault; /* the one that decided the end; the faults' */
	const char *via;   /* the proxies in between; the dial's, NULL: none */
	const char *why;   /* which of them failed and how */
};

void record_clear(struct record *record);

/* Once the request is there. */
void record_set_host(struct record *record);

void record_log_accept(const struct record *record, struct jsonlog *log, const char *peer);

/* `reply` -1: there is none. */
void record_log_error(const struct record *record, struct jsonlog *log, enum step step,
		      const char *why, int reply);

/* `reply` -1: there will be none. */
void record_log_request(const struct record *record, struct jsonlog *log, int reply);

/* How many bytes reached the target and the client. */
void record_log_close(const struct record *record, struct jsonlog *log, guint64 up, guint64 down);

#endif
