#include "keys/keys.h"
#include "policy/builtin.h"
#include "policy/policy.h"
#include "support/blob.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROWS(x) (sizeof(x) / sizeof((x)[0]))

static struct blob_builder built;

static int open_built(struct policy *policy)
{
	return policy_open(policy, built.bytes, built.length);
}

/* A policy with these rules besides its defaults, in memory that stays. */
struct rule_row {
	const char *address; /* NULL ends the rows */
	uint16_t port;
	enum blob_action action;
};

static struct policy open_with_rules(enum blob_loopback loopback, const struct rule_row *rows)
{
	struct blob_rule rules[16];
	struct policy policy;
	uint32_t count = 0;

	blob_builder_init(&built);
	for (; rows[count].address; count++)
		rules[count] = blob_builder_rule(&built, rows[count].address, rows[count].port,
						 rows[count].action);
	blob_builder_header(&built)->rules =
		blob_builder_add_table(&built, rules, sizeof(rules[0]), count);
	blob_builder_header(&built)->loopback = (uint8_t)loopback;
	blob_builder_seal(&built);
	cr_assert_eq(open_built(&policy), 0);
	return policy;
}

/* ---- checksum ---- */

Test(policy, sums_any_changed_byte_to_something_else)
{
	static uint8_t bytes[200];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7);
	for (size_t length = 0; length <= sizeof(bytes); length++) {
		const uint64_t sum = policy_checksum(bytes, length);
		for (size_t i = 0; i < length; i++) {
			for (int change = 1; change < 256; change += 1 + (length > 70) * 36) {
				bytes[i] ^= (uint8_t)change;
				cr_assert_neq(policy_checksum(bytes, length), sum);
				bytes[i] ^= (uint8_t)change;
			}
		}
	}
}

Test(policy, sums_zeros_by_their_number)
{
	static const uint8_t zeros[128];

	for (size_t a = 0; a < sizeof(zeros); a++) {
		for (size_t b = 0; b < a; b++)
			cr_assert_neq(policy_checksum(zeros, a), policy_checksum(zeros, b));
	}
}

/* ---- opening ---- */

Test(policy, opens_the_least_and_the_fullest_policy)
{
	struct policy policy;

	blob_builder_init(&built);
	cr_assert_eq(open_built(&policy), 0);
	cr_assert_eq((const void *)policy.header, (const void *)built.bytes);
	blob_builder_init_full(&built);
	cr_assert_eq(open_built(&policy), 0);
}

Test(policy, opens_the_built_in_policy)
{
	static const uint8_t session[16] = { 1, 2, 3 };
	struct builtin builtin;
	struct policy policy;

	builtin_policy(&builtin, session);
	cr_assert_eq(policy_open(&policy, &builtin, sizeof(builtin)), 0);
	cr_assert_arr_eq(policy.header->session, session, 16);
}

/* From memory that is exactly as long, so that a sanitizer sees any byte read beyond it. */
static int open_copy(const void *bytes, size_t length)
{
	struct policy policy = { .header = (void *)8 };
	void *copy = malloc(length > 0 ? length : 1);

	memcpy(copy, bytes, length);
	int r = policy_open(&policy, copy, length);
	if (r < 0)
		cr_assert_eq(policy.header, (void *)8, "output changed on failure");
	free(copy);
	return r;
}

Test(policy, refuses_every_changed_byte)
{
	const size_t version = offsetof(struct blob_header, version);

	blob_builder_init_full(&built);
	cr_assert_eq(open_copy(built.bytes, built.length), 0);
	for (size_t i = 0; i < built.length; i++) {
		const bool is_version = i >= version && i < version + 4;
		for (int change = 1; change < 256; change++) {
			built.bytes[i] ^= (uint8_t)change;
			cr_assert_eq(open_copy(built.bytes, built.length),
				     is_version ? -EPROTONOSUPPORT : -EBADMSG, "byte %zu ^ %d", i,
				     change);
			built.bytes[i] ^= (uint8_t)change;
		}
	}
}

Test(policy, refuses_every_other_length)
{
	blob_builder_init_full(&built);
	for (size_t length = 0; length < built.length; length++)
		cr_assert_eq(open_copy(built.bytes, length), -EBADMSG, "cut to %zu", length);
	for (size_t more = 1; more < 20; more++)
		cr_assert_eq(open_copy(built.bytes, built.length + more), -EBADMSG);
	cr_assert_eq(open_copy(built.bytes, BLOB_MAX), -EBADMSG);
}

/* Also when size and checksum were made to fit. */
Test(policy, survives_every_cut_that_is_sealed_again)
{
	blob_builder_init_full(&built);
	const uint32_t whole = built.length;

	for (built.length = sizeof(struct blob_header); built.length < whole; built.length++) {
		blob_builder_seal(&built);
		cr_assert_eq(open_copy(built.bytes, built.length), -EBADMSG, "cut to %u",
			     built.length);
	}
}

Test(policy, refuses_more_than_the_most)
{
	static _Alignas(8) uint8_t large[BLOB_MAX + 8];
	struct blob_header *header = (struct blob_header *)large;
	const size_t head = offsetof(struct blob_header, checksum) + 8;
	struct policy policy;

	blob_builder_init(&built);
	memcpy(large, built.bytes, built.length);
	for (uint32_t size = BLOB_MAX - 8; size <= BLOB_MAX + 8; size += 8) {
		header->size = size;
		header->checksum = policy_checksum(large + head, size - head);
		cr_assert_eq(policy_open(&policy, large, size), size <= BLOB_MAX ? 0 : -EBADMSG);
	}
}

Test(policy, tells_another_version_from_what_is_no_policy)
{
	struct policy policy;

	blob_builder_init(&built);
	blob_builder_header(&built)->version = BLOB_VERSION + 1;
	cr_assert_eq(open_built(&policy), -EPROTONOSUPPORT);
	cr_assert_eq(policy_open(&policy, built.bytes, 12), -EPROTONOSUPPORT, "it may be shorter");
	blob_builder_header(&built)->magic[0] = 'I';
	cr_assert_eq(open_built(&policy), -EBADMSG);
}

Test(policy, needs_aligned_bytes)
{
	struct policy policy;

	blob_builder_init(&built);
	memmove(built.bytes + 4, built.bytes, built.length);
	cr_assert_eq(policy_open(&policy, built.bytes + 4, built.length), -EBADMSG);
}

/* ---- one thing wrong at a time, under a checksum that fits ---- */

static struct blob_header *header(void)
{
	return blob_builder_header(&built);
}

static void *record(struct blob_table table)
{
	return built.bytes + table.offset;
}

static struct blob_proxy *proxy(void)
{
	return record(header()->proxies);
}

static struct blob_rule *rule(int i)
{
	return (struct blob_rule *)record(header()->rules) + i;
}

static struct blob_application *application(void)
{
	return record(header()->applications);
}

/* Runs `change` on a fresh full policy, which must be refused (or stay good) afterwards. */
#define EXPECT(result, change)                                                                     \
	do {                                                                                       \
		struct policy policy_;                                                             \
		blob_builder_init_full(&built);                                                    \
		change;                                                                            \
		blob_builder_seal(&built);                                                         \
		cr_assert_eq(open_built(&policy_), result, "%s", #change);                         \
	} while (0)
#define GOOD(change) EXPECT(0, change)
#define BAD(change)  EXPECT(-EBADMSG, change)

Test(policy, refuses_settings_out_of_range)
{
	GOOD(header()->timeout = 1);
	GOOD(header()->timeout = 86400);
	BAD(header()->timeout = 0);
	BAD(header()->timeout = 86401);
	GOOD(header()->by = 0);
	GOOD(header()->by = KEYS_BY_USER | KEYS_BY_APPLICATION | KEYS_BY_SESSION | KEYS_BY_PROCESS |
			    KEYS_BY_DESTINATION);
	BAD(header()->by = KEYS_BY_DESTINATION << 1);
	GOOD(header()->retry = 255);
	GOOD(header()->pipeline = BLOB_PIPELINE_NO);
	BAD(header()->pipeline = BLOB_PIPELINE_NO + 1);
	GOOD(header()->require = BLOB_REQUIRE_ALWAYS);
	BAD(header()->require = BLOB_REQUIRE_ALWAYS + 1);
	GOOD(header()->resolve = BLOB_RESOLVE_PROXY);
	BAD(header()->resolve = BLOB_RESOLVE_PROXY + 1);
	GOOD(header()->loopback = BLOB_LOOPBACK_DENY);
	BAD(header()->loopback = BLOB_LOOPBACK_DENY + 1);
	GOOD(header()->listen = BLOB_LISTEN_ANY);
	BAD(header()->listen = BLOB_LISTEN_ANY + 1);
	GOOD(header()->family = BLOB_FAMILY_BOTH);
	BAD(header()->family = BLOB_FAMILY_BOTH + 1);
	GOOD(header()->guard = 0);
	BAD(header()->guard = 2);
	GOOD(header()->log_level = 4);
	BAD(header()->log_level = 5);
	GOOD(header()->log_format = 1);
	BAD(header()->log_format = 2);
	GOOD(header()->why = 0);
	BAD(header()->why = 2);
}

Test(policy, refuses_padding_that_is_not_zero)
{
	BAD(proxy()->zero[4] = 1);
	BAD(application()->zero[5] = 1);
}

static void set_methods(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	const uint8_t methods[4] = { a, b, c, d };
	memcpy(header()->methods, methods, 4);
}

Test(policy, refuses_methods_it_does_not_know)
{
	GOOD(set_methods(0x00, 0xff, 0xff, 0xff));
	GOOD(set_methods(0x02, 0x97, 0xff, 0));
	GOOD(set_methods(0x00, 0x97, 0x02, 0xff));
	BAD(set_methods(0xff, 0x97, 0x02, 0xff));
	BAD(set_methods(0x01, 0xff, 0xff, 0xff));
	BAD(set_methods(0x97, 0x98, 0xff, 0xff));
	BAD(set_methods(0x97, 0x97, 0xff, 0xff));
	BAD(set_methods(0x97, 0x02, 0x97, 0xff));
	BAD(set_methods(0x97, 0x02, 0x00, 0x00));
	BAD(set_methods(0x97, 0x02, 0x00, 0x97));
}

static void set_pool(uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t prefix)
{
	const uint8_t pool[4] = { a, b, c, d };
	memcpy(header()->pool, pool, 4);
	header()->pool_prefix = prefix;
}

Test(policy, refuses_a_pool_that_could_leave_the_machine)
{
	GOOD(set_pool(127, 0, 0, 0, 8));
	GOOD(set_pool(127, 64, 0, 0, 10));
	GOOD(set_pool(127, 1, 2, 252, 30));
	GOOD(set_pool(198, 18, 0, 0, 15));
	GOOD(set_pool(198, 19, 0, 0, 16));
	BAD(set_pool(127, 0, 0, 0, 7));
	BAD(set_pool(127, 0, 0, 0, 31));
	BAD(set_pool(127, 0, 0, 0, 32));
	BAD(set_pool(127, 0, 0, 0, 255));
	BAD(set_pool(127, 0, 0, 0, 0));
	BAD(set_pool(127, 65, 0, 0, 10));
	BAD(set_pool(127, 64, 0, 1, 10));
	BAD(set_pool(198, 18, 0, 0, 14));
	BAD(set_pool(198, 16, 0, 0, 14));
	BAD(set_pool(198, 0, 0, 0, 8));
	BAD(set_pool(198, 20, 0, 0, 16));
	BAD(set_pool(198, 17, 0, 0, 16));
	BAD(set_pool(10, 0, 0, 0, 10));
	BAD(set_pool(0, 0, 0, 0, 10));
	BAD(set_pool(224, 0, 0, 0, 8));
}

/* All the spans and tables of the fullest policy, each put where it must not be. */
static struct blob_span *span_at(unsigned i)
{
	struct blob_span *const spans[] = {
		&header()->token,
		&header()->alias,
		&header()->log_file,
		record(header()->origins),
		&proxy()->username,
		&proxy()->password,
		&((struct blob_pair *)record(header()->pairs))->name,
		&((struct blob_pair *)record(header()->pairs))->value,
		&rule(0)->suffix,
		&application()->label,
		record(application()->match),
		&((struct blob_pair *)record(application()->pairs))->name,
		&((struct blob_pair *)record(application()->pairs))->value,
	};
	return i < ROWS(spans) ? spans[i] : NULL;
}

Test(policy, refuses_text_outside)
{
	blob_builder_init_full(&built);
	for (unsigned i = 0; span_at(i); i++) {
		GOOD(span_at(i)->length--);
		BAD(span_at(i)->offset = built.length);
		BAD(span_at(i)->offset = built.length - span_at(i)->length + 1);
		BAD(span_at(i)->offset = 0xffffffff);
		BAD(span_at(i)->offset = -span_at(i)->length);
		BAD(span_at(i)->length = 0xffffffff);
		BAD(span_at(i)->length = built.length - span_at(i)->offset + 1);
		BAD(span_at(i)->offset = sizeof(struct blob_header) - 1);
		BAD((span_at(i)->length = 0, span_at(i)->offset = built.length + 1));
	}
}

static struct blob_table *table_at(unsigned i)
{
	struct blob_table *const tables[] = {
		&header()->origins,    &header()->proxies,	&header()->pairs,
		&header()->rules,      &header()->applications, &application()->match,
		&application()->users, &application()->pairs,
	};
	return i < ROWS(tables) ? tables[i] : NULL;
}

Test(policy, refuses_records_outside)
{
	blob_builder_init_full(&built);
	for (unsigned i = 0; table_at(i); i++) {
		BAD(table_at(i)->offset += 4);
		BAD(table_at(i)->offset = 0);
		BAD(table_at(i)->offset = (built.length + 7) & ~7u);
		BAD(table_at(i)->offset = 0xfffffff8);
		BAD(table_at(i)->count = 0xffffffff);
		BAD(table_at(i)->count = 0x40000000); /* times 4, 8 or 16 this is 0 in 32 bits */
		BAD(table_at(i)->count = 0x10000000);
		BAD(table_at(i)->count = built.length);
		BAD((table_at(i)->count = 0, table_at(i)->offset = built.length + 8));
	}
}

Test(policy, takes_empty_tables_except_of_proxies)
{
	GOOD(header()->pairs.count = 0);
	GOOD(header()->rules.count = 0);
	GOOD(header()->applications.count = 0);
	GOOD(application()->match.count = 0);
	GOOD(application()->users.count = 0);
	GOOD(application()->pairs = (struct blob_table){ 0 });
	BAD(header()->proxies.count = 0);
}

/* Text of this many bytes, in place of a shorter one. */
static struct blob_span long_text(unsigned length)
{
	char text[400];

	memset(text, 'x', length);
	text[length] = '\0';
	return blob_builder_add_text(&built, text);
}

Test(policy, refuses_credentials_and_names_out_of_bounds)
{
	GOOD(proxy()->username = long_text(255));
	BAD(proxy()->username = long_text(256));
	GOOD(proxy()->password = long_text(255));
	BAD(proxy()->password = long_text(256));
	GOOD(proxy()->has_credentials = 0);
	BAD(proxy()->has_credentials = 2);
	BAD(proxy()->port = 0);
	BAD(((struct blob_pair *)record(header()->pairs))->name.length = 0);
	GOOD(((struct blob_pair *)record(header()->pairs))->name = long_text(255));
	BAD(((struct blob_pair *)record(header()->pairs))->name = long_text(256));
	GOOD(((struct blob_pair *)record(header()->pairs))->value = long_text(300));
	BAD(((struct blob_pair *)record(application()->pairs))->name.length = 0);
	BAD(((struct blob_pair *)record(application()->pairs))->name = long_text(256));
}

Test(policy, refuses_rules_that_say_nothing)
{
	GOOD(rule(1)->prefix = 128);
	BAD(rule(1)->prefix = 129);
	BAD(rule(1)->action = BLOB_ACTION_PROXY);
	BAD(rule(1)->action = BLOB_ACTION_DENY + 1);
	BAD(rule(1)->action = 255);
	GOOD(rule(1)->origin = 0);
	BAD(rule(1)->origin = 1);
	BAD(rule(1)->origin = BLOB_NONE - 1);
	BAD(rule(0)->action = BLOB_ACTION_DIRECT);
	BAD(rule(0)->suffix.length = 1);
	BAD(rule(0)->suffix.offset++);
}

Test(policy, refuses_applications_that_point_nowhere)
{
	GOOD(application()->proxy = BLOB_NONE);
	BAD(application()->proxy = 2);
	GOOD(application()->origin = BLOB_NONE);
	BAD(application()->origin = 1);
	GOOD(application()->action = BLOB_ACTION_DENY);
	BAD(application()->action = BLOB_ACTION_DENY + 1);
	GOOD(application()->has_by = 0);
	BAD(application()->has_by = 2);
	BAD(application()->by = 0x20);
	BAD(application()->by = 0x80000000);
}

/* ---- access ---- */

static void expect_text(const struct policy *policy, struct blob_span span, const char *text)
{
	const struct policy_text found = policy_text(policy, span);

	cr_assert_eq(found.length, strlen(text));
	cr_assert_arr_eq(found.at, text, found.length);
}

Test(policy, gives_back_what_was_compiled)
{
	struct policy policy;

	blob_builder_init_full(&built);
	cr_assert_eq(open_built(&policy), 0);
	expect_text(&policy, policy.header->token, "work");
	expect_text(&policy, policy_proxy(&policy, 0)->username, "alice");
	expect_text(&policy, policy_pair(&policy, policy.header->pairs, 0)->value, "bank");
	expect_text(&policy, policy_pair(&policy, policy.header->pairs, 1)->name,
		    "org.example.tab");
	expect_text(&policy, policy_pair(&policy, policy.header->pairs, 1)->value, "");
	cr_assert_eq(policy_rule(&policy, 0)->line, 12);
	cr_assert_eq(policy_proxy(&policy, 1)->port, 1);
	cr_assert_eq(policy_proxy(&policy, BLOB_NONE), policy_proxy(&policy, 0), "the default one");
}

Test(policy, has_nothing_behind_the_last_record)
{
	struct policy policy;

	blob_builder_init_full(&built);
	cr_assert_eq(open_built(&policy), 0);
	cr_assert_null(policy_proxy(&policy, 2));
	cr_assert_null(policy_pair(&policy, policy.header->pairs, 2));
	cr_assert_null(policy_rule(&policy, 4));
	cr_assert_null(policy_rule(&policy, BLOB_NONE));
}

/* ---- addresses ---- */

Test(policy, knows_loopback_from_placeholders)
{
	static const struct {
		const char *address;
		bool is_loopback;
		bool is_placeholder;
	} rows[] = {
		{ "127.0.0.1", true, false },
		{ "127.63.255.255", true, false },
		{ "127.64.0.0", false, true },
		{ "127.64.0.1", false, true },
		{ "127.127.255.255", false, true },
		{ "127.128.0.0", true, false },
		{ "127.255.255.255", true, false },
		{ "126.255.255.255", false, false },
		{ "128.0.0.0", false, false },
		{ "0.0.0.0", true, false },
		{ "0.0.0.1", false, false },
		{ "10.0.0.1", false, false },
		{ "::1", true, false },
		{ "::", true, false },
		{ "::2", false, false },
		{ "::7f00:1", false, false },
		{ "::7f40:1", false, false },
		{ "2001:db8::7f40:1", false, false },
		{ "::fffe:7f00:1", false, false },
	};
	const struct policy policy = open_with_rules(0, (const struct rule_row[]){ { 0 } });

	for (size_t i = 0; i < ROWS(rows); i++) {
		uint8_t address[16];
		blob_address(rows[i].address, address);
		cr_assert_eq(policy_is_loopback(&policy, address), rows[i].is_loopback, "%s",
			     rows[i].address);
		cr_assert_eq(policy_is_placeholder(&policy, address), rows[i].is_placeholder, "%s",
			     rows[i].address);
	}
}

Test(policy, leaves_all_of_loopback_to_a_pool_that_lies_elsewhere)
{
	struct policy policy;
	uint8_t address[16];

	blob_builder_init(&built);
	set_pool(198, 18, 0, 0, 15);
	blob_builder_seal(&built);
	cr_assert_eq(open_built(&policy), 0);
	blob_address("127.64.0.1", address);
	cr_assert(policy_is_loopback(&policy, address));
	cr_assert_not(policy_is_placeholder(&policy, address));
	blob_address("198.19.255.255", address);
	cr_assert(policy_is_placeholder(&policy, address));
	blob_address("198.20.0.0", address);
	cr_assert_not(policy_is_placeholder(&policy, address));
}

/* ---- the verdict ---- */

struct verdict_row {
	const char *address;
	uint16_t port;
	const char *name; /* NULL: none */
	enum policy_verdict stream;
	enum policy_verdict datagram;
	int rule; /* the rule that says so to a stream, -1: none */
};

static enum policy_verdict decide(const struct policy *policy, const struct verdict_row *row,
				  bool is_stream, const struct blob_rule **ret_rule)
{
	struct policy_target target = { .port = row->port,
					.is_stream = is_stream,
					.name = row->name };

	blob_address(row->address, target.address);
	target.name_length = row->name ? strlen(row->name) : 0;
	return policy_decide(policy, &target, ret_rule);
}

static void expect_verdicts(const struct policy *policy, const struct verdict_row *rows,
			    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct verdict_row *row = &rows[i];
		const struct blob_rule *said = (void *)8;

		cr_assert_eq(decide(policy, row, true, &said), row->stream, "stream to %s:%u %s",
			     row->address, row->port, row->name ? row->name : "");
		cr_assert_eq(said, row->rule < 0 ? NULL : policy_rule(policy, (uint32_t)row->rule),
			     "rule for %s:%u", row->address, row->port);
		cr_assert_eq(decide(policy, row, false, NULL), row->datagram,
			     "datagram to %s:%u %s", row->address, row->port,
			     row->name ? row->name : "");
	}
}

Test(policy, proxies_streams_and_denies_datagrams_by_default)
{
	static const struct verdict_row rows[] = {
		{ "192.0.2.1", 80, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "192.0.2.1", 53, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "192.168.1.1", 80, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "2001:db8::1", 443, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "fe80::1", 443, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "224.0.0.1", 5353, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.64.0.1", 80, "www.example.com", POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.64.0.1", 53, "www.example.com", POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.64.0.1", 80, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.0.0.1", 80, NULL, POLICY_DIRECT, POLICY_DIRECT, -1 },
		{ "127.0.0.1", 53, NULL, POLICY_DENY, POLICY_DENY, -1 },
		{ "127.0.0.53", 53, NULL, POLICY_DENY, POLICY_DENY, -1 },
		{ "::1", 53, NULL, POLICY_DENY, POLICY_DENY, -1 },
		{ "::1", 80, NULL, POLICY_DIRECT, POLICY_DIRECT, -1 },
		{ "0.0.0.0", 80, NULL, POLICY_DIRECT, POLICY_DIRECT, -1 },
		{ "0.0.0.0", 53, NULL, POLICY_DENY, POLICY_DENY, -1 },
		{ "::", 80, NULL, POLICY_DIRECT, POLICY_DIRECT, -1 },
		{ "::", 53, NULL, POLICY_DENY, POLICY_DENY, -1 },
	};
	const struct policy policy =
		open_with_rules(BLOB_LOOPBACK_DIRECT, (const struct rule_row[]){ { 0 } });

	expect_verdicts(&policy, rows, ROWS(rows));
}

Test(policy, proxies_loopback_when_told_to)
{
	static const struct verdict_row rows[] = {
		{ "127.0.0.1", 80, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.0.0.1", 53, NULL, POLICY_DENY, POLICY_DENY, -1 },
		{ "::1", 80, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "0.0.0.0", 80, NULL, POLICY_PROXY, POLICY_DENY, -1 },
	};
	const struct policy policy =
		open_with_rules(BLOB_LOOPBACK_PROXY, (const struct rule_row[]){ { 0 } });

	expect_verdicts(&policy, rows, ROWS(rows));
}

Test(policy, denies_loopback_when_told_to)
{
	static const struct verdict_row rows[] = {
		{ "127.0.0.1", 80, NULL, POLICY_DENY, POLICY_DENY, -1 },
		{ "::1", 80, NULL, POLICY_DENY, POLICY_DENY, -1 },
		{ "127.64.0.1", 80, "a.example", POLICY_PROXY, POLICY_DENY, -1 },
		{ "192.0.2.1", 80, NULL, POLICY_PROXY, POLICY_DENY, -1 },
	};
	const struct policy policy =
		open_with_rules(BLOB_LOOPBACK_DENY, (const struct rule_row[]){ { 0 } });

	expect_verdicts(&policy, rows, ROWS(rows));
}

Test(policy, lets_direct_rules_pass_what_they_name)
{
	static const struct rule_row rules[] = {
		{ "10.0.0.0/8", 0, BLOB_ACTION_DIRECT },
		{ "192.168.4.0/22", 443, BLOB_ACTION_DIRECT },
		{ "2001:db8::/33", 0, BLOB_ACTION_DIRECT },
		{ "192.0.2.7/32", 0, BLOB_ACTION_DIRECT },
		{ "::/1", 8080, BLOB_ACTION_DIRECT },
		{ 0 },
	};
	static const struct verdict_row rows[] = {
		{ "10.0.0.0", 80, NULL, POLICY_DIRECT, POLICY_DIRECT, 0 },
		{ "10.255.255.255", 1, NULL, POLICY_DIRECT, POLICY_DIRECT, 0 },
		{ "11.0.0.0", 80, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "9.255.255.255", 80, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "192.168.7.255", 443, NULL, POLICY_DIRECT, POLICY_DIRECT, 1 },
		{ "192.168.7.255", 444, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "192.168.8.0", 443, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "192.168.3.255", 443, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "2001:db8:7fff::1", 1, NULL, POLICY_DIRECT, POLICY_DIRECT, 2 },
		{ "2001:db8:8000::1", 1, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "192.0.2.7", 1, NULL, POLICY_DIRECT, POLICY_DIRECT, 3 },
		{ "192.0.2.6", 1, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		/* An IPv6 range is no IPv4 range, although ::ffff:0:0/96 lies in it. */
		{ "1000::1", 8080, NULL, POLICY_DIRECT, POLICY_DIRECT, 4 },
		{ "192.0.2.1", 8080, NULL, POLICY_PROXY, POLICY_DENY, -1 },
	};
	const struct policy policy = open_with_rules(BLOB_LOOPBACK_DIRECT, rules);

	expect_verdicts(&policy, rows, ROWS(rows));
}

Test(policy, lets_no_direct_rule_pass_a_placeholder_or_port_53_of_loopback)
{
	static const struct rule_row rules[] = {
		{ "::/0", 0, BLOB_ACTION_DIRECT },
		{ "127.0.0.0/8", 0, BLOB_ACTION_DIRECT },
		{ 0 },
	};
	static const struct verdict_row rows[] = {
		{ "127.64.0.1", 80, "a.example", POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.64.0.1", 80, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.0.0.1", 53, NULL, POLICY_DENY, POLICY_DENY, -1 },
		{ "::1", 53, NULL, POLICY_DENY, POLICY_DENY, -1 },
		{ "192.0.2.1", 80, NULL, POLICY_DIRECT, POLICY_DIRECT, 0 },
		{ "2001:db8::1", 80, NULL, POLICY_DIRECT, POLICY_DIRECT, 0 },
	};
	const struct policy policy = open_with_rules(BLOB_LOOPBACK_PROXY, rules);

	expect_verdicts(&policy, rows, ROWS(rows));
}

Test(policy, lets_deny_win_always)
{
	static const struct rule_row rules[] = {
		{ "10.0.0.0/8", 0, BLOB_ACTION_DIRECT },
		{ "10.1.0.0/16", 0, BLOB_ACTION_DENY },
		{ "::/0", 25, BLOB_ACTION_DENY },
		{ "127.0.0.1/32", 8080, BLOB_ACTION_DENY },
		{ "::1/128", 8081, BLOB_ACTION_DENY },
		{ "192.0.2.0/24", 0, BLOB_ACTION_DENY },
		{ 0 },
	};
	static const struct verdict_row rows[] = {
		{ "10.2.0.1", 80, NULL, POLICY_DIRECT, POLICY_DIRECT, 0 },
		{ "10.1.0.1", 80, NULL, POLICY_DENY, POLICY_DENY, 1 },
		{ "10.2.0.1", 25, NULL, POLICY_DENY, POLICY_DENY, 2 },
		{ "2001:db8::1", 25, NULL, POLICY_DENY, POLICY_DENY, 2 },
		{ "127.64.0.1", 25, "mail.example", POLICY_DENY, POLICY_DENY, 2 },
		{ "127.64.0.1", 25, NULL, POLICY_DENY, POLICY_DENY, 2 },
		{ "127.0.0.1", 8080, NULL, POLICY_DENY, POLICY_DENY, 3 },
		{ "127.0.0.1", 8081, NULL, POLICY_DIRECT, POLICY_DIRECT, -1 },
		/* The kernel connects these to the loopback address. */
		{ "0.0.0.0", 8080, NULL, POLICY_DENY, POLICY_DENY, 3 },
		{ "::", 8081, NULL, POLICY_DENY, POLICY_DENY, 4 },
		{ "192.0.2.1", 80, NULL, POLICY_DENY, POLICY_DENY, 5 },
	};
	const struct policy policy = open_with_rules(BLOB_LOOPBACK_DIRECT, rules);

	expect_verdicts(&policy, rows, ROWS(rows));
}

/* A rule over the pool's range speaks of addresses; what a name resolves to is not known. */
Test(policy, matches_no_placeholder_by_its_address)
{
	static const struct rule_row rules[] = {
		{ "127.0.0.0/8", 0, BLOB_ACTION_DENY },
		{ "127.64.0.1/32", 0, BLOB_ACTION_DENY },
		{ 0 },
	};
	static const struct verdict_row rows[] = {
		{ "127.64.0.1", 80, "a.example", POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.0.0.1", 80, NULL, POLICY_DENY, POLICY_DENY, 0 },
	};
	const struct policy policy = open_with_rules(BLOB_LOOPBACK_DIRECT, rules);

	expect_verdicts(&policy, rows, ROWS(rows));
}

Test(policy, denies_names_by_their_suffix)
{
	static const struct rule_row rules[] = {
		{ ".Example.com", 0, BLOB_ACTION_DENY },
		{ ".local", 80, BLOB_ACTION_DENY },
		{ 0 },
	};
	static const struct verdict_row rows[] = {
		{ "127.64.0.1", 80, "example.com", POLICY_DENY, POLICY_DENY, 0 },
		{ "127.64.0.1", 1, "EXAMPLE.COM", POLICY_DENY, POLICY_DENY, 0 },
		{ "127.64.0.1", 80, "www.example.com", POLICY_DENY, POLICY_DENY, 0 },
		{ "127.64.0.1", 80, "a.b.eXample.com.", POLICY_DENY, POLICY_DENY, 0 },
		{ "127.64.0.1", 80, "notexample.com", POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.64.0.1", 80, "example.com.evil", POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.64.0.1", 80, "xample.com", POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.64.0.1", 80, "com", POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.64.0.1", 80, "", POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.64.0.1", 80, NULL, POLICY_PROXY, POLICY_DENY, -1 },
		{ "127.64.0.1", 80, "printer.local", POLICY_DENY, POLICY_DENY, 1 },
		{ "127.64.0.1", 81, "printer.local", POLICY_PROXY, POLICY_DENY, -1 },
		/* Also where the name was resolved by the proxy. */
		{ "192.0.2.1", 80, "www.example.com", POLICY_DENY, POLICY_DENY, 0 },
		{ "192.0.2.1", 80, NULL, POLICY_PROXY, POLICY_DENY, -1 },
	};
	const struct policy policy = open_with_rules(BLOB_LOOPBACK_DIRECT, rules);

	expect_verdicts(&policy, rows, ROWS(rows));
}

/* ---- what another policy demands ---- */

/* A policy that lets everything go directly, and one that denies what it likes, held by it. */
static struct policy open_held(struct policy *ret_machine)
{
	static const struct rule_row demands[] = {
		{ "203.0.113.0/24", 0, BLOB_ACTION_DENY },
		{ ".a.test", 80, BLOB_ACTION_DENY },
		{ "198.51.100.0/24", 0, BLOB_ACTION_DIRECT },
		{ 0 },
	};
	static const struct rule_row rules[] = { { "203.0.113.0/24", 0, BLOB_ACTION_DIRECT },
						 { 0 } };
	static uint8_t kept[BLOB_MAX] __attribute__((aligned(8)));
	struct policy policy = open_with_rules(BLOB_LOOPBACK_DIRECT, demands);

	memcpy(kept, built.bytes, built.length);
	cr_assert_eq(policy_open(ret_machine, kept, built.length), 0);
	policy = open_with_rules(BLOB_LOOPBACK_DIRECT, rules);
	policy_hold(&policy, ret_machine);
	return policy;
}

Test(policy, denies_what_another_policy_denies)
{
	struct policy machine;
	const struct policy policy = open_held(&machine);
	const struct verdict_row denied = { .address = "203.0.113.5", .port = 80 };
	const struct verdict_row others = { .address = "198.51.100.1", .port = 80 };
	struct policy_target named = {
		.port = 80, .is_stream = true, .name = "www.A.test.", .name_length = 11
	};
	const struct blob_rule *rule;
	uint8_t address[16];

	cr_assert_eq(decide(&policy, &denied, true, &rule), POLICY_DENY);
	cr_assert_eq(rule, policy_rule(&machine, 0));
	cr_assert_eq(decide(&policy, &denied, false, NULL), POLICY_DENY);
	cr_assert_eq(decide(&policy, &others, true, &rule), POLICY_PROXY, "its direct rule counts");
	cr_assert_null(rule);
	blob_address("127.64.0.1", named.address);
	cr_assert_eq(policy_decide(&policy, &named, NULL), POLICY_DENY);
	cr_assert_not_null(policy_find_deny(&policy, &named));
	named.port = 81;
	cr_assert_null(policy_find_deny(&policy, &named));
	blob_address("203.0.113.5", address);
	cr_assert(policy_denies_address(&policy, address));
	cr_assert(policy_has_denied_names(&policy));
	cr_assert(policy_denies_name(&policy, "a.test", 6, false));
	cr_assert_not(policy_denies_name(&policy, "a.test", 6, true));
	cr_assert_not(policy_denies_name(&policy, "b.test", 6, false));
}

Test(policy, requires_the_stricter_of_both)
{
	struct policy machine, policy;

	for (uint8_t own = 0; own <= BLOB_REQUIRE_ALWAYS; own++) {
		for (uint8_t other = 0; other <= BLOB_REQUIRE_ALWAYS; other++) {
			struct blob_header mine = { .require = own }, its = { .require = other };
			machine = (struct policy){ .header = &its };
			policy = (struct policy){ .header = &mine };
			cr_assert_eq(policy_require(&policy), own);
			policy_hold(&policy, &machine);
			cr_assert_eq(policy_require(&policy), own > other ? own : other);
		}
	}
}

/* ---- methods ---- */

Test(policy, offers_methods_in_its_order_less_those_that_would_lose_keys)
{
	static const struct {
		uint8_t configured[4];
		bool keys_must_arrive;
		bool has_credentials;
		unsigned count;
		uint8_t offered[3];
	} rows[] = {
		{ { 0x97, 0x02, 0x00, 0xff }, false, false, 3, { 0x97, 0x02, 0x00 } },
		{ { 0x97, 0x02, 0x00, 0xff }, true, false, 2, { 0x97, 0x02 } },
		{ { 0x97, 0x02, 0x00, 0xff }, false, true, 2, { 0x97, 0x02 } },
		{ { 0x97, 0x02, 0x00, 0xff }, true, true, 1, { 0x97 } },
		{ { 0x00, 0x02, 0x97, 0xff }, false, false, 3, { 0x00, 0x02, 0x97 } },
		{ { 0x00, 0x02, 0x97, 0xff }, true, false, 2, { 0x02, 0x97 } },
		{ { 0x00, 0x02, 0x97, 0xff }, true, true, 1, { 0x97 } },
		{ { 0x02, 0xff, 0xff, 0xff }, true, true, 0, { 0 } },
		{ { 0x00, 0xff, 0xff, 0xff }, true, false, 0, { 0 } },
		{ { 0x00, 0xff, 0xff, 0xff }, false, true, 0, { 0 } },
		{ { 0x00, 0xff, 0x97, 0x02 }, false, false, 1, { 0x00 } },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct policy policy;
		uint8_t offered[3];

		blob_builder_init(&built);
		memcpy(header()->methods, rows[i].configured, 4);
		blob_builder_seal(&built);
		cr_assert_eq(open_built(&policy), 0);
		cr_assert_eq(policy_methods(&policy, rows[i].keys_must_arrive,
					    rows[i].has_credentials, offered),
			     rows[i].count, "row %zu", i);
		cr_assert_arr_eq(offered, rows[i].offered, rows[i].count, "row %zu", i);
	}
}

Test(policy, lets_require_decide_which_keys_must_arrive)
{
	static const struct {
		uint32_t require;
		unsigned set, all;
		bool expected;
	} rows[] = {
		{ BLOB_REQUIRE_EXPLICIT, 0, 0, false }, { BLOB_REQUIRE_EXPLICIT, 0, 1, false },
		{ BLOB_REQUIRE_EXPLICIT, 1, 1, true },	{ BLOB_REQUIRE_EXPLICIT, 1, 2, true },
		{ BLOB_REQUIRE_ALWAYS, 0, 0, false },	{ BLOB_REQUIRE_ALWAYS, 0, 1, true },
		{ BLOB_REQUIRE_NEVER, 0, 1, false },	{ BLOB_REQUIRE_NEVER, 2, 3, false },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		cr_assert_eq(policy_keys_must_arrive(rows[i].require, rows[i].set, rows[i].all),
			     rows[i].expected, "row %zu", i);
}

/* ---- devices ---- */

static bool stays(const char *proxy, const char *rule, enum blob_action action)
{
	const struct rule_row rows[] = { { rule, 0, action }, { 0 } };
	const struct policy policy = open_with_rules(BLOB_LOOPBACK_DIRECT, rows);
	struct blob_proxy to = { .port = 9050 };

	blob_address(proxy, to.address);
	return policy_stays_on_loopback(&policy, &to);
}

Test(policy, stays_on_loopback_with_its_proxy)
{
	cr_assert(stays("127.0.0.1", NULL, 0));
	cr_assert(stays("127.200.3.4", NULL, 0));
	cr_assert(stays("::1", NULL, 0));
	cr_assert(stays("0.0.0.0", NULL, 0));
	cr_assert(stays("::", NULL, 0));
	cr_assert_not(stays("10.0.0.1", NULL, 0));
	cr_assert_not(stays("128.0.0.1", NULL, 0));
	cr_assert_not(stays("2001:db8::1", NULL, 0));
	cr_assert_not(stays("::2", NULL, 0));
}

Test(policy, stays_on_loopback_with_its_direct_rules)
{
	cr_assert(stays("127.0.0.1", "127.0.0.0/8", BLOB_ACTION_DIRECT));
	cr_assert(stays("127.0.0.1", "127.0.0.5/32", BLOB_ACTION_DIRECT));
	cr_assert(stays("127.0.0.1", "::1/128", BLOB_ACTION_DIRECT));
	cr_assert(stays("127.0.0.1", "10.0.0.0/8", BLOB_ACTION_DENY));
	cr_assert_not(stays("127.0.0.1", "10.0.0.0/8", BLOB_ACTION_DIRECT));
	cr_assert_not(stays("127.0.0.1", "126.0.0.0/7", BLOB_ACTION_DIRECT));
	cr_assert_not(stays("127.0.0.1", "::/0", BLOB_ACTION_DIRECT));
	cr_assert_not(stays("127.0.0.1", "::/127", BLOB_ACTION_DIRECT));
}

Test(policy, does_not_stay_on_loopback_when_others_may_connect)
{
	struct policy policy =
		open_with_rules(BLOB_LOOPBACK_DIRECT, (const struct rule_row[]){ { 0 } });
	struct blob_proxy to = { .port = 9050 };

	blob_address("127.0.0.1", to.address);
	cr_assert(policy_stays_on_loopback(&policy, &to));
	blob_builder_header(&built)->listen = BLOB_LISTEN_ANY;
	cr_assert_not(policy_stays_on_loopback(&policy, &to));
}

/* ---- globs ---- */

static bool glob(const char *pattern, const char *text)
{
	return policy_glob((struct policy_text){ pattern, strlen(pattern) },
			   (struct policy_text){ text, strlen(text) });
}

Test(policy, matches_globs_as_the_manual_says)
{
	static const struct {
		char pattern[24];
		char text[32];
		bool matches;
	} rows[] = {
		{ "/usr/bin/ssh", "/usr/bin/ssh", true },
		{ "/usr/bin/ssh", "/usr/bin/sshd", false },
		{ "/usr/bin/sshd", "/usr/bin/ssh", false },
		{ "/usr/bin/ssh", "/usr/bin/SSH", false },
		{ "/usr/bin/*", "/usr/bin/ssh", true },
		{ "/usr/bin/*", "/usr/bin/", true },
		{ "/usr/bin/*", "/usr/bin", false },
		{ "/opt/*", "/opt/a/b/c", true }, /* slashes too */
		{ "*/ssh", "/usr/bin/ssh", true },
		{ "*/ssh", "/ssh", true },
		{ "*/ssh", "ssh", false },
		{ "*", "", true },
		{ "", "", true },
		{ "", "a", false },
		{ "?", "", false },
		{ "?", "/", true },
		{ "/bin/?sh", "/bin/zsh", true },
		{ "/bin/?sh", "/bin/sh", false },
		{ "/bin/?*", "/bin/", false },
		{ "*a*b*c", "xaxbxabxc", true },
		{ "*a*b*c", "xaxcxb", false },
		{ "*ab", "aab", true }, /* the first a is not the one */
		{ "*aab", "aaaab", true },
		{ "***", "anything", true },
		{ "/a[b]", "/ab", false }, /* no other character is special */
		{ "/a[b]", "/a[b]", true },
		{ "/a\\*", "/a\\b", true },
	};

	for (size_t i = 0; i < ROWS(rows); i++)
		cr_expect_eq(glob(rows[i].pattern, rows[i].text), rows[i].matches, "%s on %s",
			     rows[i].pattern, rows[i].text);
}

/* The same in the plainest words. */
static bool reference(const char *pattern, const char *text)
{
	if (*pattern == '*')
		return reference(pattern + 1, text) || (*text && reference(pattern, text + 1));
	return *pattern ? *text && (*pattern == '?' || *pattern == *text) &&
				  reference(pattern + 1, text + 1)
			: !*text;
}

/* The number'th text of these letters, as long as count says. */
static void spell(char *ret_text, const char *letters, unsigned number, unsigned count)
{
	for (unsigned i = 0; i < count; i++, number /= (unsigned)strlen(letters))
		ret_text[i] = letters[number % strlen(letters)];
	ret_text[count] = '\0';
}

Test(policy, matches_every_short_glob_as_a_plainer_matcher_does)
{
	for (unsigned pattern = 0; pattern < 4 * 4 * 4 * 4 * 4; pattern++) {
		for (unsigned text = 0; text < 1u << 6; text++) {
			for (unsigned length = 0; length <= 6; length += 2) {
				char globbed[8], tried[8];
				spell(globbed, "ab*?", pattern, 5);
				spell(tried, "ab", text, length);
				cr_assert_eq(glob(globbed, tried), reference(globbed, tried),
					     "%s on %s", globbed, tried);
			}
		}
	}
}

/* No stars make it try every way there is: that would be more than the age of the world here. */
Test(policy, matches_a_glob_of_many_stars_in_one_sweep)
{
	char pattern[400], text[4096];

	for (size_t i = 0; i < sizeof(pattern); i += 2)
		memcpy(pattern + i, "*a", 2);
	memset(text, 'a', sizeof(text));
	pattern[sizeof(pattern) - 1] = 'b';
	cr_assert_not(policy_glob((struct policy_text){ pattern, sizeof(pattern) },
				  (struct policy_text){ text, sizeof(text) }));
	text[sizeof(text) - 1] = 'b';
	cr_assert(policy_glob((struct policy_text){ pattern, sizeof(pattern) },
			      (struct policy_text){ text, sizeof(text) }));
}
