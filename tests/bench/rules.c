/*
 * rules COUNT ROUNDS: a policy of so many rules, and what the library does with it, in
 * microseconds, a line each:
 *
 *   decode   the text of ISOSOCKS_POLICY to bytes
 *   load     all of it validated, as each process does once
 *   decide   the verdict over a stream to an address that no rule names, so that each is looked at
 *   name     the same over a placeholder with its name, half of the rules being suffixes
 *
 * Of each the median of ROUNDS.
 */
#include "base/base64.h"
#include "policy/builtin.h"
#include "policy/policy.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REPEATED 64 /* times that a round does what is too short for the clock */

static _Alignas(8) uint8_t blob[BLOB_MAX];
static uint32_t length;

static struct blob_header *header(void)
{
	return (struct blob_header *)(void *)blob;
}

static uint32_t add(const void *bytes, size_t size)
{
	const uint32_t offset = (length + 7) & ~7u;

	if (offset + size > sizeof(blob))
		errx(1, "no policy has room for so many rules");
	memcpy(blob + offset, bytes, size);
	length = offset + (uint32_t)size;
	return offset;
}

/* 10.X.Y.0/24 directly, or, where there are names among them, .hN.test denied. */
static struct blob_rule make_rule(unsigned number, int has_names)
{
	struct blob_rule rule = {
		.prefix = 120,
		.action = BLOB_ACTION_DIRECT,
		.origin = BLOB_NONE,
		.address = { [10] = 0xff, 0xff, 10, (uint8_t)(number >> 8), (uint8_t)number }
	};
	char suffix[20];

	if (!has_names || number % 2)
		return rule;
	snprintf(suffix, sizeof(suffix), ".h%u.test", number);
	return (struct blob_rule){ .action = BLOB_ACTION_DENY,
				   .origin = BLOB_NONE,
				   .suffix = { add(suffix, strlen(suffix)),
					       (uint32_t)strlen(suffix) } };
}

static void make_policy(unsigned count, int has_names)
{
	struct blob_rule *rules = calloc(count, sizeof(*rules));
	const uint8_t random[16] = { 1 };

	length = sizeof(struct builtin);
	builtin_policy((struct builtin *)(void *)blob, random);
	for (unsigned i = 0; i < count; i++)
		rules[i] = make_rule(i, has_names);
	header()->rules = (struct blob_table){ add(rules, count * sizeof(*rules)), count };
	free(rules);
	header()->size = length = (length + 7) & ~7u;
	const size_t head = offsetof(struct blob_header, checksum) + sizeof(header()->checksum);
	header()->checksum = policy_checksum(blob + head, length - head);
}

/* ---- what is measured ---- */

static char text[BLOB_MAX * 4 / 3 + 8];
static struct policy policy;
static struct policy_target target;

static void decode(void)
{
	static uint8_t bytes[BLOB_MAX];
	size_t decoded;

	if (base64_decode(text, strlen(text), bytes, sizeof(bytes), &decoded) != 0)
		errx(1, "the text is none");
}

static void load(void)
{
	if (policy_open(&policy, blob, length) != 0)
		errx(1, "the policy is none");
}

static void decide(void)
{
	if (policy_decide(&policy, &target, NULL) != POLICY_PROXY)
		errx(1, "a rule names it");
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	return (*(const double *)a > *(const double *)b) -
	       (*(const double *)a < *(const double *)b);
}

static void measure(const char *name, void (*what)(void), unsigned rounds)
{
	double *took = calloc(rounds, sizeof(*took));

	for (unsigned i = 0; i < rounds; i++) {
		const double began = now();
		for (unsigned j = 0; j < REPEATED; j++)
			what();
		took[i] = (now() - began) / REPEATED;
	}
	qsort(took, rounds, sizeof(*took), compare);
	printf("%s %.2f\n", name, took[rounds / 2]);
	free(took);
}

int main(int argc, char **argv)
{
	const unsigned count = argc == 3 ? (unsigned)atoi(argv[1]) : 0;
	const unsigned rounds = argc == 3 ? (unsigned)atoi(argv[2]) : 0;

	if (rounds == 0)
		errx(2, "usage: rules COUNT ROUNDS");
	make_policy(count, 0);
	base64_encode(blob, length, text);
	target = (struct policy_target){ .address = { [10] = 0xff, 0xff, 203, 0, 113, 5 },
					 .port = 443,
					 .is_stream = true };
	measure("decode", decode, rounds);
	measure("load", load, rounds);
	measure("decide", decide, rounds);

	make_policy(count, 1);
	load();
	target = (struct policy_target){ .address = { [10] = 0xff, 0xff, 127, 64, 0, 1 },
					 .port = 443,
					 .is_stream = true,
					 .name = "www.example.org",
					 .name_length = 15 };
	measure("name", decide, rounds);
	return 0;
}
