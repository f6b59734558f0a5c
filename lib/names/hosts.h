/*
 * hosts: the names this machine answers itself: localhost and *.localhost (RFC 6761 §6.3), the
 * lines of /etc/hosts, and the machine's own hostname. They are never sent to a nameserver. The
 * file is read at each call, without allocation; any thread.
 */
#ifndef NAMES_HOSTS_H
#define NAMES_HOSTS_H

#include <stdint.h>
#include <stddef.h>

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

#endif
