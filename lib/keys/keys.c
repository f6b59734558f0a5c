#include "keys/keys.h"

#include "base/bytes.h"
#include "keys/sha256.h"

#include <errno.h>
#include <string.h>

#define USERNAME	"USERNAME"
#define PASSWD		"PASSWD"
#define ISOLATION	"ISOLATION"
#define LENGTH_OF(name) (sizeof(name) - 1)
#define CREDENTIAL_MAX	255 /* RFC 1929 §2 */
#define BY_VARYING	(KEYS_BY_PROCESS | KEYS_BY_DESTINATION)
#define PART_ALSO	"/:[]" /* stand in a part of ISOLATION, besides the unreserved */
#define HASHED		"sha256:"
#define ESCAPE_MAX	3 /* %XX */

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

/* Byte by byte; of two that begin alike the shorter is less. */
static int compare_name(const struct pair *pair, const char *name, size_t length)
{
	const size_t common = pair->name_length < length ? pair->name_length : length;
	const int order = memcmp(pair->name, name, common);

	if (order != 0)
		return order;
	return (pair->name_length > length) - (pair->name_length < length);
}

/*
 * Where the pair of a name stands, or would: then its sizes are 0. Its payload has the bytes that
 * are set aside for a varying part, too.
 */
struct place {
	uint32_t at;
	uint32_t size;
	uint32_t payload;
	bool varies;
};

static struct place find_place(const struct keys *keys, const char *name, size_t length)
{
	struct bytes_reader wire = bytes_reader(keys->wire, keys->length);
	struct place place = { .at = 0 };
	struct pair pair;
	int order = -1;

	while (order < 0 && next_pair(&wire, &pair)) {
		order = compare_name(&pair, name, length);
		if (order < 0)
			place.at = (uint32_t)(wire.at - keys->wire);
	}
	if (order == 0) {
		const uint32_t behind = (uint32_t)(wire.at - keys->wire);
		place.size = behind - place.at;
		place.varies = keys->isolation > place.at && keys->isolation < behind;
		place.payload = place.size - 4 + (place.varies ? keys->set_aside : 0);
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

static bool is_text(const char *text, size_t length, const char *other)
{
	return length == strlen(other) && memcmp(text, other, length) == 0;
}

static void move_marks(struct keys *keys, uint32_t from, uint32_t to)
{
	if (keys->isolation == 0 || keys->isolation < from)
		return;
	keys->isolation += to - from;
	if (keys->varying > 0)
		keys->varying += to - from;
}

static void remove_pair(struct keys *keys, const struct place *place)
{
	const uint32_t behind = place->at + place->size;

	if (place->size == 0)
		return;
	if (place->varies) {
		keys->isolation = keys->set_aside = keys->user = keys->varying = 0;
		keys->varying_first = false;
	}
	memmove(keys->wire + place->at, keys->wire + behind, keys->length - behind);
	move_marks(keys, behind, place->at);
	keys->length -= place->size;
	keys->payload -= place->payload;
	keys->count--;
}

/* Makes room for a pair between two others, writes all but its value, and returns the value's
 * offset. */
static uint32_t open_pair(struct keys *keys, uint32_t at, const char *name, size_t name_length,
			  size_t value_length)
{
	const uint32_t payload = (uint32_t)(name_length + value_length);
	const uint32_t behind = at + 4 + payload;
	struct bytes_writer wire = bytes_writer(keys->wire + at, 4 + payload);

	memmove(keys->wire + behind, keys->wire + at, keys->length - at);
	move_marks(keys, at, behind);
	keys->length += 4 + payload;
	keys->payload += payload;
	keys->count++;
	bytes_put_u16(&wire, (uint16_t)name_length);
	bytes_put(&wire, name, name_length);
	bytes_put_u16(&wire, (uint16_t)value_length);
	return (uint32_t)(wire.at - keys->wire);
}

/* Sets a pair that is known to fit. */
static void put_pair(struct keys *keys, const char *name, size_t name_length, const void *value,
		     size_t value_length)
{
	const struct place place = find_place(keys, name, name_length);

	remove_pair(keys, &place);
	const uint32_t at = open_pair(keys, place.at, name, name_length, value_length);
	if (value_length > 0)
		memcpy(keys->wire + at, value, value_length);
}

int keys_set(struct keys *keys, const char *name, size_t name_length, const void *value,
	     size_t value_length)
{
	int r = keys_check_name(name, name_length);

	if (r < 0)
		return r;
	if (is_text(name, name_length, USERNAME) || is_text(name, name_length, PASSWD))
		return -EPERM;
	const size_t others = keys->payload - find_place(keys, name, name_length).payload;
	if (value_length > KEYS_PAYLOAD_MAX ||
	    others + name_length + value_length > KEYS_PAYLOAD_MAX)
		return -E2BIG;
	put_pair(keys, name, name_length, value, value_length);
	return 0;
}

int keys_set_credentials(struct keys *keys, const void *username, size_t username_length,
			 const void *password, size_t password_length)
{
	const struct place first = find_place(keys, PASSWD, LENGTH_OF(PASSWD));
	const struct place second = find_place(keys, USERNAME, LENGTH_OF(USERNAME));
	const size_t others = keys->payload - first.payload - second.payload;

	if (username_length > CREDENTIAL_MAX || password_length > CREDENTIAL_MAX)
		return -E2BIG;
	if (others + LENGTH_OF(USERNAME PASSWD) + username_length + password_length >
	    KEYS_PAYLOAD_MAX)
		return -E2BIG;
	/* Both leave before one comes back: beside the old other it might not fit. */
	remove_pair(keys, &second);
	remove_pair(keys, &first);
	put_pair(keys, USERNAME, LENGTH_OF(USERNAME), username, username_length);
	put_pair(keys, PASSWD, LENGTH_OF(PASSWD), password, password_length);
	return 0;
}

/* ---- the pair ISOLATION ---- */

static void put_escaped(struct bytes_writer *w, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		bytes_put_escaped(w, (uint8_t)text[i], PART_ALSO);
}

static void put_digest(struct bytes_writer *w, struct sha256 *sha)
{
	uint8_t digest[SHA256_SIZE];

	sha256_final(sha, digest);
	bytes_put_text(w, HASHED);
	bytes_put_hex(w, digest, sizeof(digest));
}

static void begin_part(struct bytes_writer *w, const char *name)
{
	if (bytes_length(w) > 0)
		bytes_put_u8(w, ';');
	bytes_put_text(w, name);
}

static size_t escaped_length(const char *text, size_t length)
{
	size_t total = 0;

	for (size_t i = 0; i < length; i++) {
		uint8_t escape[ESCAPE_MAX];
		struct bytes_writer w = bytes_writer(escape, sizeof(escape));
		bytes_put_escaped(&w, (uint8_t)text[i], PART_ALSO);
		total += bytes_length(&w);
	}
	return total;
}

static void put_application(struct bytes_writer *w, const char *path)
{
	const size_t length = strlen(path);
	struct sha256 sha;

	begin_part(w, "app=");
	if (escaped_length(path, length) <= KEYS_APPLICATION_MAX) {
		put_escaped(w, path, length);
		return;
	}
	sha256_init(&sha);
	sha256_update(&sha, path, length);
	put_digest(w, &sha);
}

size_t keys_put_user(char text[KEYS_USER_MAX], uint32_t number, uint32_t space)
{
	struct bytes_writer w = bytes_writer(text, KEYS_USER_MAX);

	bytes_put_text(&w, "user=");
	bytes_put_decimal(&w, number);
	if (space > 0) {
		bytes_put_u8(&w, '@');
		bytes_put_decimal(&w, space);
	}
	return bytes_length(&w);
}

/*
 * The value with a gap for the varying part at *ret_varying. The `;` that stands between it and its
 * neighbours is there already, so that a message needs no more than the part itself.
 */
static void compose(struct bytes_writer *w, const struct keys_facts *facts, size_t *ret_user,
		    size_t *ret_varying)
{
	const bool varies = facts->by & BY_VARYING;
	char user[KEYS_USER_MAX];

	*ret_user = facts->by & KEYS_BY_USER ? keys_put_user(user, facts->user, 0) : 0;
	bytes_put(w, user, *ret_user);
	if ((facts->by & KEYS_BY_APPLICATION) && facts->application)
		put_application(w, facts->application);
	if (facts->by & KEYS_BY_SESSION) {
		begin_part(w, "session=");
		bytes_put_hex(w, facts->session, KEYS_SESSION_SIZE);
	}
	if (varies && bytes_length(w) > 0)
		bytes_put_u8(w, ';');
	*ret_varying = bytes_length(w);
	if (!facts->token)
		return;
	if (varies || bytes_length(w) > 0)
		bytes_put_u8(w, ';');
	bytes_put_text(w, "token=");
	put_escaped(w, facts->token, facts->token_length);
}

static bool is_empty(const struct keys_facts *facts)
{
	const uint32_t by =
		facts->application ? facts->by : facts->by & ~(uint32_t)KEYS_BY_APPLICATION;

	return by == 0 && !facts->token;
}

/* How much longer the value may be at a connect than it is written. */
static uint32_t reserve_for(const struct keys_facts *facts)
{
	char user[KEYS_USER_MAX];
	uint32_t reserve = facts->by & BY_VARYING ? KEYS_VARYING_MAX : 0;

	if (facts->by & KEYS_BY_USER)
		reserve += KEYS_USER_MAX - (uint32_t)keys_put_user(user, facts->user, 0);
	return reserve;
}

static void mark(struct keys *keys, uint32_t value, uint32_t set_aside, size_t user, size_t varying)
{
	keys->payload += set_aside;
	keys->isolation = value - 2;
	keys->set_aside = set_aside;
	keys->user = (uint32_t)user;
	if (set_aside >= KEYS_VARYING_MAX) {
		keys->varying = value + (uint32_t)varying;
		keys->varying_first = varying == 0;
	}
}

int keys_set_isolation(struct keys *keys, const struct keys_facts *facts)
{
	const uint32_t reserve = reserve_for(facts);
	const size_t set_aside = LENGTH_OF(ISOLATION) + reserve;
	const size_t left = KEYS_PAYLOAD_MAX - keys->payload;
	const struct place place = find_place(keys, ISOLATION, LENGTH_OF(ISOLATION));
	size_t user, varying;

	if (place.size > 0 || is_empty(facts))
		return 0;
	if (left < set_aside)
		return -E2BIG;
	/* Composed behind the pairs first, to learn its length: there is room for all that may
	 * come. */
	struct bytes_writer draft = bytes_writer(keys->wire + keys->length, left - set_aside);
	compose(&draft, facts, &user, &varying);
	if (draft.bad)
		return -E2BIG;
	const size_t length = bytes_length(&draft);
	const uint32_t at = open_pair(keys, place.at, ISOLATION, LENGTH_OF(ISOLATION), length);
	struct bytes_writer value = bytes_writer(keys->wire + at, length);
	compose(&value, facts, &user, &varying);
	if (facts->by & (BY_VARYING | KEYS_BY_USER))
		mark(keys, at, reserve, user, varying);
	return 0;
}

size_t keys_put_varying(char varying[KEYS_VARYING_MAX], const uint8_t *process, const char *host,
			size_t host_length, uint16_t port)
{
	struct bytes_writer w = bytes_writer(varying, KEYS_VARYING_MAX);

	if (process) {
		begin_part(&w, "proc=");
		bytes_put_hex(&w, process, KEYS_PROCESS_SIZE);
	}
	if (host) {
		begin_part(&w, "dest=");
		put_escaped(&w, host, host_length);
		bytes_put_u8(&w, ':');
		bytes_put_decimal(&w, port);
	}
	return bytes_length(&w);
}

/* ---- lists ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The next item between separators, without blanks around it; false at the end. */
static bool next_item(const char **at, const char *end, const char **ret_item, size_t *ret_length)
{
	const char *first = *at, *last;

	if (first == end)
		return false;
	for (last = first; last < end && *last != ',' && *last != ';'; last++)
		;
	*at = last < end ? last + 1 : end;
	while (first < last && is_blank(*first))
		first++;
	while (last > first && is_blank(last[-1]))
		last--;
	*ret_item = first;
	*ret_length = (size_t)(last - first);
	return true;
}

/* The flag of a name; 0 for none; -EINVAL for a word that is no name. */
static int find_flag(const char *name, size_t length)
{
	static const struct {
		char name[12];
		uint8_t flag;
	} names[] = {
		{ "user", KEYS_BY_USER },
		{ "application", KEYS_BY_APPLICATION },
		{ "session", KEYS_BY_SESSION },
		{ "process", KEYS_BY_PROCESS },
		{ "destination", KEYS_BY_DESTINATION },
		{ "none", 0 },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (is_text(name, length, names[i].name))
			return names[i].flag;
	return -EINVAL;
}

int keys_parse_by(const char *list, size_t length, uint32_t *ret_by)
{
	const char *at = list, *item;
	bool none = false;
	uint32_t by = 0;
	size_t item_length;

	while (next_item(&at, list + length, &item, &item_length)) {
		if (item_length == 0)
			continue;
		const int flag = find_flag(item, item_length);
		if (flag < 0)
			return flag;
		none |= flag == 0;
		by |= (uint32_t)flag;
	}
	if (none == (by != 0))
		return -EINVAL;
	*ret_by = by;
	return 0;
}

/* The value of a hexadecimal digit, or -EINVAL. */
static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -EINVAL;
}

/* The byte that two digits stand for. The second is not looked at behind a bad first, which may be
 * the end. */
static int byte_of(const char *digits)
{
	const int high = digit_of(digits[0]);
	const int low = high < 0 ? high : digit_of(digits[1]);

	return low < 0 ? low : high << 4 | low;
}

/* Unescapes up to the next `&` or the end. Returns what was taken of the text, or an error. */
static int unescape(const char *text, struct bytes_writer *value)
{
	const char *at = text;

	while (*at != '\0' && *at != '&') {
		int byte = (uint8_t)*at++;
		if (byte == '%') {
			byte = byte_of(at);
			if (byte < 0)
				return byte;
			at += 2;
		}
		bytes_put_u8(value, (uint8_t)byte);
		if (value->bad)
			return -E2BIG;
	}
	return (int)(at - text);
}

int keys_next(const char **list, const char **ret_name, size_t *ret_name_length, char *value,
	      size_t size, size_t *ret_value_length)
{
	const char *name = *list;
	const size_t name_length = strcspn(name, "=&");
	struct bytes_writer w = bytes_writer(value, size);

	if (*name == '\0')
		return 0;
	if (name_length == 0 || name[name_length] != '=')
		return -EINVAL;
	const char *text = name + name_length + 1;
	int r = unescape(text, &w);
	if (r < 0)
		return r;
	*list = text[r] == '&' ? text + r + 1 : text + r;
	*ret_name = name;
	*ret_name_length = name_length;
	*ret_value_length = bytes_length(&w);
	return 1;
}

/* ---- both forms of the pairs ---- */

/* The value of ISOLATION around the varying part, from its VLEN on. */
struct gap {
	uint32_t head;	   /* the text behind the user's part, where that is another's */
	uint32_t head_end; /* the text in front of it ends here in the wire */
	uint32_t tail;	   /* and goes on here */
	uint32_t value_end;
};

static struct gap find_gap(const struct keys *keys, const struct keys_now *now)
{
	struct bytes_reader at = bytes_reader(keys->wire + keys->isolation, 2);
	struct gap gap = { .head_end = keys->varying, .tail = keys->varying };

	gap.head = keys->isolation + 2 + (now->user_length > 0 ? keys->user : 0);
	gap.value_end = keys->isolation + 2 + bytes_take_u16(&at);
	if (keys->varying == 0)
		gap.head_end = gap.tail = gap.value_end;
	if (keys->varying == 0 || now->varying_length > 0)
		return gap;
	if (!keys->varying_first)
		gap.head_end--;
	else if (gap.tail < gap.value_end)
		gap.tail++;
	return gap;
}

static unsigned add_part(struct iovec *part, unsigned count, const void *from, size_t length)
{
	if (length == 0)
		return count;
	part[count] = (struct iovec){ .iov_base = (void *)from, .iov_len = length };
	return count + 1;
}

unsigned keys_message(const struct keys *keys, const struct keys_now *now, uint8_t vlen[2],
		      struct iovec part[KEYS_PARTS])
{
	const uint8_t *wire = keys->wire;
	unsigned count;

	if (keys->isolation == 0 || (keys->varying == 0 && now->user_length == 0))
		return add_part(part, 0, wire, keys->length);

	const struct gap gap = find_gap(keys, now);
	const size_t head = gap.head_end - gap.head;
	struct bytes_writer w = bytes_writer(vlen, 2);

	bytes_put_u16(&w, (uint16_t)(now->user_length + head + now->varying_length + gap.value_end -
				     gap.tail));
	count = add_part(part, 0, wire, keys->isolation);
	count = add_part(part, count, vlen, 2);
	count = add_part(part, count, now->user, now->user_length);
	count = add_part(part, count, wire + gap.head, head);
	count = add_part(part, count, now->varying, now->varying_length);
	return add_part(part, count, wire + gap.tail, keys->length - gap.tail);
}

/* The text of a password as it grows. Once it is too long, its room is where the digest is fed
 * from. */
struct password {
	struct bytes_writer text;
	struct sha256 sha;
	bool hashed;
};

static void flush(struct password *password)
{
	struct bytes_writer *text = &password->text;

	if (!password->hashed)
		sha256_init(&password->sha);
	password->hashed = true;
	sha256_update(&password->sha, text->start, bytes_length(text));
	text->at = text->start;
	text->bad = false;
}

/* A name is the longest that comes at once, and it fits into an empty room. */
_Static_assert(KEYS_NAME_MAX <= KEYS_PASSWORD_MAX, "a name has room");

static void put_text(struct password *password, const void *from, size_t length)
{
	bytes_put(&password->text, from, length);
	if (password->text.bad) {
		flush(password);
		bytes_put(&password->text, from, length);
	}
}

static void put_value(struct password *password, const void *from, size_t length)
{
	const uint8_t *byte = from;

	for (size_t i = 0; i < length; i++) {
		bytes_put_escaped(&password->text, byte[i], "");
		if (password->text.bad) {
			flush(password);
			bytes_put_escaped(&password->text, byte[i], "");
		}
	}
}

static bool is_credential(const struct pair *pair)
{
	return is_text(pair->name, pair->name_length, USERNAME) ||
	       is_text(pair->name, pair->name_length, PASSWD);
}

size_t keys_password(const struct keys *keys, const struct keys_now *now,
		     char room[KEYS_PASSWORD_MAX])
{
	struct password password = { .text = bytes_writer(room, KEYS_PASSWORD_MAX) };
	struct bytes_reader wire = bytes_reader(keys->wire, keys->length);
	const uint8_t *isolation = keys->isolation ? keys->wire + keys->isolation + 2 : NULL;
	const char *separator = "";
	struct pair pair;

	while (next_pair(&wire, &pair)) {
		if (is_credential(&pair))
			continue;
		put_text(&password, separator, strlen(separator));
		put_text(&password, pair.name, pair.name_length);
		put_text(&password, "=", 1);
		separator = "&";
		if (pair.value != isolation) {
			put_value(&password, pair.value, pair.value_length);
			continue;
		}
		const struct gap gap = find_gap(keys, now);
		put_value(&password, now->user, now->user_length);
		put_value(&password, keys->wire + gap.head, gap.head_end - gap.head);
		put_value(&password, now->varying, now->varying_length);
		put_value(&password, keys->wire + gap.tail, gap.value_end - gap.tail);
	}
	if (password.hashed) {
		flush(&password);
		put_digest(&password.text, &password.sha);
	}
	return bytes_length(&password.text);
}
