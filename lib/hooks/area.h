/*
 * area: memory for a call that may not come back. A child of vfork(2) executes on its parent's
 * memory, and what it had mapped stays in the parent when it has become another program: so what is
 * mapped here is never given back, and the parent's thread finds it again for its next child. Any
 * thread, and any signal handler; takes no lock.
 */
#ifndef HOOKS_AREA_H
#define HOOKS_AREA_H

#include <stddef.h>

/* Memory of at least this size until it is put back, or until the calling process is gone and its
 * parent's thread asks for some. NULL: there is none. */
void *area_take(size_t size);
void area_put(void *memory);

#endif
