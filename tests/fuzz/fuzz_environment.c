/*
 * fuzz_environment: what a process makes of its environment, from bytes of any kind. The first byte
 * says how far it is believed and whether a good policy is there; the rest are variables, each
 * ended by a NUL. Beyond not crashing, nothing that may not be believed is, and what is sent is
 * bounded.
 */
#include "base/log.h"

/* A file that a variable names is not to be written by a fuzzer. */
#define log_configure(level, format, path)                                                         \
	do {                                                                                       \
		log_is_good(level, format, path);                                                  \
		(log_configure)(LOG_NONE, LOG_TEXT, NULL);                                         \
	} while (0)
static void log_is_good(enum log_level level, enum log_format format, const char *path);

#include "../../lib/session/session.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VARIABLES_MAX 512

static void require(int truth)
{
	if (!truth)
		abort();
}

static void log_is_good(enum log_level level, enum log_format format, const char *path)
{
	require(level <= LOG_DEBUG);
	require(format <= LOG_JSON);
	require(!path || (path[0] == '/' && strlen(path) < PATH_MAX));
}

/* ---- the reader ---- */

static void check_names(const struct environment *read)
{
	if (read->unknown)
		require(strchr(read->unknown, '=') != NULL);
	if (read->unheeded)
		require(strchr(read->unheeded, '=') != NULL && read->trust != TRUST_EVERYTHING);
}

static void check_trust(enum trust trust)
{
	static const struct environment none;
	struct environment read;

	environment_read(&read, trust);
	check_names(&read);
	require(read.trust == trust);
	if (trust == TRUST_NOTHING)
		require(memcmp(&read, &none, sizeof(none)) == 0);
	if (trust != TRUST_EVERYTHING)
		require(!read.policy && !read.config && !read.proxy && !read.log_file &&
			!read.username && !read.password && !read.runtime);
}

static void check_keys_read(void)
{
	unsigned index = 0, count = 0;
	const char *key;

	while ((key = environment_next_key(&index))) {
		require(strchr(key, '=') != NULL);
		require(++count <= VARIABLES_MAX);
	}
}

static void check_cleared(void)
{
	environment_clear();
	for (char **entry = environ; *entry; entry++)
		require(strncmp(*entry, "ISOSOCKS_", 9) != 0);
}

/* ---- the session ---- */

/* As init() does, in a process that is started anew each time. */
static void check_session(enum trust trust)
{
	struct environment environment;

	memset(&session, 0, sizeof(session));
	memset(&given, 0, sizeof(given));
	inheritance_read();
	environment_read(&environment, trust);
	session.error = read_everything(&environment);
	require(session.error == 0 || session.error == -EACCES);
	require(session.keys.payload <= KEYS_PAYLOAD_MAX && session.keys.length <= KEYS_WIRE_MAX);
	if (session.error == 0 && !session.passive)
		require(session.by <= 0x1f && session.proxy.port != 0 && !environment.unknown);
	if (session.pool.map)
		pool_close(&session.pool);
	require(!session.why_file || session.why_file[0] == '/');
}

/* Entries point into text, which has a NUL at its end. */
static void split(char *text, size_t length, char **block, size_t count)
{
	for (size_t at = 0; at < length && count < VARIABLES_MAX; at += strlen(text + at) + 1)
		block[count++] = text + at;
	block[count] = NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char asked_for[] = "LD_PRELOAD=libisosocks.so";
	static char *block[VARIABLES_MAX + 1];
	char **const before = environ;

	if (size == 0)
		return 0;
	char *text = malloc(size);
	require(text != NULL);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	block[0] = asked_for;
	split(text, size, block, data[0] & 1);
	environ = block;
	require(environment_trust() != TRUST_NOTHING);
	for (enum trust trust = TRUST_NOTHING; trust <= TRUST_EVERYTHING; trust++) {
		check_trust(trust);
		check_session(trust);
	}
	check_keys_read();
	check_cleared();
	environ = before;
	free(text);
	return 0;
}
