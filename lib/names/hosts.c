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
	const char *name; /* the name that is looked for; NULL: an address, or nothing */
	size_t length;
	const struct hosts_address *looked_for; /* an address; NULL: a name, or nothing */
	struct hosts_address *found;		/* HOSTS_MAX */
	unsigned count;
	int family;		   /* that counts; 0: any */
	struct hosts_names *names; /* of the lines that match; NULL: nobody asks */
	size_t mark;		   /* where this line's names begin, */
	bool was_cut;		   /* and what was so then */
	bool matches;		   /* this line */
	bool known;		   /* a line had the name, with an address of any family */
	bool only_one;		   /* line */
	bool done;
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

static bool parse_address(const char *text, struct hosts_address *ret)
{
	*ret = (struct hosts_address){ .family = AF_INET };
	if (inet_pton(AF_INET, text, ret->bytes) == 1)
		return true;
	*ret = (struct hosts_address){ .family = AF_INET6 };
	return inet_pton(AF_INET6, text, ret->bytes) == 1;
}

/* Adds an address in its text form; what is none, or of another family, adds nothing. */
static bool add_address(struct scan *scan, const char *text)
{
	struct hosts_address address;

	if (!parse_address(text, &address))
		return false;
	scan->known = true;
	if (scan->family != 0 && address.family != scan->family)
		return false;
	if (scan->count < HOSTS_MAX && !is_known(scan, &address))
		scan->found[scan->count++] = address;
	return true;
}

/* ---- names ---- */

static void put_byte(struct hosts_names *names, char c)
{
	if (names->used < names->size)
		names->at[names->used++] = c;
	else
		names->cut = true;
}

/* The one name of a line that is in no file. */
static void put_name(struct hosts_names *names, const char *name, size_t length)
{
	for (size_t i = 0; i < length; i++)
		put_byte(names, name[i]);
	put_byte(names, '\0');
	put_byte(names, '\0');
}

/* ---- the file ---- */

static void take_name_byte(struct scan *scan, char c)
{
	if (scan->names)
		put_byte(scan->names, c);
	if (!scan->name)
		return;
	if (scan->taken < scan->length)
		scan->differs |= lower(c) != lower(scan->name[scan->taken]);
	else if (scan->taken > scan->length || c != '.') /* one trailing dot does not count */
		scan->differs = true;
}

static void take_byte(struct scan *scan, char c)
{
	if (scan->field == FIELD_NAMES)
		take_name_byte(scan, c);
	else if (scan->address_length < sizeof(scan->address))
		scan->address[scan->address_length++] = c;
	scan->taken++;
}

/* Whether names behind this address may be what is looked for. */
static bool is_wanted(const struct scan *scan)
{
	struct hosts_address address;

	if (scan->name)
		return true; /* which is asked of the few lines with that name */
	if (!parse_address(scan->address, &address))
		return false;
	return !scan->looked_for || memcmp(&address, scan->looked_for, sizeof(address)) == 0;
}

static void end_address(struct scan *scan)
{
	scan->field = FIELD_REST;
	if (scan->address_length == sizeof(scan->address))
		return;
	scan->address[scan->address_length] = '\0';
	if (is_wanted(scan))
		scan->field = FIELD_NAMES;
}

static void end_name(struct scan *scan)
{
	if (scan->names)
		put_byte(scan->names, '\0');
	if (scan->name && (scan->differs || scan->taken < scan->length))
		return;
	if (scan->names) {
		scan->matches = true;
		return;
	}
	add_address(scan, scan->address);
	scan->field = FIELD_REST;
}

/* The names of a line stay when it has the one looked for, and an address that is asked for. */
static void end_entry(struct scan *scan)
{
	if (scan->matches && add_address(scan, scan->address)) {
		put_byte(scan->names, '\0');
		scan->done = scan->only_one;
	} else {
		scan->names->used = scan->mark;
		scan->names->cut = scan->was_cut;
	}
	scan->mark = scan->names->used;
	scan->was_cut = scan->names->cut;
	scan->matches = false;
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
	if (scan->names)
		end_entry(scan);
	scan->field = FIELD_ADDRESS;
	scan->address_length = 0;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where it stopped: at the end, or behind the line that was enough. */
static const char *take_bytes(struct scan *scan, const char *at, const char *end)
{
	while (at < end && !scan->done) {
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
	return at;
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

/* From an offset; where it stopped. */
static uint64_t scan_file(struct scan *scan, const char *path, uint64_t offset)
{
	char buffer[2048];
	const int fd = open_file(path);
	ssize_t r = -1;

	if (fd < 0)
		return offset;
	if (offset > 0 && lseek(fd, (off_t)offset, SEEK_SET) < 0)
		r = 0;
	while (r != 0 && !scan->done) {
		r = libc()->read(fd, buffer, sizeof(buffer));
		if (r > 0)
			offset += (uint64_t)(take_bytes(scan, buffer, buffer + r) - buffer);
		if (r < (ssize_t)sizeof(buffer) && !(r < 0 && errno == EINTR))
			break; /* a short read ends a file */
	}
	if (!scan->done)
		end_line(scan);
	libc()->close(fd);
	return offset;
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

size_t hosts_own_name(char *ret)
{
	ERROR_PROTECT;

	ret[0] = '\0';
	return gethostname(ret, NODE_MAX) < 0 ? 0 : strnlen(ret, NODE_MAX);
}

static bool is_own_hostname(const char *name, size_t length)
{
	char node[NODE_MAX];
	return hosts_own_name(node) == length && is_same(name, node, length);
}

static bool is_built_in(const char *name, size_t length)
{
	return is_localhost(name, length) || is_own_hostname(name, length);
}

static void add_built_in(struct scan *scan)
{
	add_address(scan, "127.0.0.1");
	add_address(scan, "::1");
}

static size_t without_dot(const char *name, size_t length)
{
	return length > 0 && name[length - 1] == '.' ? length - 1 : length;
}

unsigned hosts_find(const char *path, const char *name, size_t length,
		    struct hosts_address ret[HOSTS_MAX])
{
	ERROR_PROTECT;
	struct scan scan = { .name = name, .length = without_dot(name, length), .found = ret };

	if (scan.length == 0)
		return 0;
	scan_file(&scan, path, 0);
	if (scan.count == 0 && is_built_in(name, scan.length))
		add_built_in(&scan);
	return scan.count;
}

bool hosts_find_entry(const char *path, const char *name, size_t length, int family,
		      struct hosts_address ret[HOSTS_MAX], unsigned *ret_count,
		      struct hosts_names *names)
{
	ERROR_PROTECT;
	struct scan scan = { .name = name,
			     .length = without_dot(name, length),
			     .family = family,
			     .found = ret,
			     .names = names };

	if (scan.length == 0)
		return false;
	scan_file(&scan, path, 0);
	if (!scan.known && is_built_in(name, scan.length)) {
		add_built_in(&scan);
		put_name(names, name, scan.length);
	}
	*ret_count = scan.count;
	return scan.known;
}

static bool is_loopback(const struct hosts_address *address)
{
	static const uint8_t ipv4[4] = { 127, 0, 0, 1 }, ipv6[16] = { [15] = 1 };

	return address->family == AF_INET ? memcmp(address->bytes, ipv4, sizeof(ipv4)) == 0
					  : memcmp(address->bytes, ipv6, sizeof(ipv6)) == 0;
}

bool hosts_find_names(const char *path, const struct hosts_address *address,
		      struct hosts_names *names)
{
	ERROR_PROTECT;
	struct hosts_address found[HOSTS_MAX];
	struct scan scan = {
		.looked_for = address, .found = found, .names = names, .only_one = true
	};

	scan_file(&scan, path, 0);
	if (!scan.done && scan.count == 0 && is_loopback(address)) {
		put_name(names, "localhost", sizeof("localhost") - 1);
		return true;
	}
	return scan.count > 0;
}

bool hosts_next(const char *path, uint64_t *offset, struct hosts_address *ret,
		struct hosts_names *names)
{
	ERROR_PROTECT;
	struct hosts_address found[HOSTS_MAX];
	struct scan scan = { .found = found, .names = names, .only_one = true };

	*offset = scan_file(&scan, path, *offset);
	if (scan.count > 0)
		*ret = found[0];
	return scan.count > 0;
}
