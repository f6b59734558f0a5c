#include "support/blob.h"

#include "policy/policy.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A place for `length` bytes, at a multiple of 8. */
static uint32_t reserve(struct blob_builder *builder, size_t length)
{
	const uint32_t offset = (builder->length + 7) & ~7u;

	cr_assert_leq(length, sizeof(builder->bytes) - offset, "the policy has become too large");
	builder->length = offset + (uint32_t)length;
	return offset;
}

struct blob_header *blob_builder_header(struct blob_builder *builder)
{
	return (struct blob_header *)builder->bytes;
}

struct blob_table blob_builder_add_table(struct blob_builder *builder, const void *records,
					 size_t record, uint32_t count)
{
	const uint32_t offset = reserve(builder, record * count);

	memcpy(builder->bytes + offset, records, record * count);
	return (struct blob_table){ offset, count };
}

struct blob_span blob_builder_add_text(struct blob_builder *builder, const char *text)
{
	const uint32_t offset = reserve(builder, strlen(text));

	memcpy(builder->bytes + offset, text, strlen(text));
	return (struct blob_span){ offset, (uint32_t)strlen(text) };
}

void blob_address(const char *literal, uint8_t ret_address[16])
{
	char text[INET6_ADDRSTRLEN + 8];

	snprintf(text, sizeof(text), "%s%s", strchr(literal, ':') ? "" : "::ffff:", literal);
	cr_assert_eq(inet_pton(AF_INET6, text, ret_address), 1, "%s", literal);
}

struct blob_rule blob_builder_rule(struct blob_builder *builder, const char *address, uint16_t port,
				   enum blob_action action)
{
	struct blob_rule rule = { .port = port, .action = (uint8_t)action, .origin = BLOB_NONE };
	char literal[64];

	if (address[0] == '.') {
		rule.suffix = blob_builder_add_text(builder, address);
		return rule;
	}
	const char *slash = strchr(address, '/');
	cr_assert(slash, "%s", address);
	snprintf(literal, sizeof(literal), "%.*s", (int)(slash - address), address);
	blob_address(literal, rule.address);
	rule.prefix = (uint8_t)(atoi(slash + 1) + (strchr(literal, ':') ? 0 : 96));
	return rule;
}

void blob_builder_seal(struct blob_builder *builder)
{
	const size_t head = offsetof(struct blob_header, checksum) + sizeof(uint64_t);
	struct blob_header *header = blob_builder_header(builder);

	header->size = builder->length;
	header->checksum = policy_checksum(builder->bytes + head, builder->length - head);
}

void blob_builder_init(struct blob_builder *builder)
{
	static const uint8_t methods[4] = { 0x97, 0x02, 0x00, BLOB_NO_METHOD };
	static const uint8_t pool[4] = { 127, 64, 0, 0 };
	struct blob_proxy proxy = { .port = 9050 };
	struct blob_header *header = blob_builder_header(builder);

	memset(builder, 0, sizeof(*builder));
	builder->length = sizeof(*header);
	memcpy(header->magic, BLOB_MAGIC, sizeof(header->magic));
	memcpy(header->methods, methods, sizeof(methods));
	memcpy(header->pool, pool, sizeof(pool));
	header->version = BLOB_VERSION;
	header->timeout = 180;
	header->by = 3;
	header->retry = 1;
	header->require = BLOB_REQUIRE_EXPLICIT;
	header->pool_prefix = 10;
	blob_address("127.0.0.1", proxy.address);
	header->proxies = blob_builder_add_table(builder, &proxy, sizeof(proxy), 1);
	blob_builder_seal(builder);
}

static void add_proxies(struct blob_builder *builder)
{
	struct blob_proxy proxies[2] = { { .port = 9050, .has_credentials = 1 }, { .port = 1 } };

	proxies[0].username = blob_builder_add_text(builder, "alice");
	proxies[0].password = blob_builder_add_text(builder, "secret");
	blob_address("127.0.0.1", proxies[0].address);
	blob_address("2001:db8::1", proxies[1].address);
	blob_builder_header(builder)->proxies =
		blob_builder_add_table(builder, proxies, sizeof(proxies[0]), 2);
}

static struct blob_table add_pairs(struct blob_builder *builder)
{
	struct blob_pair pairs[2];

	pairs[0].name = blob_builder_add_text(builder, "ISOLATION");
	pairs[0].value = blob_builder_add_text(builder, "bank");
	pairs[1].name = blob_builder_add_text(builder, "org.example.tab");
	pairs[1].value = (struct blob_span){ 0, 0 };
	return blob_builder_add_table(builder, pairs, sizeof(pairs[0]), 2);
}

static void add_rules(struct blob_builder *builder)
{
	struct blob_rule rules[4] = {
		blob_builder_rule(builder, ".example.com", 0, BLOB_ACTION_DENY),
		blob_builder_rule(builder, "::/0", 25, BLOB_ACTION_DENY),
		blob_builder_rule(builder, "10.0.0.0/8", 0, BLOB_ACTION_DIRECT),
		blob_builder_rule(builder, "fd00::/8", 443, BLOB_ACTION_DIRECT),
	};

	rules[0].origin = 0;
	rules[0].line = 12;
	blob_builder_header(builder)->rules =
		blob_builder_add_table(builder, rules, sizeof(rules[0]), 4);
}

static void add_application(struct blob_builder *builder)
{
	static const uint32_t users[3] = { 0, 1000, 1001 };
	struct blob_span match[2] = { blob_builder_add_text(builder, "/usr/bin/ssh"),
				      blob_builder_add_text(builder, "/usr/bin/s*") };
	struct blob_application application = {
		.label = blob_builder_add_text(builder, "ssh"),
		.match = blob_builder_add_table(builder, match, sizeof(match[0]), 2),
		.users = blob_builder_add_table(builder, users, sizeof(users[0]), 3),
		.pairs = add_pairs(builder),
		.proxy = 1,
		.origin = 0,
		.line = 30,
		.by = 0x1f,
		.has_by = 1,
		.action = BLOB_ACTION_PROXY,
	};

	blob_builder_header(builder)->applications =
		blob_builder_add_table(builder, &application, sizeof(application), 1);
}

void blob_builder_init_full(struct blob_builder *builder)
{
	blob_builder_init(builder);
	struct blob_header *header = blob_builder_header(builder);
	struct blob_span origin = blob_builder_add_text(builder, "/etc/isosocks.conf");

	memset(header->session, 0x5a, sizeof(header->session));
	memset(header->cookie, 0xa5, sizeof(header->cookie));
	header->guard = 1;
	header->why = 1;
	header->token = blob_builder_add_text(builder, "work");
	header->alias = blob_builder_add_text(builder, ".tor");
	header->log_file = blob_builder_add_text(builder, "/tmp/log");
	header->origins = blob_builder_add_table(builder, &origin, sizeof(origin), 1);
	header->pairs = add_pairs(builder);
	add_proxies(builder);
	add_rules(builder);
	add_application(builder);
	blob_builder_seal(builder);
}
