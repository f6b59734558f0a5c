/*
 * hostent: the older resolver calls. An entry is put together in the caller's buffer, or in one of
 * ours for the calls that have none; libc's own four are not used, because it would ask the
 * nameserver for what it does not find.
 */
#include "hooks/hook.h"
#include "hooks/lookup.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

/* A caller's buffer: names from its start, then whatever needs to be aligned. */
struct room {
	char *at;
	size_t size;
	size_t used;
};

/* The names of an entry, as hosts.h has them, and its addresses. */
struct parts {
	struct hosts_names names;
	struct hosts_address addresses[HOSTS_MAX];
	unsigned count;
	int family;
};

/* ---- an entry ---- */

static size_t address_size(int family)
{
	return family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
}

static void *take(struct room *room, size_t size)
{
	const size_t skip = -(uintptr_t)(room->at + room->used) % sizeof(void *);

	if (room->size - room->used < skip || room->size - room->used - skip < size)
		return NULL;
	void *at = room->at + room->used + skip;
	room->used += skip + size;
	return at;
}

static unsigned count_names(const struct hosts_names *names)
{
	unsigned count = 0;

	for (size_t i = 0; i < names->used; i += strlen(names->at + i) + 1)
		count += names->at[i] != '\0';
	return count;
}

/* libc's order: of each line but the first the canonical name comes behind the other ones. */
static void fill_aliases(const struct hosts_names *names, char **aliases)
{
	char *first = NULL; /* of this line, if it is still to come */
	bool in_line = false, is_first_line = true;

	for (size_t i = 0; i < names->used; i += strlen(names->at + i) + 1) {
		char *name = names->at + i;
		if (*name == '\0') {
			if (first)
				*aliases++ = first;
			first = NULL;
			in_line = is_first_line = false;
		} else if (in_line) {
			*aliases++ = name;
		} else {
			first = is_first_line || strcmp(name, names->at) == 0 ? NULL : name;
			in_line = true;
		}
	}
	*aliases = NULL;
}

static int fill_entry(struct parts *parts, struct room *room, struct hostent *ret)
{
	if (parts->names.cut)
		return -ERANGE;
	room->used = parts->names.used;
	const size_t size = address_size(parts->family);
	char **aliases = take(room, (count_names(&parts->names) + 1) * sizeof(char *));
	char **list = take(room, (parts->count + 1) * sizeof(char *));
	char *bytes = take(room, parts->count * size);

	if (!aliases || !list || !bytes)
		return -ERANGE;
	fill_aliases(&parts->names, aliases);
	for (unsigned i = 0; i < parts->count; i++)
		list[i] = memcpy(bytes + i * size, parts->addresses[i].bytes, size);
	list[parts->count] = NULL;
	*ret = (struct hostent){ .h_name = parts->names.at,
				 .h_aliases = aliases,
				 .h_addrtype = parts->family,
				 .h_length = (int)size,
				 .h_addr_list = list };
	return 0;
}

/* The one name of an entry that is in no file. */
static void put_name(struct hosts_names *names, const char *name)
{
	const size_t size = strlen(name) + 1;

	names->cut = size + 1 > names->size;
	if (names->cut)
		return;
	memcpy(names->at, name, size);
	names->at[size] = '\0';
	names->used = size + 1;
}

static struct parts parts_in(const struct room *room, int family)
{
	return (struct parts){ .names = { .at = room->at, .size = room->size }, .family = family };
}

/* ---- names ---- */

static int parse_literal(const char *name, int family, struct hosts_address *ret)
{
	*ret = (struct hosts_address){ .family = (uint8_t)family };
	const int good = family == AF_INET ? inet_aton(name, (void *)ret->bytes)
					   : inet_pton(AF_INET6, name, ret->bytes);
	return good == 1 ? 0 : -ENXIO;
}

/* In the family that was asked for: a placeholder has a form in either. */
static int convert(const struct session *session, struct hosts_address *address, int kind,
		   int family)
{
	struct hosts_address wide = { .family = AF_INET6 };

	if (address->family == family)
		return 0;
	if (family != AF_INET6 || kind != LOOKUP_PLACEHOLDER)
		return -ENXIO;
	if (!lookup_gives_mapped(session, false))
		return -ENODATA;
	lookup_widen(address, wide.bytes);
	*address = wide;
	return 0;
}

static int find_remote(struct session *session, const char *name, const char *meant,
		       struct parts *parts)
{
	put_name(&parts->names, name);
	parts->count = 1;
	const int kind =
		lookup_name(session, meant, strlen(meant), LOOKUP_MAY_WAIT, parts->addresses);
	return kind < 0 ? kind : convert(session, parts->addresses, kind, parts->family);
}

static int find_by_name(struct session *session, const char *name, struct parts *parts)
{
	char denied[HOSTNAME_MAX + 1];

	if (hostname_is_literal(name)) {
		put_name(&parts->names, name);
		parts->count = 1;
		return parse_literal(name, parts->family, parts->addresses);
	}
	if (lookup_find_denied(session, name, strlen(name), denied))
		return find_remote(session, name, denied, parts);
	if (hosts_find_entry(HOSTS_PATH, name, strlen(name), parts->family, parts->addresses,
			     &parts->count, &parts->names))
		return parts->count > 0 ? 0 : -ENXIO;
	return find_remote(session, name, name, parts);
}

static int by_name(struct session *session, const char *name, int family, struct room *room,
		   struct hostent *ret)
{
	struct parts parts = parts_in(room, family);

	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	if (!name)
		return -ENXIO;
	const int r = find_by_name(session, name, &parts);
	return r < 0 ? r : fill_entry(&parts, room, ret);
}

/* ---- addresses ---- */

static int find_by_address(struct session *session, struct parts *parts)
{
	struct hosts_address narrow = parts->addresses[0];
	char name[256];

	lookup_narrow(&narrow);
	if (hosts_find_names(HOSTS_PATH, &narrow, &parts->names))
		return 0;
	const int r = lookup_address(session, &narrow, LOOKUP_MAY_WAIT, name);
	if (r >= 0)
		put_name(&parts->names, name);
	return r < 0 ? r : 0;
}

static int by_address(struct session *session, const void *address, socklen_t length, int family,
		      struct room *room, struct hostent *ret)
{
	struct parts parts = parts_in(room, family);

	if (family != AF_INET && family != AF_INET6)
		return -EAFNOSUPPORT;
	if (!address || length != address_size(family))
		return -ENXIO;
	parts.count = 1;
	parts.addresses[0].family = (uint8_t)family;
	memcpy(parts.addresses[0].bytes, address, length);
	const int r = find_by_address(session, &parts);
	return r < 0 ? r : fill_entry(&parts, room, ret);
}

/* ---- how it is told ---- */

/* h_errno's value; with NETDB_INTERNAL errno is set. */
static int h_errno_of(const struct session *session, int r)
{
	if (r == 0)
		return NETDB_SUCCESS;
	if (r != -ERANGE && r != -EAFNOSUPPORT)
		return lookup_h_errno(session, r);
	errno = -r;
	return NETDB_INTERNAL;
}

/* What is not there is no error of the _r calls. */
static int tell(const struct session *session, int r, int saved, struct hostent *entry,
		struct hostent **result, int *ret_h_errno)
{
	const int problem = h_errno_of(session, r);

	*result = r == 0 ? entry : NULL;
	*ret_h_errno = problem;
	if (problem == NETDB_SUCCESS || problem == HOST_NOT_FOUND || problem == NO_DATA) {
		errno = saved;
		return 0;
	}
	if (problem != NETDB_INTERNAL)
		errno = -r;
	return errno;
}

/* For calls without a buffer of the caller's; untouched, it takes no memory. */
#define OWN_ROOM (64 * 1024)

struct own {
	struct hostent entry;
	char bytes[OWN_ROOM];
};

static struct room room_of(struct own *own)
{
	return (struct room){ .at = own->bytes, .size = sizeof(own->bytes) };
}

static struct hostent *tell_own(const struct session *session, int r, int saved, struct own *own)
{
	struct hostent *result;
	int problem;

	tell(session, r, saved, &own->entry, &result, &problem);
	if (problem != NETDB_SUCCESS)
		h_errno = problem;
	return result;
}

/* ---- the calls ---- */

HOOK int gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict entry,
			  char *restrict buffer, size_t size, struct hostent **restrict result,
			  int *restrict problem)
{
	const int saved = errno;
	struct session *session = session_get();
	struct room room = { .at = buffer, .size = size };

	if (lookup_is_libcs(session, name))
		return libc()->gethostbyname2_r(name, family, entry, buffer, size, result, problem);
	const int r = by_name(session, name, family, &room, entry);
	return tell(session, r, saved, entry, result, problem);
}

HOOK int gethostbyname_r(const char *restrict name, struct hostent *restrict entry,
			 char *restrict buffer, size_t size, struct hostent **restrict result,
			 int *restrict problem)
{
	if (lookup_is_libcs(session_get(), name))
		return libc()->gethostbyname_r(name, entry, buffer, size, result, problem);
	return gethostbyname2_r(name, AF_INET, entry, buffer, size, result, problem);
}

HOOK struct hostent *gethostbyname2(const char *name, int family)
{
	static struct own own;
	const int saved = errno;
	struct session *session = session_get();
	struct room room = room_of(&own);

	if (lookup_is_libcs(session, name))
		return libc()->gethostbyname2(name, family);
	return tell_own(session, by_name(session, name, family, &room, &own.entry), saved, &own);
}

HOOK struct hostent *gethostbyname(const char *name)
{
	static struct own own;
	const int saved = errno;
	struct session *session = session_get();
	struct room room = room_of(&own);

	if (lookup_is_libcs(session, name))
		return libc()->gethostbyname(name);
	return tell_own(session, by_name(session, name, AF_INET, &room, &own.entry), saved, &own);
}

HOOK int gethostbyaddr_r(const void *restrict address, socklen_t length, int family,
			 struct hostent *restrict entry, char *restrict buffer, size_t size,
			 struct hostent **restrict result, int *restrict problem)
{
	const int saved = errno;
	struct session *session = session_get();
	struct room room = { .at = buffer, .size = size };

	if (session->passive)
		return libc()->gethostbyaddr_r(address, length, family, entry, buffer, size, result,
					       problem);
	const int r = by_address(session, address, length, family, &room, entry);
	return tell(session, r, saved, entry, result, problem);
}

HOOK struct hostent *gethostbyaddr(const void *address, socklen_t length, int family)
{
	static struct own own;
	const int saved = errno;
	struct session *session = session_get();
	struct room room = room_of(&own);

	if (session->passive)
		return libc()->gethostbyaddr(address, length, family);
	const int r = by_address(session, address, length, family, &room, &own.entry);
	return tell_own(session, r, saved, &own);
}

/* ---- the hosts file, line by line ---- */

static uint64_t position; /* of the next line; one for the process, as libc has it */

/* As libc: IPv4 lines only. -ENOENT behind the last one. */
static int next_entry(struct room *room, struct hostent *ret)
{
	uint64_t offset = __atomic_load_n(&position, __ATOMIC_RELAXED);
	struct parts parts;
	int r = -ENOENT;

	do {
		parts = parts_in(room, AF_INET);
		if (!hosts_next(HOSTS_PATH, &offset, parts.addresses, &parts.names))
			return -ENOENT;
	} while (parts.addresses[0].family != AF_INET);
	parts.count = 1;
	r = fill_entry(&parts, room, ret);
	if (r == 0)
		__atomic_store_n(&position, offset, __ATOMIC_RELAXED);
	return r; /* with room enough the line comes again */
}

HOOK int gethostent_r(struct hostent *restrict entry, char *restrict buffer, size_t size,
		      struct hostent **restrict result, int *restrict problem)
{
	const int saved = errno;
	struct session *session = session_get();
	struct room room = { .at = buffer, .size = size };

	if (session->passive)
		return libc()->gethostent_r(entry, buffer, size, result, problem);
	const int r = next_entry(&room, entry);

	*result = r == 0 ? entry : NULL;
	*problem = r == 0 ? NETDB_SUCCESS : r == -ENOENT ? HOST_NOT_FOUND : NETDB_INTERNAL;
	errno = r == -ERANGE ? ERANGE : saved;
	return -r;
}

HOOK struct hostent *gethostent(void)
{
	static struct own own;
	struct hostent *result;
	int problem;

	if (session_get()->passive)
		return libc()->gethostent();
	gethostent_r(&own.entry, own.bytes, sizeof(own.bytes), &result, &problem);
	if (!result)
		h_errno = problem;
	return result;
}

HOOK void sethostent(int stay_open)
{
	if (session_get()->passive)
		libc()->sethostent(stay_open);
	__atomic_store_n(&position, 0, __ATOMIC_RELAXED);
}

HOOK void endhostent(void)
{
	if (session_get()->passive)
		libc()->endhostent();
	__atomic_store_n(&position, 0, __ATOMIC_RELAXED);
}

/* ---- the machine's number ---- */

static bool read_host_number(int32_t *ret)
{
	const int fd = open("/etc/hostid", O_RDONLY | O_CLOEXEC);
	const bool good = fd >= 0 && libc()->read(fd, ret, sizeof(*ret)) == sizeof(*ret);

	if (fd >= 0)
		libc()->close(fd);
	return good;
}

/* libc makes it of the address of the machine's own name, and asks the nameserver for that. */
HOOK long gethostid(void)
{
	const int saved = errno;
	struct hosts_address found[HOSTS_MAX];
	char own[65];
	int32_t number = 0;
	uint32_t address = 0;

	if (session_get()->passive)
		return libc()->gethostid();
	if (!read_host_number(&number)) {
		const size_t length = hosts_own_name(own);
		const unsigned count = hosts_find(HOSTS_PATH, own, length, found);
		for (unsigned i = count; i-- > 0;) {
			if (found[i].family == AF_INET)
				memcpy(&address, found[i].bytes, sizeof(address));
		}
		number = (int32_t)(address << 16 | address >> 16);
	}
	errno = saved;
	return number;
}
