/*
 * client: one SOCKS5 handshake as a state machine that never sees a socket. It says what it wants,
 * lends its output and an input window, and is told how much of each was used. The window ends
 * where the reply must still be going on: bytes behind the reply are the application's and cannot
 * be read by accident.
 *
 * Memory is the caller's. The request, and what struct socks5_offer points at, must stay until the
 * handshake ends. One thread at a time. Errors stick until the next init.
 */
#ifndef SOCKS5_CLIENT_H
#define SOCKS5_CLIENT_H

#include "socks5/wire.h"

#include <stdbool.h>
#include <sys/uio.h>

#define SOCKS5_PIECES_MAX	  6	/* iovecs that the pairs of a request may come in */
#define SOCKS5_RESPONSE_PAIRS_MAX 65536 /* bytes of response pairs that are read and ignored */

/* What to present to the proxy. */
struct socks5_offer {
	uint8_t methods[SOCKS5_METHODS_MAX];
	uint8_t count;
	bool pipelined;	     /* do not wait where the one method offered is known to allow it */
	uint8_t pieces;	     /* of pairs */
	uint16_t pair_count; /* for 0x97 */
	const struct iovec *pairs;
	const void *username; /* for 0x02 */
	const void *password;
	uint8_t username_length;
	uint8_t password_length;
};

struct socks5_request {
	uint8_t command; /* enum socks5_command */
	struct socks5_address target;
};

enum socks5_want {
	SOCKS5_WANT_NOTHING = 0, /* it is over: socks5_client_error() says how */
	SOCKS5_WANT_SEND = 1u << 0,
	SOCKS5_WANT_RECV = 1u << 1,
};

/* At which answer of the proxy a handshake failed. */
enum socks5_stage {
	SOCKS5_STAGE_NONE,
	SOCKS5_STAGE_METHOD,	     /* no acceptable method */
	SOCKS5_STAGE_AUTHENTICATION, /* a status other than 00; code says which */
	SOCKS5_STAGE_REPLY,	     /* a reply other than 00; code says which */
	SOCKS5_STAGE_PROTOCOL,	     /* the proxy broke the protocol */
	SOCKS5_STAGE_END,	     /* the proxy closed; code is the stage it was in */
};

struct socks5_client {
	/* private to client.c */
	uint8_t state;
	uint8_t method; /* chosen, SOCKS5_NO_ACCEPTABLE until then */
	uint8_t stage;
	uint8_t code;
	int error;
	uint8_t pieces_out;  /* of out, not yet sent */
	uint16_t pairs_left; /* response pairs still to come */
	uint16_t skip;	     /* bytes of the current key or value */
	bool in_value;	     /* of a response pair */
	uint32_t skipped;
	uint16_t have; /* bytes in in */
	struct socks5_offer offer;
	struct iovec out[SOCKS5_PIECES_MAX + 3];
	const struct socks5_request *request;
	uint8_t room[SOCKS5_GREETING_MAX + SOCKS5_PASSWORD_MAX +
		     SOCKS5_REQUEST_MAX]; /* own output */
	uint16_t used;			  /* of room */
	uint8_t in[SOCKS5_REPLY_MAX];
};

void socks5_client_init(struct socks5_client *client, const struct socks5_offer *offer,
			const struct socks5_request *request);

/* enum socks5_want, both bits while sending and an answer may already come. */
unsigned socks5_client_want(const struct socks5_client *client);

/* Lends what is to be sent, in order; returns the number of pieces, at most SOCKS5_PIECES_MAX + 3.
 */
unsigned socks5_client_peek_output(const struct socks5_client *client,
				   const struct iovec **ret_pieces);
void socks5_client_commit_output(struct socks5_client *client, size_t length);

/* Lends room for input; returns its size, 0 when none is wanted. */
size_t socks5_client_lend_input(struct socks5_client *client, uint8_t **ret_window);
void socks5_client_commit_input(struct socks5_client *client, size_t length);

/* The proxy has closed its side. */
void socks5_client_end_input(struct socks5_client *client);

bool socks5_client_is_done(const struct socks5_client *client);

/* 0, or -errno of a handshake that failed. */
int socks5_client_error(const struct socks5_client *client);

/* How it failed; *ret_code (may be NULL) gets the status or reply code. */
enum socks5_stage socks5_client_stage(const struct socks5_client *client, uint8_t *ret_code);

/* The method the proxy chose, SOCKS5_NO_ACCEPTABLE before it did. */
uint8_t socks5_client_method(const struct socks5_client *client);

/* BND.ADDR and BND.PORT of a reply 00; for RESOLVE and RESOLVE_PTR that is the answer. */
void socks5_client_bound(const struct socks5_client *client, struct socks5_address *ret_bound);

#endif
