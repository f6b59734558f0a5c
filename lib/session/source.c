#include "session/source.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/libc.h"
#include "policy/builtin.h"
#include "policy/sealed.h"

#include <string.h>
#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/stat.h>

/* Users from here on have their numbers from others (subuid(5)), or from a directory elsewhere:
 * whose they are is not known in a namespace. */
#define FIRST_LENT 65536

static int open_built_in(uint8_t *blob, struct policy *policy)
{
	uint8_t random[16];

	if (getrandom(random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return -EACCES;
	builtin_policy((struct builtin *)(void *)blob, random);
	return policy_open(policy, blob, sizeof(struct builtin));
}

/* Its bytes, or -errno; -E2BIG when there are more than any policy has. */
static ssize_t read_file(uint8_t *blob, struct stat *ret_status)
{
	const int fd = open(SOURCE_FILE, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t length;

	if (fd < 0)
		return error_last();
	if (fstat(fd, ret_status) < 0 || !S_ISREG(ret_status->st_mode))
		length = -EBADMSG;
	else if (ret_status->st_size > BLOB_MAX)
		length = -E2BIG;
	else
		length = error_or(libc()->read(fd, blob, BLOB_MAX));
	libc()->close(fd);
	return length;
}

/*
 * The policy is root's. Where it looks as if it were another's this is a user namespace without the
 * machine's root, or the file was given away, which takes root.
 */
static void find_user(uid_t owner, struct source *source)
{
	const uint32_t self = (uint32_t)getauxval(AT_EUID);
	struct user root;

	source->user = (struct user){ .number = self };
	if (owner == 0)
		return;
	source->user = user_find(self);
	root = user_find(0);
	source->is_apart =
		root.number != 0 || root.space != 0 || access("/proc/self/ns/user", F_OK) < 0;
}

static const char *describe(bool is_missing)
{
	return is_missing ? SOURCE_FILE ": is not there, run isosocksctl compile"
			  : SOURCE_FILE ": not a policy that this isosocks compiled, run "
					"isosocksctl compile";
}

/* Where there is none: what becomes of a process that nobody gave a policy. */
static int do_without(bool asked_for, bool is_missing, uint8_t *blob, struct policy *policy,
		      struct source *source)
{
	if (asked_for && is_missing) {
		source->kind = SOURCE_BUILT_IN;
		return open_built_in(blob, policy) == 0 ? 0 : -EACCES;
	}
	if (!asked_for && getauxval(AT_EUID) < SOURCE_LEAST_USER) {
		struct stat top = { .st_uid = (uid_t)-1 };
		stat("/", &top);
		find_user(top.st_uid, source);
		if (!source->is_apart) {
			source->kind = SOURCE_NONE;
			return 0;
		}
	}
	source->problem = describe(is_missing);
	return -EACCES;
}

static int open_file(bool asked_for, uint8_t *blob, struct policy *policy, struct source *source)
{
	struct stat status;
	const ssize_t length = read_file(blob, &status);

	if (length < 0 || policy_open(policy, blob, (size_t)length) < 0)
		return do_without(asked_for, length == -ENOENT, blob, policy, source);
	source->kind = SOURCE_SYSTEM;
	find_user(status.st_uid, source);
	return 0;
}

static int read_variable(const char *value, uint8_t *blob, size_t *ret_length)
{
	if (!sealed_is_text(value))
		return base64_decode(value, strlen(value), blob, BLOB_MAX, ret_length);
	const ssize_t length = sealed_read(value, blob);
	if (length < 0)
		return (int)length;
	*ret_length = (size_t)length;
	return 0;
}

static const char *describe_variable(int r)
{
	switch (r) {
	case -EPROTONOSUPPORT:
		return "ISOSOCKS_POLICY: a policy of another version of isosocks";
	case -ENOENT:
		return "ISOSOCKS_POLICY: names a descriptor that is not here, or no policy";
	default:
		return "ISOSOCKS_POLICY: not a policy that isosocks compiled";
	}
}

static int open_variable(const char *value, uint8_t *blob, struct policy *policy,
			 struct source *source)
{
	size_t length;
	int r = read_variable(value, blob, &length);

	if (r == 0)
		r = policy_open(policy, blob, length);
	if (r == 0)
		return 0;
	source->problem = describe_variable(r);
	return -EACCES;
}

/* Anybody can write what stands in a variable, and only root the file. */
static int hold_machine(struct policy *policy, struct source *source)
{
	static uint8_t blob[BLOB_MAX] __attribute__((aligned(8)));
	struct policy machine;
	struct stat status;
	const ssize_t length = read_file(blob, &status);

	if (length == -ENOENT)
		return 0;
	if (length < 0 || policy_open(&machine, blob, (size_t)length) < 0) {
		source->problem = describe(false);
		return -EACCES;
	}
	policy_hold(policy, &machine);
	return 0;
}

int source_open(const char *variable, bool asked_for, uint8_t *blob, struct policy *policy,
		struct source *ret)
{
	*ret = (struct source){
		.kind = SOURCE_VARIABLE,
		.asked_for = asked_for,
		.user = { .number = (uint32_t)getauxval(AT_EUID) },
		.problem = "ISOSOCKS_POLICY: no random bytes",
	};
	if (!variable)
		return open_file(asked_for, blob, policy, ret);
	const int r = open_variable(variable, blob, policy, ret);
	return r < 0 ? r : hold_machine(policy, ret);
}

bool source_spares(const struct source *source, const struct policy *policy, const char *executable)
{
	const struct user *user = &source->user;

	if (source->kind != SOURCE_SYSTEM || source->asked_for)
		return false;
	if (source->is_apart &&
	    (user->space != 0 || user->number >= FIRST_LENT || user->number < SOURCE_LEAST_USER))
		return false;
	return user->number < policy->header->min_uid &&
	       !policy_names_user(policy, executable, user->number);
}
