/*
 * symbol: the functions of the libraries behind this one, as dlsym(3) finds them with RTLD_NEXT: in
 * the first library of the dynamic linker's order that has the name, and in the version that new
 * programs get. For every name anew dlsym takes locks and looks for who asks; here all are looked
 * for in one pass, without either. Start-up only: nothing may be unloaded meanwhile.
 */
#ifndef BASE_SYMBOL_H
#define BASE_SYMBOL_H

#include <stddef.h>

#define SYMBOL_MAX 128 /* names in one pass */

/*
 * The names stand one behind the other, a NUL behind each. Those that are found are set in
 * ret_found, which is all NULL before; the others are for dlsym to find: what is in a library
 * without a DT_GNU_HASH table or behind one, and functions that are chosen when they are asked for
 * (STT_GNU_IFUNC).
 */
void symbol_find_next(const char *names, unsigned count, void *ret_found[]);

#endif
