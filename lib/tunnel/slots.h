/*
 * slots: where tunnels live: chunks of memory shared with forked children, never given back, so
 * that connect() needs no malloc and a child sees the same handshake as its parent. Lock-free; any
 * thread and any signal handler.
 */
#ifndef TUNNEL_SLOTS_H
#define TUNNEL_SLOTS_H

struct tunnel;

/* A free tunnel, NULL when no memory is left. */
struct tunnel *slots_take(void);

/* Gives it back; NULL is allowed. */
void slots_give(struct tunnel *tunnel);

#endif
