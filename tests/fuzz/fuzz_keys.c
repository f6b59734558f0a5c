/*
 * fuzz_keys: the pairs of a process, from bytes of any kind. The first byte says what ISOLATION is
 * made of and which parts of a connect there are, the second how long the token is; a list for
 * keys_next follows. Beyond not crashing, what is sent must be what a strict proxy accepts.
 */
#include "keys/keys.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BY_VARYING (KEYS_BY_PROCESS | KEYS_BY_DESTINATION)

static struct keys keys;
static char value[KEYS_PAYLOAD_MAX];

static void require(int truth)
{
	if (!truth)
		abort();
}

/* Sorted, no name twice, names of the alphabet, lengths that meet the end, the payload within its
 * bound. */
static void check_message(const uint8_t *wire, size_t length, unsigned count)
{
	const uint8_t *last = (const uint8_t *)"";
	size_t last_length = 0, payload = 0;

	for (size_t at = 0; at < length; count--) {
		require(count > 0 && length - at >= 2);
		const size_t name_length = (size_t)(wire[at] << 8 | wire[at + 1]);
		const uint8_t *name = wire + at + 2;
		require(length - at >= 2 + name_length + 2);
		require(keys_check_name((const char *)name, name_length) == 0);
		at += 2 + name_length;
		const size_t value_length = (size_t)(wire[at] << 8 | wire[at + 1]);
		at += 2;
		require(length - at >= value_length);
		at += value_length;

		const size_t common = name_length < last_length ? name_length : last_length;
		const int order = memcmp(last, name, common);
		require(order < 0 || (order == 0 && last_length < name_length));
		last = name;
		last_length = name_length;
		payload += name_length + value_length;
	}
	require(count == 0 && payload <= KEYS_PAYLOAD_MAX);
}

static void send_message(const struct keys_now *now)
{
	struct iovec part[KEYS_PARTS];
	uint8_t vlen[2];
	const unsigned count = keys_message(&keys, now, vlen, part);
	size_t length = 0;
	uint8_t *wire;

	require(count <= KEYS_PARTS);
	for (unsigned i = 0; i < count; i++)
		length += part[i].iov_len;
	wire = malloc(length > 0 ? length : 1);
	require(wire != NULL);
	length = 0;
	for (unsigned i = 0; i < count; i++) {
		memcpy(wire + length, part[i].iov_base, part[i].iov_len);
		length += part[i].iov_len;
	}
	check_message(wire, length, keys.count);
	free(wire);
}

static void send_password(const struct keys_now *now)
{
	char password[KEYS_PASSWORD_MAX];
	const size_t length = keys_password(&keys, now, password);

	require(length <= sizeof(password));
	for (size_t i = 0; i < length; i++)
		require(password[i] > ' ' && password[i] < 0x7f);
}

static void send_both(const struct keys_now *now)
{
	send_message(now);
	send_password(now);
}

static void send_pairs(uint32_t by, const char *host, size_t host_length)
{
	static const uint8_t process[KEYS_PROCESS_SIZE] = { 1, 2, 3 };
	char varying[KEYS_VARYING_MAX], user[KEYS_USER_MAX];
	struct keys_now now = { .user = user, .varying = varying };
	size_t length = keys_put_varying(varying, by & KEYS_BY_PROCESS ? process : NULL,
					 by & KEYS_BY_DESTINATION ? host : NULL, host_length, 443);

	require(length <= sizeof(varying));
	send_both(&now);
	now.varying_length = keys.varying > 0 ? length : 0;
	send_both(&now);
	now.user_length = keys.user > 0 ? keys_put_user(user, UINT32_MAX, by) : 0;
	send_both(&now);
	now.varying_length = 0;
	send_both(&now);
}

/* Half of the value sets one pair more, so that pairs move and are replaced in every order. */
static void set_pairs(const char *list)
{
	const char *name, *before = list;
	size_t name_length, length;
	int r;

	while ((r = keys_next(&list, &name, &name_length, value, sizeof(value), &length)) > 0) {
		require(list > before && name == before && length <= sizeof(value));
		before = list;
		r = keys_set(&keys, name, name_length, value, length);
		require(r == 0 || r == -EINVAL || r == -EPERM || r == -E2BIG);
		require((r == 0) <= keys_have(&keys, name, name_length));
		keys_set(&keys, value, length / 2, value + length / 2, length - length / 2);
	}
	require(r == 0 ? *list == '\0' : list == before);
}

static void run(uint8_t by, const char *list, size_t length, size_t token_length)
{
	static const uint8_t session[KEYS_SESSION_SIZE] = { 4, 5, 6 };
	const struct keys_facts facts = {
		.by = by & 0x1f,
		.user = 1000,
		.application = by & 0x20 ? list : NULL,
		.session = session,
		.token = by & 0x40 ? list : NULL,
		.token_length = token_length < length ? token_length : length,
	};
	uint32_t parsed;

	memset(&keys, 0, sizeof(keys));
	if (by & 0x80)
		set_pairs(list);
	const int r = keys_set_isolation(&keys, &facts);
	require(r == 0 || r == -E2BIG);
	if (!(by & 0x80))
		set_pairs(list);
	if (keys_set_credentials(&keys, list, facts.token_length, list,
				 length - facts.token_length) == 0)
		require(keys_have(&keys, "USERNAME", 8) && keys_have(&keys, "PASSWD", 6));
	require(!(keys.varying > 0 && !(facts.by & BY_VARYING)));
	require(!(keys.user > 0 && !(facts.by & KEYS_BY_USER)));
	send_pairs(facts.by, list, length < 257 ? length : 257);
	if (keys_parse_by(list, length, &parsed) == 0)
		require(parsed <= 0x1f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *list;

	if (size < 2)
		return 0;
	list = malloc(size - 2 + 1);
	require(list != NULL);
	memcpy(list, data + 2, size - 2);
	list[size - 2] = '\0';
	run(data[0], list, size - 2, data[1]);
	free(list);
	return 0;
}
