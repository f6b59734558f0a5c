/*
 * init: the constructor. It only reads what the process inherited; hooks that are called before it
 * do the same.
 */
#include "base/libc.h"
#include "session/session.h"

__attribute__((constructor)) static void init(void)
{
	libc_load();
	session_get();
}
