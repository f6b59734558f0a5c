/*
 * failure: what a failed connection is called, and what to do about it: the one table that the log,
 * isosocks_last_failure(), `isosocksctl why` and `isosocksctl errors` take their sentences from.
 */
#ifndef SOCKS5_FAILURE_H
#define SOCKS5_FAILURE_H

#include "isosocks.h"

/* The code of ISOSOCKS_POLICY: a rule of the policy, or the policy cannot be used at all. */
enum { FAILURE_RULE, FAILURE_UNUSABLE };

/* A failed connection, as the table knows it. */
struct failure {
	int error;	/* errno */
	uint8_t stage;	/* enum isosocks_stage */
	uint8_t method; /* that was agreed on; SOCKS5_NO_ACCEPTABLE: none */
	uint8_t code;	/* of ISOSOCKS_POLICY, see above; of ISOSOCKS_AUTHENTICATION the status; of
			   ISOSOCKS_REPLY the reply */
};

/* A row stands for its errno at its stage; the last one of a stage also for every other errno. */
struct failure_row {
	uint8_t stage;
	uint8_t code; /* at ISOSOCKS_POLICY */
	int error;
	const char *meaning; /* shorter than isosocks_failure's member */
	const char *hint;
};

extern const struct failure_row failure_rows[];
extern const size_t failure_count;

/* Sentences without a full stop; never NULL. A stage that is none is taken for ISOSOCKS_PROXY. */
const char *failure_meaning(const struct failure *failure);
const char *failure_hint(const struct failure *failure);

#endif
