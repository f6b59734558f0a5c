#include "session/environment.h"

#include "elf/preload.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define PREFIX	"ISOSOCKS_"
#define KEY	"KEY_"
#define RUNTIME "XDG_RUNTIME_DIR="
#define PRELOAD "LD_PRELOAD="

static const struct variable {
	const char *name;
	size_t offset;
	enum trust least; /* with which it is believed */
} variables[] = {
	{ "POLICY", offsetof(struct environment, policy), TRUST_EVERYTHING },
	{ "NAMES", offsetof(struct environment, names), TRUST_ISOLATION },
	{ "CONFIG", offsetof(struct environment, config), TRUST_EVERYTHING },
	{ "PROXY", offsetof(struct environment, proxy), TRUST_EVERYTHING },
	{ "ISOLATION", offsetof(struct environment, isolation), TRUST_ISOLATION },
	{ "KEYS", offsetof(struct environment, keys), TRUST_ISOLATION },
	{ "BY", offsetof(struct environment, by), TRUST_ISOLATION },
	{ "LOG", offsetof(struct environment, log), TRUST_ISOLATION },
	{ "LOG_FORMAT", offsetof(struct environment, log_format), TRUST_ISOLATION },
	{ "LOG_FILE", offsetof(struct environment, log_file), TRUST_EVERYTHING },
	{ "USERNAME", offsetof(struct environment, username), TRUST_EVERYTHING },
	{ "PASSWORD", offsetof(struct environment, password), TRUST_EVERYTHING },
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

static const struct variable *find_variable(const char *assignment)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
		const size_t length = strlen(variables[i].name);
		if (strncmp(assignment, variables[i].name, length) == 0 &&
		    assignment[length] == '=')
			return &variables[i];
	}
	return NULL;
}

static void note(const char **field, const char *text)
{
	if (!*field)
		*field = text;
}

/* Of two with one name the first counts, as for getenv(3). */
static void assign(struct environment *environment, const char *assignment)
{
	const struct variable *variable = find_variable(assignment);

	if (!variable && !is_key(assignment))
		note(&environment->unknown, assignment);
	else if (variable && environment->trust < variable->least)
		note(&environment->unheeded, assignment);
	else if (variable)
		note((const char **)((char *)environment + variable->offset),
		     strchr(assignment, '=') + 1);
}

static bool begins(const char *entry, const char *with)
{
	return strncmp(entry, with, strlen(with)) == 0;
}

/* Variables of others that mean something here, or would be thought to. */
static void note_other(struct environment *environment, const char *entry)
{
	if (begins(entry, RUNTIME) && environment->trust == TRUST_EVERYTHING)
		note(&environment->runtime, entry + sizeof(RUNTIME) - 1);
	if (begins(entry, "TORSOCKS_"))
		note(&environment->torsocks, entry);
}

/* Of two the dynamic linker takes the last. */
static bool is_asked_for(void)
{
	const char *preload = "";

	for (char **entry = environ; entry && *entry; entry++)
		if (begins(*entry, PRELOAD))
			preload = *entry + sizeof(PRELOAD) - 1;
	return preload_has(preload, PRELOAD_OURS);
}

enum trust environment_trust(void)
{
	if (getauxval(AT_SECURE))
		return TRUST_NOTHING;
	return is_asked_for() ? TRUST_EVERYTHING : TRUST_ISOLATION;
}

void environment_read(struct environment *ret, enum trust trust)
{
	*ret = (struct environment){ .trust = trust };
	if (trust == TRUST_NOTHING)
		return;
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

void environment_clear(void)
{
	char **kept = environ;

	for (char **entry = environ; entry && *entry; entry++)
		if (!own_name(*entry))
			*kept++ = *entry;
	if (kept)
		*kept = NULL;
}
