/*
 * option: what is known of a socket's options without asking the kernel. Any thread.
 */
#ifndef HOOKS_OPTION_H
#define HOOKS_OPTION_H

#include <stdbool.h>

/* Whether its SO_RCVLOWAT may be another than 1: somebody has set one here, or the socket is not
 * from here. */
bool option_may_have_low_mark(int fd);

#endif
