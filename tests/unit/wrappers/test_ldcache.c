#include "ldcache.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* A cache of two libraries, the second of which it has twice. */
static GByteArray *make(gboolean is_old)
{
	static const struct {
		const char *name, *path;
	} rows[] = { { "liba.so", "/lib/liba.so" },
		     { "libb.so", "/one/libb.so" },
		     { "libb.so", "/two/libb.so" } };
	GByteArray *all = g_byte_array_new(), *texts = g_byte_array_new();
	const guint32 count = G_N_ELEMENTS(rows);
	char head[48] = "glibc-ld.so.cache1.1";

	if (is_old) {
		char old[16 + 2 * 12] = "ld.so-1.7.0";
		old[12] = 2;
		g_byte_array_append(all, (guint8 *)old, sizeof(old));
	}
	memcpy(head + 20, &count, sizeof(count));
	g_byte_array_append(all, (guint8 *)head, sizeof(head));
	for (guint i = 0; i < count; i++) {
		guint32 entry[6] = { 3 };
		entry[1] = 48 + count * 24 + texts->len;
		g_byte_array_append(texts, (guint8 *)rows[i].name, strlen(rows[i].name) + 1);
		entry[2] = 48 + count * 24 + texts->len;
		g_byte_array_append(texts, (guint8 *)rows[i].path, strlen(rows[i].path) + 1);
		g_byte_array_append(all, (guint8 *)entry, sizeof(entry));
	}
	g_byte_array_append(all, texts->data, texts->len);
	g_byte_array_unref(texts);
	return all;
}

Test(ldcache, finds_every_path_of_a_name)
{
	for (int old = 0; old < 2; old++) {
		g_autoptr(GByteArray) bytes = make(old);
		struct ldcache cache;
		gsize a = 0, b = 0, none = 0;

		cr_assert(ldcache_open(&cache, (char *)bytes->data, bytes->len));
		cr_assert_str_eq(ldcache_find(&cache, "liba.so", &a), "/lib/liba.so");
		cr_assert_null(ldcache_find(&cache, "liba.so", &a));
		cr_assert_str_eq(ldcache_find(&cache, "libb.so", &b), "/one/libb.so");
		cr_assert_str_eq(ldcache_find(&cache, "libb.so", &b), "/two/libb.so");
		cr_assert_null(ldcache_find(&cache, "libb.so", &b));
		cr_assert_null(ldcache_find(&cache, "libc.so", &none));
	}
}

Test(ldcache, is_none_of_something_else)
{
	struct ldcache cache;

	cr_assert_not(ldcache_open(&cache, "", 0));
	cr_assert_not(ldcache_open(&cache, "glibc-ld.so.cache1.1", 20));
	cr_assert_not(ldcache_open(&cache, "ld.so-1.7.0\0\xff\xff\xff\xff", 16));
}

/* Read out of bounds, the exact allocation would show it to a sanitizer. */
static void look(const guint8 *bytes, gsize length)
{
	char *exact = malloc(length ? length : 1);
	struct ldcache cache;
	gsize index = 0;

	memcpy(exact, bytes, length);
	if (ldcache_open(&cache, exact, length)) {
		while (ldcache_find(&cache, "libb.so", &index))
			;
		cr_assert_eq(index, cache.count);
	}
	free(exact);
}

Test(ldcache, stays_inside_whatever_it_is_given)
{
	g_autoptr(GRand) random = g_rand_new_with_seed(1);

	for (int old = 0; old < 2; old++) {
		g_autoptr(GByteArray) bytes = make(old);
		for (gsize length = 0; length <= bytes->len; length++)
			look(bytes->data, length);
		for (int i = 0; i < 20000; i++) {
			g_autoptr(GByteArray) changed = make(old);
			for (int k = g_rand_int_range(random, 1, 5); k > 0; k--)
				changed->data[g_rand_int_range(random, 0, (gint32)changed->len)] =
					(guint8)g_rand_int_range(random, 0, 256);
			look(changed->data, changed->len);
		}
	}
}
