#include "names/hosts.h"
#include "base/libc.h"

#include "base/error.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define NODE_MAX 65 /* utsname(2): 64 bytes and a NUL */

/* What of a line is being read. */
enum field {
	FIELD_ADDRESS,
	FIELD_NAMES,
	FIELD_REST, /* a comment, or nothing more to learn from the line */
};

/* One pass over the file, byte by byte, so that lines may have any length. */
struct scan {
	const char *name;
	size_t length;
	struct hosts_address *found; /* HOSTS_MAX */
	unsigned count;
	enum field field;
	size_t taken; /* bytes of the current word */
	bool differs; /* the current word is not the name */
	size_t address_length;
	char address[INET6_ADDRSTRLEN]; /* of this line; cut when it is too long to be one */
};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static bool is_same(const char *a, const char *b, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (lower(a[i]) != lower(b[i]))
			return false;
	}
	return true;
}

/* ---- addresses ---- */

static bool is_known(const struct scan *scan, const struct hosts_address *address)
{
	for (unsigned i = 0; i < scan->count; i++) {
		if (memcmp(&scan->found[i], address, sizeof(*address)) == 0)
			return true;
	}
	return false;
}

/* Adds an address in its text form; what is none adds nothing. */
static void add_address(struct scan *scan, const char *text)
{
	struct hosts_address address = { .family = AF_INET };

	if (inet_pton(AF_INET, text, address.bytes) != 1) {
		address = (struct hosts_address){ .family = AF_INET6 };
		if (inet_pton(AF_INET6, text, address.bytes) != 1)
			return;
	}
	if (scan->count < HOSTS_MAX && !is_known(scan, &address))
		scan->found[scan->count++] = address;
}

/* ---- the file ---- */

static void take_byte(struct scan *scan, char c)
{
	if (scan->field == FIELD_ADDRESS) {
		if (scan->address_length < sizeof(scan->address))
			scan->address[scan->address_length++] = c;
	} else if (scan->taken < scan->length) {
		scan->differs |= lower(c) != lower(scan->name[scan->taken]);
	} else if (scan->taken > scan->length || c != '.') { /* one trailing dot does not count */
		scan->differs = true;
	}
	scan->taken++;
}

static void end_address(struct scan *scan)
{
	scan->field = FIELD_REST;
	if (scan->address_length == sizeof(scan->address))
		return;
	scan->address[scan->address_length] = '\0';
	scan->field = FIELD_NAMES;
}

static void end_name(struct scan *scan)
{
	if (scan->differs || scan->taken < scan->length)
		return;
	add_address(scan, scan->address);
	scan->field = FIELD_REST;
}

static void end_word(struct scan *scan)
{
	if (scan->taken > 0 && scan->field == FIELD_ADDRESS)
		end_address(scan);
	else if (scan->taken > 0 && scan->field == FIELD_NAMES)
		end_name(scan);
	scan->taken = 0;
	scan->differs = false;
}

static void end_line(struct scan *scan)
{
	end_word(scan);
	scan->field = FIELD_ADDRESS;
	scan->address_length = 0;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void take_bytes(struct scan *scan, const char *at, const char *end)
{
	while (at < end) {
		const char c = *at++;

		if (c == '\n') {
			end_line(scan);
		} else if (scan->field == FIELD_REST) {
			const char *newline = memchr(at, '\n', (size_t)(end - at));
			at = newline ? newline : end;
		} else if (c == '#') {
			end_word(scan);
			scan->field = FIELD_REST;
		} else if (is_space(c)) {
			end_word(scan);
		} else {
			take_byte(scan, c);
		}
	}
}

/* O_NONBLOCK for the case that it is a FIFO. */
static int open_file(const char *path)
{
	int fd;

	do {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

static void scan_file(struct scan *scan, const char *path)
{
	char buffer[4096];
	const int fd = open_file(path);
	ssize_t r = -1;

	if (fd < 0)
		return;
	do {
		r = libc()->read(fd, buffer, sizeof(buffer));
		if (r > 0)
			take_bytes(scan, buffer, buffer + r);
	} while (r == (ssize_t)sizeof(buffer) ||
		 (r < 0 && errno == EINTR)); /* a short read ends a file */
	end_line(scan);
	libc()->close(fd);
}

/* ---- built-in names ---- */

/* localhost and what is below it, RFC 6761 §6.3. */
static bool is_localhost(const char *name, size_t length)
{
	static const char suffix[] = ".localhost";
	const size_t size = sizeof(suffix) - 1;

	if (length == size - 1)
		return is_same(name, suffix + 1, length);
	return length > size && is_same(name + length - size, suffix, size);
}

static bool is_own_hostname(const char *name, size_t length)
{
	char node[NODE_MAX];

	if (gethostname(node, sizeof(node)) < 0)
		return false;
	return strnlen(node, sizeof(node)) == length && is_same(name, node, length);
}

unsigned hosts_find(const char *path, const char *name, size_t length,
		    struct hosts_address ret[HOSTS_MAX])
{
	ERROR_PROTECT;
	struct scan scan = { .name = name, .found = ret };

	if (length > 0 && name[length - 1] == '.')
		length--;
	if (length == 0)
		return 0;
	scan.length = length;
	scan_file(&scan, path);
	if (scan.count == 0 && (is_localhost(name, length) || is_own_hostname(name, length))) {
		add_address(&scan, "127.0.0.1");
		add_address(&scan, "::1");
	}
	return scan.count;
}
