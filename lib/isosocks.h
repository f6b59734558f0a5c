/*
 * isosocks.h: for programs that want to know more of a failed connection than its errno says, when
 * they run under isosocks. Nothing is to be linked: look the function up.
 *
 *     int (*last_failure)(struct isosocks_failure *, size_t) =
 *             (int (*)(struct isosocks_failure *, size_t))dlsym(RTLD_DEFAULT,
 * ISOSOCKS_LAST_FAILURE); struct isosocks_failure failure;
 *
 *     if (last_failure && last_failure(&failure, sizeof(failure)) == 1)
 *             fprintf(stderr, "%s: %s\n", failure.host, failure.meaning);
 */
#ifndef ISOSOCKS_H
#define ISOSOCKS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ISOSOCKS_LAST_FAILURE "isosocks_last_failure"

/* Who said no. */
enum isosocks_stage {
	ISOSOCKS_POLICY,	 /* the policy */
	ISOSOCKS_PROXY,		 /* the proxy cannot be reached, or does not speak SOCKS5 */
	ISOSOCKS_METHOD,	 /* the proxy: it takes none of the methods offered */
	ISOSOCKS_AUTHENTICATION, /* the proxy: credentials or keys; code is its status */
	ISOSOCKS_REPLY,		 /* the proxy: the connection itself; code is its reply */
};

/* Later versions add members at the end. */
struct isosocks_failure {
	int error;	  /* errno */
	int stage;	  /* enum isosocks_stage */
	uint8_t method;	  /* that was agreed on with the proxy; 0xff: none */
	uint8_t code;	  /* the proxy's own, where stage says so */
	uint16_t port;	  /* of the target, host byte order */
	char host[256];	  /* the target's name, or its address */
	char meaning[64]; /* in words */
};

/*
 * The last failed connection of this process, whichever thread's it was. size is that of the
 * caller's struct. 1 and *ret_failure; 0 when nothing has failed. Keeps errno; any thread and any
 * signal handler may call it.
 */
int isosocks_last_failure(struct isosocks_failure *ret_failure, size_t size);

#ifdef __cplusplus
}
#endif

#endif
