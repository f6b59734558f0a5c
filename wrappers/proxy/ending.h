/*
 * ending: SIGTERM and SIGINT end the process, whatever it is doing. The first one asks; when that
 * has not been enough after a second, or by the next signal, the process is gone. One thread.
 */
#ifndef PROXY_ENDING_H
#define PROXY_ENDING_H

#include <glib.h>

/* Quits the loop at the first signal, from then on. */
void ending_watch(GMainLoop *loop);

#endif
