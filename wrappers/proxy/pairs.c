#include "pairs.h"

#include "message.h"

#include <errno.h>
#include <string.h>

struct pairs {
	GPtrArray *list;    /* struct pair, in the order of arrival */
	GHashTable *byname; /* the same, owned by the list */
	gboolean head_seen;
	guint left; /* announced and not yet here */
	gsize size;
};

static void pair_free(gpointer data)
{
	struct pair *pair = data;
	g_free(pair->name);
	g_bytes_unref(pair->value);
	g_free(pair);
}

struct pairs *pairs_new(void)
{
	struct pairs *pairs = g_new0(struct pairs, 1);
	pairs->list = g_ptr_array_new_with_free_func(pair_free);
	pairs->byname = g_hash_table_new(g_str_hash, g_str_equal);
	return pairs;
}

void pairs_free(struct pairs *pairs)
{
	if (!pairs)
		return;
	g_hash_table_unref(pairs->byname);
	g_ptr_array_unref(pairs->list);
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

static void add(struct pairs *pairs, const char *name, const guint8 *value, gsize length)
{
	struct pair *pair = g_new0(struct pair, 1);
	pair->name = g_strdup(name);
	pair->value = g_bytes_new(value, length);
	g_ptr_array_add(pairs->list, pair);
	g_hash_table_insert(pairs->byname, pair->name, pair);
	pairs->size += strlen(name) + length;
	pairs->left--;
}

/* A fault in a name is known, and answered, before its value has come. */
static int parse_pair(struct pairs *pairs, const guint8 *in, gsize length)
{
	char name[PAIRS_NAME_MAX + 1];

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
	if (g_hash_table_contains(pairs->byname, name))
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
	return pairs->list->len;
}

const struct pair *pairs_get(const struct pairs *pairs, guint index)
{
	return g_ptr_array_index(pairs->list, index);
}

const struct pair *pairs_find(const struct pairs *pairs, const char *name)
{
	return g_hash_table_lookup(pairs->byname, name);
}
