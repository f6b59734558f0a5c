/*
 * user: the number that this machine gives a user. Inside a user namespace (user_namespaces(7))
 * numbers are others: whoever makes one may be 0 there. No state; any thread and any signal
 * handler.
 */
#ifndef BASE_USER_H
#define BASE_USER_H

#include <stdbool.h>
#include <stdint.h>

struct user {
	uint32_t number;
	uint32_t space; /* 0; or the namespace that the number is of, where the machine's cannot be
			 * told: in one inside another */
};

/*
 * The user that has this number here, as the machine numbers it. One system call in the machine's
 * own namespace. Where /proc is missing, or shows no namespaces, the number is taken for the
 * machine's.
 */
struct user user_find(uint32_t number);

/* As a namespace's map of numbers has it, a file of the form of /proc/PID/uid_map: false when it is
 * not there. */
bool user_translate(int map, uint32_t number, uint32_t *ret_outside);

#endif
