#include "hooks/actions.h"
#include "hooks/hook.h"
#include "hooks/pending.h"

#include <stdatomic.h>
#include <stdint.h>

/* Sockets that are duplicated by actions which exist at one time; more are all waited for. */
#define NOTES	      64
#define BEING_WRITTEN 1 /* no object's address */

static struct {
	_Atomic uintptr_t actions; /* 0: free; written last */
	_Atomic int fd;
} notes[NOTES];

static _Atomic bool any LIBC_WITH_DATA;
static _Atomic bool overflowed LIBC_WITH_DATA;

static void note(const posix_spawn_file_actions_t *actions, int fd)
{
	atomic_store(&any, true);
	for (unsigned i = 0; i < NOTES; i++) {
		uintptr_t none = 0;
		if (!atomic_compare_exchange_strong(&notes[i].actions, &none, BEING_WRITTEN))
			continue;
		atomic_store(&notes[i].fd, fd);
		atomic_store(&notes[i].actions, (uintptr_t)actions);
		return;
	}
	atomic_store(&overflowed, true);
}

static bool is_of(unsigned i, const posix_spawn_file_actions_t *actions)
{
	return atomic_load(&notes[i].actions) == (uintptr_t)actions;
}

static void forget(const posix_spawn_file_actions_t *actions)
{
	for (unsigned i = 0; i < NOTES && atomic_load(&any); i++) {
		if (is_of(i, actions))
			atomic_store(&notes[i].actions, 0);
	}
}

static void hand_over(int fd)
{
	while (pending_hand_over(fd, true) < 0)
		;
}

void actions_hand_over(const posix_spawn_file_actions_t *actions)
{
	ERROR_PROTECT;

	if (!actions || !pending_ever() || !atomic_load(&any))
		return;
	for (unsigned i = 0; i < NOTES; i++) {
		if (is_of(i, actions))
			hand_over(atomic_load(&notes[i].fd));
	}
	if (!atomic_load(&overflowed))
		return;
	for (int fd = table_next(-1); fd >= 0; fd = table_next(fd))
		hand_over(fd);
}

HOOK int posix_spawn_file_actions_init(posix_spawn_file_actions_t *actions)
{
	forget(actions);
	return libc()->posix_spawn_file_actions_init(actions);
}

HOOK int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *actions)
{
	forget(actions);
	return libc()->posix_spawn_file_actions_destroy(actions);
}

HOOK int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *actions, int fd,
					  int duplicate)
{
	const int r = libc()->posix_spawn_file_actions_adddup2(actions, fd, duplicate);

	/* It may get on its way behind this. */
	if (r == 0 && (table_may_be_pending(fd) || table_kind(fd) == TABLE_KIND_STREAM))
		note(actions, fd);
	return r;
}
