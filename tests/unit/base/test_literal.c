#include "base/literal.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void assert_as_inet_ntop(int family, const uint8_t address[16])
{
	char wanted[INET6_ADDRSTRLEN], got[INET6_ADDRSTRLEN] = "";
	struct bytes_writer w = bytes_writer(got, sizeof(got) - 1);

	inet_ntop(family, address, wanted, sizeof(wanted));
	if (family == AF_INET)
		literal_put_ipv4(&w, address);
	else
		literal_put_ipv6(&w, address);
	cr_assert_not(w.bad, "%s", wanted);
	cr_assert_str_eq(got, wanted);
}

Test(literal, writes_ipv4_as_inet_ntop_does)
{
	uint8_t address[16] = { 0 };

	assert_as_inet_ntop(AF_INET, address);
	memset(address, 0xff, sizeof(address));
	assert_as_inet_ntop(AF_INET, address);
	for (int i = 0; i < 1000; i++) {
		for (int j = 0; j < 4; j++)
			address[j] = (uint8_t)(rand() >> 8);
		assert_as_inet_ntop(AF_INET, address);
	}
}

/* Every choice of words that are zero, each with others short and long. */
Test(literal, writes_ipv6_as_inet_ntop_does)
{
	static const uint16_t words[] = { 1, 0xffff, 0x10, 0xabc, 0xf00d };

	for (unsigned zeros = 0; zeros < 256; zeros++) {
		for (unsigned first = 0; first < 5; first++) {
			uint8_t address[16] = { 0 };
			for (unsigned i = 0; i < 8; i++) {
				const uint16_t word = zeros >> i & 1 ? 0 : words[(first + i) % 5];
				address[2 * i] = (uint8_t)(word >> 8);
				address[2 * i + 1] = (uint8_t)word;
			}
			assert_as_inet_ntop(AF_INET6, address);
		}
	}
}
