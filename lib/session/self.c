#include "session/self.h"

#include "base/error.h"
#include "base/libc.h"
#include "base/question.h"
#include "base/user.h"
#include "session/session.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

/* ---- the user ---- */

/* One that was found before, as its number here and the machine's; a namespace is entered by
 * becoming another user. Those that have no number of the machine's are looked for each time. */
static _Atomic uint64_t found = UINT64_MAX;

static struct user find_user(uint32_t self)
{
	const uint64_t known = atomic_load_explicit(&found, memory_order_relaxed);

	if (known >> 32 == self)
		return (struct user){ .number = (uint32_t)known };
	const struct user user = user_find(self);
	if (user.space == 0)
		atomic_store_explicit(&found, (uint64_t)self << 32 | user.number,
				      memory_order_relaxed);
	return user;
}

size_t self_put_user(const struct session *session, char text[KEYS_USER_MAX])
{
	/* A program that forbids the question itself becomes nobody else. */
	const uint64_t last = atomic_load_explicit(&found, memory_order_relaxed);
	const uint32_t known = last == UINT64_MAX ? session->user : (uint32_t)last;
	const struct user user = question_is_allowed(QUESTION_USER)
					 ? find_user((uint32_t)geteuid())
					 : (struct user){ .number = known };

	if (user.space == 0 && user.number == session->user)
		return 0;
	return keys_put_user(text, user.number, user.space);
}

/* ---- the process ---- */

typedef _Atomic uint64_t secret; /* 0: none yet */

/*
 * The kernel empties the page in a child that is forked. Without Linux 4.14 it does not, and
 * without memory there is none: then a child differs by its number alone.
 */
static secret *make_page(void)
{
	static secret shared;
	secret *page = mmap(NULL, sizeof(secret), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return &shared;
	if (madvise(page, sizeof(secret), MADV_WIPEONFORK) == 0)
		return page;
	munmap(page, sizeof(secret));
	return &shared;
}

/* All who come here at once make one, and the first one's stays. */
static secret *find_page(void)
{
	static secret *_Atomic page;
	secret *now = atomic_load_explicit(&page, memory_order_acquire);

	if (now)
		return now;
	secret *fresh = make_page();
	if (atomic_compare_exchange_strong(&page, &now, fresh))
		return fresh;
	if (fresh != now)
		munmap(fresh, sizeof(secret));
	return now;
}

static uint64_t find_secret(secret *at)
{
	uint64_t now = atomic_load_explicit(at, memory_order_acquire), fresh;
	ssize_t length;

	if (now != 0)
		return now;
	do
		length = getrandom(&fresh, sizeof(fresh), 0);
	while (length < 0 && errno == EINTR);
	if (length != sizeof(fresh))
		return 0;
	fresh |= 1;
	return atomic_compare_exchange_strong(at, &now, fresh) ? fresh : now;
}

/* The number besides, for a child that shares this memory. */
int self_process(uint8_t ret_process[KEYS_PROCESS_SIZE])
{
	ERROR_PROTECT;
	const uint64_t facts[] = { find_secret(find_page()), (uint64_t)getpid() };

	if (facts[0] == 0)
		return -EACCES;
	const uint64_t hash = policy_checksum(facts, sizeof(facts));
	memcpy(ret_process, &hash, sizeof(hash));
	return 0;
}
