/*
 * far: the other end of a cable that leads out of the lab. The lab's default route goes through the
 * interface "near" to a second network namespace, where nothing lives but a kernel that answers for
 * every address (a reset, an unreachable port), so that programs end soon, and a raw socket that
 * counts what arrives. One per test; it ends with it.
 */
#ifndef SUPPORT_FAR_H
#define SUPPORT_FAR_H

#include "support/lab.h"

/* Lays the cable; after lab_open(). What the test starts afterwards runs on one processor. */
void far_open(void);

/* Starts a program at the far end, in the background, as lab_start does it. */
char *far_start(const char *const *argv);

/* How a frame that marks the end of a count is made: the kernel sends reports of multicast groups a
 * little later than it is told, so only a report behind them ends their count. */
enum far_mark {
	FAR_FRAME,
	FAR_GROUP_REPORT,
};

/* What a policy lets go there (IPv4) does not count from now on; NULL: all counts again. */
void far_except(const char *address, unsigned port);

/*
 * The frames that have arrived since the last count, all that were sent before this call. Not
 * counted: what a kernel says by itself of its own interface (solicitations, reports of the groups
 * of its own addresses), and its refusals of what comes in (resets, unreachable ports).
 */
unsigned far_count(enum far_mark mark);

#endif
