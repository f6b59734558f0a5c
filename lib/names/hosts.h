/*
 * hosts: the names this machine answers itself: localhost and *.localhost (RFC 6761 §6.3), the
 * lines of /etc/hosts, and the machine's own hostname. They are never sent to a nameserver. The
 * file is read at each call, without allocation; any thread.
 */
#ifndef NAMES_HOSTS_H
#define NAMES_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOSTS_PATH "/etc/hosts"
#define HOSTS_MAX  16 /* addresses for one name */

struct hosts_address {
	uint8_t family;	   /* AF_INET or AF_INET6 */
	uint8_t bytes[16]; /* 4 or 16 of them, network byte order */
};

/*
 * The addresses of a name, in the file's order, each once: how many (at most HOSTS_MAX), or 0 when
 * the name is not a local one. A name in the file wins over the built-in answers; the own hostname
 * without a line in the file is 127.0.1.1's place, so it answers 127.0.0.1 and ::1. Case and one
 * trailing dot do not count. A file that cannot be read is empty.
 */
unsigned hosts_find(const char *path, const char *name, size_t length,
		    struct hosts_address ret[HOSTS_MAX]);

/*
 * Names, a NUL behind each, and one more behind each line; the first of a line is the canonical
 * one. The memory is the caller's; `used` starts at 0.
 */
struct hosts_names {
	char *at;
	size_t size;
	size_t used;
	bool cut; /* there was not enough room */
};

/*
 * The same for addresses of one family (0: any), with the names of every line they are in. The
 * built-in names have no further ones: the name itself then. Whether it is a local name at all,
 * with addresses of another family perhaps, is the result; *ret_count those of this family.
 */
bool hosts_find_entry(const char *path, const char *name, size_t length, int family,
		      struct hosts_address ret[HOSTS_MAX], unsigned *ret_count,
		      struct hosts_names *names);

/* The names of an address: of its first line, or localhost. false: it has none. */
bool hosts_find_names(const char *path, const struct hosts_address *address,
		      struct hosts_names *names);

/* The line at an offset (0: the first) that has an address and names; false behind the last one.
 * *offset moves behind it. */
bool hosts_next(const char *path, uint64_t *offset, struct hosts_address *ret,
		struct hosts_names *names);

/* The machine's hostname as it is (ret: 65 bytes), its length; 0 when it has none. */
size_t hosts_own_name(char *ret);

#endif
