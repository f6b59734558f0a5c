/*
 * cold: a mark for functions that hardly ever run and need room for it, such as those that write
 * the log. Inlined, their room would be taken from the stack of every call: programs call from
 * signal stacks and from threads that have hardly any.
 */
#ifndef BASE_COLD_H
#define BASE_COLD_H

#define COLD __attribute__((noinline, cold))

#endif
