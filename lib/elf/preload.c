#include "elf/preload.h"

#include "base/bytes.h"

#include <string.h>

/* The next item of a list, or false. */
static bool next_item(const char **list, const char **ret_item, size_t *ret_length)
{
	*list += strspn(*list, " :");
	*ret_item = *list;
	*ret_length = strcspn(*list, " :");
	*list += *ret_length;
	return *ret_length > 0;
}

static bool begins(const char *name, size_t length, const char *with)
{
	return length >= strlen(with) && memcmp(name, with, strlen(with)) == 0;
}

enum preload_place preload_place(const char *item, size_t length)
{
	static const struct {
		char name[20];
		enum preload_place place;
	} rows[] = {
		{ PRELOAD_LIBRARY, PRELOAD_OURS },	{ "libasan.so", PRELOAD_BEFORE },
		{ "libclang_rt.asan", PRELOAD_BEFORE }, { "libtsan.so", PRELOAD_BEHIND },
		{ "libclang_rt.tsan", PRELOAD_BEHIND },
	};
	const char *slash = memrchr(item, '/', length);
	const char *name = slash ? slash + 1 : item;

	length -= (size_t)(name - item);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (begins(name, length, rows[i].name))
			return rows[i].place;
	return PRELOAD_LAST;
}

static bool find_item(const char *list, enum preload_place place, const char **ret_item,
		      size_t *ret_length)
{
	while (next_item(&list, ret_item, ret_length))
		if (preload_place(*ret_item, *ret_length) == place)
			return true;
	return false;
}

bool preload_has(const char *list, enum preload_place place)
{
	const char *item;
	size_t length;

	return find_item(list, place, &item, &length);
}

static void put_item(struct bytes_writer *w, const char *item, size_t length, size_t start)
{
	if (bytes_length(w) > start)
		bytes_put_u8(w, ':');
	bytes_put(w, item, length);
}

/* Whether the list had this item before. */
static bool is_repeated(const char *list, const char *at, size_t at_length)
{
	const char *item;
	size_t length;

	while (next_item(&list, &item, &length) && item < at)
		if (length == at_length && memcmp(item, at, length) == 0)
			return true;
	return false;
}

static void put_place(struct bytes_writer *w, enum preload_place place, const char *runtime,
		      const char *list, size_t start)
{
	const char *at = list, *item;
	size_t length;

	if (runtime && preload_place(runtime, strlen(runtime)) == place &&
	    !preload_has(list, place))
		put_item(w, runtime, strlen(runtime), start);
	while (next_item(&at, &item, &length))
		if (preload_place(item, length) == place && !is_repeated(list, item, length))
			put_item(w, item, length, start);
}

void preload_put(struct bytes_writer *w, const char *library, const char *runtime, const char *list)
{
	const size_t start = bytes_length(w);
	size_t length = library ? strlen(library) : 0;

	put_place(w, PRELOAD_BEFORE, runtime, list, start);
	if (library || find_item(list, PRELOAD_OURS, &library, &length))
		put_item(w, library, length, start);
	put_place(w, PRELOAD_BEHIND, runtime, list, start);
	put_place(w, PRELOAD_LAST, NULL, list, start);
}

void preload_put_others(struct bytes_writer *w, const char *list)
{
	const size_t start = bytes_length(w);
	const char *at = list, *item;
	size_t length;

	while (next_item(&at, &item, &length))
		if (preload_place(item, length) != PRELOAD_OURS)
			put_item(w, item, length, start);
}

size_t preload_size(const char *library, const char *runtime, const char *list)
{
	return (library ? strlen(library) + 1 : 0) + (runtime ? strlen(runtime) + 1 : 0) +
	       strlen(list);
}
