/*
 * fuzz_dns: DNS queries from bytes of any kind. The first byte says how large the answer may be.
 * Beyond not crashing, whatever is answered is an answer to that very query, and one that the same
 * parser, told it were a query, reads to its end.
 */
#include "dns/message.h"
#include "dns/reverse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

static void check_query(const struct dns_query *query)
{
	require(query->name_length <= DNS_NAME && query->question_length <= DNS_QUESTION);
	require(query->name[query->name_length] == '\0');
	require(query->room >= DNS_PLAIN_MAX && query->room <= DNS_MESSAGE_MAX);
	if (query->rcode == DNS_NOERROR)
		require(query->question_length > 0);
	if (query->rcode == DNS_NOERROR && query->is_hostname)
		require(strlen(query->name) == query->name_length);
}

/* The answer's own question, read again. */
static void check_answer(const struct dns_query *query, uint8_t *answer, size_t length)
{
	struct dns_query again;

	require(length >= DNS_HEADER && (answer[2] & 0x80));
	require(answer[0] == query->id >> 8 && answer[1] == (query->id & 0xff));
	if (query->rcode != DNS_NOERROR)
		return;
	answer[2] &= 0x7f;
	memset(answer + 6, 0, 6);
	require(dns_parse(answer, DNS_HEADER + query->question_length, &again) == 0);
	require(again.rcode == DNS_NOERROR && again.type == query->type);
	require(again.name_length == query->name_length &&
		memcmp(again.name, query->name, query->name_length) == 0);
}

/* A hostname asked by us is read as what it is. */
static void ask_again(const struct dns_query *query)
{
	uint8_t packet[DNS_HEADER + DNS_QUESTION];
	struct dns_query again;
	const size_t length = dns_ask(query->id, query->name, query->name_length, query->class,
				      query->type, packet, sizeof(packet));

	require(length > 0 && dns_parse(packet, length, &again) == 0);
	require(again.rcode == DNS_NOERROR && strcmp(again.name, query->name) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_query query;
	uint8_t address[16] = { 0 };

	if (size < 1 || dns_parse(data + 1, size - 1, &query) < 0)
		return 0;
	check_query(&query);
	const size_t reverse = dns_reverse(query.name, query.name_length, address);
	require(reverse == 0 || reverse == 4 || reverse == 16);
	const struct dns_record records[] = { { DNS_A, 4, address },
					      { DNS_AAAA, 16, address },
					      { DNS_PTR, 6, "a.test" } };
	const size_t room = (size_t)data[0] * 6;
	uint8_t *answer = malloc(room > 0 ? room : 1);
	require(answer != NULL);
	const size_t length =
		dns_answer(&query, (enum dns_rcode)query.rcode, records, 3, answer, room);
	require(length <= room);
	if (length > 0)
		check_answer(&query, answer, length);
	if (query.rcode == DNS_NOERROR && query.is_hostname)
		ask_again(&query);
	free(answer);
	return 0;
}
