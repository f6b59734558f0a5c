/*
 * fuzz_blob: any bytes as a compiled policy, first as they are, then with a head that fits. A
 * policy that opens is used to the full: every record and every byte of every text is read, and
 * verdicts are asked for.
 */
#include "policy/policy.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t seen; /* keeps the compiler from leaving out the reads */

static void read_bytes(const void *from, size_t length)
{
	seen += policy_checksum(from, length);
}

static void read_text(const struct policy *policy, struct blob_span span)
{
	const struct policy_text text = policy_text(policy, span);
	read_bytes(text.at, text.length);
}

static void read_spans(const struct policy *policy, struct blob_table table)
{
	const uint8_t *at = (const uint8_t *)policy->header + table.offset;

	for (uint32_t i = 0; i < table.count; i++)
		read_text(policy, ((const struct blob_span *)(const void *)at)[i]);
}

static void read_pairs(const struct policy *policy, struct blob_table table)
{
	const struct blob_pair *pair;

	for (uint32_t i = 0; (pair = policy_pair(policy, table, i)); i++) {
		read_text(policy, pair->name);
		read_text(policy, pair->value);
	}
}

static void read_proxies(const struct policy *policy)
{
	const struct blob_proxy *proxy;

	for (uint32_t i = 0; (proxy = policy_proxy(policy, i)); i++) {
		read_text(policy, proxy->username);
		read_text(policy, proxy->password);
	}
}

static void read_rules(const struct policy *policy)
{
	const struct blob_rule *rule;

	for (uint32_t i = 0; (rule = policy_rule(policy, i)); i++) {
		read_text(policy, rule->suffix);
		if (rule->origin != BLOB_NONE && rule->origin >= policy->header->origins.count)
			abort();
	}
}

static void read_applications(const struct policy *policy)
{
	const struct blob_table table = policy->header->applications;
	const uint8_t *blob = (const uint8_t *)policy->header;
	const struct blob_application *application = (const void *)(blob + table.offset);

	/* They may all share their tables: a few dozen are enough to read each. */
	for (uint32_t i = 0; i < table.count && i < 64; i++) {
		read_text(policy, application[i].label);
		read_spans(policy, application[i].match);
		read_pairs(policy, application[i].pairs);
		read_bytes(blob + application[i].users.offset,
			   application[i].users.count * sizeof(uint32_t));
		if (!policy_proxy(policy, application[i].proxy))
			abort();
	}
}

static void decide(const struct policy *policy)
{
	static const struct policy_target targets[] = {
		{ .address = { [10] = 0xff, 0xff, 127, 0, 0, 1 }, .port = 53 },
		{ .address = { [10] = 0xff, 0xff, 192, 0, 2, 1 }, .port = 443 },
		{ .address = { [10] = 0xff, 0xff, 127, 64, 0, 1 },
		  .port = 80,
		  .name = "www.example.com",
		  .name_length = 15 },
		{ .address = { [10] = 0xff, 0xff, 198, 18, 0, 1 },
		  .port = 1,
		  .name = "",
		  .name_length = 0 },
		{ .address = { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 }, .port = 25 },
		{ .address = { 0 }, .port = 8080 },
	};

	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		const struct blob_rule *rule;
		struct policy_target target = targets[i];
		policy_decide(policy, &target, &rule);
		target.is_stream = true;
		/* No address of the pool is ever reached directly. */
		if (policy_decide(policy, &target, &rule) == POLICY_DIRECT &&
		    policy_is_placeholder(policy, target.address))
			abort();
	}
}

/* 0x00 would lose the keys. */
static void choose_methods(const struct policy *policy)
{
	for (int i = 0; i < 4; i++) {
		uint8_t methods[3];
		const unsigned count = policy_methods(policy, i & 1, i & 2, methods);
		if (count > 3 || (i != 0 && memchr(methods, 0x00, count)))
			abort();
	}
}

static void open_and_use(const void *blob, size_t size)
{
	struct policy policy;

	if (policy_open(&policy, blob, size) < 0)
		return;
	read_text(&policy, policy.header->token);
	read_text(&policy, policy.header->alias);
	read_text(&policy, policy.header->log_file);
	read_spans(&policy, policy.header->origins);
	read_pairs(&policy, policy.header->pairs);
	read_proxies(&policy);
	read_rules(&policy);
	read_applications(&policy);
	decide(&policy);
	choose_methods(&policy);
}

/* What random bytes would never have: the magic, the version, the size and the checksum. */
static void seal(struct blob_header *header, size_t size)
{
	const size_t head = offsetof(struct blob_header, checksum) + sizeof(header->checksum);

	memcpy(header->magic, BLOB_MAGIC, sizeof(header->magic));
	header->version = BLOB_VERSION;
	header->size = (uint32_t)size;
	header->checksum = policy_checksum((const uint8_t *)header + head, size - head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* calloc's alignment is what policy_open asks for, and a sanitizer sees what lies behind.
	 */
	void *blob = calloc(1, size > 0 ? size : 1);

	if (!blob)
		return 0;
	if (size > 0)
		memcpy(blob, data, size);
	open_and_use(blob, size);
	if (size >= sizeof(struct blob_header)) {
		seal(blob, size);
		open_and_use(blob, size);
	}
	free(blob);
	return 0;
}
