/*
 * user: processes that become another user's for good. They go on with names of their own: the
 * memory that they shared would let them change the names of whom they were. What they execute has
 * a copy (exec.c).
 */
#include "hooks/hook.h"
#include "hooks/pending.h"
#include "names/map.h"
#include "session/inheritance.h"
#include "session/session.h"

/* Whether nothing leads back to that user. */
static bool has_left(uid_t user)
{
	uid_t real, effective, saved;

	return getresuid(&real, &effective, &saved) == 0 && real != user && effective != user &&
	       saved != user;
}

/* A child of vfork(2) has its parent's memory, and will execute something. */
static int became(int r)
{
	const int error = errno;
	struct session *session = session_get();

	if (r == 0 && __atomic_load_n(&session->pool.map, __ATOMIC_ACQUIRE) &&
	    has_left(session->names_user) && pending_is_ours() && session_isolate_names() == 0) {
		const int fd = map_find_foreign(inheritance_get()->names);
		if (fd >= 0)
			libc()->close(fd);
	}
	errno = error;
	return r;
}

HOOK int setuid(uid_t user)
{
	return became(libc()->setuid(user));
}

HOOK int setreuid(uid_t real, uid_t effective)
{
	return became(libc()->setreuid(real, effective));
}

HOOK int setresuid(uid_t real, uid_t effective, uid_t saved)
{
	return became(libc()->setresuid(real, effective, saved));
}
