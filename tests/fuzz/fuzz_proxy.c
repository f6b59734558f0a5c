/*
 * fuzz_proxy: every parser of the reference proxy that reads a peer's bytes. The first byte of the
 * input chooses the parser, the rest is what it reads. Beyond not crashing, each must say the same
 * whether its bytes come at once or one by one, and must not use more than there are.
 */
#include "proxy/isolation.h"
#include "proxy/message.h"
#include "proxy/pairs.h"
#include "proxy/upstream.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

static int parse_one(uint8_t which, const uint8_t *data, size_t size)
{
	struct greeting greeting;
	struct credentials credentials;
	struct request request;

	switch (which) {
	case 0:
		return greeting_parse(data, size, &greeting);
	case 1:
		return credentials_parse(data, size, &credentials);
	default:
		return request_parse(data, size, &request);
	}
}

/* The first length that yields a verdict yields that of the whole, unless the whole is found wrong
 * later on. */
static void run_message(uint8_t which, const uint8_t *data, size_t size)
{
	int whole = parse_one(which, data, size);
	size_t length = 0;
	int r = 0;

	require(whole <= (int)size);
	while (r == 0 && length <= size)
		r = parse_one(which, data, length++);
	require(r == whole);
	require(r <= 0 || (size_t)r == length - 1);
}

static struct pairs *parse_pairs(const uint8_t *data, size_t size, size_t step, int *ret)
{
	struct pairs *pairs = pairs_new();
	size_t used = 0;
	int r = 0;

	for (size_t end = 0; end < size && r >= 0;) {
		end = MIN(end + step, size);
		r = pairs_parse(pairs, data + used, end - used);
		require(r <= (int)(end - used));
		used += r > 0 ? (size_t)r : 0;
	}
	*ret = r < 0 ? r : (int)used;
	return pairs;
}

static void run_pairs(const uint8_t *data, size_t size)
{
	int whole, single;
	struct pairs *a = parse_pairs(data, size, size, &whole);
	struct pairs *b = parse_pairs(data, size, 1, &single);

	require(whole == single);
	require(pairs_is_complete(a) == pairs_is_complete(b));
	require(pairs_count(a) == pairs_count(b));
	char *one = isolation_password(a, TRUE);
	char *other = isolation_password(b, TRUE);
	require(g_strcmp0(one, other) == 0);
	require(!one || strlen(one) <= 255);
	g_free(one);
	g_free(other);
	pairs_free(a);
	pairs_free(b);
}

static int converse(const uint8_t *data, size_t size, size_t step, struct upstream *ret)
{
	static const struct credentials login = { .user_length = 1, .user = "u" };
	static const struct request request = {
		.command = COMMAND_CONNECT,
		.target = { .type = ADDRESS_NAME, .length = 1, .bytes = "h", .port = 80 },
	};
	GByteArray *out = g_byte_array_new();
	size_t used = 0;
	int r = 0;

	upstream_init(ret, HOP_SOCKS5, size > 0 && data[0] & 1 ? &login : NULL, &request, out);
	for (size_t end = MIN(1, size); end < size && r >= 0;) {
		end = MIN(end + step, size);
		while ((r = upstream_take(ret, data + 1 + used, end - 1 - used, out)) > 0)
			used += (size_t)r;
		require(used < end || used == 0);
	}
	g_byte_array_unref(out);
	return r < 0 ? r : (int)used;
}

static void run_upstream(const uint8_t *data, size_t size)
{
	struct upstream whole, single;
	int a = converse(data, size, size, &whole);
	int b = converse(data, size, 1, &single);

	require(a == b);
	require(whole.step == single.step);
	require(whole.reply == single.reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	uint8_t which = data[0] % 5;
	/* A copy of its own: a parser that reads in front of its bytes is caught too. */
	uint8_t *copy = g_memdup2(data + 1, size - 1);
	if (!copy)
		return 0;
	if (which < 3)
		run_message(which, copy, size - 1);
	else if (which == 3)
		run_pairs(copy, size - 1);
	else
		run_upstream(copy, size - 1);
	g_free(copy);
	return 0;
}
