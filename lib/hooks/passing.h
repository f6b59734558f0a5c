/*
 * passing: descriptors that another process hands over (SCM_RIGHTS), or that are taken from it. An
 * internet socket that the policy would not have let this process make or connect is closed again.
 * Values on the stack; any thread.
 */
#ifndef HOOKS_PASSING_H
#define HOOKS_PASSING_H

#include <sys/socket.h>

/* The result of recvmsg(2): as it is; or -1 and EACCES, with all descriptors of the message closed.
 */
ssize_t passing_received(ssize_t result, struct msghdr *message);

/* The result of recvmmsg(2). A refused message keeps its bytes and loses its control data, with
 * MSG_CTRUNC, because the others must arrive. */
int passing_received_many(int result, struct mmsghdr *messages);

#endif
