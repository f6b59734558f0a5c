#include "session/environment.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define PREFIX	"ISOSOCKS_"
#define KEY	"KEY_"
#define RUNTIME "XDG_RUNTIME_DIR="

static const struct variable {
	const char *name;
	size_t offset;
} variables[] = {
	{ "POLICY", offsetof(struct environment, policy) },
	{ "NAMES", offsetof(struct environment, names) },
	{ "CONFIG", offsetof(struct environment, config) },
	{ "PROXY", offsetof(struct environment, proxy) },
	{ "ISOLATION", offsetof(struct environment, isolation) },
	{ "KEYS", offsetof(struct environment, keys) },
	{ "BY", offsetof(struct environment, by) },
	{ "LOG", offsetof(struct environment, log) },
	{ "LOG_FILE", offsetof(struct environment, log_file) },
	{ "USERNAME", offsetof(struct environment, username) },
	{ "PASSWORD", offsetof(struct environment, password) },
};

/* What stands behind ISOSOCKS_, or NULL for another variable. */
static const char *own_name(const char *entry)
{
	const size_t length = sizeof(PREFIX) - 1;
	return strncmp(entry, PREFIX, length) == 0 ? entry + length : NULL;
}

static bool is_key(const char *assignment)
{
	return strncmp(assignment, KEY, sizeof(KEY) - 1) == 0;
}

static const char **find_field(struct environment *environment, const char *assignment)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const size_t length = strlen(variables[i].name);
		if (strncmp(assignment, variables[i].name, length) == 0 &&
		    assignment[length] == '=')
			return (const char **)((char *)environment + variables[i].offset);
	}
	return is_key(assignment) ? NULL : &environment->unknown;
}

/* Of two with one name the first counts, as for getenv(3). */
static void assign(struct environment *environment, const char *assignment)
{
	const char **field = find_field(environment, assignment);

	if (!field || *field)
		return;
	*field = field == &environment->unknown ? assignment : strchr(assignment, '=') + 1;
}

static bool begins(const char *entry, const char *with)
{
	return strncmp(entry, with, strlen(with)) == 0;
}

/* Variables of others that mean something here, or would be thought to. */
static void note_other(struct environment *environment, const char *entry)
{
	if (!environment->runtime && begins(entry, RUNTIME))
		environment->runtime = entry + sizeof(RUNTIME) - 1;
	if (!environment->torsocks && begins(entry, "TORSOCKS_"))
		environment->torsocks = entry;
}

void environment_read(struct environment *ret)
{
	*ret = (struct environment){ 0 };
	for (char **entry = environ; entry && *entry; entry++) {
		const char *assignment = own_name(*entry);
		if (!assignment)
			note_other(ret, *entry);
		else if (strchr(assignment, '='))
			assign(ret, assignment);
	}
}

const char *environment_next_key(unsigned *index)
{
	while (environ && environ[*index]) {
		const char *assignment = own_name(environ[(*index)++]);
		if (assignment && is_key(assignment) && strchr(assignment, '='))
			return assignment + sizeof(KEY) - 1;
	}
	return NULL;
}
