#include "base/user.h"

#include "base/error.h"
#include "base/libc.h"

#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#define OWN_SPACE    4026531837u /* PROC_USER_INIT_INO in the kernel: the machine's own namespace */
#define FIRST_PERSON 1000	 /* login.defs(5), UID_MIN; below are the machine's own users */

/* A file of numbers, read in small pieces: stacks may be small. */
struct reader {
	int fd;
	size_t at, length;
	char room[128];
};

/* The next byte, or -1. */
static int take_byte(struct reader *reader)
{
	if (reader->at == reader->length) {
		const ssize_t length = libc()->read(reader->fd, reader->room, sizeof(reader->room));
		reader->at = 0;
		reader->length = length > 0 ? (size_t)length : 0;
	}
	return reader->at < reader->length ? reader->room[reader->at++] : -1;
}

static bool is_digit(int byte)
{
	return byte >= '0' && byte <= '9';
}

/* The next number, whatever stands before it; false at the end. */
static bool take_number(struct reader *reader, uint32_t *ret)
{
	int byte = take_byte(reader);

	while (byte >= 0 && !is_digit(byte))
		byte = take_byte(reader);
	if (byte < 0)
		return false;
	for (*ret = 0; is_digit(byte); byte = take_byte(reader))
		*ret = *ret * 10 + (uint32_t)(byte - '0');
	return true;
}

/* Each line: the first number inside, the first outside, how many there are. */
bool user_translate(int map, uint32_t number, uint32_t *ret_outside)
{
	struct reader reader = { .fd = map };
	uint32_t inside, outside, count;

	while (take_number(&reader, &inside) && take_number(&reader, &outside) &&
	       take_number(&reader, &count)) {
		if (number < inside || number - inside >= count)
			continue;
		*ret_outside = outside + (number - inside);
		return true;
	}
	return false;
}

/* The number in `user:[4026531837]`, or 0. */
static uint32_t find_space(void)
{
	char text[32];
	const ssize_t length = readlink("/proc/self/ns/user", text, sizeof(text) - 1);
	uint32_t space = 0;

	text[length > 0 ? length : 0] = '\0';
	for (const char *at = text; *at; at++)
		if (is_digit(*at))
			space = space * 10 + (uint32_t)(*at - '0');
	return space;
}

static bool look_up(uint32_t number, uint32_t *ret_outside)
{
	const int map = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);

	if (map < 0)
		return false;
	const bool found = user_translate(map, number, ret_outside);
	libc()->close(map);
	return found;
}

/* Files of /proc/sys are the machine's root's, who has no number in what another user made. */
static bool has_root(void)
{
	struct stat status;

	return stat("/proc/sys", &status) == 0 && status.st_uid == 0;
}

/*
 * The map speaks of the namespace around, which is the machine's own unless one is inside another.
 * No other user can give out the machine's own numbers: where they show up without its root, they
 * are of a namespace between.
 */
struct user user_find(uint32_t number)
{
	ERROR_PROTECT;
	const uint32_t space = find_space();
	uint32_t outside;

	if (space == 0 || space == OWN_SPACE)
		return (struct user){ .number = number };
	if (!look_up(number, &outside))
		return (struct user){ .number = number, .space = space };
	if (outside < FIRST_PERSON && !has_root())
		return (struct user){ .number = outside, .space = space };
	return (struct user){ .number = outside };
}
