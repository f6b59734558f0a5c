#include "pairs.h"

#include "message.h"

#include <errno.h>
#include <string.h>

/* One after the other: the name and a NUL, two octets of length, the value. */
struct pairs {
	GByteArray *bytes;
	GArray *sorted; /* guint16: where each begins, by name */
	gboolean head_seen;
	guint left; /* announced and not yet here */
	gsize size;
};

struct pairs *pairs_new(void)
{
	struct pairs *pairs = g_new0(struct pairs, 1);
	pairs->bytes = g_byte_array_new();
	pairs->sorted = g_array_new(FALSE, FALSE, sizeof(guint16));
	return pairs;
}

void pairs_free(struct pairs *pairs)
{
	if (!pairs)
		return;
	g_byte_array_unref(pairs->bytes);
	g_array_unref(pairs->sorted);
	g_free(pairs);
}

static guint16 get_u16(const guint8 *in)
{
	return (guint16)(in[0] << 8 | in[1]);
}

static gboolean is_name(const guint8 *name, gsize length)
{
	for (gsize i = 0; i < length; i++) {
		if (!g_ascii_isalnum(name[i]) && !(name[i] && strchr("._-", name[i])))
			return FALSE;
	}
	return TRUE;
}

/*
 * Proposal 229 §2.1, the head of the request, then NR PAIRS times a pair:
 *   +----+----------+      +------+----------+------+----------+
 *   |VER | NR PAIRS |      | KLEN |   KEY    | VLEN |  VALUE   |
 *   +----+----------+      +------+----------+------+----------+
 *   | 1  |    2     |      |  2   | Variable |  2   | Variable |
 *   +----+----------+      +------+----------+------+----------+
 * Numbers are big-endian; KLEN 0 is a violation; with VLEN 0 there is no VALUE.
 */
static int parse_head(struct pairs *pairs, const guint8 *in, gsize length)
{
	if (length > 0 && in[0] != MESSAGE_AUTH_VERSION)
		return -EPROTO;
	if (length < 3)
		return 0;
	pairs->head_seen = TRUE;
	pairs->left = get_u16(in + 1);
	return 3;
}

static struct pair view(const struct pairs *pairs, gsize at)
{
	const guint8 *bytes = pairs->bytes->data + at;
	gsize klen = strlen((const char *)bytes);

	return (struct pair){
		.name = (const char *)bytes,
		.value = bytes + klen + 1 + 2,
		.length = get_u16(bytes + klen + 1),
	};
}

struct pair pairs_get_sorted(const struct pairs *pairs, guint index)
{
	return view(pairs, g_array_index(pairs->sorted, guint16, index));
}

/* Where the name is, or would have to be. */
static gboolean search(const struct pairs *pairs, const char *name, guint *ret_index)
{
	guint low = 0;
	guint high = pairs->sorted->len;

	while (low < high) {
		guint middle = (low + high) / 2;
		int order = strcmp(name, pairs_get_sorted(pairs, middle).name);
		if (order == 0) {
			*ret_index = middle;
			return TRUE;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	*ret_index = low;
	return FALSE;
}

static void add(struct pairs *pairs, const char *name, const guint8 *value, gsize length)
{
	const guint8 size[2] = { (guint8)(length >> 8), (guint8)length };
	const guint16 at = (guint16)pairs->bytes->len;
	guint index;

	search(pairs, name, &index);
	g_byte_array_append(pairs->bytes, (const guint8 *)name, (guint)strlen(name) + 1);
	g_byte_array_append(pairs->bytes, size, sizeof(size));
	g_byte_array_append(pairs->bytes, value, (guint)length);
	g_array_insert_val(pairs->sorted, index, at);
	pairs->size += strlen(name) + length;
	pairs->left--;
}

/* A fault in a name is known, and answered, before its value has come. */
static int parse_pair(struct pairs *pairs, const guint8 *in, gsize length)
{
	char name[PAIRS_NAME_MAX + 1];
	guint ignored;

	if (length < 2)
		return 0;
	gsize klen = get_u16(in);
	if (klen == 0)
		return -EPROTO;
	if (klen > PAIRS_NAME_MAX || pairs->size + klen > PAIRS_MAX)
		return -EINVAL;
	if (length < 2 + klen)
		return 0;
	if (!is_name(in + 2, klen))
		return -EINVAL;
	memcpy(name, in + 2, klen);
	name[klen] = '\0';
	if (search(pairs, name, &ignored))
		return -EINVAL;
	if (length < 2 + klen + 2)
		return 0;
	gsize vlen = get_u16(in + 2 + klen);
	if (pairs->size + klen + vlen > PAIRS_MAX)
		return -EINVAL;
	if (length < 2 + klen + 2 + vlen)
		return 0;
	add(pairs, name, in + 2 + klen + 2, vlen);
	return (int)(2 + klen + 2 + vlen);
}

int pairs_parse(struct pairs *pairs, const guint8 *in, gsize length)
{
	gsize used = 0;

	while (!pairs_is_complete(pairs)) {
		int n = pairs->head_seen ? parse_pair(pairs, in + used, length - used)
					 : parse_head(pairs, in + used, length - used);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		used += (gsize)n;
	}
	return (int)used;
}

gboolean pairs_is_complete(const struct pairs *pairs)
{
	return pairs->head_seen && pairs->left == 0;
}

guint pairs_count(const struct pairs *pairs)
{
	return pairs->sorted->len;
}

gsize pairs_size(const struct pairs *pairs)
{
	return pairs->bytes->len + pairs->sorted->len * sizeof(guint16);
}

gboolean pairs_next(const struct pairs *pairs, gsize *at, struct pair *ret)
{
	if (*at >= pairs->bytes->len)
		return FALSE;
	*ret = view(pairs, *at);
	*at = (gsize)(ret->value - pairs->bytes->data) + ret->length;
	return TRUE;
}

gboolean pairs_find(const struct pairs *pairs, const char *name, struct pair *ret)
{
	guint index;

	if (!search(pairs, name, &index))
		return FALSE;
	*ret = pairs_get_sorted(pairs, index);
	return TRUE;
}
