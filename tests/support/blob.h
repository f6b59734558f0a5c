/*
 * blob: makes compiled policies for tests, valid ones and ones that are wrong in one place, without
 * the compiler of wrappers/. The builder is the test's own memory; its tables may be changed until
 * the blob is sealed.
 */
#ifndef SUPPORT_BLOB_H
#define SUPPORT_BLOB_H

#include "policy/blob.h"

#include <stddef.h>

struct blob_builder {
	uint32_t length;
	_Alignas(8) uint8_t bytes[BLOB_MAX];
};

/* Every setting at its default, the proxy 127.0.0.1:9050, nothing else. */
void blob_builder_init(struct blob_builder *builder);

/* One of everything: credentials, pairs, rules, an application; every table has records. */
void blob_builder_init_full(struct blob_builder *builder);

struct blob_header *blob_builder_header(struct blob_builder *builder);

struct blob_span blob_builder_add_text(struct blob_builder *builder, const char *text);
struct blob_table blob_builder_add_table(struct blob_builder *builder, const void *records,
					 size_t record, uint32_t count);

/* A rule; address is `ADDRESS/BITS` (bits of its own family), or `.suffix`. */
struct blob_rule blob_builder_rule(struct blob_builder *builder, const char *address, uint16_t port,
				   enum blob_action action);

/* Sets size and checksum, as often as something has changed. */
void blob_builder_seal(struct blob_builder *builder);

/* The bytes of an address literal, IPv4 as ::ffff:a.b.c.d. */
void blob_address(const char *literal, uint8_t ret_address[16]);

#endif
