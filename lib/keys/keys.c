#include "keys/keys.h"

#include "base/bytes.h"
#include "keys/sha256.h"

#include <errno.h>
#include <string.h>

#define USERNAME	  "USERNAME"
#define PASSWD		  "PASSWD"
#define ISOLATION	  "ISOLATION"
#define LENGTH_OF(name)	  (sizeof(name) - 1)
#define CREDENTIAL_MAX	  255 /* RFC 1929 §2 */
#define BY_VARYING	  (KEYS_BY_PROCESS | KEYS_BY_DESTINATION)
#define PART_ALSO	  "/:[]" /* stand in a part of ISOLATION, besides the unreserved */
#define HASHED		  "sha256:"

_Static_assert(KEYS_PAYLOAD_MAX <= UINT16_MAX, "VLEN has 16 bits");

/* ---- pairs of the wire ---- */

struct pair {
	const char *name;
	const uint8_t *value;
	size_t name_length, value_length;
};

static bool next_pair(struct bytes_reader *wire, struct pair *ret)
{
	if (bytes_left(wire) == 0)
		return false;
	ret->name_length = bytes_take_u16(wire);
	ret->name = (const char *)bytes_take(wire, ret->name_length);
	ret->value_length = bytes_take_u16(wire);
	ret->value = bytes_take(wire, ret->value_length);
	return !wire->bad;
}

static bool is_name(const struct pair *pair, const char *name, size_t length)
{
	return pair->name_length == length && memcmp(pair->name, name, length) == 0;
}

/* Byte by byte; of two that begin alike the shorter is less. */
static int compare_name(const struct pair *pair, const char *name, size_t length)
{
	const size_t common = pair->name_length < length ? pair->name_length : length;
	const int order = memcmp(pair->name, name, common);

	if (order != 0)
		return order;
	return (pair->name_length > length) - (pair->name_length < length);
}

/* Where the pair of a name stands or would stand, and its size on the wire, 0 when it does not. */
struct place {
	uint32_t at;
	uint32_t size;
	uint32_t payload;
};

static struct place find_place(const struct keys *keys, const char *name, size_t length)
{
	struct bytes_reader wire = bytes_reader(keys->wire, keys->length);
	struct place place = { .at = keys->length };
	struct pair pair;

	for (uint32_t at = 0; next_pair(&wire, &pair); at = (uint32_t)(wire.at - keys->wire)) {
		const int order = compare_name(&pair, name, length);
		if (order < 0)
			continue;
		place.at = at;
		if (order == 0) {
			place.payload = (uint32_t)(pair.name_length + pair.value_length);
			place.size = place.payload + 4;
		}
		break;
	}
	return place;
}

bool keys_have(const struct keys *keys, const char *name, size_t length)
{
	return find_place(keys, name, length).size > 0;
}

/* ---- setting ---- */

static bool is_name_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '_' || c == '-';
}

int keys_check_name(const char *name, size_t length)
{
	if (length == 0 || length > KEYS_NAME_MAX)
		return -EINVAL;
	for (size_t i = 0; i < length; i++)
		if (!is_name_letter(name[i]))
			return -EINVAL;
	return 0;
}

static bool is_text(const char *name, size_t length, const char *text, size_t text_length)
{
	return length == text_length && memcmp(name, text, length) == 0;
}

/* Bytes that pairs may still have, the varying part's, which arrive with each connect, set aside. */
static size_t payload_left(const struct keys *keys)
{
	return KEYS_PAYLOAD_MAX - keys->payload - (keys->isolation ? KEYS_VARYING_MAX : 0);
}

/* Takes out the pair at a place; the varying part's marks go with ISOLATION, or stay on it. */
static void remove_pair(struct keys *keys, const struct place *place)
{
	const uint32_t behind = place->at + place->size;

	if (place->size == 0)
		return;
	memmove(keys->wire + place->at, keys->wire + behind, keys->length - behind);
	keys->length -= place->size;
	keys->payload -= place->payload;
	keys->count--;
	if (keys->isolation >= behind) {
		keys->isolation -= place->size;
		keys->varying -= place->size;
	} else if (keys->isolation > place->at) {
		keys->isolation = keys->varying = 0;
		keys->varying_first = false;
	}
}

/* Makes a pair at an offset between two others, and returns the room for its value. */
static uint8_t *open_pair(struct keys *keys, uint32_t at, const char *name, size_t name_length,
			  size_t value_length)
{
	const uint32_t payload = (uint32_t)(name_length + value_length);
	struct bytes_writer wire = bytes_writer(keys->wire + at, 4 + payload);

	memmove(keys->wire + at + 4 + payload, keys->wire + at, keys->length - at);
	keys->length += 4 + payload;
	keys->payload += payload;
	keys->count++;
	if (keys->isolation >= at && keys->isolation > 0) {
		keys->isolation += 4 + payload;
		keys->varying += 4 + payload;
	}
	bytes_put_u16(&wire, (uint16_t)name_length);
	bytes_put(&wire, name, name_length);
	bytes_put_u16(&wire, (uint16_t)value_length);
	return wire.at;
}
