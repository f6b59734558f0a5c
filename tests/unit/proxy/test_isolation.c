#include "proxy/isolation.h"
#include "proxy/pairs.h"

#include <criterion/criterion.h>
#include <string.h>

static void append(GByteArray *out, const void *bytes, size_t length)
{
	g_byte_array_append(out, (const guint8[]){ (guint8)(length >> 8), (guint8)length }, 2);
	g_byte_array_append(out, bytes, (guint)length);
}

/* Name, value, name, value …, NULL. */
static struct pairs *pairs_of(const char *const *texts)
{
	GByteArray *in = g_byte_array_new();
	struct pairs *pairs = pairs_new();
	guint count = g_strv_length((char **)texts) / 2;

	g_byte_array_append(in, (const guint8[]){ 1, 0, (guint8)count }, 3);
	for (; *texts; texts++)
		append(in, *texts, strlen(*texts));
	cr_assert_eq(pairs_parse(pairs, in->data, in->len), (int)in->len);
	g_byte_array_unref(in);
	return pairs;
}

static void assert_password(const char *const *texts, gboolean with_credentials,
			    const char *expected)
{
	struct pairs *pairs = pairs_of(texts);
	g_autofree char *password = isolation_password(pairs, with_credentials);

	cr_assert_eq(g_strcmp0(password, expected), 0, "%s instead of %s", password, expected);
	pairs_free(pairs);
}

#define TEXTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

Test(proxy_isolation, escapes_all_but_unreserved_bytes)
{
	assert_password(TEXTS("ISOLATION", "user=1000;app=/usr/bin/curl;token=work"), TRUE,
			"ISOLATION=user%3D1000%3Bapp%3D%2Fusr%2Fbin%2Fcurl%3Btoken%3Dwork");
	assert_password(TEXTS("a", "AZaz09-._~"), TRUE, "a=AZaz09-._~");
	assert_password(TEXTS("a", "\xc3\xa9 %"), TRUE, "a=%C3%A9%20%25");
}

Test(proxy_isolation, sorts_by_the_bytes_of_the_names)
{
	assert_password(TEXTS("b", "1", "a", "2", "B", "3", "a.b", "", "a-b", "4"), TRUE,
			"B=3&a=2&a-b=4&a.b=&b=1");
}

Test(proxy_isolation, leaves_out_credentials_when_told)
{
	const char *const *texts = TEXTS("USERNAME", "u", "ISOLATION", "x", "PASSWD", "p");

	assert_password(texts, FALSE, "ISOLATION=x");
	assert_password(texts, TRUE, "ISOLATION=x&PASSWD=p&USERNAME=u");
	assert_password(TEXTS("USERNAME", "u", "PASSWD", "p"), FALSE, NULL);
}

Test(proxy_isolation, hashes_only_what_a_password_cannot_hold)
{
	char value[255];
	char expected[256] = "a=";

	memset(value, 'v', sizeof(value));
	value[253] = '\0';
	strcat(expected, value);
	assert_password(TEXTS("a", value), TRUE, expected);
	value[253] = 'v';
	value[254] = '\0';
	/* printf 'a=%s' "$(printf 'v%.0s' $(seq 254))" | sha256sum */
	assert_password(TEXTS("a", value), TRUE,
			"sha256:9a25b8d778af2f760cea85ea204369aa29af9f9fc659b48e387f6f9e17cb5e71");
}
