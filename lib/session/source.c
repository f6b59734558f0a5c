#include "session/source.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/libc.h"
#include "policy/builtin.h"

#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/stat.h>

#define LIBRARY "libisosocks.so"

/* Whether somebody asked for the library for this process; otherwise /etc/ld.so.preload did. */
static bool is_asked_for(void)
{
	for (char **entry = environ; entry && *entry; entry++) {
		if (strncmp(*entry, "LD_PRELOAD=", 11) == 0)
			return strstr(*entry, LIBRARY) != NULL;
	}
	return false;
}

static int open_built_in(uint8_t *blob, struct policy *policy)
{
	uint8_t random[16];

	if (getrandom(random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return -EACCES;
	builtin_policy((struct builtin *)(void *)blob, random);
	return policy_open(policy, blob, sizeof(struct builtin));
}

/* Its bytes, or -errno; -E2BIG when there are more than any policy has. */
static ssize_t read_file(uint8_t *blob)
{
	const int fd = open(SOURCE_FILE, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat status;
	ssize_t length;

	if (fd < 0)
		return error_last();
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
		length = -EBADMSG;
	else if (status.st_size > BLOB_MAX)
		length = -E2BIG;
	else
		length = error_or(libc()->read(fd, blob, BLOB_MAX));
	libc()->close(fd);
	return length;
}

/* Where there is none: what becomes of a process that nobody gave a policy. */
static int do_without(bool is_missing, uint8_t *blob, struct policy *policy,
		      const char **ret_problem)
{
	const bool asked_for = is_asked_for();

	if (asked_for && is_missing)
		return open_built_in(blob, policy) == 0 ? SOURCE_BUILT_IN : -EACCES;
	if (!asked_for && getauxval(AT_UID) < SOURCE_LEAST_USER)
		return SOURCE_NONE;
	*ret_problem = is_missing ? SOURCE_FILE ": is not there, run isosocksctl compile"
				  : SOURCE_FILE ": not a policy that this isosocks compiled, run "
						"isosocksctl compile";
	return -EACCES;
}

static int open_file(uint8_t *blob, struct policy *policy, const char **ret_problem)
{
	const ssize_t length = read_file(blob);

	if (length >= 0 && policy_open(policy, blob, (size_t)length) == 0)
		return SOURCE_SYSTEM;
	return do_without(length == -ENOENT, blob, policy, ret_problem);
}

int source_open(const char *armored, uint8_t *blob, struct policy *policy, const char **ret_problem)
{
	size_t length;
	int r;

	if (!armored)
		return open_file(blob, policy, ret_problem);
	r = base64_decode(armored, strlen(armored), blob, BLOB_MAX, &length);
	if (r == 0)
		r = policy_open(policy, blob, length);
	if (r == 0)
		return SOURCE_VARIABLE;
	*ret_problem = r == -EPROTONOSUPPORT
			       ? "ISOSOCKS_POLICY: a policy of another version of isosocks"
			       : "ISOSOCKS_POLICY: not a policy that isosocks compiled";
	return -EACCES;
}

bool source_spares(const struct policy *policy, const char *executable, uint32_t user)
{
	return user < policy->header->min_uid && !policy_names_user(policy, executable, user) &&
	       !is_asked_for();
}
