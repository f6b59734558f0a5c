#include "session/inheritance.h"

#include "base/base64.h"
#include "base/libc.h"
#include "elf/preload.h"
#include "session/session.h"

#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define POLICY	      "ISOSOCKS_POLICY="
#define NAMES	      "ISOSOCKS_NAMES="
#define VARIABLES_MAX (48 * 1024) /* all that a session takes, and more */

static struct inheritance inheritance = { .variables = "" };

/* The user's own variables in a row. They take a page only where there are any. */
static char variables[VARIABLES_MAX];
static size_t used LIBC_WITH_DATA;

static bool begins(const char *entry, const char *with)
{
	return strncmp(entry, with, strlen(with)) == 0;
}

/* ---- the library ---- */

/*
 * The dynamic linker's own list has the paths for as long as the process lives, and may be walked
 * without its lock here: the start-up of a process loads nothing else meanwhile, and entries are
 * added behind the ones looked for.
 */
static void find_paths(const char **ret_library, const char **ret_loader)
{
	const ElfW(Addr) base = (ElfW(Addr))getauxval(AT_BASE);

	for (const struct link_map *map = _r_debug.r_map; map; map = map->l_next) {
		if (map->l_ld == _DYNAMIC && map->l_name[0] == '/')
			*ret_library = map->l_name;
		if (base != 0 && map->l_addr == base)
			*ret_loader = map->l_name;
	}
}

/* ---- variables ---- */

static void keep_variable(const char *entry)
{
	const size_t size = strlen(entry) + 1;

	if (size >= sizeof(variables) - used) {
		inheritance.is_cut = true;
		return;
	}
	memcpy(variables + used, entry, size);
	used += size;
	inheritance.variables = variables;
}

static void take_policy(const char *value)
{
	if (!inheritance.has_policy && sealed_is_text(value) &&
	    strlen(value) < sizeof(inheritance.policy))
		strcpy(inheritance.policy, value);
	inheritance.has_policy = true;
}

/* Of two with one name the first counts, but for the dynamic linker the last does. */
static void take(const char *entry, const char **preload)
{
	if (begins(entry, "LD_PRELOAD="))
		*preload = strchr(entry, '=') + 1;
	else if (begins(entry, POLICY))
		take_policy(entry + strlen(POLICY));
	else if (begins(entry, NAMES) && inheritance.names[0] == '\0' &&
		 strlen(entry) - strlen(NAMES) < sizeof(inheritance.names))
		strcpy(inheritance.names, entry + strlen(NAMES));
	else if (begins(entry, "ISOSOCKS_") && !begins(entry, NAMES) && strchr(entry, '='))
		keep_variable(entry);
}

void inheritance_read(void)
{
	const char *preload = "", *library = NULL;

	inheritance = (struct inheritance){ .variables = "" };
	used = 0;
	for (char **entry = environ; entry && *entry; entry++)
		if ((*entry)[0] == 'L' || (*entry)[0] == 'I')
			take(*entry, &preload);
	find_paths(&library, &inheritance.loader);
	inheritance.asked_for = preload_has(preload, PRELOAD_OURS);
	inheritance.library = inheritance.asked_for ? library : NULL;
	/* Else it is not obeyed, and nothing to hand on. */
	inheritance.has_policy &= inheritance.asked_for;
}

const struct inheritance *inheritance_get(void)
{
	return &inheritance;
}

/* ---- policy ---- */

/*
 * The text is made when it is first needed, in memory that is not used before. Who comes here at
 * once writes the same bytes: that takes no lock, which a child of vfork(2) could leave taken.
 */
__attribute__((no_sanitize("thread"))) const char *inheritance_policy(const struct session *session)
{
	static char text[sizeof(POLICY) + BASE64_ENCODED(BLOB_MAX)];
	static _Atomic bool made;
	const struct blob_header *header = session->policy.header;

	if (!header)
		return POLICY;
	if (!atomic_load_explicit(&made, memory_order_acquire)) {
		memcpy(text, POLICY, sizeof(POLICY) - 1);
		const size_t length =
			base64_encode(header, header->size, text + sizeof(POLICY) - 1);
		text[sizeof(POLICY) - 1 + length] = '\0';
		atomic_store_explicit(&made, true, memory_order_release);
	}
	return text;
}
