/*
 * slots: where tunnels live: chunks of memory shared with forked children, never given back, so
 * that connect() needs no malloc and a child sees the same handshake as its parent. Lock-free; any
 * thread and any signal handler.
 */
#ifndef TUNNEL_SLOTS_H
#define TUNNEL_SLOTS_H

#include <stdint.h>

struct tunnel;

/* A free tunnel, NULL when no memory is left. */
struct tunnel *slots_take(void);

/*
 * Gives the tunnel of this socket back, once, whoever asks first. A tunnel that was taken and not
 * begun has cookie 0.
 */
void slots_give(struct tunnel *tunnel, uint64_t cookie);

#endif
